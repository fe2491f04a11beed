# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live endpoint keeps its address: a plan that gives it another one, which no user wrote, is refused."""

from __future__ import annotations

import ipaddress
from typing import Any, Callable, Dict, List, Tuple, Union

from ..engine.errors import Conflict
from ..engine.step import Plan

OPTION = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {"netns": {"type": "str", "required": True}, "subnet": {"type": "str", "required": True}},
}


Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def refusal(kept: List[Dict[str, str]]) -> Callable[[Plan], None]:
    """Return a function that refuses a plan which moves a namespace of ``kept`` to another address of its subnet."""

    def refuse(plan):
        moved = _moved(plan, [(one["netns"], ipaddress.ip_network(one["subnet"])) for one in kept])
        if moved:
            raise Conflict([_problem(moved)])

    return refuse


def _moved(plan, kept):
    """Return namespace -> {"address" or "address6": (address there is, address to come)} of those that move."""
    subnets: Dict[str, List[Network]] = {}
    sides: Dict[Tuple[str, Network], Tuple[set, set]] = {}
    for netns, network in kept:
        subnets.setdefault(netns, []).append(network)
    for step in plan.steps:
        for side, resource in enumerate((step.before, step.after)):
            if resource is not None and resource.kind == "address" and resource.netns in subnets:
                address = ipaddress.ip_address(resource.key.address.split("/")[0])
                for network in subnets[resource.netns]:
                    if address in network:
                        sides.setdefault((resource.netns, network), (set(), set()))[side].add(address)
    found: Dict[str, Dict[str, Any]] = {}
    for (netns, network), (before, after) in sides.items():
        if before - after and after - before:
            key = "address6" if network.version == 6 else "address"
            found.setdefault(netns, {})[key] = min(before - after), min(after - before)
    return found


def _problem(moved):
    ways = [f"{name} from {was} to {will}" for name, found in moved.items() for was, will in found.values()]
    lines = [
        "{" + ", ".join([f"name: {name}", *(f"{key}: {_written(was)}" for key, (was, _will) in found.items())]) + "}"
        for name, found in moved.items()
    ]
    return (
        f"{', '.join(ways)}: live endpoints would get other addresses, because fabric_endpoints sets none for them."
        f" Set those that they have: {', '.join(lines)}; or allow other addresses with fabric_readdress: true"
    )


def _written(address):
    return f'"{address}"' if address.version == 6 else str(address)
