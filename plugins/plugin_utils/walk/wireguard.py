# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard: allowed IPs choose the peer on the way out, and check the source on the way in. Pure Python.

Sources: wg_xmit (drivers/net/wireguard/device.c), calculate_skb_padding and encrypt_packet (send.c),
wg_packet_consume_data_done (receive.c), wg_allowedips_lookup_src (allowedips.c).
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from . import entries
from .box import Box
from .lookup import split, version_of
from .packet import DEFAULT_TTL, IP_BYTES, L4, UDP_BYTES, Ip, Packet, Seal
from .state import Link
from .trip import End
from .tunnels import Tunnels

# drivers/net/wireguard/messages.h: the header of a message, and the tag of what is encrypted; a packet is padded before
DATA_BYTES, PADDING = 32, 16
Peer = Dict[str, Any]


class Wireguard(Tunnels):
    """What is encrypted for one peer, and accepted from one."""

    def encapsulate(self, box: Box, dev: str, frame: Packet, nexthop: Optional[str] = None) -> End:
        link = box.links[dev]
        if link.type != "wireguard":
            return super().encapsulate(box, dev, frame, nexthop)
        peer = peer_for(link, frame.ip.dst)
        if peer is None:
            why = f"no peer of {dev} has {frame.ip.dst} among its allowed IPs"
            return self.drop(box, dev, frame, why, entries.link(box, link))
        entry = entries.wireguard_peer(box, link, peer)
        if not link.more.get("public_key"):
            return self.drop(box, dev, frame, f"{dev} has no private key", entries.link(box, link))
        if not peer.get("endpoint"):
            return self.drop(box, dev, frame, f"the peer {peer['public_key']} has no endpoint", entry)
        return self._send_outer(box, link, self._sealed(link, peer, frame), entry)

    @staticmethod
    def _sealed(link: Link, peer: Peer, packet: Packet) -> Packet:
        address, _colon, port = peer["endpoint"].rpartition(":")
        remote = address.strip("[]")
        version = version_of(remote)
        padding = max(0, min(-packet.ip.size % PADDING, link.mtu - packet.ip.size))
        size = packet.ip.size + padding + DATA_BYTES + UDP_BYTES + IP_BYTES[version]
        return Packet(
            Ip(version, "", remote, DEFAULT_TTL, "udp", size),
            L4("udp", link.more.get("listen_port"), int(port)),
            inner=packet._replace(src=None, dst=None),
            seal=Seal(link.more["public_key"], peer["public_key"], peer.get("preshared_key", ""), padding),
            fragments=True,
        )

    def decapsulate(self, box: Box, dev: str, packet: Packet) -> End:
        seal, inner = packet.seal, packet.inner
        if seal is None or inner is None:
            return super().decapsulate(box, dev, packet)
        port = packet.l4.dport if packet.l4 else None
        links = [link for link in box.links.values() if link.type == "wireguard"]
        link = next((one for one in links if one.up and one.more.get("listen_port") == port), None)
        if link is None:
            return self.drop(box, dev, packet, f"no WireGuard device of this namespace listens on port {port}")
        if link.more.get("public_key") != seal.receiver:
            why = f"the packet is encrypted for the public key {seal.receiver}, and {link.name} has another"
            return self.drop(box, link.name, packet, why, entries.link(box, link))
        peer = next((one for one in link.more.get("peers", ()) if one["public_key"] == seal.sender), None)
        if peer is None:
            why = f"{link.name} has no peer with the public key {seal.sender}"
            return self.drop(box, link.name, packet, why, entries.link(box, link))
        entry = entries.wireguard_peer(box, link, peer)
        if peer.get("preshared_key", "") != seal.preshared:
            why = f"the two ends have different preshared keys for {link.name}"
            return self.drop(box, link.name, packet, why, entry)
        allowed = peer_for(link, inner.ip.src)
        if allowed is not peer:
            why = f"the source {inner.ip.src} is not among the allowed IPs of the peer that sends"
            return self.drop(box, link.name, packet, why, entry, "check")
        self.hop(box, link.name, "decapsulate", packet, entry)
        return self.receive(box, link.name, inner)


def peer_for(link: Link, address: str) -> Optional[Peer]:
    """Return the peer of a device whose allowed IPs have the longest prefix that contains ``address``, or None."""
    best: Optional[Peer] = None
    longest = -1
    version, bits, number = split(address)
    for peer in link.more.get("peers", ()):
        for prefix in peer["allowed_ips"]:
            other, length, value = split(prefix)
            if other == version and length > longest and number >> (bits - length) == value:
                best, longest = peer, length
    return best
