# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path MTU between nodes, and the encapsulation of packets on the underlay."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass, field
from typing import List, NamedTuple, Optional, Sequence, Tuple

from ..kernel.netlink import Netlink
from .encapsulation import PLAIN, PROTOCOLS, WIREGUARD
from .encapsulation import UDP as UDP_WORD
from .ping import probe

# linux/if_ether.h, linux/in.h, linux/if_packet.h
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
UDP, ICMP, IPV6_IN, ICMPV6 = 17, 1, 41, 58
ETHERNET, IPV6_HEADER = 14, 40
# Receive buffer for the frames of all paths; bytes that are read of each
BUFFER, SNAP = 1 << 22, 512
MOST_ERRORS = 6  # a router sends six ICMP errors to one host at once, and then one a second (icmp_ratelimit)
FRAGMENT = 44  # RFC 8200, 4.5: the fragment header
# drivers/net/wireguard/messages.h: message_data with its header and tag; it is padded to a multiple of 16
DATA, DATA_BYTES, PADDING, UDP_HEADER = b"\x04\0\0\0", 32, 16, 8


class Sealed(NamedTuple):
    """A frame whose packet only its receiver can read: where it goes, and the length of its message in bytes."""

    address: bytes
    port: int
    length: int


@dataclass
class Path:
    """A path to measure, and the result.

    :param netns: reference of the source namespace.
    :param address: address of the target.
    :param mtu: length of a packet that must pass.
    :param larger: length of a packet that must not pass; its sender must get an ICMP error.
    :param underlay: addresses of the node, on whose interfaces packets are captured.
    :param tunnel_end: address of the peer's node, if packets to it are encrypted; ``tunnel_port`` the UDP port of its tunnel.
    :param larger_vanishes: there was no ICMP error, without which no sender learns the path MTU (RFC 1191).
    """

    netns: str
    address: str
    mtu: int
    larger: int
    underlay: List[str]
    tunnel_end: Optional[str] = None
    tunnel_port: Optional[int] = None
    passes: bool = False
    larger_passes: bool = False
    larger_vanishes: bool = False
    reason: str = ""
    wire: List[str] = field(default_factory=list)


def measure(paths: List[Path], timeout: float) -> None:
    """Measure ``paths``, and set their results.

    :param timeout: seconds to wait for a reply.
    :raises PermissionError: not allowed to capture on the underlay.
    """
    groups = {}
    for path in paths:
        groups.setdefault((path.netns, path.mtu, path.larger, tuple(path.underlay)), []).append(path)
    for (netns, mtu, more, underlay), group in groups.items():
        targets = [path.address for path in group]
        token = os.urandom(8)
        listeners = [_listen(name) for name in _interfaces(underlay)]
        try:
            answers = probe([(netns, targets)], timeout, size=mtu, token=token)[0]
            for listener in listeners:
                for frame in _frames(listener):
                    for path, word in carried(frame, token, group):
                        if word not in path.wire:
                            path.wire.append(word)
        finally:
            for listener in listeners:
                listener.close()
        larger = probe([(netns, targets)], timeout, tries=1, size=more)[0]
        limited = len(group) > MOST_ERRORS and any(answer.reason for answer in larger)
        for path, answer, refused in zip(group, answers, larger):
            path.passes, path.reason = answer.ttl is not None, answer.reason
            path.larger_passes = refused.ttl is not None
            path.larger_vanishes = path.passes and not (path.larger_passes or refused.reason or limited)


def _interfaces(addresses: Sequence[str]) -> List[str]:
    """Return the names of the node's interfaces that have one of ``addresses``."""
    netlink = Netlink()
    try:
        found = {fields["index"] for fields, attrs in netlink.dump("", "addr") if attrs.get("IFA_ADDRESS") in addresses}
    finally:
        netlink.close()
    return [socket.if_indextoname(index) for index in sorted(found)]


def _listen(name):
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    listener.bind((name, ETH_P_ALL))
    listener.setblocking(False)
    return listener


def _frames(listener):
    """Yield the captured frames."""
    while True:
        try:
            yield listener.recv(SNAP)
        except BlockingIOError:
            return


def carried(frame: bytes, token: bytes, group: Sequence[Path]) -> List[Tuple[Path, str]]:
    """Return the paths of ``group`` of which a frame carries a packet, each with its encapsulation.

    A packet is known by ``token``, with the number of its path after it; one that nobody can read by its peer and its length.
    """
    place = frame.find(token)
    if place >= 0 and len(frame) >= place + 12:
        number = struct.unpack_from("!I", frame, place + 8)[0]
        return [(group[number], outermost(frame))] if number < len(group) else []
    found = sealed(frame)
    if found is None:
        return []
    word = f"{WIREGUARD}:{found.port}"
    return [(path, word) for path in group if path.tunnel_end and _is_between(path, found)]


def _is_between(path, found):
    version = socket.AF_INET6 if ":" in path.tunnel_end else socket.AF_INET
    there = socket.inet_pton(version, path.tunnel_end) == found.address and path.tunnel_port == found.port
    return there and 0 <= found.length - DATA_BYTES - path.mtu < PADDING


def sealed(frame: bytes) -> Optional[Sealed]:
    """Return where a frame goes that has a data message of WireGuard, or None: it is another, or a fragment."""
    word = outermost(frame).partition(":")
    if word[0] != UDP_WORD:
        return None
    if struct.unpack_from("!H", frame, 12)[0] == ETH_P_IPV6:
        start, address = ETHERNET + IPV6_HEADER, frame[ETHERNET + 24 : ETHERNET + 40]
    else:
        start, address = ETHERNET + (frame[ETHERNET] & 15) * 4, frame[ETHERNET + 16 : ETHERNET + 20]
    (length,) = struct.unpack_from("!H", frame, start + 4)
    data = frame[start + UDP_HEADER : start + UDP_HEADER + len(DATA)]
    return Sealed(address, int(word[2]), length - UDP_HEADER) if data == DATA else None


def outermost(frame: bytes) -> str:
    """Return the encapsulation by a frame's outermost IP header: plain, ipip, udp:PORT, protocol NUMBER, fragments of one."""
    (kind,) = struct.unpack_from("!H", frame, 12)
    if kind == ETH_P_IP:
        protocol, start = frame[ETHERNET + 9], ETHERNET + (frame[ETHERNET] & 15) * 4
        split = struct.unpack_from("!H", frame, ETHERNET + 6)[0] & 0x3FFF  # more fragments, or not the first (RFC 791)
    elif kind == ETH_P_IPV6:
        protocol, start = frame[ETHERNET + 6], ETHERNET + IPV6_HEADER
        split = protocol == FRAGMENT
        if split:
            protocol, start = frame[start], start + 8
    else:
        return f"ethertype {kind:#06x}"
    if protocol == UDP:
        word = f"udp:{struct.unpack_from('!H', frame, start + 2)[0]}"
    else:
        carriers = {number: word for word, (number, _title, _names) in PROTOCOLS.items()}
        names = {ICMP: PLAIN, ICMPV6: PLAIN, IPV6_IN: "ip6ip", **carriers}
        word = names.get(protocol, f"protocol {protocol}")
    return f"fragments of {word}" if split else word
