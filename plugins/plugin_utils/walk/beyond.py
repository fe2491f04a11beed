# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The underlay: its segments, a router between them that knows only their addresses, and hosts outside. Pure Python."""

from __future__ import annotations

from functools import partial
from typing import List, Optional

from ..values.present import present
from .box import Box, is_group
from .ethernet import Ethernet
from .fabric import Segment, Uplink
from .hop import DELIVERED, Hop
from .lookup import contains, version_of
from .neighbors import UNSEEN_MAC, Neighbors
from .packet import Packet
from .trip import IGNORED, NOT_MINE, End


class Beyond(Ethernet, Neighbors):
    """What leaves a node by the underlay."""

    def beyond(self, box: Box, dev: str, frame: Packet) -> End:
        names = self.fabric.segments_of(box, dev)
        if not names:
            return self.unknown(box, dev, frame, f"{dev} leads to something that the model does not know")
        doubt = self._which_wire(box, dev, frame)
        if doubt is not None:
            return doubt
        for name in names:
            gateway = self.gateways.get((name, frame.dst or ""))
            if gateway is not None:
                return self._by_router(box, dev, frame, name, gateway)
        segments = [self.fabric.segments.get(name) for name in names]
        found: List[Uplink] = []
        for segment in segments:
            found += self._hearing(segment, box, dev, frame) if segment else []
        end = self.best_of([partial(self._arrive, box, uplink, frame, names[0]) for uplink in dict.fromkeys(found)])
        return end if end is not None and end.verdict != IGNORED else NOT_MINE

    def _hearing(self, segment: Segment, box: Box, dev: str, frame: Packet) -> List[Uplink]:
        """Return who of a segment takes a frame up: for ARP those who could answer, whom alone the walk asks."""
        if frame.dst and not is_group(frame.dst):
            found = segment.by_mac.get(frame.dst) or segment.others
        else:
            asked = (frame.l4 and frame.l4.target) or frame.ip.dst
            # to ARP a node answers for each of its addresses on any of its devices (arp_ignore of ip-sysctl)
            found = [one for key in self.fabric.holders(asked) for one in segment.by_box.get(key, ())]
            found += segment.others
        return [one for one in found if (one.node, one.netns, one.dev) != (*box.key, dev)]

    def _arrive(self, box: Box, uplink: Uplink, frame: Packet, segment: str) -> End:
        other = self.fabric.box(uplink.node, uplink.netns)
        if other is None:
            return NOT_MINE
        self.hop(box, None, "underlay", frame, None, segment=segment, to=uplink.node)
        if not other.links[uplink.dev].carries:
            return NOT_MINE
        return self._taken(other, uplink.dev, frame)

    def _taken(self, box: Box, dev: str, frame: Packet) -> End:
        """A frame comes to a node by the underlay."""
        doubt = self._which_wire(box, dev, frame)
        if doubt is not None:
            return doubt
        # a veth, of a lab, takes nothing that is longer than its MTU; of other devices nobody knows
        end = self._fits(box, dev, frame) if box.links[dev].type == "veth" else None
        return end or self.receive(box, dev, frame)

    def _which_wire(self, box, dev, frame):
        """Return the end of a packet on a device with addresses of two segments: its wire is one of them, or both are one."""
        names = self.fabric.segments_of(box, dev)
        if len(names) == len({version_of(name) for name in names}):
            return None
        why = f"{dev} has addresses of {' and '.join(names)}: which of these segments it is on is not known"
        return self.unknown(box, dev, frame, why)

    def router_for(self, box: Box, dev: str, nexthop: str) -> Optional[str]:
        link = box.links[dev]
        leading = [link] if link.type != "bridge" else [box.links[port] for port in box.ports.get(dev, ())]
        if not any(self.fabric.leads_out(box, one) for one in leading):
            return None
        if nexthop in self.fabric.uplinks:
            return None
        return next((name for name in self.fabric.segments_of(box, dev) if contains(name, nexthop)), None)

    def _by_router(self, box: Box, dev: str, frame: Packet, segment: str, gateway: str) -> End:
        """The frame is for something of the underlay that is no node: the host itself, or a router."""
        dst = frame.ip.dst
        if dst == gateway:
            return self._outside(box, frame, segment)
        packet = frame.hopped()
        uplink = self.fabric.uplinks.get(dst)
        if uplink is not None:
            other = present(self.fabric.box(uplink.node, uplink.netns))
            packet = packet.framed(UNSEEN_MAC, other.links[uplink.holder].mac)
            self.hop(box, None, "underlay", packet, None, segment=segment, to=uplink.node, router=gateway)
            return self._taken(other, uplink.dev, packet)
        if dst in self.fabric.underlay.outside or dst == self.goal and not self.fabric.holds(dst):
            return self._outside(box, packet, segment)
        if self.fabric.underlay.of(dst):
            return self.drop(box, dev, frame, f"nobody on the underlay has {dst}")
        return self.drop(
            box, dev, frame, f"the router {gateway} knows only the underlay's addresses, and {dst} is none of them"
        )

    def _outside(self, box: Box, packet: Packet, segment: str) -> End:
        """The packet arrives at a host that is no node."""
        if self.trace and not self.quiet:
            self.hops.append(
                Hop(box.node, "", None, "underlay", None, packet, "", {"segment": segment, "to": packet.ip.dst})
            )
        self.arrival = (None, packet, None)
        return End(DELIVERED)

    def from_outside(self, packet: Packet) -> End:
        """Send a packet of a host beyond the nodes: it and the underlay's router know only the underlay's addresses."""
        src, dst = packet.ip.src, packet.ip.dst
        uplink = self.fabric.uplinks.get(dst)
        if uplink is None:
            return End("dropped", f"{src} knows no way to {dst}: only the underlay's addresses are known there")
        box = present(self.fabric.box(uplink.node, uplink.netns))
        if self.fabric.underlay.of(src) != self.fabric.underlay.of(dst):
            packet = packet.hopped()
        holder = box.links[uplink.holder]
        packet = packet.framed(UNSEEN_MAC, holder.mac)
        self.hop(box, None, "underlay", packet, None, segment=self.fabric.underlay.of(dst), to=uplink.node)
        if not box.links[uplink.dev].carries:
            return self.drop(box, uplink.dev, packet, f"{uplink.dev} is down")
        return self._taken(box, uplink.dev, packet)
