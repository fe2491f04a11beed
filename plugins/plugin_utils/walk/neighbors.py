# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MAC address of the next hop: an entry, or ARP (RFC 826) and who answers it. Pure Python.

Questions and answers are frames, which go through the same devices and tables as the packet itself. Sources: arp_solicit,
arp_process, arp_fwd_proxy, arp_ignore (net/ipv4/arp.c), neigh_event_ns and neigh_update (net/core/neighbour.c).
"""

from __future__ import annotations

from typing import Optional, Tuple

from . import entries
from .box import FIXED, USED, Box
from .hop import UNKNOWN
from .lookup import contains, version_of
from .packet import BROADCAST, L4, Ip, Packet
from .state import Link
from .trip import NOT_MINE, Answer, End, Trip

ARP_BYTES = 28


class Neighbors(Trip):
    """Who has an address."""

    def resolve(self, box: Box, dev: str, nexthop: str, packet: Packet) -> Tuple[Optional[str], Optional[End]]:
        """Return the MAC address of the next hop, or the end of the packet: nobody has it."""
        link = box.links[dev]
        if not link.arp or link.type == "loopback":
            return (None if link.type == "ipip" else link.mac), None
        key = box.key, dev, nexthop
        entry = box.neighbors.get((dev, nexthop))
        if entry is not None and entry.mac and (entry.state in FIXED or key not in self.known and entry.state in USED):
            if self.trace:
                self.hop(box, dev, "neighbor", packet, entries.neighbor(box, entry), next_hop=nexthop, mac=entry.mac)
            return entry.mac, self._note_gateway(box, dev, packet, entry)
        if key in self.known:
            mac = self.known[key]
            self.hop(box, dev, "neighbor", packet, entries.heard(box, dev, nexthop, mac), next_hop=nexthop, mac=mac)
            return mac, None
        return self._ask(box, link, nexthop, packet)

    def _ask(self, box: Box, link: Link, nexthop: str, packet: Packet) -> Tuple[Optional[str], Optional[End]]:
        key = box.key, link.name, nexthop
        router = self.router_for(box, link.name, nexthop)
        if router is not None:
            return self._router(box, link, nexthop, packet, router)
        self.answers.pop(key, None)
        if not link.carries:
            why = "is down" if not link.up else "has no carrier"
            return None, self.drop(box, link.name, packet, f"{link.name} {why}", entries.link(box, link))
        self.doubt = None
        with self.silently():
            reason = (self.ask_arp if version_of(nexthop) == 4 else self.ask_nd)(box, link, nexthop, packet)
        found = self.answers.pop(key, [])
        own = [one for one in found if one.how == "own"] or found
        if not own and self.doubt is not None:
            return None, self.unknown(box, link.name, packet, self.doubt.reason, self.doubt.decisive)
        if not own:
            protocol = "ARP" if version_of(nexthop) == 4 else "neighbor discovery"
            why = reason or f"nobody answers {protocol} for {nexthop} on {link.name}"
            asked = box.neighbors.get((link.name, nexthop))
            return None, self.drop(
                box, link.name, packet, why, entries.neighbor(box, asked) if asked else None, "neighbor"
            )
        macs = {one.mac for one in own}
        self.known[key] = own[0].mac
        by = list(own[0][1:5])
        self.hop(box, link.name, "neighbor", packet, own[0].entry, next_hop=nexthop, mac=own[0].mac, answered_by=by)
        if len(macs) > 1:
            why = f"{len(macs)} answer for {nexthop} on {link.name}: {', '.join(sorted(macs))}"
            return None, self.unknown(box, link.name, packet, why)
        return own[0].mac, None

    def _note_gateway(self, box, dev, packet, entry):
        """A node has learned the MAC address of the underlay's router, or of a host outside: of them there is no state."""
        router = self.router_for(box, dev, entry.address)
        if router is None or entry.mac in self.fabric.segments[router].by_mac:
            return None
        if entry.state in FIXED:
            why = f"{entry.address} is no node's: whether {entry.mac}, which somebody entered, is its MAC address is not known"
            return self.unknown(box, dev, packet, why, entries.neighbor(box, entry))
        self.gateways[router, entry.mac] = entry.address
        return None

    def _router(self, box, link, nexthop, packet, segment):
        """The next hop is no node's: a router or a host of the underlay, of which nobody knows the MAC address."""
        entry = box.neighbors.get((link.name, nexthop))
        if entry is not None and entry.state in ("failed", "incomplete"):
            why = f"nobody answers for {nexthop} on {link.name}"
            return None, self.drop(box, link.name, packet, why, entries.neighbor(box, entry), "neighbor")
        # the router of its default route is there; of another gateway nobody has ever heard
        usual = box.fib.lookup("0.0.0.0" if version_of(nexthop) == 4 else "::").ways
        heard = entry is not None and entry.mac and entry.state in USED
        if nexthop != packet.ip.dst and not heard and all(way.via != nexthop for way in usual):
            why = f"the gateway {nexthop} is no node's, and not that of the default route: whether anybody has it is not known"
            return None, self.unknown(box, link.name, packet, why)
        self.gateways[segment, UNSEEN_MAC] = nexthop
        self.hop(box, link.name, "neighbor", packet, None, next_hop=nexthop, answered_by=[None, "", "", "own"])
        return UNSEEN_MAC, None

    def router_for(self, box: Box, dev: str, nexthop: str) -> Optional[str]:
        """Return the segment of the underlay on which a next hop is that no node has, or None."""
        raise NotImplementedError

    def ask_nd(self, box: Box, link: Link, target: str, packet: Packet) -> str:
        """Ask by neighbor discovery; return why that cannot be, or ""."""
        raise NotImplementedError

    def ask_arp(self, box: Box, link: Link, target: str, packet: Packet) -> str:
        """Ask by ARP; return "", as ARP can always ask."""
        sender = self._sender(box, link.name, target, packet.ip.src)
        question = Packet(Ip(4, sender, target, 255, "arp", ARP_BYTES), L4("arp", kind="request"), link.mac, BROADCAST)
        self.transmit(box, link.name, question)
        return ""

    @staticmethod
    def _sender(box, dev, target, src):
        level = box.either(4, dev, "arp_announce")
        if level < 2 and version_of(src) == 4 and box.is_local(src):
            near = any(contains(one.address, target) and contains(one.address, src) for one in box.primary(dev))
            if level == 0 or near:
                return src
        return box.select(dev, target, 253) or "0.0.0.0"

    def arp(self, box: Box, dev: str, frame: Packet) -> End:
        """Take a question or an answer (arp_process)."""
        link = box.links[dev]
        if not link.arp or frame.l4 is None:
            return NOT_MINE
        asked, sender, mac = frame.ip.dst, frame.ip.src, frame.src or ""
        if frame.l4.kind == "reply":
            self.heard(box, dev, sender, mac)
            return NOT_MINE
        answers = self._answers(box, dev, asked, sender)
        if answers is None:
            return NOT_MINE
        self.learn_neighbor(box, dev, sender, mac)
        how, entry = answers
        self.replying = Answer(link.mac, box.node, box.netns, dev, how, entry)
        reply = Packet(Ip(4, asked, sender, 255, "arp", ARP_BYTES), L4("arp", kind="reply"), link.mac, mac)
        self.transmit(box, dev, reply)
        return NOT_MINE

    def _answers(self, box, dev, asked, sender):
        """Return ("own" or "proxy", the entry by which the question is answered), or None: it is not."""
        if sender == "0.0.0.0":
            found = box.fib.lookup(asked)
            return ("own", entries.local(box, found)) if found.type == "local" else None
        way = self.way_in(box, dev, sender, asked)
        if way.kind == "unknown":
            self.doubt = End(UNKNOWN, way.reason, way.entry)
        if way.kind == "local":
            return None if self._ignores(box, dev, asked, sender) else ("own", entries.local(box, way.found))
        if way.kind != "forward" or not box.forwards(4, dev):
            return None
        out = way.found.ways[0].dev
        if out == dev:
            return None
        if box.either(4, dev, "proxy_arp"):
            return "proxy", entries.sysctl(box, 4, dev, "proxy_arp")
        proxy = box.proxy_entries.get((dev, asked))
        return ("proxy", entries.proxy(box, proxy)) if proxy else None

    def way_in(self, box: Box, dev: str, src: str, dst: str) -> object:
        """Return what becomes of a packet that arrives; see routing.py."""
        raise NotImplementedError

    def _ignores(self, box, dev, asked, sender):
        """arp_ignore and arp_filter of ip-sysctl."""
        level = box.either(4, dev, "arp_ignore")
        there = [one for one in box.addresses.get(dev, ()) if one.address.partition("/")[0] == asked]
        if level in (1, 2) and not there:
            return True
        if level == 2 and not any(contains(one.address, sender) for one in there):
            return True
        if level == 3:
            return any(one.scope == "host" for one in box.state.addresses if one.address.partition("/")[0] == asked)
        if level == 8:
            return True
        if box.either(4, dev, "arp_filter"):
            found = box.fib.lookup(sender)
            if found.unknown:
                self.doubt = End(UNKNOWN, found.unknown, entries.rule(box, found.rule) if found.rule else None)
            return found.type != "unicast" or all(way.dev != dev for way in found.ways)
        return False

    def learn_neighbor(self, box: Box, dev: str, address: str, mac: str) -> None:
        """neigh_event_ns: who asks is known from then on, unless an entry is fixed."""
        entry = box.neighbors.get((dev, address))
        if address not in ("0.0.0.0", "::") and (entry is None or entry.state not in FIXED):
            self.known[box.key, dev, address] = mac

    def heard(self, box: Box, dev: str, address: str, mac: str) -> None:
        """Note an answer."""
        self.answers.setdefault((box.key, dev, address), []).append(self.replying._replace(mac=mac))


# the MAC address of something that no state tells of
UNSEEN_MAC = "??:??:??:??:??:??"
