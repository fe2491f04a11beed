# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk of a packet from one end to another, and of the answer back. Pure Python.

What the model does not know (policy rules that match only some packets, rules of nftables with other matches, …) ends a walk as
unknown, with a sentence that names it.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional, Union

from ..values.present import present
from .beyond import Beyond
from .box import Box
from .fabric import Fabric
from .hooks import Hooks
from .hop import DELIVERED, DROPPED, Hop, Place, Walk, Way
from .lookup import version_of
from .packet import DEFAULT_BYTES, DEFAULT_TTL, L4, Ip, OwnPort, Packet
from .state import NodeState, Underlay
from .trip import End, Trip
from .wireguard import Wireguard

Plain = Dict[str, Any]
# the port that a program sends from, and the identifier of its echo requests
OWN_PORT = OwnPort(33000)
PORT = 33001


class Walker(Beyond, Wireguard, Hooks):
    """All layers together."""


def walk(
    states: Union[Fabric, Iterable[NodeState]],
    underlay: Optional[Underlay],
    question: Plain,
    places: Optional[Mapping[str, Place]] = None,
    trace: bool = True,
) -> Walk:
    """Return the walk of a packet, both directions.

    :param states: the nodes, or a Fabric of them, which many walks can share.
    :param question: ``from`` and ``to``: a label, or an address; ``protocol`` (icmp, tcp, udp), ``port``, ``size`` of the IP
        packet in bytes, ``family``, ``source``: the address to send from, if the program chooses it.
    :param places: label -> the end of that name; the names of nodes and of their namespaces are known without.
    :param trace: write down the hops; without it there are the verdicts and the entries that decide.
    :raises ValueError: an end is not known.
    """
    fabric = states if isinstance(states, Fabric) else Fabric(states, underlay)
    family = question.get("family")
    start = place(fabric, question["from"], family, places)
    end = place(fabric, question["to"], family or (version_of(start.address) if start.address else None), places)
    trip = Walker(fabric, trace)
    packet = _question(question, end.address)
    trip.goal = end.address
    forward = _forward(trip, start, end, packet)
    arrival = trip.arrival
    reverse = None
    if forward.verdict == DELIVERED and arrival is not None:
        box, arrived, dev = arrival
        sent = trip.sent
        trip.restart()
        reverse = _reverse(trip, start, box, arrived, sent, dev)
    return Walk(dict(question), fabric.source, start, end, forward, reverse)


def _question(question, address):
    version = version_of(address)
    protocol = question.get("protocol") or "icmp"
    port, source = question.get("port"), question.get("source") or ""
    size = question.get("size") or DEFAULT_BYTES[version]
    if protocol == "icmp":
        name = "icmp" if version == 4 else "icmpv6"
        return Packet(Ip(version, source, address, DEFAULT_TTL, name, size), L4(name, OWN_PORT, None, "echo-request"))
    return Packet(Ip(version, source, address, DEFAULT_TTL, protocol, size), L4(protocol, OWN_PORT, port or PORT))


def _forward(trip: Walker, start: Place, end: Place, packet: Packet) -> Way:
    if start.node is None:
        packet = packet._replace(ip=packet.ip._replace(src=start.address))
        trip.sent = packet
        return _way(trip, trip.from_outside(packet))
    box = trip.fabric.box(start.node, start.netns)
    if box is None:
        reason = f"there is no network namespace {start.netns} on {start.node}"
        return Way((Hop(start.node, start.netns, None, "drop", reason=reason),), DROPPED, reason)
    found = trip.send(box, packet)
    if found.verdict == DELIVERED and trip.arrival is not None:
        found = _at_its_end(trip, end, found)
    return _way(trip, found)


def _at_its_end(trip: Walker, end: Place, found: End) -> End:
    """A packet that another takes is not delivered, unless NAT sends it there."""
    box, packet, _dev = present(trip.arrival)
    if end.node is not None and box is None:
        trip.arrival = None
        return End(DROPPED, f"{end.address} is no address of {end.label}: on the underlay nobody has it")
    if end.node is None or box is None or box.key == (end.node, end.netns) or packet.ip.dst != end.address:
        return found
    return trip.drop(
        box, None, packet, f"{packet.ip.dst} is also an address of {box.netns or box.node}, which takes the packet"
    )


def _reverse(trip: Walker, start: Place, box: Optional[Box], arrived: Packet, sent: Packet, dev: Optional[str]) -> Way:
    answer = answer_to(arrived)
    trip.goal = answer.ip.dst
    trip.answering = True
    oif = dev if answer.ip.dst.startswith("fe80:") else None
    end = trip.send(box, answer, oif) if box is not None else trip.from_outside(answer)
    if end.verdict == DELIVERED and trip.arrival is not None:
        back, packet, _dev = trip.arrival
        where = (back.node, back.netns) if back is not None else (None, "")
        if where != (start.node, start.netns):
            whom = (back.netns or back.node) if back is not None else packet.ip.dst
            end = End(DROPPED, f"the answer arrives at {whom}, and not at {start.label}")
        elif packet.ip.src != sent.ip.dst:
            end = End(DROPPED, f"the answer comes from {packet.ip.src}, and {sent.ip.dst} was asked")
    return _way(trip, end)


def answer_to(packet: Packet) -> Packet:
    """Return the answer to a packet that arrived."""
    ip, l4 = packet.ip, packet.l4
    if l4 is not None:
        l4 = (
            l4._replace(kind="echo-reply")
            if l4.type.startswith("icmp")
            else l4._replace(sport=l4.dport, dport=l4.sport)
        )
    return Packet(Ip(ip.version, ip.dst, ip.src, DEFAULT_TTL, ip.protocol, ip.size), l4)


def _way(trip: Trip, end: End) -> Way:
    verdict = DROPPED if end.verdict not in (DELIVERED, "unknown") else end.verdict
    arrival = None
    if trip.arrival is not None:
        box, packet, _dev = trip.arrival
        arrival = packet, (box.key if box is not None else None)
    return Way(tuple(trip.hops), verdict, end.reason, trip.mtu, end.decisive, arrival)


# --- ends ---


def place(
    fabric: Fabric, label: Union[str, Place], family: Optional[int] = None, places: Optional[Mapping[str, Place]] = None
) -> Place:
    """Return the end that a label names: of ``places``, a node, a namespace, or an address.

    :raises ValueError: nobody has that name.
    """
    if isinstance(label, Place):
        return label
    if places and label in places:
        return places[label]
    if label in fabric.states:
        return Place(label, label, "", _address_of(fabric, label, "", family))
    for node, state in fabric.states.items():
        if label in state.namespaces and label:
            return Place(label, node, label, _address_of(fabric, node, label, family))
    if label.count(".") != 3 and ":" not in label:
        raise ValueError(f"{label!r} is no node, no endpoint and no address of the fabric")
    holder = fabric.holds(label)
    return Place(label, holder.node, holder.netns, label) if holder else Place(label, None, "", label)


def _address_of(fabric, node, netns, family):
    """Return the address by which others reach a namespace: on the underlay, else its first that is not for one link alone."""
    box = fabric.box(node, netns)
    own = [one.address.partition("/")[0] for one in box.state.addresses if one.scope == "global"]
    own = [one for one in own if not one.startswith("fe80:") and family in (None, version_of(one))]
    underlay = [one for one in own if fabric.underlay.of(one)]
    return next(iter(sorted(underlay or own, key=version_of)), "")
