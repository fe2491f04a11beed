# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The underlay's interface of a node, which the inventory does not describe: assumed, and marked so."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Iterable, List, Optional

from ...module_utils.engine.resource import Resource
from ...module_utils.kinds.fields import link_local
from ..naming import mac_of
from ..values.networks import FAMILIES, Segments
from ..walk.state import ASSUMED_DEVICE
from .kernel_made import DeclaredNamespace

STATIC = 4  # linux/rtnetlink.h: RTPROT_STATIC
ASSUMED: Dict[str, Any] = {"assumed": True}


def add_underlay(model: Dict[str, Any], name: str, node: DeclaredNamespace, resources: Iterable[Resource]) -> None:
    """Add the interface of the underlay with the node's addresses, their routes, and default routes over a router."""
    values = model["nodes"][name]
    made = {one.key.name for one in resources if one.kind == "link" and not one.netns}
    dev = _lower(resources, made)
    link = {"mac": mac_of("underlay", name), "mtu": values["fabric_underlay_mtu"]}
    node.put_link(dev, "device", link, **ASSUMED)
    if values["fabric_node_address6"]:
        node.put_address(dev, f"{link_local(link['mac'])}/64", None, "link", **ASSUMED)
    segments = Segments(model["fabric"]["fabric_underlay"])
    for family in FAMILIES:
        address = values[family.address]
        if address:
            segment = segments.of(address) or f"{address}/{128 if ':' in address else 32}"
            node.put_address(dev, f"{address}/{segment.split('/')[1]}", None, **ASSUMED)
            router = router_of(segment, _taken(model, family.address))
            if router:
                default = "::/0" if ":" in address else "0.0.0.0/0"
                metric = 1024 if ":" in address else 0
                way = {"via": router, "dev": dev, "protocol": STATIC, "metric": metric}
                node.put_route(default, {**way, "scope": None if ":" in address else "global"}, None, **ASSUMED)


def _lower(resources: Iterable[Resource], made: Iterable[str]) -> str:
    """Return the interface of the underlay: one that a tunnel is declared to stand on, and nothing declares."""
    lowers: List[Optional[str]] = [one.values.get("lower") for one in resources if one.kind == "link" and not one.netns]
    return next((lower for lower in lowers if lower and lower not in made), ASSUMED_DEVICE)


def _taken(model: Dict[str, Any], variable: str) -> frozenset:
    found = {values[variable] for values in model["nodes"].values()}
    return frozenset(found | {entry["address"] for entry in model["fabric"]["fabric_outside"]})


def router_of(segment: str, taken: Iterable[str]) -> Optional[str]:
    """Return an address of ``segment`` that none of ``taken`` is, for its router; None: it has none left."""
    network = ipaddress.ip_network(segment)
    if network.num_addresses < 4:
        return None
    last = int(network.network_address) + min(network.num_addresses, 1 << 17) - 2
    kind = type(network.network_address)
    return next(
        (
            str(kind(number))
            for number in range(last, int(network.network_address), -1)
            if str(kind(number)) not in taken
        ),
        None,
    )
