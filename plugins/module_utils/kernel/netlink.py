# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rtnetlink(7): sockets and batches, and the one importer of pyroute2, which writes what :mod:`tables` does not know.

A socket is opened inside its namespace by a thread that goes there (see :mod:`namespaces`), stays in it, and is kept.
Requests go in batches: one send, the kernel works through them in order, and answers each.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import socket
import struct
from functools import lru_cache
from importlib import import_module
from typing import Any, Dict, List, NamedTuple, Tuple

from ..engine.errors import MissingSoftware, reason
from . import namespaces, pyroute2
from .codec import HEADER, Symbol
from .tables import FORMS

# object -> pyroute2's module and class for its messages
CLASSES = {
    "link": "ifinfmsg",
    "addr": "ifaddrmsg",
    "route": "rtmsg",
    "neigh": "ndmsg",
    "rule": "fibmsg",
    "nsid": "nsidmsg",
}

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
    ("get", "rule"): 34,
    ("new", "nsid"): 88,
    ("get", "nsid"): 90,
}
RTEXT_FILTER_SKIP_STATS = 1 << 3

# Unread answers fill the socket's buffer (rmem_default, 208 KiB, some 270 of them): read before it is full.
BATCH = 200
CHUNK = 1 << 18
SIOCGIFINDEX = 0x8933
# An answer that is lost is not waited for again by who only reads; what was asked for may be done for all that.
TRANSIENT = {errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN, errno.EINTR, errno.EBADMSG}
PATIENCE = struct.pack("@ll", 30, 0)  # struct timeval; Python's own timeout would ask poll(2) before each answer


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


@lru_cache(maxsize=1)
def _problem():
    """Return why pyroute2 cannot be used, or None. This is where it is imported."""
    problem = pyroute2.problem()
    try:
        import_module("pyroute2")
    except ImportError as failure:
        problem = problem or str(failure)
    return problem


def require_pyroute2(purpose):
    """Say plainly that pyroute2 is missing, too old, or cannot be imported.

    :param purpose: what needs it.
    :raises MissingSoftware: it is.
    """
    problem = _problem()
    if problem is not None:
        raise MissingSoftware(
            f"{purpose} needs pyroute2 {pyroute2.FLOOR} or newer for the Python that Ansible uses on this node"
            f" ({problem}): install python3-pyroute2, or pyroute2 with pip"
        )


