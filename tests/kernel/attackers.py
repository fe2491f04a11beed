# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames that an endpoint should not send, byte by byte, and who sees them (RFC 826, 791, 768, 2131, 4861, 7348, 2003)."""

from __future__ import annotations

import ipaddress
import socket
import struct
import time

from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import namespaces

BROADCAST = "ff:ff:ff:ff:ff:ff"
ETH_P_ALL, IPV4, ARP, IPV6 = 3, 0x0800, 0x0806, 0x86DD
UDP, ICMPV6, IPIP = 17, 58, 4
# a payload that nothing else sends
MARK = b"nodenet attack!!"


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def ether(source, target, kind, payload):
    return mac_bytes(target) + mac_bytes(source) + struct.pack("!H", kind) + payload


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def packet(source, target, protocol, payload, hops=64):
    """An IPv4 or IPv6 packet."""
    ends = [ipaddress.ip_address(one).packed for one in (source, target)]
    if len(ends[0]) == 16:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops) + b"".join(ends) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, hops, protocol, 0) + b"".join(ends)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(source, target, sport, dport, payload):
    return packet(source, target, UDP, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload)


def icmpv6(source, target, payload, hops=255):
    ends = b"".join(ipaddress.ip_address(one).packed for one in (source, target))
    pseudo = ends + struct.pack("!IHBB", len(payload), 0, 0, ICMPV6)
    whole = payload[:2] + struct.pack("!H", checksum(pseudo + payload)) + payload[4:]
    return packet(source, target, ICMPV6, whole, hops)


def arp_reply(mac, address, to_mac, to_address):
    """``address`` is at ``mac``."""
    ends = [part for pair in ((mac, address), (to_mac, to_address)) for part in pair]
    packed = [mac_bytes(one) if ":" in one else ipaddress.ip_address(one).packed for one in ends]
    return ether(mac, to_mac, ARP, struct.pack("!HHBBH", 1, IPV4, 6, 4, 2) + b"".join(packed))


def advertisement(mac, source, address, to_mac, to_address):
    """ND: ``address`` is at ``mac``; solicited, override (RFC 4861, 4.4)."""
    body = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + ipaddress.ip_address(address).packed
    return ether(mac, to_mac, IPV6, icmpv6(source, to_address, body + b"\x02\x01" + mac_bytes(mac)))


def router(mac, source):
    """A router advertisement with a lifetime (RFC 4861, 4.2)."""
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + b"\x01\x01" + mac_bytes(mac)
    return ether(mac, "33:33:00:00:00:01", IPV6, icmpv6(source, "ff02::1", body))


def vxlan(frame, vni):
    return struct.pack("!II", 1 << 27, vni << 8) + frame


def send(netns, dev, frame, count=3):
    """Send a frame as it is from a device of a namespace."""

    def body():
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
            link.bind((dev, 0))
            for _number in range(count):
                link.send(frame)

    namespaces.in_netns(netns, body)


class Seen:
    """What arrives at a device while the block runs."""

    def __init__(self, netns, dev, wait=0.25):
        self.wait = wait
        self.frames = []

        def body():
            link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            link.bind((dev, ETH_P_ALL))
            link.settimeout(0.05)
            return link

        self.link = namespaces.in_netns(netns, body)

    def __enter__(self):
        return self

    def __exit__(self, *_failure):
        until = time.monotonic() + self.wait
        while time.monotonic() < until:
            try:
                frame, (_dev, _kind, direction, *_rest) = self.link.recvfrom(65536)
            except socket.timeout:
                continue
            if direction != socket.PACKET_OUTGOING:
                self.frames.append(frame)
        self.link.close()

    def has(self, part):
        return any(part in frame for frame in self.frames)
