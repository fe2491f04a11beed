# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gratuitous ARP and unsolicited neighbor advertisements, sent to a whole L2 by packet(7).

Without them neighbors keep a stale MAC address for up to 40 s: 30 s until they probe, and then three probes to that address
alone (neigh_timer_handler, net/core/neighbour.c).
"""

from __future__ import annotations

import socket
import struct
import time
from functools import partial
from typing import Dict, Iterable, List, Tuple

from . import namespaces

# linux/if_ether.h
ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD
BROADCAST, ALL_NODES_MAC = b"\xff" * 6, bytes.fromhex("333300000001")
ALL_NODES = socket.inet_pton(socket.AF_INET6, "ff02::1")
# RFC 4861, 4.4: neighbor advertisement; the flag that overrides cache entries; option "target link-layer address"
NEIGHBOR_ADVERTISEMENT, OVERRIDE, TARGET_ADDRESS = 136, 1 << 29, 2

# A link that has just come up drops frames until linkwatch (net/core/link_watch.c) has run, some milliseconds later.
TIMES, PAUSE_SECONDS = 2, 0.03


def frame(mac: str, address: str) -> bytes:
    """Return the frame that announces ``address`` at ``mac``."""
    own = bytes.fromhex(mac.replace(":", ""))
    return _advertisement(own, address) if ":" in address else _gratuitous_arp(own, address)


def announce(holders: Iterable[Tuple[str, str, str, str]]) -> None:
    """Announce each of ``holders``, ``(namespace, link, MAC address, address)``, on its link.

    Frames that cannot be sent are left out: neighbors then find out by themselves, later.
    """
    by_netns: Dict[str, List[Tuple[str, bytes]]] = {}
    for netns, link, mac, address in holders:
        by_netns.setdefault(netns, []).append((link, frame(mac, address)))
    for number in range(TIMES):
        time.sleep(PAUSE_SECONDS * bool(number))
        for netns, frames in by_netns.items():
            try:
                namespaces.in_netns(netns, partial(_send, frames))
            except OSError:
                continue


def _send(frames):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        for link, data in frames:
            try:
                out.sendto(data, (link, 0))
            except OSError:
                continue


def _gratuitous_arp(mac, address):
    """RFC 5227, 2.3: a request for one's own address, by which arp_process (net/ipv4/arp.c) updates its entry at once."""
    ip = socket.inet_pton(socket.AF_INET, address)
    header = struct.pack("!6s6sH", BROADCAST, mac, ETH_P_ARP)
    return header + struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac, ip, bytes(6), ip)


def _advertisement(mac, address):
    """RFC 4861, 7.2.6: an unsolicited advertisement to all nodes."""
    ip = socket.inet_pton(socket.AF_INET6, address)
    body = struct.pack("!BBHI16sBB6s", NEIGHBOR_ADVERTISEMENT, 0, 0, OVERRIDE, ip, TARGET_ADDRESS, 1, mac)
    pseudo = ip + ALL_NODES + struct.pack("!I3xB", len(body), socket.IPPROTO_ICMPV6)
    body = body[:2] + struct.pack("!H", _checksum(pseudo + body)) + body[4:]
    packet = struct.pack("!IHBB16s16s", 6 << 28, len(body), socket.IPPROTO_ICMPV6, 255, ip, ALL_NODES) + body
    return struct.pack("!6s6sH", ALL_NODES_MAC, mac, ETH_P_IPV6) + packet


def _checksum(data):
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
