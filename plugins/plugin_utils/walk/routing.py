# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IP: what arrives is delivered or forwarded, what a program sends is routed. Pure Python.

Sources: ip_route_input_slow, __mkroute_input and ip_route_output_key_hash_rcu (net/ipv4/route.c), __fib_validate_source
(net/ipv4/fib_frontend.c), ip_forward (net/ipv4/ip_forward.c), ip6_forward (net/ipv6/ip6_output.c), RFC 1812, RFC 3704.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from . import entries
from .box import Box
from .discovery import Discovery
from .hop import UNKNOWN, Decision
from .lookup import ERRORS, NOTHING, Found, contains
from .packet import Packet
from .state import Nexthop
from .trip import IGNORED, End

GROUPS = {4: "224.0.0.0/4", 6: "ff00::/8"}
LOOPBACK = {4: "127.0.0.0/8", 6: "::1/128"}


class WayIn(NamedTuple):
    """What becomes of a packet that arrives: ``kind`` is local, forward, drop or unknown."""

    kind: str
    found: Found = NOTHING
    reason: str = ""
    entry: Optional[Decision] = None
    by: str = "check"


class Routing(Discovery):
    """The IP layer."""

    def up(self, box: Box, dev: str, frame: Packet) -> End:
        ip, l4 = frame.ip, frame.l4
        if ip.protocol == "arp":
            return self.arp(box, dev, frame)
        if l4 is not None and l4.kind in ("nd-neighbor-solicit", "nd-neighbor-advert"):
            return self.nd(box, dev, frame)
        if ip.version == 6 and not box.has_ipv6(dev):
            return self.drop(box, dev, frame, f"{dev} has no IPv6", entries.sysctl(box, 6, dev, "disable_ipv6"))
        return self._input(box, dev, frame)

    def _input(self, box: Box, dev: str, packet: Packet) -> End:
        packet, end = self.hooked(box, "prerouting", packet, dev, None)
        if end is not None:
            return end
        way = self.way_in(box, dev, packet.ip.src, packet.ip.dst)
        if way.kind == "unknown":
            return self.unknown(box, dev, packet, way.reason, way.entry)
        if way.kind == "drop":
            asked = {"iif": dev} if way.by == "route" else {}
            return self.drop(box, dev, packet, way.reason, way.entry, way.by, **asked)
        self._routed(box, dev, packet, way.found, dev)
        if way.kind == "local":
            return self.deliver(box, dev, packet)
        return self._forward(box, dev, packet, way.found)

    def _routed(self, box, dev, packet, found, iif):
        """Write a lookup down, with what the kernel can be asked about it."""
        if self.trace and not self.quiet:
            way = found.ways[0]
            more = {"iif": iif, "type": found.type, "prefix": found.route.prefix, "via": way.via, "oif": way.dev}
            self.hop(box, dev, "route", packet, entries.found(box, found), ways=len(found.ways), **more)

    def deliver(self, box: Box, dev: str, packet: Packet) -> End:
        """Give a packet to a program of this namespace, or to a tunnel."""
        packet, end = self.hooked(box, "input", packet, dev, None)
        if end is not None:
            return end
        if packet.inner is not None:
            return self.decapsulate(box, dev, packet)
        return self.delivered(box, dev, packet)

    # --- what arrives ---

    def way_in(self, box: Box, dev: str, src: str, dst: str) -> WayIn:
        """Return what becomes of a packet from ``src`` to ``dst`` that arrives by a device (ip_route_input_slow)."""
        version = 6 if ":" in dst else 4
        odd = self._martian(box, dev, src, dst, version)
        if odd:
            return odd
        found = box.fib.lookup(dst)
        if found.unknown:
            return WayIn("unknown", found, found.unknown, entries.rule(box, found.rule) if found.rule else None)
        if found.type == "local":
            refused = self.refused(box, dev, src, None) if version == 4 else None
            return refused or WayIn("local", found)
        if not box.forwards(version, dev):
            setting = "all" if version == 6 else dev
            return WayIn(
                "drop",
                found,
                f"{dst} is not this namespace's, and {'it' if version == 6 else dev} does not forward",
                entries.sysctl(box, version, setting, "forwarding"),
            )
        if found.type != "unicast":
            return WayIn("drop", found, no_way(dst, found), entries.found(box, found), "route")
        refused = self.refused(box, dev, src, found.ways[0].dev) if version == 4 else None
        return refused or WayIn("forward", found)

    @staticmethod
    def _martian(box, dev, src, dst, version):
        for address, whose in ((src, "source"), (dst, "destination")):
            loop = contains(LOOPBACK[version], address) and not (version == 4 and box.either(4, dev, "route_localnet"))
            zero = address in ("0.0.0.0", "::")
            if loop or zero or contains(GROUPS[version], address) or address == "255.255.255.255":
                return WayIn("drop", NOTHING, f"{address} is no {whose} for a packet from outside (martian)")
        return None

    def refused(self, box: Box, dev: str, src: str, out: Optional[str]) -> Optional[WayIn]:
        """Return why a source address is refused, or None (__fib_validate_source)."""
        strict = box.either(4, dev, "rp_filter")
        found = box.fib.lookup(src)
        if found.unknown:
            return WayIn("unknown", found, found.unknown) if strict else None
        if found.type in ("local", "broadcast"):
            if found.type == "local" and box.either(4, dev, "accept_local"):
                return None
            return WayIn("drop", found, f"the source {src} is an address of this namespace", entries.found(box, found))
        if not strict:
            return None
        setting = entries.sysctl(box, 4, dev, "rp_filter")
        if found.type is None or found.type in ERRORS:
            return WayIn("drop", found, f"rp_filter: no route leads back to {src}", setting)
        if any(way.dev == dev for way in found.ways):
            return None
        if strict == 1 or not box.addresses.get(dev):
            back = ", ".join(way.dev or "?" for way in found.ways)
            return WayIn("drop", found, f"rp_filter: the way back to {src} is by {back} and not by {dev}", setting)
        return None

    # --- what is sent on ---

    def _forward(self, box: Box, dev: str, packet: Packet, found: Found) -> End:
        key = box.key, dev, packet.ip._replace(ttl=0), packet.vni, packet.inner and packet.inner.ip._replace(ttl=0)
        if key in self.visited:
            return self.drop(box, dev, packet, "the packet goes in a circle", entries.found(box, found), "check")
        if packet.ip.ttl <= 1:
            return self.drop(box, dev, packet, "the TTL is used up", None, "check")
        if packet.ip.version == 6 and packet.ip.src.startswith("fe80:") and any(way.dev != dev for way in found.ways):
            why = f"the source {packet.ip.src} is for one link only: no router forwards it"
            return self.drop(box, dev, packet, why, None, "check")
        self.visited.add(key)
        try:
            return self._by_each(box, packet.hopped(), found, dev)
        finally:
            self.visited.discard(key)

    def _by_each(self, box, packet, found, iif, tunnel=None):
        """Send a packet by the way that was found; of several the kernel chooses one, and each is tried.

        :param iif: the device by which it came, if it is forwarded; ``tunnel`` is the device that has made it, if one has.
        """
        ways = [one for way in found.ways for one in _readings(box, found, way)]
        if len(ways) == 1:
            return self._emit(box, packet, found, ways[0], iif, tunnel)
        start, ends = len(self.hops), []
        for way in ways:
            del self.hops[start:]
            ends.append(self._emit(box, packet, found, way, iif, tunnel))
        if len({end.verdict for end in ends}) == 1:
            return ends[-1]
        good = sum(end.verdict == "delivered" for end in ends)
        reason = f"a hash of the flow chooses one of {len(ends)} ways, of which {good} lead on"
        if len(ways) > len(found.ways):
            mine = next(one.via for one, other in zip(ways, ways[1:]) if one.via and not other.via)
            reason = f"the gateway {mine} is an address of this namespace: which of the two was made first decides"
        self.hop(box, None, "drop", packet, entries.found(box, found), reason)
        return End(UNKNOWN, reason, entries.found(box, found))

    def _emit(
        self, box: Box, packet: Packet, found: Found, way: Nexthop, iif: Optional[str], tunnel: Optional[str]
    ) -> End:
        dev = way.dev or ""
        link = box.links.get(dev)
        if link is None:
            return self.unknown(box, dev, packet, f"the device {dev!r} is not known", entries.found(box, found))
        if packet.ip.version == 6 and not box.has_ipv6(dev):
            return self.drop(box, dev, packet, f"{dev} has no IPv6", entries.sysctl(box, 6, dev, "disable_ipv6"))
        most = (found.route.mtu if found.route else None) or link.mtu
        self.limit(packet, most)
        if packet.whole > most and packet.fragments:
            packet = packet._replace(piece=most)
        if packet.whole > most:
            why = f"the packet has {packet.ip.size} bytes, and {most} pass by {dev}: fragmentation needed"
            by_route = found.route is not None and found.route.mtu
            return self.drop(
                box, dev, packet, why, entries.found(box, found) if by_route else entries.mtu(box, link), "check"
            )
        for hook in ("forward", "postrouting") if iif else ("postrouting",):
            # the last hook still sees where it came from (ip_output, net/ipv4/ip_output.c, since Linux 5.7)
            packet, end = self.hooked(box, hook, packet, iif or tunnel, dev)
            if end is not None:
                return end
        return self._onto(box, packet, dev, way.via or packet.ip.dst)

    def _onto(self, box, packet, dev, nexthop):
        link = box.links[dev]
        if link.type in ("ipip", "wireguard"):
            return self.by_tunnel(box, dev, packet, nexthop)
        mac, end = self.resolve(box, dev, nexthop, packet)
        if end is not None:
            return end
        end = self.transmit(box, dev, packet.framed(link.mac, mac))
        if end.verdict != IGNORED:
            return end
        entry = box.neighbors.get((dev, nexthop))
        why = f"no device that the frame reaches has the MAC address {mac}"
        return self.drop(box, dev, packet.framed(link.mac, mac), why, entries.neighbor(box, entry) if entry else None)

    def by_tunnel(self, box: Box, dev: str, packet: Packet, nexthop: str) -> End:
        """Send a packet by a tunnel of IP; in IPIP ``nexthop`` is the peer's address if the tunnel has none."""
        raise NotImplementedError

    # --- what a program sends ---

    def send(self, box: Box, packet: Packet, oif: Optional[str] = None, tunnel: Optional[str] = None) -> End:
        """Send a packet of a program of this namespace, or of a tunnel; its source address is chosen if it has none."""
        found, end = self._way_out(box, packet, oif)
        if end is not None:
            return end
        dev = "lo" if found.type == "local" else found.ways[0].dev or ""
        if not packet.ip.src:
            src = box.source(packet.ip.dst, found.route, dev, found.ways[0].via)
            if src is None:
                return self.drop(
                    box, dev, packet, f"no address of this namespace fits as a source by {dev}", None, "send"
                )
            packet = packet._replace(ip=packet.ip._replace(src=src))
        if packet.inner is None:
            self.sent = packet
            self.hop(box, None, "send", packet)
        self._routed(box, dev, packet, found, None)
        dst, mark = packet.ip.dst, packet.mark
        packet, end = self.hooked(box, "output", packet, None, dev)
        if end is not None:
            return end
        if (dst, mark) != (packet.ip.dst, packet.mark):  # ip_route_me_harder, net/ipv4/netfilter.c
            found, end = self._way_out(box, packet, oif)
            if end is not None:
                return end
            self._routed(box, found.ways[0].dev, packet, found, None)
        if found.type == "local":
            return self._loop(box, packet)
        return self._by_each(box, packet, found, None, tunnel)

    def _way_out(self, box: Box, packet: Packet, oif: Optional[str]) -> Tuple[Found, Optional[End]]:
        dst = packet.ip.dst
        found = box.fib.lookup(dst, oif)
        if found.unknown:
            return found, self.unknown(
                box, None, packet, found.unknown, entries.rule(box, found.rule) if found.rule else None
            )
        if found.type not in ("unicast", "local"):
            return found, self.drop(box, None, packet, no_way(dst, found), entries.found(box, found), "route")
        return found, None

    def _loop(self, box: Box, packet: Packet) -> End:
        """Deliver a packet to the namespace itself, by its loopback device."""
        link = box.links.get("lo")
        if link is None or not link.up:
            return self.drop(box, "lo", packet, "lo is down", entries.link(box, link) if link else None)
        packet, end = self.hooked(box, "postrouting", packet, None, "lo")
        if end is None:
            self.hop(box, "lo", "out", packet)
            self.hop(box, "lo", "in", packet)
            packet, end = self.hooked(box, "prerouting", packet, "lo", None)
        return end or self.deliver(box, "lo", packet)


def _readings(box: Box, found: Found, way: Nexthop) -> Tuple[Nexthop, ...]:
    """Return what a way can mean: no dump says whether the kernel uses a gateway that is an address of this namespace.

    If it was one when the route was made, the way has the scope of a host, and leads onto the link as if it had no gateway
    (fib_check_nh_v4_gw, net/ipv4/fib_semantics.c; rt_set_nexthop, net/ipv4/route.c). If it became one later, it is asked for.
    """
    mine = way.via and not way.onlink and found.type == "unicast" and ":" not in way.via and box.is_local(way.via)
    return (way, way._replace(via=None)) if mine else (way,)


def no_way(dst: str, found: Found) -> str:
    """Return why a packet to ``dst`` finds no way."""
    if found.type in ERRORS:
        return f"{found.route.prefix if found.route else ''} is {found.type}: {ERRORS[found.type]}"
    return f"{dst} is a broadcast address" if found.type == "broadcast" else f"no route leads to {dst}"
