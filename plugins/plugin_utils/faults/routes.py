# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the routes between nodes. Pure Python."""

from __future__ import annotations

from typing import Iterator

from .fault import TTL, Case, Entry, Question, case, fault
from .layout import UNDERLAY, Layout


@fault(
    "no-route-to-peer",
    "A node has no route to a peer's subnet",
    "Endpoints of two nodes do not reach each other: the one sees Destination Net Unreachable, or nothing at all.",
    "A node knows other nodes' subnets only by the routes that it was given. Without one, the default route takes the packet"
    " to a router that knows nothing of the fabric.",
)
def no_route_to_peer(layout: Layout, node: str) -> Iterator[Case]:
    for end, other, way in layout.to_peers(node)[:1]:
        entry = Entry(node, "", "route", (way.subnet,))
        undo = [f"ip route add {way.route}"]
        yield case([f"ip route del {way.subnet}"], undo, Question(end.label, other.label), entry)


@fault(
    "blackhole",
    "A route drops what goes to one endpoint",
    "One endpoint of a peer cannot be reached: Network is unreachable, or silence. Its neighbors answer.",
    "The longest prefix wins. A blackhole for one address, as people add them against an attacker and forget them, takes"
    " precedence over the route to the whole subnet.",
)
def blackhole(layout: Layout, node: str) -> Iterator[Case]:
    for end, other, _way in layout.to_peers(node)[:1]:
        words = f"blackhole {other.address}/32"
        entry = Entry(node, "", "route", (other.address,))
        yield case([f"ip route add {words}"], [f"ip route del {words}"], Question(end.label, other.label), entry)


@fault(
    "route-by-another-peer",
    "A route leads to a peer's subnet by way of another peer",
    "Nothing: all pairs answer. Packets in one direction take a detour, with a TTL that is one less, and end when that other"
    " node does.",
    "Each node forwards what it gets, whoever should have got it. The detour works, so a ping proves nothing; the TTL at the"
    " receiver and the walk show it.",
    ping=True,
    effect=TTL,
)
def route_by_another_peer(layout: Layout, node: str) -> Iterator[Case]:
    ways = layout.to_peers(node)
    for end, other, way in ways:
        # the other peer must reach it without coming back
        detours = [
            one
            for _end, _other, one in ways
            if one.peer != way.peer and one.sort == way.sort and one.words != way.words
        ]
        for detour in detours[:1]:
            replace = f"ip route replace {way.subnet} {detour.words}"
            entry = Entry(node, "", "route", (way.subnet,))
            question = Question(end.label, other.label, "udp", 7)
            yield case([replace], [f"ip route replace {way.route}"], question, entry)
            return


@fault(
    "onlink-across-a-router",
    "A plain route leads to a peer behind a router",
    "The route is there and looks right; nothing arrives, and no error comes: the node waits for an ARP answer.",
    "A gateway must be on the link. The word onlink makes the kernel believe that it is, without asking. The node then asks by"
    " ARP for a peer that a router separates from it, and nobody answers.",
)
def onlink_across_a_router(layout: Layout, node: str) -> Iterator[Case]:
    for end, other, way in layout.to_peers(node, "vxlan", "ipip"):
        if way.far and ":" not in way.dst:
            replace = f"ip route replace {way.subnet} via {way.dst} dev {UNDERLAY} proto 178 scope global onlink"
            undo = [f"ip route replace {way.route}", f"ip neighbor flush to {way.dst} dev {UNDERLAY}"]
            entry = Entry(node, "", "route", (way.subnet,))
            yield case([replace], undo, Question(end.label, other.label), entry)
            return


FAULTS = (no_route_to_peer, blackhole, route_by_another_peer, onlink_across_a_router)
