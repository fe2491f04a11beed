# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pings from many namespaces at once: one raw socket for each namespace and family (RFC 792, RFC 4443)."""

from __future__ import annotations

import errno
import os
import resource
import selectors
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Dict, List, Optional, Tuple

from ..kernel import namespaces
from ..kernel.netlink import Netlink
from . import icmp
from .neighbor_cache import NeighborCache

# A target that has not answered within so many seconds makes room for the next; it is asked again after all others.
GRACE = 0.02
# Unread replies fill a socket's buffer: at most so many requests are in flight.
ROOM = 256
# An ARP request goes to every port of the bridge, and the kernel drops packets beyond its backlog
# (net.core.netdev_max_backlog, 1,000): at most so many packets to neighbors are in flight.
FLOOD = 1000
# Errors of sending whose own text is too vague: fib_props in net/ipv4/fib_semantics.c, nf_hook_slow
REFUSALS = {
    errno.EMSGSIZE: "larger than the MTU",
    errno.EINVAL: "a blackhole route at the source",
    errno.EACCES: "a prohibit route at the source",
    errno.EPERM: "a firewall at the source",
}
# Neighbor entries are removed after so many targets: the kernel has room for 1,024 in all namespaces together.
TIDY, MOST_WAITING = 128, 512


@dataclass
class Answer:
    """The result for one target.

    :param ttl: time to live (hop limit) of the reply as it arrived; None: no reply.
    :param rtt: milliseconds.
    :param reason: the error of the kernel or of a router, "" if there was none.
    """

    target: str
    ttl: Optional[int] = None
    rtt: Optional[float] = None
    reason: str = ""
    sent: float = 0.0
    done: bool = False


@dataclass
class Source:
    """A source namespace, with one socket for each family of its targets."""

    netns: str
    answers: List[Answer]
    sockets: Dict[int, object] = field(default_factory=dict)
    neighbors: Optional[NeighborCache] = None
    token: bytes = field(default_factory=lambda: os.urandom(8))

    def open(self, size: Optional[int], netlink: Optional[Netlink]) -> None:
        """Open the sockets; if the namespace cannot be entered, each of its targets gets that as its reason.

        :param netlink: removes neighbor entries; None: the targets are few.
        :raises PermissionError: not allowed to enter it, or to open a raw socket.
        """
        versions = {icmp.version(answer.target) for answer in self.answers}
        try:
            namespaces.in_netns(self.netns, partial(self._open, versions, size, netlink))
        except PermissionError:
            raise
        except OSError as failure:
            missing = isinstance(failure, FileNotFoundError)
            reason = (
                f"there is no network namespace {self.netns!r}" if missing else f"{self.netns!r}: {failure.strerror}"
            )
            for answer in self.answers:
                answer.reason, answer.done = reason, True

    def _open(self, versions, size, netlink):
        self.sockets = {version: icmp.open_socket(version, size) for version in versions}
        if netlink:
            netlink.open(self.netns)
            self.neighbors = NeighborCache(netlink, self.netns)

    def close(self) -> None:
        for opened in self.sockets.values():
            opened.close()

    def ask(self, number: int, size: Optional[int]) -> None:
        """Send an echo request to target ``number``; if the kernel refuses to send it, there is no second try."""
        answer = self.answers[number]
        version = icmp.version(answer.target)
        answer.sent = time.monotonic()
        try:
            self.sockets[version].sendto(icmp.request(version, self.token, number, size), (answer.target, 0))
        except BlockingIOError:
            pass  # its buffer is full: the next try sends it
        except OSError as failure:
            answer.done = failure.errno != errno.ENOBUFS
            answer.reason = REFUSALS.get(failure.errno) or os.strerror(failure.errno)

    def read(self, version: int) -> None:
        """Read the replies and errors that have arrived."""
        for number, ttl, reason in icmp.arrived(self.sockets[version], version, self.token):
            answer = self.answers[number] if number < len(self.answers) else None
            if answer is None or answer.done:
                continue
            answer.reason = reason
            if ttl is not None:
                answer.ttl, answer.rtt = ttl, round((time.monotonic() - answer.sent) * 1000, 3)
                answer.done = True


