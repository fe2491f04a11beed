# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers that a node no longer knows: a node that leaves the inventory keeps all its objects, and no run touches it again."""

from __future__ import annotations

from typing import Any, Collection, Dict, Iterable, List

from ..engine.resource import Desired
from ..engine.step import Plan


def warnings(plan: Plan, desired: Iterable[Desired], peer_sets: Collection[str]) -> List[str]:
    """Return a sentence for each peer with subnets whose routes ``plan`` removes, and to which no entry has another.

    :param peer_sets: labels of the sets whose routes lead to peers.
    """
    wanted = {entry.resource.key.prefix for entry in desired if entry.present and entry.resource.kind == "route"}
    gone = [step.before for step in plan.steps if step.after is None]
    found: Dict[Any, List[str]] = {}
    for route in gone:
        if route.kind == "route" and route.owner in peer_sets and route.key.prefix not in wanted:
            found.setdefault(_node(route, gone), []).append(route.key.prefix)
    return [_sentence(node, subnets) for node, subnets in found.items()]


def _node(route, gone):
    """Return the address of the node behind ``route``: behind a VTEP, by the neighbor and the entry that are removed, too."""
    via = route.values.get("via")
    macs = {
        one.values.get("mac")
        for one in gone
        if one.kind == "neighbor" and (one.key.dev, one.key.address) == (route.values["dev"], via)
    }
    return next((one.values.get("dst") for one in gone if one.kind == "fdb" and one.key.mac in macs), via)


def _sentence(node, subnets):
    return (
        f"{', '.join(subnets)} by way of {node} belongs to no peer any more. If that node was removed from the inventory, its"
        " objects remain: add it again, run nodenet.fabric.teardown with --limit on it, and remove it"
    )
