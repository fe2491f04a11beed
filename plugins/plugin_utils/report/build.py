# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the inventory, and what nodes answered, to what the page shows. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ..declared.states import declared_states
from ..reachability.expectations import ADDRESSES
from ..trace.ends import Ends
from ..values.networks import Segments, ip_address
from ..walk.fabric import Fabric as Nodes
from ..walk.hop import DELIVERED, Place, to_plain
from ..walk.state import Underlay, node_state
from ..walk.walker import walk
from .data import Fabric
from .drift import rows
from .pairs import MOST_PAIRS, pairs_of

Model = Dict[str, Any]


def fabric_of(
    model: Model,
    observed: Mapping[str, Dict[str, Any]],
    unreachable: Mapping[str, str],
    title: str,
    most: int = MOST_PAIRS,
) -> Fabric:
    """Return what the page shows of a fabric.

    :param observed: node -> its state, of those that were asked and answered; of the others the page shows what the inventory says.
    :param unreachable: node -> why it could not be asked.
    :param most: how many pairs are walked at most.
    """
    declared = declared_states(model)
    states = {node: observed.get(node) or declared[node] for node in model["nodes"]}
    outside = [entry["address"] for entry in model["fabric"]["fabric_outside"]]
    underlay = Underlay(model["fabric"]["fabric_underlay"], outside)
    nodes, want = (Nodes([node_state(state) for state in one.values()], underlay) for one in (states, declared))
    pairs, places = pairs_of(model, most), places_of(model)
    walks, asked = [], {}
    for one, other in pairs.chosen:
        found = _walks(nodes, places, (one, other), pairs.promised.get((one, other)))
        # what does not arrive is shown
        walks += sorted(found, key=lambda each: each["verdict"] == DELIVERED)[:1]
        if (one, other) in pairs.promised:
            asked[one, other] = len(found), sum(each["verdict"] == DELIVERED for each in found)
    return Fabric(
        title=title,
        made="",
        states=states,
        underlay=_underlay(model),
        ends=pairs.ends,
        walks=walks,
        total=pairs.total,
        promised=asked,
        drift=rows(nodes, want, observed, model["fabric"]["inside"]),
        compared=bool(observed),
        unreachable=unreachable,
    )


def counts_of(fabric: Fabric) -> Dict[str, Any]:
    """Return what a report says in numbers."""
    asked = list((fabric.promised or {}).values())
    return {
        "pairs": fabric.total,
        "walked": len(fabric.walks),
        "promised": sum(count for count, _reached in asked),
        "reach": sum(reached for _count, reached in asked),
        "drift": len(fabric.drift),
        "not_asked": dict(fabric.unreachable),
    }


def nodes_of_segments(fabric: Fabric) -> Dict[str, List[str]]:
    """Return prefix of an L2 segment of the underlay -> the nodes on it."""
    found: Dict[str, List[str]] = {prefix: [] for prefix in fabric.underlay["segments"]}
    for node, prefixes in fabric.underlay["nodes"].items():
        for prefix in prefixes:
            found.setdefault(prefix, []).append(node)
    return found


def places_of(model: Model) -> Dict[str, Dict[int, Place]]:
    """Return label -> IP version -> the end of that name."""
    return {label: {_version(place.address): place for place in places} for label, places in Ends(model).places.items()}


def _version(address: str) -> int:
    return ip_address(address).version


def _walks(nodes, places, pair, addresses):
    """Return the walks of a pair of labels to each of the ``addresses``.

    If there are none, to the address of the other end, by IPv4 if both have it, else by IPv6, or nothing: they have no family in
    common.
    """
    starts, ends = (places.get(label, {}) for label in pair)
    if not addresses:
        addresses = [ends[version].address for version in (4, 6) if version in starts and version in ends][:1]
    found = []
    for address in addresses:
        version = _version(address)
        if not starts:
            continue
        # a node sends with an address of its subnet where the underlay does not have that family
        start = starts.get(version) or next(iter(starts.values()))._replace(address="")
        end = ends.get(version, Place(pair[1], None))._replace(address=address)
        question = {"from": start, "to": end, "protocol": "icmp", "family": version}
        one = to_plain(walk(nodes, None, question))
        found.append({**one, "question": {**one["question"], "from": pair[0], "to": pair[1]}})
    return found


def _underlay(model: Model) -> Dict[str, Any]:
    """Return the segments, the nodes on each, and the hosts outside."""
    segments = Segments(model["fabric"]["fabric_underlay"])
    nodes: Dict[str, List[str]] = {}
    for node, values in model["nodes"].items():
        found = [segments.of(values[key]) for key in ADDRESSES if values[key]]
        nodes[node] = [prefix for prefix in found if prefix]
    return {
        "segments": list(model["fabric"]["fabric_underlay"]),
        "nodes": nodes,
        "outside": [{"name": one["name"], "address": one["address"]} for one in model["fabric"]["fabric_outside"]],
    }