def probe(
    wanted: List[Tuple[str, List[str]]],
    timeout: float = 2.0,
    tries: int = 3,
    size: Optional[int] = None,
    token: Optional[bytes] = None,
) -> List[List[Answer]]:
    """Ping every target of every namespace.

    :param wanted: list of (namespace, list of addresses).
    :param timeout: seconds to wait for a reply, over all tries.
    :param size: length of the IP packet in bytes, sent unfragmentable; None: the shortest.
    :param token: 8 bytes in each packet, by which a capture finds them; None: each source has its own.
    :returns: the Answers for each of ``wanted``.
    :raises PermissionError: not allowed to open a raw socket in a namespace.
    """
    sources = [Source(netns, [Answer(target) for target in targets]) for netns, targets in wanted]
    for source in sources if token else ():
        source.token = token
    netlink = Netlink() if sum(len(source.answers) for source in sources) > TIDY else None
    _allow_files(3 * len(sources) + 64)
    try:
        for source in sources:
            source.open(size, netlink)
        with selectors.DefaultSelector() as selector:
            _Schedule(sources, selector, size).ask_all(timeout, tries)
    finally:
        for opened in [*sources, *([netlink] if netlink else [])]:
            opened.close()
    return [source.answers for source in sources]


class _Schedule:
    """All sources, and which requests are in flight at one time."""

    def __init__(self, sources, selector, size):
        self._sources, self._selector, self._size = sources, selector, size
        self._neighbors_room = max(1, min(ROOM, FLOOD // max(1, len(sources))))
        for source in sources:
            for version, opened in source.sockets.items():
                selector.register(opened, selectors.EVENT_READ, (source, version))

    def ask_all(self, timeout, tries):
        """Ask each target once, and then the silent ones again, when the network is quiet."""
        self._ask(*self._silent(), timeout if tries == 1 else 0)
        for _again in range(tries - 1):
            near, far = self._silent()
            for start in range(0, max(1, len(near)), MOST_WAITING):
                self._ask(near[start : start + MOST_WAITING], far, timeout / (tries - 1))
                far = []
            if len(near) > MOST_WAITING:
                return  # so many are silent for another reason than load

    def _silent(self):
        """Return the targets without a reply as (source, number): neighbors, and those behind a router."""
        near, far = [], []
        for source in self._sources:
            for number, answer in enumerate(source.answers):
                if not answer.done:
                    routed = source.neighbors and not source.neighbors.is_neighbor(answer.target)
                    (far if routed else near).append((source, number))
        return near, far

    def _ask(self, near, far, wait):
        self._send(far, ROOM, GRACE)
        # those that are asked again were silent before: a shorter wait for each
        self._send(near, self._neighbors_room, GRACE / 4 if wait else GRACE)
        self._wait([*near, *far], wait)
        self._remove_neighbors()

    def _send(self, pairs, room, grace):
        """Ask ``pairs`` one after the other; at most ``room`` of them are in flight."""
        in_flight = deque()
        for asked, (source, number) in enumerate(pairs, 1):
            while len(in_flight) >= room:
                self._read(max(0.0, in_flight[0].sent + grace - time.monotonic()))
                late = time.monotonic() - grace
                in_flight = deque(answer for answer in in_flight if not answer.done and answer.sent > late)
            source.ask(number, self._size)
            in_flight.append(source.answers[number])
            if room < ROOM and asked % TIDY == 0 and self._remove_neighbors(but_incomplete=True) >= MOST_WAITING:
                self._remove_neighbors()
        self._wait(pairs[-room:], grace)

    def _wait(self, pairs, seconds):
        """Wait until all ``pairs`` have a reply, at most ``seconds``."""
        deadline = time.monotonic() + seconds
        waiting = [source.answers[number] for source, number in pairs]
        while True:
            waiting = [answer for answer in waiting if not answer.done]
            left = deadline - time.monotonic()
            if not waiting or left <= 0:
                return
            self._read(left)

    def _read(self, seconds):
        """Read what arrives within ``seconds``; return after the first arrival."""
        for key, _events in self._selector.select(seconds):
            source, version = key.data
            source.read(version)

    def _remove_neighbors(self, but_incomplete=False):
        return sum(source.neighbors.remove(but_incomplete) for source in self._sources if source.neighbors)


def _allow_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(count, soft), hard), hard))
