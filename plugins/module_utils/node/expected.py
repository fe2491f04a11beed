# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory's expectations of a node: the option ``expected`` of the modules prepare and probe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from ..reachability.encapsulation import Encapsulation
from .facts.model import network_of

FAMILIES = {4: "ipv4", 6: "ipv6"}
# IP version -> the sysctl that turns forwarding on
FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}

PREFIX = {"prefix": {"type": "str", "required": True}, "name": {"type": "str", "required": True}}
PEER = {
    "name": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "direct": {"type": "bool", "default": False},
}
PORT = {
    "name": {"type": "str", "required": True},
    "protocol": {"type": "str", "required": True},
    "port": {"type": "str", "required": True},
    "address": {"type": "str"},
}
LOWER = {"name": {"type": "str", "required": True}, "interface": {"type": "str", "required": True}}
OPTIONS = {
    "machine": {"type": "bool", "default": True},
    "backend": {"type": "str"},
    "node_addresses": {"type": "list", "elements": "str", "default": []},
    "underlay_mtu": {"type": "int"},
    "prefixes": {"type": "list", "elements": "dict", "options": PREFIX, "default": []},
    "peers": {"type": "list", "elements": "dict", "options": PEER, "default": []},
    "published": {"type": "list", "elements": "dict", "options": PORT, "default": []},
    "vxlan_vni": {"type": "int"},
    "port_variable": {"type": "str"},
    "lower_interfaces": {"type": "list", "elements": "dict", "options": LOWER, "default": []},
    "endpoints": {"type": "int", "default": 0},
}


@dataclass
class Expected:
    """The options of ``expected`` of the module prepare, the fabric's interfaces (patterns), and its encapsulation."""

    machine: bool = True
    backend: Optional[str] = None
    node_addresses: List[str] = field(default_factory=list)
    underlay_mtu: Optional[int] = None
    prefixes: List[Dict[str, str]] = field(default_factory=list)
    peers: List[Dict[str, Any]] = field(default_factory=list)
    published: List[Dict[str, Any]] = field(default_factory=list)
    vxlan_vni: Optional[int] = None
    port_variable: Optional[str] = None
    lower_interfaces: List[Dict[str, str]] = field(default_factory=list)
    endpoints: int = 0
    interfaces: List[str] = field(default_factory=list)
    tunnels: List[str] = field(default_factory=list)
    encapsulation: Optional[str] = None
    handled: List[str] = field(default_factory=list)  # programs that are configured to accept the fabric's packets

    def __post_init__(self):
        self.networks = [(network_of(one["prefix"]), one["prefix"], one["name"]) for one in self.prefixes]
        self.tunnel = Encapsulation.parse(self.encapsulation, "encapsulation") if self.encapsulation else None

    @property
    def tunnel_port(self) -> Optional[int]:
        """Return the UDP port at which tunnels end, or None."""
        return self.tunnel.port if self.tunnel else None

    @property
    def versions(self) -> List[int]:
        """Return the IP versions of the fabric's prefixes."""
        return sorted({network.version for network, _prefix, _name in self.networks})
