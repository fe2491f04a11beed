# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a way between nodes carries: the largest packet that passes unfragmented, and how it looks on the underlay's wire."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass, field
from typing import List

from ..kernel.netlink import Netlink
from .ping import probe

# linux/if_ether.h, linux/in.h, linux/if_packet.h
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
IPIP, UDP, ICMP, IPV6_IN, ICMPV6 = 4, 17, 1, 41, 58
ETHERNET, IPV6_HEADER = 14, 40
# Room for the frames of all paths until they are read, and no more of a frame than is looked at
BUFFER, SNAP = 1 << 22, 512
MOST_TOLD = 6
FRAGMENT = 44  # RFC 8200, 4.5: a header before that of what is in fragments


@dataclass
class Path:
    """One way to be proven.

    :param netns: reference of the namespace that asks.
    :param address: of the target.
    :param mtu: bytes that must pass.
    :param larger: bytes that must not, and that a sender must be told of.
    :param underlay: addresses of the node, whose interfaces are listened to.
    :param larger_vanishes: nobody says that it is too large, without which no sender learns the size (RFC 1191).
    """

    netns: str
    address: str
    mtu: int
    larger: int
    underlay: List[str]
    passes: bool = False
    larger_passes: bool = False
    larger_vanishes: bool = False
    reason: str = ""
    wire: List[str] = field(default_factory=list)


def measure(paths, timeout):
    """Fill in what each of ``paths`` proves to be.

    :param timeout: seconds that a target has to answer.
    :raises PermissionError: we may not listen on the underlay.
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
                for number, word in _seen(listener, token):
                    if number < len(group) and word not in group[number].wire:
                        group[number].wire.append(word)
        finally:
            for listener in listeners:
                listener.close()
        larger = probe([(netns, targets)], timeout, tries=1, size=more)[0]
        # a router may say it to one sender six times at once, and once a second then (icmp_ratelimit)
        told = len(group) > MOST_TOLD and any(answer.reason for answer in larger)
        for path, answer, refused in zip(group, answers, larger):
            path.passes, path.reason = answer.ttl is not None, answer.reason
            path.larger_passes = refused.ttl is not None
            path.larger_vanishes = path.passes and not (path.larger_passes or refused.reason or told)


def _interfaces(addresses):
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


def _seen(listener, token):
    """Yield (number of the request, how it looked) for each frame that carries ``token``."""
    while True:
        try:
            frame = listener.recv(SNAP)
        except BlockingIOError:
            return
        place = frame.find(token)
        if place >= 0 and len(frame) >= place + 12:
            yield struct.unpack_from("!I", frame, place + 8)[0], outermost(frame)


def outermost(frame):
    """Return what an Ethernet frame carries by its outermost IP header: plain, ipip, udp:PORT, a number, fragments of these."""
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
        names = {ICMP: "plain", ICMPV6: "plain", IPIP: "ipip", IPV6_IN: "ip6ip"}
        word = names.get(protocol, f"protocol {protocol}")
    return f"fragments of {word}" if split else word
