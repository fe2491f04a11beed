# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a walk knows while it goes: its hops, and what it teaches to the namespaces that it comes through. Pure Python.

The layers of a walk (ethernet.py, neighbors.py, routing.py, tunnels.py, hooks.py, beyond.py) are classes that continue this
one; walker.py puts them together. Each method that moves a packet returns the End of it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from .box import Box
from .fabric import Fabric
from .hop import DELIVERED, DROPPED, UNKNOWN, Decision, Hop
from .packet import Ip, Packet

# what nobody takes up, and nobody misses
IGNORED = "ignored"
# more transmissions than a packet can need: it circles
MOST_TRANSMISSIONS = 5000


class End(NamedTuple):
    """What came of a packet. ``decisive`` is the entry that decided, if it is no delivery."""

    verdict: str
    reason: str = ""
    decisive: Optional[Decision] = None


class Answer(NamedTuple):
    """An answer to ARP or ND: who gave it, and whether the address is its ``own`` or it is a ``proxy``."""

    mac: str
    node: str
    netns: str
    dev: str
    how: str
    entry: Optional[Decision] = None


NOT_MINE = End(IGNORED)


class Connection(NamedTuple):
    """What connection tracking knows of a packet's flow: the packet as it came, and as it left."""

    first: Packet
    last: Packet
    kinds: Tuple[str, ...] = ()  # dnat, snat
    rules: Tuple[Decision, ...] = ()


class Trip:
    """The state of one walk, both directions."""

    def __init__(self, fabric: Fabric, trace: bool = True) -> None:
        self.fabric = fabric
        self.trace = trace
        self.quiet = 0
        self.answering = False  # the way of the answer
        self.hops: List[Hop] = []
        self.mtu: Optional[int] = None
        self.arrival: Optional[Tuple[Optional[Box], Packet, Optional[str]]] = None
        self.sent = Packet(Ip(4, "", ""))
        self.changed = self.sent
        self.goal: Optional[str] = None  # the address that the packet is for
        self.transmissions = 0
        self.visited: Set[Any] = set()
        # (namespace, device, address) -> MAC address; (namespace, bridge or vxlan, MAC address) -> port or node
        self.known: Dict[Tuple[Any, str, str], str] = {}
        self.learned: Dict[Tuple[Any, str, str], str] = {}
        self.answers: Dict[Tuple[Any, str, str], List[Answer]] = {}
        self.gateways: Dict[Tuple[str, str], str] = {}
        self.connections: Dict[Any, List[Connection]] = {}
        self.flooded: Set[Any] = set()
        self.doubt: Optional[End] = None
        self.replying = Answer("", "", "", "", "own")

    def restart(self) -> None:
        """Begin the other direction: what was learned stays known."""
        self.hops, self.mtu, self.arrival, self.transmissions = [], None, None, 0

    # --- what is written down ---

    def hop(
        self,
        box: Box,
        dev: Optional[str],
        action: str,
        packet: Optional[Packet] = None,
        entry: Optional[Decision] = None,
        reason: str = "",
        **more: Any,
    ) -> None:
        """Write a hop down, unless this is the way of a question or an answer of ARP."""
        if self.trace and not self.quiet:
            self.hops.append(Hop(box.node, box.netns, dev, action, entry, packet, reason, more))

    def drop(
        self,
        box: Box,
        dev: Optional[str],
        packet: Packet,
        reason: str,
        entry: Optional[Decision] = None,
        by: str = "drop",
        **more: Any,
    ) -> End:
        """Return the end of a packet that is dropped here."""
        self.hop(box, dev, by, packet, entry, reason, **more)
        return End(DROPPED, reason, entry)

    def unknown(
        self, box: Box, dev: Optional[str], packet: Packet, reason: str, entry: Optional[Decision] = None
    ) -> End:
        """Return the end of a packet of which the model cannot say what becomes."""
        self.hop(box, dev, "drop", packet, entry, reason)
        end = End(UNKNOWN, reason, entry)
        if self.quiet:
            self.doubt = end  # whether a question or its answer gets through
        return end

    def delivered(self, box: Box, dev: Optional[str], packet: Packet) -> End:
        """Return the end of a packet that arrives."""
        self.hop(box, dev, "deliver", packet)
        self.arrival = (box, packet, dev)
        return End(DELIVERED)

    def limit(self, packet: Packet, most: int) -> None:
        """Note that IP packets of at most ``most`` bytes pass; those in a tunnel are smaller."""
        if self.quiet:
            return
        inner = packet.innermost
        padding = packet.seal.padding if packet.seal else 0  # a packet of that size has none
        passes = most - (packet.ip.size - padding - inner.ip.size)
        if self.mtu is None or passes < self.mtu:
            self.mtu = passes

    @contextmanager
    def silently(self) -> Iterator[None]:
        """Move frames of which the walk does not tell: those of ARP and ND."""
        self.quiet += 1
        kept = self.arrival, self.flooded
        self.flooded = set()
        try:
            yield
        finally:
            self.quiet -= 1
            self.arrival, self.flooded = kept

    def best_of(self, tries: Any) -> Optional[End]:
        """Return the best end of several ways that a packet takes at once, and keep the hops of that alone.

        :param tries: functions that move the packet.
        """
        best: Optional[End] = None
        kept: List[Hop] = []
        start = len(self.hops)
        mtu = self.mtu
        kept_mtu = mtu
        for one in tries:
            self.mtu = mtu
            end = one()
            hops = self.hops[start:]
            del self.hops[start:]
            if end.verdict != IGNORED and (best is None or RANK[end.verdict] > RANK[best.verdict]):
                best, kept, kept_mtu = end, hops, self.mtu
            if end.verdict == DELIVERED and not self.quiet:
                break
        self.hops.extend(kept)
        self.mtu = kept_mtu
        return best

    # --- what the layers do ---

    def transmit(self, box: Box, dev: str, frame: Packet) -> End:
        """Send a frame by a device."""
        raise NotImplementedError

    def receive(self, box: Box, dev: str, frame: Packet) -> End:
        """Take a frame that arrives at a device."""
        raise NotImplementedError

    def up(self, box: Box, dev: str, frame: Packet) -> End:
        """Give a frame to the protocols above a device."""
        raise NotImplementedError

    def beyond(self, box: Box, dev: str, frame: Packet) -> End:
        """Send a frame onto the underlay."""
        raise NotImplementedError

    def hooked(
        self, box: Box, hook: str, packet: Packet, iif: Optional[str], oif: Optional[str]
    ) -> Tuple[Packet, Optional[End]]:
        """Ask Netfilter: return the packet, which NAT may have changed, and its end if it does not pass."""
        raise NotImplementedError

    def framed(
        self, box: Box, hook: str, frame: Packet, iif: Optional[str], oif: Optional[str] = None
    ) -> Optional[End]:
        """Ask Netfilter about a frame at a bridge: return its end if it does not pass."""
        raise NotImplementedError

    def decapsulate(self, box: Box, dev: str, packet: Packet) -> End:
        """Take the packet out of a tunnel."""
        raise NotImplementedError

    def encapsulate(self, box: Box, dev: str, frame: Packet, nexthop: Optional[str] = None) -> End:
        """Put a packet into a tunnel."""
        raise NotImplementedError


RANK = {DROPPED: 0, UNKNOWN: 1, DELIVERED: 2}
