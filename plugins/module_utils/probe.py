# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Echo requests from inside many namespaces at once: one raw socket for each namespace and family (RFC 792, RFC 4443)."""

from __future__ import annotations

import errno
import ipaddress
import os
import resource
import selectors
import socket
import struct
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Dict, List, Optional

from .kernel import namespaces

# Answers that are not read yet fill a socket's buffer: no more than this many are awaited at one time.
WINDOW = 100
# linux/in.h, linux/in6.h: send with "don't fragment" whatever is known of the path
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_PROBE = 10, 23, 3
IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT = 51, 52
ECHO_REQUEST, ECHO_REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
HEADERS = {4: 28, 6: 48}


@dataclass
class Answer:
    """What came of one target.

    :param ttl: time to live (hop limit) of the answer as it arrived; None: there was none.
    :param rtt: milliseconds.
    :param reason: why it could not even be sent, in the kernel's words.
    """

    target: str
    ttl: Optional[int] = None
    rtt: Optional[float] = None
    reason: str = ""


@dataclass
class Source:
    """A namespace that asks, with one socket for each family of its targets."""

    netns: str
    answers: List[Answer]
    sockets: Dict[int, socket.socket] = field(default_factory=dict)
    sent: Dict[int, float] = field(default_factory=dict)
    token: bytes = field(default_factory=lambda: os.urandom(8))

    def open(self, size):
        """Open the sockets; a namespace that cannot be entered is the reason for each of its targets."""
        try:
            for version in {ipaddress.ip_address(answer.target).version for answer in self.answers}:
                self.sockets[version] = namespaces.inside(self.netns, partial(_socket, version, size))
        except FileNotFoundError:
            for answer in self.answers:
                answer.reason = f"there is no network namespace {self.netns!r}"

    def ask(self, number, size):
        """Send an echo request to target ``number``."""
        answer = self.answers[number]
        version = ipaddress.ip_address(answer.target).version
        self.sent[number] = time.monotonic()
        try:
            self.sockets[version].sendto(_packet(version, self.token, number, size), (answer.target, 0))
            answer.reason = ""
        except OSError as failure:
            answer.reason = "larger than the MTU" if failure.errno == errno.EMSGSIZE else os.strerror(failure.errno)

    def read(self, version):
        """Take in what has arrived."""
        while True:
            try:
                data, ancillary, _flags, _sender = self.sockets[version].recvmsg(1 << 16, 256)
            except BlockingIOError:
                return
            except OSError:  # an error that an earlier packet brought back; its target stays without an answer
                continue
            self._note(version, data, ancillary)

    def _note(self, version, data, ancillary):
        ttl, message = (data[8], data[(data[0] & 15) * 4 :]) if version == 4 else (_hop_limit(ancillary), data)
        if len(message) < 20 or message[0] != ECHO_REPLY[version] or message[8:16] != self.token:
            return
        number = struct.unpack("!I", message[16:20])[0]
        if number in self.sent and self.answers[number].ttl is None:
            self.answers[number].ttl = ttl
            self.answers[number].rtt = round((time.monotonic() - self.sent[number]) * 1000, 3)


def probe(wanted, timeout=2.0, tries=3, size=None):
    """Ask every target of every namespace.

    :param wanted: list of (namespace, list of addresses).
    :param timeout: seconds that a target has to answer, over all tries.
    :param size: length of the IP packet in bytes, sent so that nobody may fragment it; None: the shortest.
    :returns: a list of Answer for each of ``wanted``.
    :raises OSError: a namespace gives us no raw socket.
    """
    sources = [Source(netns, [Answer(target) for target in targets]) for netns, targets in wanted]
    _allow_files(sum(2 for _source in sources) + 64)
    try:
        for source in sources:
            source.open(size)
        most = max((len(source.answers) for source in sources), default=0)
        for start in range(0, most, WINDOW):
            for _attempt in range(tries):
                if not _round(sources, range(start, start + WINDOW), timeout / tries, size):
                    break
    finally:
        for source in sources:
            for opened in source.sockets.values():
                opened.close()
    return [source.answers for source in sources]


def _round(sources, numbers, seconds, size):
    """Ask those of the targets ``numbers`` that have not answered, and wait; return how many still have not."""
    with selectors.DefaultSelector() as selector:
        for source in sources:
            for version, opened in source.sockets.items():
                selector.register(opened, selectors.EVENT_READ, (source, version))
        waiting = [
            (source, number)
            for source in sources
            for number in numbers
            if source.sockets and number < len(source.answers) and source.answers[number].ttl is None
        ]
        for source, number in waiting:
            source.ask(number, size)
        deadline = time.monotonic() + seconds
        while waiting and time.monotonic() < deadline:
            for key, _events in selector.select(max(0, deadline - time.monotonic())):
                source, version = key.data
                source.read(version)
            waiting = [
                (source, number)
                for source, number in waiting
                if source.answers[number].ttl is None and not source.answers[number].reason
            ]
        return sum(
            source.answers[number].ttl is None
            for source in sources
            for number in numbers
            if number < len(source.answers)
        )


def _socket(version, size):
    family, protocol = (
        (socket.AF_INET, socket.IPPROTO_ICMP) if version == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
    )
    opened = socket.socket(family, socket.SOCK_RAW, protocol)
    opened.setblocking(False)
    if version == 6:
        opened.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
    if size:
        level, option = (
            (socket.IPPROTO_IP, IP_MTU_DISCOVER) if version == 4 else (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER)
        )
        opened.setsockopt(level, option, PMTUDISC_PROBE)
    return opened


def _packet(version, token, number, size):
    """Return an echo request; the kernel itself writes the checksum of ICMPv6, which covers addresses that only it knows."""
    body = token + struct.pack("!I", number)
    body += bytes(max(0, (size or 0) - HEADERS[version] - len(body)))
    identifier, sequence = int.from_bytes(token[:2], "big"), number & 0xFFFF
    header = struct.pack("!BBHHH", ECHO_REQUEST[version], 0, 0, identifier, sequence)
    if version == 4:
        header = struct.pack("!BBHHH", ECHO_REQUEST[version], 0, _checksum(header + body), identifier, sequence)
    return header + body


def _checksum(data):
    """Return the Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _hop_limit(ancillary):
    for level, sort, data in ancillary:
        if level == socket.IPPROTO_IPV6 and sort == IPV6_HOPLIMIT:
            return struct.unpack("i", data[:4])[0]
    return 0


def _allow_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(count, soft), hard), hard))
