# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a node as plain data: read once (see :mod:`reading`), then compared with the inventory."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

MAIN = 254  # linux/rtnetlink.h: RT_TABLE_MAIN


class Link(NamedTuple):
    """An interface; ``ours``: it belongs to the fabric; ``details``: attributes of its type."""

    name: str
    type: str = "device"
    mtu: int = 1500
    up: bool = True
    ours: bool = False
    details: Dict[str, Any] = {}


class Network(NamedTuple):
    """A prefix as numbers, fast to compare."""

    version: int
    first: int
    last: int

    def overlaps(self, other: Network) -> bool:
        return self.version == other.version and self.first <= other.last and other.first <= self.last

    def covers(self, other: Network) -> bool:
        return self.version == other.version and self.first <= other.first and other.last <= self.last


class Address(NamedTuple):
    """An address of an interface, and its connected prefix."""

    dev: str
    address: str
    prefix: str
    ours: bool = False


class Route(NamedTuple):
    """A route; ``type`` as in ip-route(8)."""

    prefix: str
    dev: Optional[str] = None
    via: Optional[str] = None
    metric: int = 0
    type: str = "unicast"
    table: int = MAIN
    ours: bool = False
    mtu: Optional[int] = None

    def __str__(self):
        words = [] if self.type == "unicast" else [self.type]
        words += [self.prefix, *(("via", self.via) if self.via else ()), *(("dev", self.dev) if self.dev else ())]
        return " ".join(words + (["metric", str(self.metric)] if self.metric else []))


class Rule(NamedTuple):
    """A policy routing rule, ip-rule(8); ``selects`` are the selectors beside source and destination."""

    version: int
    priority: int
    action: str
    table: int = 0
    source: Optional[str] = None
    destination: Optional[str] = None
    selects: Tuple[str, ...] = ()
    suppresses: bool = False

    def __str__(self):
        words = [f"{self.priority}: from {self.source or 'all'}"]
        words += [f"to {self.destination}"] if self.destination else []
        words += [*self.selects, f"lookup {self.table}" if self.action == "lookup" else self.action]
        return " ".join(words)


class Chain(NamedTuple):
    """A base chain of a firewall; ``whose``: the program that made it, if known; ``text``: its rules."""

    place: str
    hook: str
    policy: str
    whose: Optional[str] = None
    text: str = ""


class Drop(NamedTuple):
    """A rule of a firewall that drops or rejects, as nft(8) prints it."""

    place: str
    rule: str


class Listener(NamedTuple):
    """A listening socket; ``address`` None: any."""

    protocol: str
    port: int
    address: Optional[str] = None


class Setting(NamedTuple):
    """A line of a file that ``sysctl --system`` reads."""

    path: str
    name: str
    value: str


@dataclass
class Facts:
    """Everything read from a node.

    :param sysctls: name -> value.
    :param settings: lines of the sysctl files, in the order in which they are read at boot.
    :param ssh_client: (address of Ansible's controller, port of SSH on this node), or None if unknown.
    :param ssh_address: the node's own address to which that connection goes, or None.
    """

    links: List[Link] = field(default_factory=list)
    addresses: List[Address] = field(default_factory=list)
    routes: List[Route] = field(default_factory=list)
    rules: List[Rule] = field(default_factory=list)
    chains: List[Chain] = field(default_factory=list)
    listeners: List[Listener] = field(default_factory=list)
    drops: List[Drop] = field(default_factory=list)
    sysctls: Dict[str, str] = field(default_factory=dict)
    settings: List[Setting] = field(default_factory=list)
    ssh_client: Optional[Tuple[str, int]] = None
    ssh_address: Optional[str] = None

    def link(self, name: str) -> Optional[Link]:
        """Return the link of that name, or None."""
        return next((link for link in self.links if link.name == name), None)

    def route_to(self, address: str) -> Optional[Route]:
        """Return the route of the table main to ``address``, or None."""
        if not hasattr(self, "_lookup"):
            self._lookup = RouteLookup(self.routes)
        return self._lookup.to(address)

    def uplinks(self, expected) -> List[str]:
        """Return the names of the foreign interfaces on the routes to the peers; without peers, on default routes."""
        targets = [peer["address"] for peer in expected.peers] or [route.via for route in self.gateways()]
        routes = [self.route_to(target) for target in targets]
        own = [one.dev for one in self.addresses if one.address in expected.node_addresses]
        found = [route.dev for route in routes if route and route.dev and not route.ours] or [
            dev for dev in own if dev != "lo"
        ]
        return list(dict.fromkeys(found))

    def gateways(self) -> List[Route]:
        """Return the foreign default routes with a gateway."""
        return [
            route for route in self.routes if route.via and route.prefix in ("0.0.0.0/0", "::/0") and not route.ours
        ]


class RouteLookup:
    """The routes of the table main, indexed for many look-ups."""

    def __init__(self, routes: List[Route]) -> None:
        self._by_length, self._known = defaultdict(dict), {}
        for route in sorted(routes, key=lambda one: -one.metric):
            if route.table == MAIN:
                network = network_of(route.prefix)
                self._by_length[network.version, network.last - network.first][network.first] = route

    def to(self, address: str) -> Optional[Route]:
        """Return the route with the longest prefix that covers ``address``, or None."""
        if address not in self._known:  # each check asks for all peers
            self._known[address] = self._longest(address)
        return self._known[address]

    def _longest(self, address: str) -> Optional[Route]:
        ip = ipaddress.ip_address(address)
        for (version, size), routes in sorted(self._by_length.items(), key=lambda item: item[0][1]):
            found = routes.get(int(ip) & ~size) if version == ip.version else None
            if found:
                return found
        return None


@cache
def network_of(prefix: str) -> Network:
    """Return the :class:`Network` of a prefix, or of an address with a length."""
    network = ipaddress.ip_network(prefix, strict=False)
    return Network(network.version, int(network.network_address), int(network.broadcast_address))
