# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Neighbor discovery of IPv6 (RFC 4861): who has an address. Its packets pass Netfilter, as others. Pure Python.

Sources: ndisc_solicit, ndisc_send_ns, ndisc_recv_ns and ndisc_send_na (net/ipv6/ndisc.c).
"""

from __future__ import annotations

from typing import Optional

from . import entries
from .box import FIXED, Box
from .lookup import number
from .neighbors import Neighbors
from .packet import L4, Ip, Packet
from .state import Link
from .trip import NOT_MINE, Answer, End

ND_BYTES = 72
SOLICIT, ADVERT = "nd-neighbor-solicit", "nd-neighbor-advert"


class Discovery(Neighbors):
    """Neighbor discovery."""

    def ask_nd(self, box: Box, link: Link, target: str, packet: Packet) -> str:
        sender = self._own(box, link.name, packet.ip.src) or box.link_local(link.name)
        if sender is None:
            return f"{link.name} has no link-local address, from which the node could ask for {target}"
        low = number(target) & 0xFFFFFF
        group = f"ff02::1:ff{low >> 16:02x}:{low & 0xFFFF:x}"
        mac = f"33:33:ff:{low >> 16:02x}:{low >> 8 & 0xFF:02x}:{low & 0xFF:02x}"
        question = Packet(Ip(6, sender, group, 255, "icmpv6", ND_BYTES), L4("icmpv6", kind=SOLICIT, target=target))
        self._send(box, link.name, question.framed(link.mac, mac))
        return ""

    @staticmethod
    def _own(box, dev, address):
        """Return an address if it is one of the device itself."""
        own = (one for one in box.addresses.get(dev, ()) if one.address.partition("/")[0] == address)
        return next((address for one in own if not one.tentative), None)

    def _send(self, box, dev, packet):
        for hook in ("output", "postrouting"):
            # ndisc_alloc_skb sets the packet's device, which the last hook takes for the one by which it came (ip6_output)
            packet, end = self.hooked(box, hook, packet, dev if hook == "postrouting" else None, dev)
            if end is not None:
                return
        self.transmit(box, dev, packet)

    def nd(self, box: Box, dev: str, frame: Packet) -> End:
        """Take a question or an answer that arrives."""
        if frame.l4 is None or not box.has_ipv6(dev):
            return NOT_MINE
        if frame.l4.kind == SOLICIT and self._reads(box, dev, frame):
            self._solicited(box, dev, frame)
        elif frame.l4.kind == ADVERT and self._own(box, dev, frame.ip.dst) and self._passes_in(box, dev, frame):
            self.heard(box, dev, frame.l4.target or "", frame.src or "")
        return NOT_MINE

    def _passes_in(self, box, dev, frame):
        for hook in ("prerouting", "input"):
            frame, end = self.hooked(box, hook, frame, dev, None)
            if end is not None:
                return False
        return True

    def _reads(self, box, dev, frame):
        """Say whether a question reaches the protocol: the device is in the group that is asked."""
        asked = number(frame.l4.target) & 0xFFFFFF
        own = [one.address.partition("/")[0] for one in box.addresses.get(dev, ()) if ":" in one.address]
        own += [address for name, address in box.proxy_entries if name == dev and ":" in address]
        own += [frame.l4.target] if self._anycast(box, dev, frame.l4.target) else []
        return any(number(one) & 0xFFFFFF == asked for one in own) and self._passes_in(box, dev, frame)

    @staticmethod
    def _anycast(box, dev, target):
        found = box.fib.lookup(target)
        return found.type == "local" and found.route.type == "anycast" and found.ways[0].dev == dev

    def _solicited(self, box: Box, dev: str, frame: Packet) -> None:
        target = frame.l4.target if frame.l4 else ""
        how, entry = "own", None
        source: Optional[str] = target
        if self._own(box, dev, target):
            entry = entries.address(
                box, next(one for one in box.addresses[dev] if one.address.startswith(f"{target}/"))
            )
        elif self._anycast(box, dev, target):
            source = box.source6(frame.ip.src, dev)
        else:
            proxy = box.proxy_entries.get((dev, target or ""))
            if not proxy or not box.conf(6, dev, "forwarding") or not box.either(6, dev, "proxy_ndp"):
                return
            how, entry, source = "proxy", entries.proxy(box, proxy), box.source6(frame.ip.src, dev)
        self.learn_neighbor(box, dev, frame.ip.src, frame.src or "")
        if source is None:
            return
        link = box.links[dev]
        self.replying = Answer(link.mac, box.node, box.netns, dev, how, entry)
        reply = Packet(Ip(6, source, frame.ip.src, 255, "icmpv6", ND_BYTES), L4("icmpv6", kind=ADVERT, target=target))
        # unlike an answer of ARP it goes where the neighbor table says
        asker = box.neighbors.get((dev, frame.ip.src))
        mac = asker.mac if asker is not None and asker.state in FIXED else frame.src
        self._send(box, dev, reply.framed(link.mac, mac))
