# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels: VXLAN (RFC 7348) and IPIP (RFC 2003). The outer packet is a packet of the namespace. Pure Python.

Sources: vxlan_xmit, vxlan_xmit_one, vxlan_rcv and vxlan_snoop (drivers/net/vxlan/vxlan_core.c), ip_tunnel_xmit and
ip_tunnel_lookup (net/ipv4/ip_tunnel.c).
"""

from __future__ import annotations

from functools import partial
from typing import Any, List, Optional, Tuple

from ..values.present import present
from . import entries
from .box import Box, is_group
from .hop import Decision
from .lookup import contains, version_of
from .packet import DEFAULT_TTL, ETHERNET_BYTES, IP_BYTES, L4, UDP_BYTES, VXLAN_BYTES, Ip, Packet
from .routing import GROUPS, Routing
from .state import FdbEntry, Link
from .trip import IGNORED, NOT_MINE, End

ZERO = "00:00:00:00:00:00"
ANY = (None, "", "0.0.0.0", "::")


class Tunnels(Routing):
    """What goes in at one end and comes out at the other."""

    def encapsulate(self, box: Box, dev: str, frame: Packet, nexthop: Optional[str] = None) -> End:
        link = box.links[dev]
        if link.type == "ipip":
            return self._into_ipip(box, link, frame, nexthop)
        odd = [name for name in ("collect_metadata", "proxy", "rsc", "group") if link.more.get(name)]
        if odd:
            return self.unknown(
                box, dev, frame, f"{dev} is a VXLAN device with {odd[0]}, which the model does not know"
            )
        remotes = self._remotes(box, link, frame.dst or ZERO)
        if not remotes:
            why = f"{dev} has no forwarding entry for {frame.dst}"
            return self.drop(box, dev, frame, why, None, "fdb", mac=frame.dst, dst=None)
        end = self.best_of([partial(self._into_vxlan, box, link, frame, *remote) for remote in remotes])
        return end or NOT_MINE

    def _remotes(self, box, link, mac) -> List[Tuple[Any, Any]]:
        """Return the nodes to which a frame goes, each with the entry that says so."""
        learned = self.learned.get((box.key, link.name, mac))
        found = [] if is_group(mac) else [one for one in box.fdb.get((link.name, mac), ()) if one.dst]
        if learned and not (found and found[0].dst == learned):
            return [(learned, entries.learned(box, link.name, learned, mac))]
        found = found[:1] or [one for one in box.fdb.get((link.name, ZERO), ()) if one.dst]
        if not found and link.more.get("remote"):
            found = [FdbEntry(link.name, ZERO, link.more["remote"])]
        return [(one.dst, entries.fdb(box, one)) for one in found]

    def _into_vxlan(self, box: Box, link: Link, frame: Packet, remote: str, entry: Any) -> End:
        self.hop(box, link.name, "fdb", frame, entry, mac=frame.dst, dst=remote)
        version, local = version_of(remote), link.more.get("local")
        overhead = IP_BYTES[version] + UDP_BYTES + VXLAN_BYTES + ETHERNET_BYTES
        outer = Packet(
            Ip(
                version,
                "" if local in ANY else local,
                remote,
                link.more.get("ttl") or DEFAULT_TTL,
                "udp",
                frame.ip.size + overhead,
            ),
            L4("udp", None, link.more.get("port", 4789)),
            inner=frame,
            vni=link.more.get("vni"),
            fragments=True,
        )
        return self._send_outer(box, link, outer)

    def _send_outer(self, box: Box, link: Link, outer: Packet, entry: Optional[Decision] = None) -> End:
        """Send the outer packet of a tunnel; ``entry`` decided where it goes, else the device itself."""
        lower = link.lower or None
        if contains(GROUPS[outer.ip.version], outer.ip.dst):
            return self.unknown(box, link.name, outer, f"{link.name} sends to the group {outer.ip.dst}")
        found = box.fib.lookup(outer.ip.dst, lower)
        if found.type == "unicast" and any(way.dev == link.name for way in found.ways):
            return self.drop(
                box, link.name, outer, f"the way to {outer.ip.dst} is by {link.name} itself", entries.found(box, found)
            )
        if outer.ip.src and not box.is_local(outer.ip.src):
            return self.drop(
                box, link.name, outer, f"{outer.ip.src}, the local address of {link.name}, is not this namespace's"
            )
        self.hop(box, link.name, "encapsulate", outer, entry or entries.tunnel(box, link))
        return self.send(box, outer, lower, link.name)

    def by_tunnel(self, box: Box, dev: str, packet: Packet, nexthop: str) -> End:
        link = box.links[dev]
        if not link.carries:
            return self.drop(box, dev, packet, f"{dev} is down", entries.link(box, link))
        self.hop(box, dev, "out", packet)
        return self.encapsulate(box, dev, packet, nexthop)

    def _into_ipip(self, box: Box, link: Link, packet: Packet, nexthop: Optional[str]) -> End:
        if packet.ip.version != 4:
            return self.drop(box, link.name, packet, f"{link.name} carries IPv4 only")
        given = link.more.get("remote")
        remote = nexthop if given in ANY else given
        local = link.more.get("local")
        if remote is None or version_of(remote) != 4:
            return self.drop(box, link.name, packet, f"{link.name} has no remote address, and the route no gateway")
        ttl = link.more.get("ttl") or packet.ip.ttl
        outer = Packet(
            Ip(4, "" if local in ANY else local, remote, ttl, "ipip", packet.ip.size + IP_BYTES[4]),
            None,
            inner=packet._replace(src=None, dst=None),
            fragments=packet.fragments,
        )
        return self._send_outer(box, link, outer)

    # --- the other end ---

    def decapsulate(self, box: Box, dev: str, packet: Packet) -> End:
        if packet.vni is not None:
            return self._out_of_vxlan(box, dev, packet)
        link = self._tunnel_for(box, packet)
        if link is None:
            return self.drop(box, dev, packet, f"no IPIP tunnel of this namespace takes packets from {packet.ip.src}")
        self.hop(box, link.name, "decapsulate", packet, entries.tunnel(box, link))
        return self.receive(box, link.name, present(packet.inner))

    @staticmethod
    def _tunnel_for(box: Box, packet: Packet) -> Optional[Link]:
        """ip_tunnel_lookup: both addresses, the remote alone, the local alone; a tunnel that is down takes nothing."""
        tunnels = [link for link in box.links.values() if link.type == "ipip" and link.up]
        remote, local = packet.ip.src, packet.ip.dst
        for want in ((remote, local), (remote, None), (None, local), (None, None)):
            for link in tunnels:
                has = tuple(None if link.more.get(name) in ANY else link.more.get(name) for name in ("remote", "local"))
                if has == want:
                    return link
        return None

    def _out_of_vxlan(self, box: Box, dev: str, packet: Packet) -> End:
        port = packet.l4.dport if packet.l4 else None
        devices = [link for link in box.links.values() if link.type == "vxlan" and link.more.get("port", 4789) == port]
        mine = [link for link in devices if link.more.get("vni") == packet.vni]
        if not mine:
            what = f"VNI {packet.vni}" if devices else f"port {port}"
            return self.drop(box, dev, packet, f"no VXLAN device of this namespace has {what}")
        link = next((one for one in mine if self._hears(one, packet)), None)
        if link is None:
            return self.drop(box, dev, packet, f"{mine[0].name} is down", entries.link(box, mine[0]))
        frame = present(packet.inner)
        if frame.src == link.mac:
            return self.drop(
                box, link.name, packet, f"the frame comes from {frame.src}, {link.name}'s own MAC address", None
            )
        refusal = self._snoop(box, link, frame, packet.ip.src)
        if refusal is not None:
            return refusal
        self.hop(box, link.name, "decapsulate", packet, entries.tunnel(box, link))
        end = self.receive(box, link.name, frame)
        if end.verdict == IGNORED and frame.dst and not is_group(frame.dst):
            why = f"the frame is for {frame.dst}, and {link.name} has {link.mac}"
            return self.drop(box, link.name, frame, why, entries.link(box, link))
        return end

    @staticmethod
    def _hears(link, packet):
        """Say whether a device has a socket for the packet: while it is up, of the IP version of its local address, or both."""
        local = link.more.get("local") or link.more.get("remote")
        return link.up and (local in ANY or version_of(local) == packet.ip.version)

    def _snoop(self, box, link, frame, remote):
        """A device that learns drops what comes from elsewhere than a permanent entry says (vxlan_snoop)."""
        if not link.more.get("learning", True) or not frame.src:
            return None
        known = box.fdb.get((link.name, frame.src), ())
        if any(one.dst == remote for one in known):
            return None
        fixed = [one for one in known if one.state in ("permanent", "static", "noarp")]
        if fixed:
            why = f"{link.name} learns, and an entry has {frame.src} behind {fixed[0].dst}, not {remote}"
            return self.drop(box, link.name, frame, why, entries.fdb(box, fixed[0]), "fdb")
        self.learned[box.key, link.name, frame.src] = remote
        return None
