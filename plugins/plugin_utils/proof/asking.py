# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks for a proof: one question, and why what becomes of its packet is not what must. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from ..values.present import present
from ..walk.fabric import Fabric
from ..walk.hop import DELIVERED, Hop, Place, Walk, Way
from ..walk.state import Underlay, node_state
from ..walk.walker import walk
from .promises import ENDS, NOT, REACH, Question

Json = Dict[str, Any]


class Asker:
    """Walks packets over the states of all nodes.

    :param model: the model of the fabric, with these nodes.
    :param states: JSON of each node.
    """

    def __init__(self, model: Json, states: Dict[str, Json]) -> None:
        outside = [entry["address"] for entry in model["fabric"]["fabric_outside"]]
        self._underlay = Underlay(model["fabric"]["fabric_underlay"], outside)
        self._fabric = Fabric([node_state(state) for state in states.values()], self._underlay)

    def fault(self, one: Question) -> Tuple[str, Optional[Hop]]:
        """Return why it is not as it must be, and the hop that decides; "" if it is."""
        if self._fabric.box(one.node, one.netns) is None:
            return (f"there is no namespace {one.netns} on {one.node}" if one.must == REACH else ""), None
        found = self._walk(one)
        reason, _way = self._judged(one, found)
        if not reason:
            return "", None
        traced = self._walk(one, trace=True)
        reason, way = self._judged(one, traced)
        return reason, decisive(way) if way else None

    def is_foreign(self, one: Question) -> bool:
        """Say whether a port is published at an address that nobody is known to have: another program may give it to the node."""
        return one.port is not None and self._fabric.holds(one.address) is None

    def _walk(self, one: Question, trace: bool = False) -> Walk:
        start = Place(one.source, one.node, one.netns)
        end = Place(one.target, one.where, "" if one.listener else one.there, one.address)
        asked = {"from": start, "to": end, "protocol": one.protocol, "port": one.port}
        return walk(self._fabric, self._underlay, asked, trace=trace)

    def _judged(self, one: Question, found: Walk) -> Tuple[str, Optional[Way]]:
        """Return why a walk is not as it must be, "" if it is, and the direction that is to blame."""
        return {REACH: _reaches, NOT: _stays_away, ENDS: _ends}[one.must](one, found)


def _reaches(one: Question, found: Walk) -> Tuple[str, Optional[Way]]:
    for name, way in found.ways:
        if way.verdict != DELIVERED:
            return ("the answer: " if name == "reverse" else "") + (way.reason or way.verdict), way
    forward, reverse = found.forward, present(found.reverse)
    at = forward.arrival[1] if forward.arrival else None
    if one.where is not None and (at is None or at[0] != one.where):
        return f"it arrives at {_place(forward) or 'a host outside'}, not on {one.where}", forward
    if one.mtu:
        for way in (forward, reverse):
            if way.mtu is not None and way.mtu < one.mtu:
                return f"a packet of {one.mtu} bytes does not pass, {way.mtu} at most", way
    ttl = _ttl(reverse)
    if one.ttl is not None and ttl is not None and ttl != one.ttl:
        return f"the answer arrives with TTL {ttl}, not {one.ttl}: it takes another way", reverse
    if one.listener is not None:
        place = _place(forward)
        if place != one.listener[0]:
            return f"it arrives at {place}, not at {one.listener[0]}", forward
    return "", None


def _stays_away(_one: Question, found: Walk) -> Tuple[str, Optional[Way]]:
    if found.verdict != DELIVERED:
        return "", None
    return "it arrives, and so does the answer", found.forward


def _ends(one: Question, found: Walk) -> Tuple[str, Optional[Way]]:
    """A packet to an address that nobody has must not arrive at somebody, and not go round.

    One that leaves for the underlay's router is gone: that knows no way back to a subnet of the fabric.
    """
    way = found.forward
    if way.verdict == DELIVERED and _place(way):
        return f"it arrives at {_place(way)}, which nobody gave that address", way
    if "TTL" in way.reason or "circle" in way.reason:
        return f"it goes round: {way.reason}", way
    return "", None


def _ttl(way: Way) -> Optional[int]:
    return way.arrival[0].ip.ttl if way.arrival else None


def _place(way: Way) -> str:
    """Return the namespace that a packet arrives in, by its name or that of its node; "" is outside of the fabric."""
    place = way.arrival[1] if way.arrival else None
    return (place[1] or place[0]) if place else ""


def decisive(way: Way) -> Optional[Hop]:
    """Return the hop that decided: the last one with an entry."""
    if way.decisive is not None and way.hops:
        last = way.hops[-1]
        return last._replace(entry=last.entry or way.decisive)
    return next((hop for hop in reversed(way.hops) if hop.entry), way.hops[-1] if way.hops else None)
