# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Echo requests from inside many namespaces at once: one raw socket for each namespace and family (RFC 792, RFC 4443)."""

from __future__ import annotations

import errno
import os
import resource
import selectors
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Dict, List, Optional

from ..kernel import namespaces
from . import icmp
from .neighbor_cache import Neighbors

# One that has not answered after so many seconds makes room for the next; it is asked again when all have been asked.
GRACE = 0.02
# Unread answers fill a socket's buffer: so many are asked at one time at most.
ROOM = 256
# The question for a neighbor's address goes to every port of its bridge, and the kernel drops what it has not taken in
# by then (net.core.netdev_max_backlog, 1,000): so many packets may be put to neighbors at one time.
FLOOD = 1000
# What the kernel refuses to send, where its own words say too little: fib_props in net/ipv4/fib_semantics.c, nf_hook_slow
REFUSALS = {
    errno.EMSGSIZE: "larger than the MTU",
    errno.EINVAL: "a blackhole route where it is asked from",
    errno.EACCES: "a prohibit route where it is asked from",
    errno.EPERM: "a firewall where it is asked from",
}
# After so many neighbors their entries are removed: the kernel has room for 1,024, in all namespaces together.
TIDY, MOST_WAITING = 128, 512


@dataclass
class Answer:
    """What came of one target.

    :param ttl: time to live (hop limit) of the answer as it arrived; None: there was none.
    :param rtt: milliseconds.
    :param reason: why there was none, in the words of the kernel or of a router, if it said so.
    """

    target: str
    ttl: Optional[int] = None
    rtt: Optional[float] = None
    reason: str = ""
    sent: float = 0.0
    done: bool = False


@dataclass
class Source:
    """A namespace that asks, with one socket for each family of its targets."""

    netns: str
    answers: List[Answer]
    sockets: Dict[int, object] = field(default_factory=dict)
    neighbors: Optional[Neighbors] = None
    token: bytes = field(default_factory=lambda: os.urandom(8))

    def open(self, size, tidy):
        """Open the sockets; a namespace that cannot be entered is the reason for each of its targets.

        :raises PermissionError: we may not enter it, or may not open a raw socket.
        """
        versions = {icmp.version(answer.target) for answer in self.answers}
        try:
            namespaces.in_netns(self.netns, partial(self._open, versions, size, tidy))
        except PermissionError:
            raise
        except OSError as failure:
            missing = isinstance(failure, FileNotFoundError)
            told = f"there is no network namespace {self.netns!r}" if missing else f"{self.netns!r}: {failure.strerror}"
            for answer in self.answers:
                answer.reason, answer.done = told, True

    def _open(self, versions, size, tidy):
        self.sockets = {version: icmp.open_socket(version, size) for version in versions}
        self.neighbors = Neighbors() if tidy else None

    def close(self):
        for opened in [*self.sockets.values(), *([self.neighbors] if self.neighbors else [])]:
            opened.close()

    def ask(self, number, size):
        """Send an echo request to target ``number``; what the kernel refuses is not asked again."""
        answer = self.answers[number]
        version = icmp.version(answer.target)
        answer.sent = time.monotonic()
        try:
            self.sockets[version].sendto(icmp.request(version, self.token, number, size), (answer.target, 0))
        except BlockingIOError:
            pass  # its buffer is full: the next try is for that
        except OSError as failure:
            answer.done = failure.errno != errno.ENOBUFS
            answer.reason = REFUSALS.get(failure.errno) or os.strerror(failure.errno)

    def read(self, version):
        """Take in what has arrived."""
        for number, ttl, reason in icmp.arrived(self.sockets[version], version, self.token):
            answer = self.answers[number] if number < len(self.answers) else None
            if answer is None or answer.done:
                continue
            answer.reason = reason
            if ttl is not None:
                answer.ttl, answer.rtt = ttl, round((time.monotonic() - answer.sent) * 1000, 3)
                answer.done = True


