# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames: veth pairs and bridges. Pure Python.

Sources: is_skb_forwardable and __dev_forward_skb (net/core/dev.c), br_handle_frame (net/bridge/br_input.c), should_deliver and
br_flood (net/bridge/br_forward.c), br_dev_xmit (net/bridge/br_device.c), br_fdb_update (net/bridge/br_fdb.c), br_nf_forward
(net/bridge/br_netfilter_hooks.c).
"""

from __future__ import annotations

from functools import partial
from typing import List, Optional, Tuple

from . import entries
from .box import Box, is_group
from .packet import BROADCAST, Packet
from .trip import IGNORED, MOST_TRANSMISSIONS, NOT_MINE, End, Trip

# is_skb_forwardable lets a VLAN tag's bytes pass beyond the MTU
VLAN_BYTES = 4


class Ethernet(Trip):
    """How frames get from one device to another."""

    def transmit(self, box: Box, dev: str, frame: Packet) -> End:
        end = self._held(box, dev, frame)
        if end is not None:
            return end
        link = box.links[dev]
        if frame.dst and is_group(frame.dst):
            seen = box.key, dev, frame
            if seen in self.flooded:
                return NOT_MINE
            self.flooded.add(seen)
        self.hop(box, dev, "out", frame)
        if link.type in ("vxlan", "ipip", "wireguard"):
            return self.encapsulate(box, dev, frame)
        if link.type == "bridge":
            return self._from_bridge(box, dev, frame)
        peer = self.fabric.peer(box, link)
        if peer is None:
            return self.beyond(box, dev, frame)
        other = peer.box.links[peer.dev]
        if not other.up:
            return self.drop(peer.box, peer.dev, frame, f"{peer.dev} is down", entries.link(peer.box, other))
        end = self._fits(peer.box, peer.dev, frame)
        return end or self.receive(peer.box, peer.dev, frame)

    def _held(self, box: Box, dev: str, frame: Packet) -> Optional[End]:
        """Return the end of a frame that does not leave by a device, or None."""
        link = box.links.get(dev)
        if link is None:
            return self.unknown(box, dev, frame, f"the device {dev!r} is not known")
        if not link.carries:
            why = "is down" if not link.up else "has no carrier"
            return self.drop(box, dev, frame, f"{dev} {why}", entries.link(box, link))
        if box.state.unknown and box.unread(dev):
            return self.unknown(box, dev, frame, box.unread(dev))
        self.transmissions += 1
        if self.transmissions > MOST_TRANSMISSIONS:
            return self.drop(box, dev, frame, "the frame circles: bridges are connected twice")
        return None

    def _fits(self, box, dev, frame, spare=VLAN_BYTES):
        """Return the end of a frame that is too long for the device that it is passed to, or None."""
        link = box.links[dev]
        self.limit(frame, link.mtu + spare)
        if frame.whole > link.mtu + spare:
            why = f"the packet has {frame.whole} bytes, and {dev} an MTU of {link.mtu}"
            return self.drop(box, dev, frame, why, entries.mtu(box, link), "check")
        return None

    def receive(self, box: Box, dev: str, frame: Packet) -> End:
        link = box.links[dev]
        if not link.up:
            return self.drop(box, dev, frame, f"{dev} is down", entries.link(box, link))
        self.hop(box, dev, "in", frame)
        if box.state.unknown and box.unread(dev):
            return self.unknown(box, dev, frame, box.unread(dev))
        if box.nft_frames():
            rule = box.nft_frames()[0]
            return self.unknown(
                box, dev, frame, f"the rule {rule.text!r} of {rule.family} may decide", entries.nft(box, rule)
            )
        if link.master:
            return self._at_port(box, dev, link.master, frame)
        return self.up(box, dev, frame) if box.accepts(frame, dev) else NOT_MINE

    # --- bridges ---

    def _at_port(self, box, port, bridge, frame):
        """br_handle_frame_finish: a frame arrives at a port."""
        own, link = box.links.get(bridge), box.links[port]
        if own is None or own.type != "bridge" or own.more.get("vlan_filtering"):
            what = "filters VLANs" if own is not None and own.type == "bridge" else "is no bridge"
            return self.unknown(
                box, port, frame, f"{bridge}, the master of {port}, {what}: the model does not know what it does"
            )
        if not own.up:
            return self.drop(box, bridge, frame, f"{bridge} is down", entries.link(box, own))
        state = link.more.get("state", "forwarding")
        if state not in ("forwarding", "learning"):
            return self.drop(box, port, frame, f"the port {port} is {state}", entries.port(box, link, "state"))
        end = self.framed(box, "prerouting", frame, port)
        if end is not None:
            return end
        refusal = self._learn(box, link, bridge, frame)
        if refusal or state == "learning":
            return refusal or self.drop(
                box, port, frame, f"the port {port} is learning", entries.port(box, link, "state")
            )
        if is_group(frame.dst):
            self.best_of(
                [partial(self._up_from, box, port, bridge, frame), partial(self._flood, box, bridge, port, frame)]
            )
            return NOT_MINE
        if self._is_local(box, bridge, frame.dst):
            return self._up_from(box, port, bridge, frame) if frame.dst in (own.mac, link.mac) else NOT_MINE
        frame, end = self._bridged(box, bridge, frame)
        return end or self._to_ports(box, bridge, port, frame)

    def _up_from(self, box, port, bridge, frame):
        end = self.framed(box, "input", frame, port)
        if end is not None:
            return end
        self.hop(box, bridge, "in", frame)
        return self.up(box, bridge, frame)

    def _learn(self, box, link, bridge, frame):
        """br_fdb_update: also a static entry moves to the port where its MAC address is seen, unless it is the bridge's own."""
        entry = box.bridge_fdb.get((bridge, frame.src))
        key = box.key, bridge, frame.src
        if link.more.get("locked") and self.learned.get(key, entry.dev if entry else None) != link.name:
            why = f"the port {link.name} is locked, and no entry has {frame.src} behind it"
            return self.drop(box, link.name, frame, why, entries.port(box, link, "locked"))
        if link.more.get("port_learning", True) and not self._is_local(box, bridge, frame.src):
            self.learned[key] = link.name
        return None

    @staticmethod
    def _is_local(box, bridge, mac):
        """Say whether a frame to a MAC address is the bridge's own: it has a permanent entry, as for the addresses of its ports."""
        entry = box.bridge_fdb.get((bridge, mac))
        if entry is not None or bridge in box.own_macs:
            return entry is not None and entry.state == "permanent"
        return mac == box.links[bridge].mac or any(box.links[port].mac == mac for port in box.ports.get(bridge, ()))

    def _bridged(self, box, bridge, frame):
        """Pass a bridged IP packet through the chains of the IP layer, if the sysctl says so (br_netfilter)."""
        if not self._is_called(box, frame):
            return frame, None
        before = frame.ip.dst
        for hook, iif, oif in (
            ("prerouting", bridge, None),
            ("forward", bridge, bridge),
            ("postrouting", None, bridge),
        ):
            frame, end = self.hooked(box, hook, frame, iif, oif)
            if end is not None:
                return frame, end
            if hook == "prerouting" and frame.ip.dst != before:
                return frame, self.unknown(
                    box, bridge, frame, f"NAT changes a packet that {bridge} forwards to {frame.dst}"
                )
        return frame, None

    @staticmethod
    def _is_called(box, frame):
        """Say whether bridged packets of that protocol pass Netfilter."""
        family = {4: "iptables", 6: "ip6tables"}[frame.ip.version]
        return frame.ip.protocol != "arp" and box.sysctls.get(f"net.bridge.bridge-nf-call-{family}", "0") != "0"

    def _by_port(self, box, incoming, port, frame):
        """Send a frame by a port. What has passed Netfilter must be within the MTU, or is cut (br_nf_dev_queue_xmit)."""
        end = self.framed(box, "forward", frame, incoming, port) if incoming else None
        if end is not None:
            return end
        spare = 0 if incoming and self._is_called(box, frame) else VLAN_BYTES
        if not spare and frame.fragments and frame.whole > box.links[port].mtu:
            frame = frame._replace(piece=box.links[port].mtu)
        return self._fits(box, port, frame, spare) or self.transmit(box, port, frame)

    def _from_bridge(self, box, bridge, frame):
        """br_dev_xmit: the node itself sends by its bridge, also to the MAC address of a port by that port."""
        if is_group(frame.dst):
            return self._flood(box, bridge, None, frame)
        entry = box.bridge_fdb.get((bridge, frame.dst))
        if entry.dev == bridge if entry is not None else frame.dst == box.links[bridge].mac:
            return self.drop(box, bridge, frame, f"{frame.dst} is the MAC address of {bridge} itself")
        return self._to_ports(box, bridge, None, frame)

    def _to_ports(self, box: Box, bridge: str, incoming: Optional[str], frame: Packet) -> End:
        port, entry = self._behind(box, bridge, frame.dst or BROADCAST)
        if port is None:
            return self._flood(box, bridge, incoming, frame)
        why, setting = self._refusal(box, incoming, port)
        if why:
            link = box.links[setting[0]] if setting else None
            return self.drop(
                box, bridge, frame, why, entries.port(box, link, setting[1]) if link and setting else None, "bridge"
            )
        self.hop(box, bridge, "bridge", frame, entry, port=port)
        return self._by_port(box, incoming, port, frame)

    def _behind(self, box, bridge, mac):
        """Return the port behind which a MAC address is, and the entry that says so."""
        entry = box.bridge_fdb.get((bridge, mac))
        learned = self.learned.get((box.key, bridge, mac))
        if learned is not None and (entry is None or entry.dev != learned):
            return learned, entries.learned(box, bridge, learned, mac)
        if entry is None or entry.dev not in box.links or entry.dev == bridge:
            return None, None
        return entry.dev, entries.fdb(box, entry)

    @staticmethod
    def _refusal(box: Box, incoming: Optional[str], port: str) -> Tuple[str, Optional[Tuple[str, str]]]:
        """Return why a port does not get a frame from another, and the port and setting that decide; "": it does."""
        link = box.links[port]
        if port == incoming and not link.more.get("hairpin"):
            return f"the frame came by {port}, and would leave by it", (port, "hairpin")
        if link.more.get("state", "forwarding") != "forwarding":
            return f"the port {port} is {link.more.get('state')}", (port, "state")
        if incoming and link.more.get("isolated") and box.links[incoming].more.get("isolated"):
            return f"the ports {incoming} and {port} are isolated from each other", (port, "isolated")
        return "", None

    def _flood(self, box: Box, bridge: str, incoming: Optional[str], frame: Packet) -> End:
        """Send a frame to every port: one of a group, or for a MAC address that the bridge has not learned.

        What the node itself sends to a group goes to ports without bcast_flood and mcast_flood as well (br_flood).
        """
        group = frame.dst is not None and is_group(frame.dst)
        flag = "flood" if not group else "bcast_flood" if frame.dst == BROADCAST else "mcast_flood"
        ports: List[str] = [
            port
            for port in box.ports.get(bridge, ())
            if (box.links[port].more.get(flag, True) or (group and incoming is None))
            and not self._refusal(box, incoming, port)[0]
            and box.links[port].carries
        ]
        self.hop(
            box, bridge, "bridge", frame, None, "flooded: the bridge has no entry" if not group else "", port=ports
        )
        end = self.best_of([partial(self._out_of, box, incoming, port, frame) for port in ports])
        if group:
            return NOT_MINE
        if end is not None and end.verdict != IGNORED:
            return end
        return NOT_MINE

    def _out_of(self, box, incoming, port, frame):
        if incoming and frame.dst and is_group(frame.dst):
            frame, end = self._bridged(box, box.links[port].master, frame)
            if end is not None:
                return NOT_MINE
        return self._by_port(box, incoming, port, frame)
