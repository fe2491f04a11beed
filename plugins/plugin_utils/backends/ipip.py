# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ipip: IPv4 in IPv4 (RFC 2003), through one tunnel for all peers or one for each. Pure Python."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ...module_utils.reachability.encapsulation import PROTOCOLS, Encapsulation
from ..naming import named, patterns
from ..values import checks as check
from ..values.declaration import Variable, interface_name, switch
from ..values.networks import Values
from .base import Backend, Device
from .peers import Peers

DEVICE = "ipip0"
# the prefixes of the names of tunnels to one peer
PAIRS = ("ipip-", "ip-", "i")


class Ipip(Backend):
    """A route to each peer's subnet over an IPIP device."""

    name = "ipip"
    title = "IPIP"
    features = ("ipip",)
    variables = (
        interface_name("fabric_ipip_name"),
        switch("fabric_ipip_pairs", False, fabric_wide=True),
        Variable(
            "fabric_ipip_address",
            check=partial(check.host_prefix, version=4),
            public="public addresses; the nodes cannot reach their owners on the Internet.",
        ),
    )

    def overhead(self, version: Optional[int]) -> int:
        return 20

    def node_faults(self, values: Values, peers: int) -> Iterator[str]:
        if values["fabric_ipip_name"] and values["fabric_ipip_pairs"] and peers > 1:
            yield (
                f"fabric_ipip_name is {values['fabric_ipip_name']!r}, and with fabric_ipip_pairs the node has one tunnel for"
                " each peer: omit the name."
            )
        if values["fabric_node_subnet6"] or not values["fabric_node_address"]:
            yield "fabric_backend ipip carries only IPv4 over IPv4: omit fabric_node_subnet6, or use vxlan."

    def devices(self, values: Values) -> Iterator[Device]:
        if not self.names_peers_by(values):
            yield Device("fabric_ipip_name", values["fabric_ipip_name"] or DEVICE)

    def names_peers_by(self, values: Values) -> Optional[str]:
        return "fabric_ipip_pairs" if values["fabric_ipip_pairs"] and not values["fabric_ipip_name"] else None

    def peer_device(self, peer: str) -> str:
        return named(PAIRS, peer)

    def addresses(self, values: Values) -> Iterator[Tuple[str, str]]:
        if values["fabric_ipip_address"]:
            yield "fabric_ipip_address", values["fabric_ipip_address"]

    def encapsulation(self, values: Values) -> Optional[Encapsulation]:
        return Encapsulation("ipip")

    def open_tunnels(self, values: Values) -> Dict[str, List[int]]:
        return {"tunnel_protocols": [PROTOCOLS["ipip"][0]]}

    def tunnels(self, values: Values) -> List[str]:
        return patterns(PAIRS) if self.names_peers_by(values) else [values["fabric_ipip_name"] or DEVICE]

    def part(self, peers: Peers, mtu: int) -> Dict[str, Any]:
        given = peers.values["fabric_ipip_address"]
        inner = [given] if given else peers.own_addresses()
        devices, routes = (_one_each if peers.values["fabric_ipip_pairs"] else _one_for_all)(peers, mtu)
        addresses = [{"dev": device["name"], "prefix": prefix} for device in devices for prefix in inner]
        return {"devices": devices, "addresses": addresses, "routes": routes}


Entries = List[Dict[str, Any]]


def _one_for_all(peers: Peers, mtu: int) -> Tuple[Entries, Entries]:
    """Return one device, and the routes over it: the gateway of each is the other end of the tunnel."""
    name = peers.values["fabric_ipip_name"] or DEVICE
    routes = [
        {
            "prefix": prefix,
            "dev": name,
            "via": one.values["fabric_node_address"],
            "onlink": True,
            "mtu": peers.route_mtu(one.values),
        }
        for one in peers.tunnelled
        for prefix in (one.subnet, *_inner(one.values))
    ]
    return [{"name": name, "local": peers.values["fabric_node_address"], "remote": None, "mtu": mtu}], routes


def _one_each(peers: Peers, mtu: int) -> Tuple[Entries, Entries]:
    """Return a device for each peer, and the routes over them, which need no gateway."""
    local, name = peers.values["fabric_node_address"], peers.values["fabric_ipip_name"]
    remotes = {one.peer: one.values["fabric_node_address"] for one in peers.tunnelled}
    devices = [
        {"name": name or named(PAIRS, peer), "local": local, "remote": remote, "mtu": mtu}
        for peer, remote in remotes.items()
    ]
    routes = [
        {
            "prefix": one.subnet,
            "dev": name or named(PAIRS, one.peer),
            "via": None,
            "onlink": None,
            "mtu": peers.route_mtu(one.values),
        }
        for one in peers.tunnelled
    ]
    return devices, routes


def _inner(values: Values) -> List[str]:
    """Return the peer's address inside the tunnel as a prefix of its own, if it was given one."""
    given = values["fabric_ipip_address"]
    return [f"{given.split('/')[0]}/32"] if given else []