def probe(wanted, timeout=2.0, tries=3, size=None, token=None):
    """Ask every target of every namespace.

    :param wanted: list of (namespace, list of addresses).
    :param timeout: seconds that a target has to answer, over all tries.
    :param size: length of the IP packet in bytes, sent so that nobody may fragment it; None: the shortest.
    :param token: 8 bytes that the packets carry, for who wants to know them on the wire; None: each source has its own.
    :returns: a list of Answer for each of ``wanted``.
    :raises PermissionError: a namespace gives us no raw socket.
    """
    sources = [Source(netns, [Answer(target) for target in targets]) for netns, targets in wanted]
    for source in sources if token else ():
        source.token = token
    many = sum(len(source.answers) for source in sources) > TIDY
    _allow_files(3 * len(sources) + 64)
    try:
        for source in sources:
            source.open(size, many)
        with selectors.DefaultSelector() as selector:
            _Crowd(sources, selector, size).ask_all(timeout, tries)
    finally:
        for source in sources:
            source.close()
    return [source.answers for source in sources]


class _Crowd:
    """All sources, and what they ask at one time."""

    def __init__(self, sources, selector, size):
        self._sources, self._selector, self._size = sources, selector, size
        self._neighbors_room = max(1, min(ROOM, FLOOD // max(1, len(sources))))
        for source in sources:
            for version, opened in source.sockets.items():
                selector.register(opened, selectors.EVENT_READ, (source, version))

    def ask_all(self, timeout, tries):
        """Ask each target once, and then those again that have not answered, when it is quiet."""
        self._ask(*self._silent(), timeout if tries == 1 else 0)
        for _again in range(tries - 1):
            near, far = self._silent()
            for start in range(0, max(1, len(near)), MOST_WAITING):
                self._ask(near[start : start + MOST_WAITING], far, timeout / (tries - 1))
                far = []
            if len(near) > MOST_WAITING:
                return  # so many are no accident of the rush

    def _silent(self):
        """Return who has not answered as (source, number), neighbors first and then those beyond a router."""
        near, far = [], []
        for source in self._sources:
            for number, answer in enumerate(source.answers):
                if not answer.done:
                    known = source.neighbors and not source.neighbors.has(answer.target)
                    (far if known else near).append((source, number))
        return near, far

    def _ask(self, near, far, wait):
        self._put(far, ROOM, GRACE)
        # those that are asked again did not answer at once before: no use to be as patient with each
        self._put(near, self._neighbors_room, GRACE / 4 if wait else GRACE)
        self._wait([*near, *far], wait)
        self._forget()

    def _put(self, pairs, room, grace):
        """Ask ``pairs`` one after the other, so that at most ``room`` are neither answered nor late."""
        fresh = deque()
        for asked, (source, number) in enumerate(pairs, 1):
            while len(fresh) >= room:
                self._read(max(0.0, fresh[0].sent + grace - time.monotonic()))
                late = time.monotonic() - grace
                fresh = deque(answer for answer in fresh if not answer.done and answer.sent > late)
            source.ask(number, self._size)
            fresh.append(source.answers[number])
            if room < ROOM and asked % TIDY == 0 and self._forget(but_incomplete=True) >= MOST_WAITING:
                self._forget()
        self._wait(pairs[-room:], grace)

    def _wait(self, pairs, seconds):
        """Wait until all ``pairs`` have answered, but no longer than ``seconds``."""
        deadline = time.monotonic() + seconds
        waiting = [source.answers[number] for source, number in pairs]
        while True:
            waiting = [answer for answer in waiting if not answer.done]
            left = deadline - time.monotonic()
            if not waiting or left <= 0:
                return
            self._read(left)

    def _read(self, seconds):
        """Take in what arrives within ``seconds``; return as soon as something has."""
        for key, _events in self._selector.select(seconds):
            source, version = key.data
            source.read(version)

    def _forget(self, but_incomplete=False):
        return sum(source.neighbors.forget(but_incomplete) for source in self._sources if source.neighbors)


def _allow_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(count, soft), hard), hard))