class Netlink:
    """Sockets into namespaces, by reference, each opened once and kept."""

    def __init__(self):
        self.sockets = {}
        self.sequence = 0
        self.counts = {"sockets": 0, "sends": 0, "requests": 0}
        self._buffer = memoryview(bytearray(CHUNK))
        self._dumps = {}  # what is asked for -> (sequence, request)
        self._indexes = {}  # of the links that the requests at hand are about
        # a socket for each namespace: more than the thousand files that a login has by default
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    def close(self, netns=None):
        """Close the socket into ``netns``, which it would keep alive; without an argument, all."""
        for ref in [netns] if netns is not None else list(self.sockets):
            if ref in self.sockets:
                self.sockets.pop(ref).close()

    def dump(self, netns, name, fields=None, attrs=(), keep=None):
        """Return all objects of a sort in ``netns``, each ``(fields, attributes)`` as plain data.

        The kernel says when a dump was overtaken by a change (NLM_F_DUMP_INTR); it is then read again.

        :param keep: tells by the values of its fields whether an object is wanted.
        """
        asked = name, tuple((fields or {}).items()), tuple(attrs)
        if asked not in self._dumps:  # the same in each namespace
            self._dumps[asked] = self._encode(Message("get", name, NLM_F_DUMP, fields or {}, attrs), netns, [])
        for _attempt in range(5):
            replies, torn = self._again(netns, self._dump, netns, *self._dumps[asked])
            if not torn:
                break
        found = [FORMS[name].decoded(data, offset, keep) for data, offset in replies]
        return found if keep is None else [one for one in found if one is not None]

    def _again(self, netns, read, *words):
        """Return what ``read`` does with ``words``; once more on a new socket where an answer was lost or there was no room for it."""
        try:
            return read(*words)
        except OSError as failure:
            if failure.errno not in TRANSIENT:
                raise
            self.close(netns)
            return read(*words)

    def _dump(self, netns, sequence, data):
        link = self._socket(netns)
        self._send(link, data, 1)
        found, torn = [], False
        while True:
            chunk = self._receive(link)
            for offset, kind, flags, number in messages_in(chunk):
                if number != sequence:
                    continue
                torn = torn or bool(flags & NLM_F_DUMP_INTR)
                if kind == NLMSG_DONE:
                    return found, torn
                if kind == NLMSG_ERROR:
                    raise OSError(*_failure(chunk, offset))
                found.append((chunk, offset))

    def request(self, messages, answers):
        """Send ``(number, netns, message)``, in order within each namespace; of each that fails, ``answers[number]`` says why.

        This namespace comes last: a bridge in it comes up when the other ends of its ports are up already.
        None of them may change the name of a link that another is about.
        """
        self._indexes.clear()
        by_netns = {}
        for number, netns, message in messages:
            by_netns.setdefault(netns, []).append((number, message))
        for netns in sorted(by_netns, key=bool, reverse=True):
            numbered = by_netns[netns]
            for start in range(0, len(numbered), BATCH):
                self._batch(netns, numbered[start : start + BATCH], answers)

    def _batch(self, netns, numbered, answers):
        opened, sent, parts = [], {}, []
        try:
            for number, message in numbered:
                try:
                    sequence, encoded = self._encode(message, netns, opened)
                except (OSError, LookupError) as failure:
                    answers[number] = getattr(failure, "strerror", None) or str(failure.args[0])
                    continue
                sent[sequence] = number
                parts.append(encoded)
            if sent:
                parts[-1] = acknowledged(parts[-1])
                self._exchange(netns, b"".join(parts), sent, answers)
        except OSError as failure:  # of some it is not known whether they were done
            for number in sent.values():
                answers[number] = answers[number] or reason(failure)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def _exchange(self, netns, data, sent, answers):
        """Send requests of which only the last asks for an answer, and read until it is there.

        The kernel works through them in order, and tells of each that it refused (netlink_rcv_skb, net/netlink/af_netlink.c).
        """
        link = self._socket(netns)
        self._send(link, data, len(sent))
        last = max(sent)
        while True:
            chunk = self._receive(link)
            for offset, kind, _flags, sequence in messages_in(chunk):
                if kind == NLMSG_ERROR and sequence in sent:
                    code, text = _failure(chunk, offset)
                    answers[sent[sequence]] = text if code else None
                    if sequence == last:
                        return

    def lookup(self, netns, messages):
        """Send ``get`` messages; return for each its answer ``(fields, attributes)``, or None: it was refused."""
        found = [None] * len(messages)
        for start in range(0, len(messages), BATCH):
            opened, waiting, data = [], {}, b""
            try:
                for number, message in enumerate(messages[start : start + BATCH], start):
                    sequence, encoded = self._encode(message, netns, opened)
                    waiting[sequence] = number
                    data += encoded
                self._again(netns, self._collect, netns, data, waiting, messages, found)
            finally:
                for descriptor in opened:
                    os.close(descriptor)
        return found

    def _collect(self, netns, data, waiting, messages, found):
        link = self._socket(netns)
        self._send(link, data, len(waiting))
        waiting = dict(waiting)
        while waiting:
            chunk = self._receive(link)
            for offset, kind, _flags, sequence in messages_in(chunk):
                number = waiting.pop(sequence, None)
                if number is not None and kind != NLMSG_ERROR:
                    found[number] = FORMS[messages[number].object].decoded(chunk, offset)

    def open(self, netns):
        """Open the socket into ``netns``, where the calling thread is."""
        self.close(netns)
        self.sockets[netns] = _open()
        self.counts["sockets"] += 1

    def _socket(self, netns):
        if netns not in self.sockets:
            namespaces.in_netns(netns, lambda: self.open(netns))
        return self.sockets[netns]

    def _send(self, link, data, count):
        self.counts["sends"] += 1
        self.counts["requests"] += count
        link.send(data)

    def _receive(self, link):
        return bytes(self._buffer[: link.recv_into(self._buffer)])

    def _encode(self, message, netns, opened):
        self.sequence += 1
        verb, name, flags, fields, attrs = message
        kind, flags = TYPES[verb, name], flags | NLM_F_REQUEST

        def resolve(symbol):
            if isinstance(symbol, Index):
                place = symbol.netns, symbol.name
                if place not in self._indexes:
                    self._indexes[place] = self.index(*place)
                return self._indexes[place]
            opened.append(os.open(namespaces.path_of(symbol.netns), os.O_RDONLY | os.O_CLOEXEC))
            return opened[-1]

        try:
            encoded = FORMS[name].encoded(kind, flags, self.sequence, fields, attrs, resolve)
        except KeyError:
            encoded = encoded_by_pyroute2(name, kind, flags, self.sequence, fields, attrs, resolve)
        return self.sequence, encoded

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


def encoded_by_pyroute2(name, kind, flags, sequence, fields, attrs, resolve):
    """Return what :meth:`codec.Form.encoded` does, for all that pyroute2 knows.

    :raises MissingSoftware: there is no pyroute2.
    """
    require_pyroute2(f"a request about a {name} with {', '.join([*fields, *(attr for attr, _value in attrs)])}")
    encoded = getattr(import_module(f"pyroute2.netlink.rtnl.{CLASSES[name]}"), CLASSES[name])()
    encoded["header"].update({"type": kind, "sequence_number": sequence, "flags": flags, "pid": 0})
    encoded.update(_resolved(fields, resolve))
    encoded["attrs"] = _resolved(attrs, resolve)
    encoded.encode()
    return bytes(encoded.data)


def _resolved(value, resolve):
    """Return ``value`` with the numbers that stand behind its symbols, all the way down."""
    if isinstance(value, Symbol):
        return resolve(value)
    if isinstance(value, dict):
        return {name: _resolved(item, resolve) for name, item in value.items()}
    return [(name, _resolved(item, resolve)) for name, item in value] if isinstance(value, list) else value


def acknowledged(encoded):
    """Return a request that asks for an answer, whether it can be done or not."""
    length, kind, flags, sequence, port = HEADER.unpack_from(encoded)
    return HEADER.pack(length, kind, flags | NLM_F_ACK, sequence, port) + encoded[HEADER.size :]


def _open():
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    link.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
    link.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
    link.bind((0, 0))
    return link


def messages_in(chunk):
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
