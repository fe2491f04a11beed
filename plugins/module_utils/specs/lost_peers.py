# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers that a node no longer knows: a node that leaves the inventory keeps all its objects, and no run touches it again."""

from __future__ import annotations

from typing import Any, Collection, Dict, Iterable, List

from ..engine.resource import Desired, Resource
from ..engine.step import Plan


def warnings(plan: Plan, desired: Iterable[Desired], peer_sets: Collection[str]) -> List[str]:
    """Return a sentence for each peer with subnets whose routes ``plan`` removes, and to which no entry has another.

    :param peer_sets: labels of the sets whose routes lead to peers.
    """
    wanted = {entry.resource.key.prefix for entry in desired if entry.present and entry.resource.kind == "route"}
    gone = [step.before for step in plan.steps if step.after is None and step.before.values.get("type") != "blackhole"]
    nodes = _Nodes(gone)
    found: Dict[Any, List[str]] = {}
    for route in gone:
        if route.kind == "route" and route.owner in peer_sets and route.key.prefix not in wanted:
            found.setdefault(nodes.behind(route), []).append(route.key.prefix)
    return [_sentence(node, subnets) for node, subnets in found.items()]


class _Nodes:
    """The addresses of nodes, by what is removed with the routes to them: peers of WireGuard, neighbors and forwarding entries."""

    def __init__(self, gone: Iterable[Resource]) -> None:
        self.endpoints: Dict[str, str] = {}
        self.macs: Dict[Any, Any] = {}
        self.remotes: Dict[Any, Any] = {}
        for one in gone:
            if one.kind == "wireguard_peer":
                endpoint = one.values.get("endpoint", "").rpartition(":")[0].strip("[]")
                self.endpoints.update(dict.fromkeys(one.values.get("allowed_ips", ()), endpoint))
            elif one.kind == "neighbor":
                self.macs[one.key.dev, one.key.address] = one.values.get("mac")
            elif one.kind == "fdb":
                self.remotes[one.key.mac] = one.values.get("dst")

    def behind(self, route: Resource) -> Any:
        """Return the address of the node to which ``route`` leads, or what comes nearest to it."""
        via, dev = route.values.get("via"), route.values.get("dev")
        mac = self.macs.get((dev, via or dev))
        return self.endpoints.get(route.key.prefix) or self.remotes.get(mac) or via or dev


def _sentence(node, subnets):
    return (
        f"{', '.join(subnets)} by way of {node} belongs to no peer any more. If that node was removed from the inventory, its"
        " objects remain: add it again, run nodenet.fabric.teardown with --limit on it, and remove it"
    )
