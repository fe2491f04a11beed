# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rtnetlink(7): the one importer of pyroute2, which encodes and decodes; sockets and batches are our own.

A socket is opened inside its namespace by a thread that goes there (see :mod:`namespaces`), stays in it, and is kept.
Requests go in batches: one send, the kernel works through them in order, and answers each.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from . import namespaces

PYROUTE2_FLOOR = (0, 7, 2)

try:
    from pyroute2 import __version__ as PYROUTE2_VERSION
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
    from pyroute2.netlink.rtnl.ndmsg import ndmsg
    from pyroute2.netlink.rtnl.nsidmsg import nsidmsg
    from pyroute2.netlink.rtnl.rtmsg import rtmsg

    if not PYROUTE2_VERSION[:1].isdigit():  # Debian's 0.7.2 calls itself unknown; this import takes its time
        from importlib.metadata import version

        PYROUTE2_VERSION = version("pyroute2")
    # "0.9.7", or "0.7.2.post1" of a distribution: the first three numbers say it
    _found = tuple(int(part) for part in PYROUTE2_VERSION.split(".")[:3] if part.isdigit())
    PYROUTE2_ERROR = None if _found >= PYROUTE2_FLOOR else f"this is pyroute2 {PYROUTE2_VERSION}"
except ImportError as failure:
    ifaddrmsg = ifinfmsg = ndmsg = nsidmsg = rtmsg = None
    PYROUTE2_ERROR = str(failure)
    PYROUTE2_VERSION = None

# linux/netlink.h
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
NLM_F_DUMP_INTR = 0x10
NLMSG_ERROR, NLMSG_DONE = 2, 3
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
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
    ("new", "nsid"): 88,
    ("get", "nsid"): 90,
}
RTEXT_FILTER_SKIP_STATS = 1 << 3

# Unread answers fill the socket's buffer (rmem_default, 208 KiB, some 270 of them): read before it is full.
BATCH = 100
CHUNK = 1 << 18
SIOCGIFINDEX = 0x8933
HEADER = struct.Struct("=IHHII")


@dataclass(frozen=True)
class Index:
    """Stands for the index of a link, looked up when the message is sent."""

    netns: str
    name: str


@dataclass(frozen=True)
class Descriptor:
    """Stands for an open file of a namespace, opened when the message is sent."""

    netns: str


@dataclass(frozen=True)
class Message:
    """One rtnetlink request; ``fields`` and ``attrs`` in pyroute2's names."""

    verb: str
    object: str
    flags: int
    fields: Dict[str, Any]
    attrs: List[Tuple[str, Any]]


def classes():
    """Return object -> pyroute2's class for its messages."""
    return {"link": ifinfmsg, "addr": ifaddrmsg, "route": rtmsg, "neigh": ndmsg, "nsid": nsidmsg}


def unwrap(value):
    """Return pyroute2's ``{'attrs': [...]}`` as a plain dict, all the way down."""
    attrs = value.get("attrs") if hasattr(value, "get") else None
    if attrs is None:
        return value
    return {attr[0]: unwrap(attr[1]) for attr in attrs}


