# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Echo requests, replies and errors as bytes (RFC 792, RFC 4443)."""

from __future__ import annotations

import socket
import struct
from typing import Iterator, Optional, Tuple

# linux/in.h, linux/in6.h: set "don't fragment" and ignore the known path MTU
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_PROBE = 10, 23, 3
IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT = 51, 52
# linux/icmp.h, linux/icmpv6.h: each set bit blocks that type on the socket
SOL_RAW, ICMP_FILTER, ICMPV6_FILTER = 255, 1, 1
REQUEST, REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
HEADERS = {4: 28, 6: 48}
# (type, code) of an error -> its text; None: any other code
ERRORS = {
    4: {
        (3, 0): "network unreachable",
        (3, 1): "host unreachable",
        (3, 4): "packet too big",
        (3, 9): "administratively prohibited",
        (3, 10): "administratively prohibited",
        (3, 13): "administratively prohibited",
        (3, None): "destination unreachable",
        (11, None): "time to live exceeded",
    },
    6: {
        (1, 0): "no route",
        (1, 1): "administratively prohibited",
        (1, 3): "address unreachable",
        (1, None): "destination unreachable",
        (2, None): "packet too big",
        (3, None): "hop limit exceeded",
    },
}


def version(address: str) -> int:
    """Return 4 or 6."""
    return 6 if ":" in address else 4


def open_socket(of: int, size: Optional[int]) -> socket.socket:
    """Return a raw socket of IP version ``of`` for echo requests, in the calling thread's namespace.

    :param size: if set, packets are unfragmentable.
    :raises OSError: it cannot be opened.
    """
    family, protocol = (socket.AF_INET, socket.IPPROTO_ICMP) if of == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
    opened = socket.socket(family, socket.SOCK_RAW, protocol)
    opened.setblocking(False)
    # A raw socket receives all ICMP packets, also requests, and its buffer is small.
    passed = {REPLY[of], *(kind for kind, _code in ERRORS[of])}
    words = [sum(1 << bit for bit in range(32) if word * 32 + bit not in passed) for word in range(8)]
    if of == 4:
        opened.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", words[0]))
    else:
        opened.setsockopt(socket.IPPROTO_ICMPV6, ICMPV6_FILTER, struct.pack("=8I", *words))
        opened.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
    if size:
        level, option = (socket.IPPROTO_IP, IP_MTU_DISCOVER) if of == 4 else (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER)
        opened.setsockopt(level, option, PMTUDISC_PROBE)
    return opened


def request(of: int, token: bytes, number: int, size: Optional[int]) -> bytes:
    """Return an echo request that carries ``token`` (8 bytes) and ``number``; the IP packet has ``size`` bytes, if set.

    The kernel fills in the checksum of ICMPv6, which covers the source address.
    """
    body = token + struct.pack("!I", number)
    body += bytes(max(0, (size or 0) - HEADERS[of] - len(body)))
    words = (int.from_bytes(token[:2], "big"), number & 0xFFFF)
    header = struct.pack("!BBHHH", REQUEST[of], 0, 0, *words)
    if of == 4:
        header = struct.pack("!BBHHH", REQUEST[of], 0, checksum(header + body), *words)
    return header + body


def arrived(opened: socket.socket, of: int, token: bytes) -> Iterator[Tuple[int, Optional[int], str]]:
    """Yield (number of the request, TTL or None, error) of all replies and errors for requests with ``token``."""
    while True:
        try:
            data, ancillary, _flags, sender = opened.recvmsg(1 << 16, 256)
        except BlockingIOError:
            return
        except OSError:  # an error of an earlier packet; its target stays without a reply
            continue
        message = data[(data[0] & 15) * 4 :] if of == 4 else data
        if len(message) < 8:
            continue
        if message[0] == REPLY[of]:
            if message[8:16] == token and len(message) >= 20:
                yield struct.unpack_from("!I", message, 16)[0], data[8] if of == 4 else _hop_limit(ancillary), ""
        else:
            number = _quoted(message[8:], of, token)
            if number is not None:
                yield number, None, f"{sender[0]} says: {_error(message, of)}"


def _quoted(packet, of, token):
    """Return the number of the request that an error quotes, or None: not one of ours."""
    inner = packet[(packet[0] & 15) * 4 :] if of == 4 and packet else packet[40:]
    if len(inner) < 8 or inner[0] != REQUEST[of] or inner[4:6] != token[:2]:
        return None
    if len(inner) >= 20:
        return struct.unpack_from("!I", inner, 16)[0] if inner[8:16] == token else None
    return struct.unpack_from("!H", inner, 6)[0]


def _error(message, of):
    kind, code = message[0], message[1]
    return ERRORS[of].get((kind, code)) or ERRORS[of].get((kind, None), f"error {kind}.{code}")


def _hop_limit(ancillary):
    for level, sort, data in ancillary:
        if level == socket.IPPROTO_IPV6 and sort == IPV6_HOPLIMIT:
            return struct.unpack("i", data[:4])[0]
    return 0


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
