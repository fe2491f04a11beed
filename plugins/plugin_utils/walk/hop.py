# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk: the hops of a packet, what decides at each, and what comes of it. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .packet import Packet, headers

Plain = Dict[str, Any]

DELIVERED, DROPPED, UNKNOWN = "delivered", "dropped", "unknown"
# what AF_PACKET sees
SIGHTINGS = ("out", "in")
ACTIONS = (
    *SIGHTINGS,
    "send",
    "route",
    "neighbor",
    "bridge",
    "fdb",
    "encapsulate",
    "decapsulate",
    "nat",
    "filter",
    "check",
    "underlay",
    "deliver",
    "drop",
)


class Decision(NamedTuple):
    """The entry of a table that decides. ``text`` is as ip(8), bridge(8) or nft(8) show it.

    :param kind: route, neighbor, fdb, link, address, sysctl, nat, proxy, rule, nft or wireguard_peer.
    :param owner: the label of the set that it belongs to, or None: it is not the fabric's.
    :param module: the module that makes such an entry; ``command`` does it by hand.
    :param assumed: nobody read it: the inventory lets expect it.
    :param remove: the command that deletes it, of what is not the fabric's.
    """

    kind: str
    netns: str
    text: str
    owner: Optional[str] = None
    module: Optional[str] = None
    command: Optional[str] = None
    assumed: bool = False
    remove: Optional[str] = None


class Hop(NamedTuple):
    node: str
    netns: str
    device: Optional[str]
    action: str
    entry: Optional[Decision] = None
    packet: Optional[Packet] = None
    reason: str = ""
    more: Plain = {}  # what the action alone has: answered_by, next_hop, port, …

    def plain(self) -> Plain:
        """Return the hop in JSON's form."""
        found: Plain = {"node": self.node, "netns": self.netns, "device": self.device, "action": self.action}
        found["entry"] = self.entry._asdict() if self.entry else None
        found["packet"] = headers(self.packet) if self.packet else []
        return {**found, **({"reason": self.reason} if self.reason else {}), **self.more}


class Place(NamedTuple):
    """An end of a walk; ``node`` is None outside of the fabric."""

    label: str
    node: Optional[str]
    netns: str = ""
    address: str = ""


class Way(NamedTuple):
    """One direction of a walk.

    :param mtu: the largest IP packet in bytes that passes whole, or None: nothing limits it.
    :param decisive: the entry that decided about the verdict, if it is no delivery.
    :param arrival: the packet as it arrived, and where: node and namespace, None for a host outside.
    """

    hops: Tuple[Hop, ...]
    verdict: str
    reason: str = ""
    mtu: Optional[int] = None
    decisive: Optional[Decision] = None
    arrival: Optional[Tuple[Packet, Optional[Tuple[str, str]]]] = None

    def plain(self) -> Plain:
        """Return the direction in JSON's form."""
        hops = [hop.plain() for hop in self.hops]
        return {"hops": hops, "verdict": self.verdict, "reason": self.reason, "mtu": self.mtu}


class Walk(NamedTuple):
    question: Plain
    source: str
    start: Place
    end: Place
    forward: Way
    reverse: Optional[Way] = None  # None if the packet does not arrive

    @property
    def verdict(self) -> str:
        """What comes of the packet and its answer."""
        if self.forward.verdict != DELIVERED or self.reverse is None:
            return self.forward.verdict
        return self.reverse.verdict

    @property
    def ways(self) -> List[Tuple[str, Way]]:
        """The directions by name."""
        return [("forward", self.forward), *([("reverse", self.reverse)] if self.reverse else [])]


def to_plain(walk: Walk) -> Plain:
    """Return a walk in JSON's form."""
    return {
        "question": walk.question,
        "source": walk.source,
        "from": walk.start._asdict(),
        "to": walk.end._asdict(),
        "forward": walk.forward.plain(),
        "reverse": walk.reverse.plain() if walk.reverse else None,
        "verdict": walk.verdict,
    }


def sightings(way: Way) -> List[Hop]:
    """Return the hops that a socket of packet(7) sees."""
    return [hop for hop in way.hops if hop.action in SIGHTINGS]
