# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of netlink(7) and rtnetlink(7): their numbers, a request, and the one reader of answers."""

from __future__ import annotations

import errno
import os
import struct
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

from .codec import HEADER, Symbol

# linux/netlink.h
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
NLM_F_DUMP_INTR = 0x10
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLMSGERR_ATTR_MSG = 1

# linux/rtnetlink.h: verb and object -> message type
TYPES = {
    ("new", "link"): 16,
    ("del", "link"): 17,
    ("get", "link"): 18,
    ("set", "link"): 19,
    ("new", "addr"): 20,
    ("del", "addr"): 21,
    ("get", "addr"): 22,
    ("new", "route"): 24,
    ("del", "route"): 25,
    ("get", "route"): 26,
    ("new", "neigh"): 28,
    ("del", "neigh"): 29,
    ("get", "neigh"): 30,
    ("get", "rule"): 34,
    ("get", "qdisc"): 38,
    ("new", "nsid"): 88,
    ("get", "nsid"): 90,
    # other names of three of them, see tables.FORMS
    ("get", "path"): 26,
    ("get", "entry"): 30,
    ("get", "program"): 18,
}
RTEXT_FILTER_SKIP_STATS = 1 << 3
RT_TABLE_MAIN, RT_TABLE_LOCAL = 254, 255
RTN_LOCAL, RTPROT_KERNEL = 2, 2
RTM_F_CLONED, RTM_F_LOOKUP_TABLE, RTM_F_FIB_MATCH, RTNH_F_ONLINK = 0x200, 0x1000, 0x2000, 4

# linux/socket.h, linux/if.h, linux/neighbour.h
AF_INET, AF_INET6, AF_BRIDGE = 2, 10, 7
IFF_UP, IFF_RUNNING, IFF_NOARP = 0x1, 0x40, 0x80
NUD_INCOMPLETE, NUD_FAILED, NUD_NOARP, NUD_PERMANENT = 0x01, 0x20, 0x40, 0x80
NTF_SELF, NTF_MASTER, NTF_PROXY, NTF_EXT_LEARNED = 0x02, 0x04, 0x08, 0x10


class Index(Symbol):
    """Stands for the index of a link, looked up when the message is sent."""

    __slots__ = ("netns", "name")

    def __init__(self, netns, name):
        self.netns, self.name = netns, name


class Descriptor(Symbol):
    """Stands for an open file of a namespace, opened when the message is sent."""

    __slots__ = ("netns",)

    def __init__(self, netns):
        self.netns = netns


class Message(NamedTuple):
    """One rtnetlink request; ``fields`` and ``attrs`` in pyroute2's names."""

    verb: str
    object: str
    flags: int
    fields: Dict[str, Any]
    attrs: List[Tuple[str, Any]]


def acknowledged(encoded: bytes) -> bytes:
    """Return a request that asks for an answer, whether it can be done or not."""
    length, kind, flags, sequence, port = HEADER.unpack_from(encoded)
    return HEADER.pack(length, kind, flags | NLM_F_ACK, sequence, port) + encoded[HEADER.size :]


class Dump:
    """The objects that answer the request ``sequence`` for all of a sort, as ``receive`` brings them.

    ``torn``, when all are read: a change overtook the dump, and some may be missing (NLM_F_DUMP_INTR).
    """

    def __init__(self, receive: Callable[[], bytes], sequence: int) -> None:
        self._receive, self._sequence = receive, sequence
        self.torn = False

    def __iter__(self) -> Iterator[Tuple[bytes, int]]:
        """Yield ``(chunk, offset)`` of each.

        :raises OSError: the kernel refuses, or an answer is cut short.
        """
        for chunk, offset, kind, flags, sequence in replies(self._receive):
            if sequence != self._sequence:
                continue
            if flags & NLM_F_DUMP_INTR:
                self.torn = True
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                raise OSError(*failure_in(chunk, offset))
            yield chunk, offset


def acknowledgements(receive: Callable[[], bytes], last: int) -> Iterator[Tuple[int, int, str]]:
    """Yield ``(sequence, code, sentence)`` of each request that the kernel answers, until it answers the request ``last``.

    The kernel works through requests in order, and answers those that it refused and those that ask for it
    (netlink_rcv_skb, net/netlink/af_netlink.c).
    """
    for chunk, offset, kind, _flags, sequence in replies(receive):
        if kind == NLMSG_ERROR:
            yield (sequence, *failure_in(chunk, offset))
            if sequence == last:
                return


def replies(receive: Callable[[], bytes]) -> Iterator[Tuple[bytes, int, int, int, int]]:
    """Yield ``(chunk, offset, type, flags, sequence)`` of each message that ``receive`` brings, without end."""
    while True:
        chunk = receive()
        for message in messages_in(chunk):
            yield (chunk, *message)


def messages_in(chunk: bytes) -> Iterator[Tuple[int, int, int, int]]:
    """Yield ``(offset, type, flags, sequence)`` of each message in ``chunk``.

    :raises OSError: the last one is not whole.
    """
    offset = 0
    while offset < len(chunk):
        whole = offset + HEADER.size <= len(chunk)
        length, kind, flags, sequence, _pid = HEADER.unpack_from(chunk, offset) if whole else (0, 0, 0, 0, 0)
        if length < HEADER.size or offset + length > len(chunk):
            raise OSError(errno.EBADMSG, "an answer of the kernel was cut short")
        yield offset, kind, flags, sequence
        offset += (length + 3) & ~3


def failure_in(chunk: bytes, offset: int) -> Tuple[int, str]:
    """Return ``(code, sentence)`` of an NLMSG_ERROR, with the kernel's own words where it gives some."""
    length = HEADER.unpack_from(chunk, offset)[0]
    code = -struct.unpack_from("=i", chunk, offset + HEADER.size)[0]
    text = os.strerror(code)
    # With NETLINK_CAP_ACK only the header of the request comes back, then the attributes.
    cursor, end = offset + HEADER.size + 4 + HEADER.size, offset + length
    while code and cursor + 4 <= end:
        size, name = struct.unpack_from("=HH", chunk, cursor)
        if size < 4:
            break
        if name & 0x3FFF == NLMSGERR_ATTR_MSG:
            text = f"{text} ({chunk[cursor + 4 : cursor + size].rstrip(bytes(1)).decode()})"
        cursor += (size + 3) & ~3
    return code, text