class Netlink:
    """Sockets into namespaces, by reference, each opened once and kept."""

    def __init__(self):
        self.sockets = {}
        self.sequence = 0
        self.counts = {"sockets": 0, "sends": 0, "requests": 0}

    def close(self, netns=None):
        """Close the socket into ``netns``, which it would keep alive; without an argument, all."""
        for ref in [netns] if netns is not None else list(self.sockets):
            if ref in self.sockets:
                self.sockets.pop(ref).close()

    def dump(self, netns, name, fields=None, attrs=()):
        """Return all objects of a sort in ``netns``, each ``(fields, attributes)`` as plain data.

        The kernel says when a dump was overtaken by a change (NLM_F_DUMP_INTR); it is then read again.
        """
        for _attempt in range(5):
            replies, torn = self._dump(netns, name, fields or {}, list(attrs))
            if not torn:
                break
        return [self._decode(name, data, offset) for data, offset in replies]

    def _dump(self, netns, name, fields, attrs):
        message = Message("get", name, NLM_F_DUMP, fields, attrs)
        sequence, data = self._encode(message, netns, [])
        link = self._socket(netns)
        self._send(link, data, 1)
        found, torn = [], False
        while True:
            chunk = link.recv(CHUNK)
            for offset, kind, flags, number in _messages(chunk):
                if number != sequence:
                    continue
                torn = torn or bool(flags & NLM_F_DUMP_INTR)
                if kind == NLMSG_DONE:
                    return found, torn
                if kind == NLMSG_ERROR:
                    raise OSError(*_failure(chunk, offset))
                found.append((chunk, offset))

    def request(self, batch):
        """Send ``(netns, message)`` pairs, in order within each namespace; return None or an error for each."""
        answers = [None] * len(batch)
        by_netns = {}
        for number, (netns, message) in enumerate(batch):
            by_netns.setdefault(netns, []).append((number, message))
        for netns, numbered in by_netns.items():
            for start in range(0, len(numbered), BATCH):
                self._batch(netns, numbered[start : start + BATCH], answers)
        return answers

    def _batch(self, netns, numbered, answers):
        opened, waiting, data = [], {}, b""
        try:
            for number, message in numbered:
                try:
                    sequence, encoded = self._encode(message, netns, opened)
                except (OSError, LookupError) as failure:
                    answers[number] = getattr(failure, "strerror", None) or str(failure.args[0])
                    continue
                waiting[sequence] = number
                data += encoded
            if waiting:
                self._exchange(netns, data, waiting, answers)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def _exchange(self, netns, data, waiting, answers):
        link = self._socket(netns)
        self._send(link, data, len(waiting))
        while waiting:
            chunk = link.recv(CHUNK)
            for offset, kind, _flags, sequence in _messages(chunk):
                if kind == NLMSG_ERROR and sequence in waiting:
                    code, text = _failure(chunk, offset)
                    answers[waiting.pop(sequence)] = text if code else None

    def lookup(self, netns, messages):
        """Send ``get`` messages; return for each its answer ``(fields, attributes)``, or None if it was refused."""
        found = [None] * len(messages)
        for start in range(0, len(messages), BATCH):
            opened, waiting, data = [], {}, b""
            try:
                for number, message in enumerate(messages[start : start + BATCH], start):
                    sequence, encoded = self._encode(message, netns, opened)
                    waiting[sequence] = number
                    data += encoded
                self._collect(netns, data, waiting, messages, found)
            finally:
                for descriptor in opened:
                    os.close(descriptor)
        return found

    def _collect(self, netns, data, waiting, messages, found):
        link = self._socket(netns)
        self._send(link, data, len(waiting))
        while waiting:
            chunk = link.recv(CHUNK)
            for offset, kind, _flags, sequence in _messages(chunk):
                if kind == NLMSG_ERROR:  # the acknowledgement comes after the answer
                    waiting.pop(sequence, None)
                elif sequence in waiting:
                    number = waiting[sequence]
                    found[number] = self._decode(messages[number].object, chunk, offset)

    def _socket(self, netns):
        if netns not in self.sockets:
            self.sockets[netns] = namespaces.inside(netns, _open)
            self.counts["sockets"] += 1
        return self.sockets[netns]

    def _send(self, link, data, count):
        self.counts["sends"] += 1
        self.counts["requests"] += count
        link.send(data)

    def _encode(self, message, netns, opened):
        self.sequence += 1
        encoded = classes()[message.object]()
        encoded["header"].update(
            {
                "type": TYPES[message.verb, message.object],
                "sequence_number": self.sequence,
                "flags": message.flags | NLM_F_REQUEST | NLM_F_ACK,
                "pid": 0,
            }
        )
        for name, value in message.fields.items():
            encoded[name] = self._resolve(value, netns, opened)
        encoded["attrs"] = self._resolve(message.attrs, netns, opened)
        encoded.encode()
        return self.sequence, bytes(encoded.data)

    def _resolve(self, value, netns, opened):
        if isinstance(value, Index):
            return self.index(value.netns, value.name)
        if isinstance(value, Descriptor):
            opened.append(os.open(namespaces.path_of(value.netns), os.O_RDONLY | os.O_CLOEXEC))
            return opened[-1]
        if isinstance(value, dict):
            return {name: self._resolve(item, netns, opened) for name, item in value.items()}
        if isinstance(value, list):
            return [self._resolve(item, netns, opened) for item in value]
        if isinstance(value, tuple):
            return tuple(self._resolve(item, netns, opened) for item in value)
        return value

    def index(self, netns, name):
        """Return the index of link ``name``; LookupError where there is none.

        :func:`socket.if_nametoindex` opens a socket where it is called; this asks on the one that we have there.
        """
        request = struct.pack("16si", name.encode(), 0)
        try:
            answer = fcntl.ioctl(self._socket(netns), SIOCGIFINDEX, request)
        except OSError:
            raise LookupError(f"there is no interface {name!r}") from None
        return struct.unpack("16si", answer)[1]

    @staticmethod
    def _decode(name, data, offset):
        message = classes()[name](data, offset=offset)
        message.decode()
        fields = {key: value for key, value in message.items() if key not in ("attrs", "header")}
        return fields, unwrap(message)


def _open():
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    link.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
    link.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
    link.settimeout(30)
    link.bind((0, 0))
    return link


def _messages(chunk):
    """Yield ``(offset, type, flags, sequence)`` of each message in ``chunk``."""
    offset = 0
    while offset + HEADER.size <= len(chunk):
        length, kind, flags, sequence, _pid = HEADER.unpack_from(chunk, offset)
        if length < HEADER.size:
            break
        yield offset, kind, flags, sequence
        offset += (length + 3) & ~3


def _failure(chunk, offset):
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
