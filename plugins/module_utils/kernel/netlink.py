# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rtnetlink(7): sockets and batches. What :mod:`tables` does not know :mod:`pyroute2` writes.

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
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from ..engine.errors import reason
from . import namespaces
from .messages import (
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    TYPES,
    Dump,
    Index,
    Message,
    acknowledged,
    acknowledgements,
    failure_in,
    replies,
)
from .tables import FORMS

# linux/netlink.h
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11

# Unread answers fill the socket's buffer (rmem_default, 208 KiB, some 270 of them): read before it is full.
BATCH = 200
CHUNK = 1 << 18
SIOCGIFINDEX = 0x8933
# A lost answer: reading is tried once more; a change is not, as it may have been made.
TRANSIENT = {errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN, errno.EINTR, errno.EBADMSG}
PATIENCE = struct.pack("@ll", 30, 0)  # struct timeval; Python's own timeout would ask poll(2) before each answer


Decoded = Tuple[Dict[str, Any], Dict[str, Any]]  # fields and attributes of an object


class Netlink:
    """Sockets into namespaces, by reference, each opened once and kept."""

    def __init__(self) -> None:
        self.sockets: Dict[str, socket.socket] = {}
        self.sequence = 0
        self.counts = {"sockets": 0, "sends": 0, "requests": 0}
        self._buffer = memoryview(bytearray(CHUNK))
        self._dumps: Dict[Any, Tuple[int, bytes]] = {}  # what is asked for -> (sequence, request)
        self._indexes: Dict[Tuple[str, str], int] = {}  # of the links that the requests at hand are about
        # a socket for each namespace: more than the thousand files that a login has by default
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    def close(self, netns: Optional[str] = None) -> None:
        """Close the socket into ``netns``, which it would keep alive; without an argument, all."""
        for ref in [netns] if netns is not None else list(self.sockets):
            if ref in self.sockets:
                self.sockets.pop(ref).close()

    def dump(
        self,
        netns: str,
        name: str,
        fields: Optional[Dict[str, Any]] = None,
        attrs: Iterable[Tuple[str, Any]] = (),
        keep: Optional[Callable[..., Any]] = None,
    ) -> List[Decoded]:
        """Return all objects of a sort in ``netns``, each ``(fields, attributes)`` as plain data.

        The kernel says when a dump was overtaken by a change (NLM_F_DUMP_INTR); it is then read again.

        :param keep: says by the values of its fields whether an object is kept; None: all are.
        """
        asked = name, tuple((fields or {}).items()), tuple(attrs)
        if asked not in self._dumps:  # the same in each namespace
            self._dumps[asked] = self._encode(Message("get", name, NLM_F_DUMP, fields or {}, list(attrs)), netns, [])
        for _attempt in range(5):
            objects, torn = self._again(netns, self._dump, netns, *self._dumps[asked])
            if not torn:
                break
        found = (FORMS[name].decoded(data, offset, keep) for data, offset in objects)
        return [one for one in found if one is not None]

    def _again(self, netns, read, *words):
        """Return what ``read`` does with ``words``; if an answer was lost, try once more on a new socket."""
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
        dump = Dump(lambda: self._receive(link), sequence)
        return list(dump), dump.torn

    def request(self, messages: Iterable[Tuple[int, str, Message]], answers: List[Optional[str]]) -> None:
        """Send ``(number, netns, message)``, in order within each namespace; of each that fails, ``answers[number]`` says why.

        This namespace comes last: a bridge in it comes up when the other ends of its ports are up already.
        None of them may change the name of a link that another is about.
        """
        self._indexes.clear()
        by_netns: Dict[str, List[Tuple[int, Message]]] = {}
        for number, netns, message in messages:
            by_netns.setdefault(netns, []).append((number, message))
        for netns in sorted(by_netns, key=bool, reverse=True):
            numbered = by_netns[netns]
            for start in range(0, len(numbered), BATCH):
                self._batch(netns, numbered[start : start + BATCH], answers)

    def _batch(self, netns, numbered, answers):
        opened: List[int] = []
        sent, parts = {}, []
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
        """Send requests of which only the last asks for an answer, and read until it is there."""
        link = self._socket(netns)
        self._send(link, data, len(sent))
        for sequence, code, text in acknowledgements(lambda: self._receive(link), max(sent)):
            if sequence in sent:
                answers[sent[sequence]] = text if code else None

    def lookup(
        self, netns: str, messages: List[Message], refused: Optional[Dict[int, Tuple[int, str]]] = None
    ) -> List[Optional[Decoded]]:
        """Send ``get`` messages; return for each its answer ``(fields, attributes)``, or None: it was refused.

        :param refused: gets the place of each message that was refused -> (error, sentence).
        """
        found: List[Optional[Decoded]] = [None] * len(messages)
        for start in range(0, len(messages), BATCH):
            opened: List[int] = []
            waiting, data = {}, b""
            try:
                for number, message in enumerate(messages[start : start + BATCH], start):
                    sequence, encoded = self._encode(message, netns, opened)
                    waiting[sequence] = number
                    data += encoded
                self._again(netns, self._collect, netns, data, waiting, messages, found, refused)
            finally:
                for descriptor in opened:
                    os.close(descriptor)
        return found

    def _collect(self, netns, data, waiting, messages, found, refused):
        link = self._socket(netns)
        self._send(link, data, len(waiting))
        waiting = dict(waiting)
        for chunk, offset, kind, _flags, sequence in replies(lambda: self._receive(link)):
            number = waiting.pop(sequence, None)
            if number is not None and kind != NLMSG_ERROR:
                found[number] = FORMS[messages[number].object].decoded(chunk, offset)
            elif number is not None and refused is not None:
                refused[number] = failure_in(chunk, offset)
            if not waiting:
                return

    def open(self, netns: str) -> None:
        """Open the socket into ``netns``, in which the calling thread is."""
        self.close(netns)
        self.sockets[netns] = open_socket(socket.NETLINK_ROUTE)
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
            from . import pyroute2  # noqa: PLC0415 - nothing that the modules do needs it

            encoded = pyroute2.encoded(name, kind, flags, self.sequence, fields, attrs, resolve)
        return self.sequence, encoded

    def index(self, netns: str, name: str) -> int:
        """Return the index of link ``name``; LookupError where there is none.

        :func:`socket.if_nametoindex` opens a socket where it is called; this asks on the one that we have there.
        """
        request = struct.pack("16si", name.encode(), 0)
        try:
            answer = fcntl.ioctl(self._socket(netns), SIOCGIFINDEX, request)
        except OSError:
            raise LookupError(f"there is no interface {name!r}") from None
        return struct.unpack("16si", answer)[1]


def open_socket(protocol: int) -> socket.socket:
    """Return a netlink socket into the namespace where the calling thread is; an answer that does not come is an error."""
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    link.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
    link.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
    link.bind((0, 0))
    return link
