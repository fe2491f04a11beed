# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ctnetlink: flows that netfilter tracks, read and removed (linux/netfilter/nfnetlink_conntrack.h).

A flow keeps the translation of its first packet, even if that was none, for as long as it lasts (nf_nat_setup_info,
net/netfilter/nf_nat_core.c). If its entry is removed, its next packet begins a new flow.
"""

from __future__ import annotations

import errno
import socket
import struct
from functools import partial
from typing import Callable, NamedTuple

from . import namespaces
from .codec import ATTRIBUTE, HEADER, attributes
from .messages import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, Dump, acknowledgements
from .netlink import BATCH, CHUNK, open_socket

# linux/netlink.h, linux/netfilter/nfnetlink.h
NETLINK_NETFILTER, SUBSYSTEM = 12, 1
GET, DELETE = 1, 2
NFGENMSG = struct.Struct("=BBH")
# linux/netfilter/nfnetlink_conntrack.h: ctattr_type, ctattr_tuple, ctattr_ip, ctattr_l4proto
TUPLE_ORIG, STATUS, ID, ZONE = 1, 3, 12, 18
TUPLE_IP, TUPLE_PROTO = 1, 2
SOURCES, DESTINATIONS = (1, 3), (2, 4)
PROTO_NUMBER, PROTO_DESTINATION = 1, 3
# linux/netfilter/nf_conntrack_common.h: bits of a flow's status
ASSURED, SRC_NAT, DST_NAT = 1 << 2, 1 << 4, 1 << 5


class Flow(NamedTuple):
    """One tracked flow.

    :param protocol: its number; ``port``: destination port, 0 if the protocol has none.
    :param source: source address of its first packet, as bytes; ``target``: its destination, before translation.
    :param status: ASSURED and other bits.
    :param identity: the attributes by which the kernel finds it.
    """

    protocol: int
    port: int
    source: bytes
    target: bytes
    status: int
    identity: bytes


def forget(netns: str, stale: Callable[[Flow], bool]) -> int:
    """Remove the ``stale`` flows of the namespace ``netns``; return how many.

    :raises OSError: the kernel refuses; EINVAL or EPROTONOSUPPORT: it lacks ctnetlink (nfnetlink_rcv_msg, net/netfilter/nfnetlink.c).
    """
    return namespaces.in_netns(netns, lambda: _forget(stale))


def _forget(stale):
    with open_socket(NETLINK_NETFILTER) as link:
        count = 0
        for family in (socket.AF_INET, socket.AF_INET6):
            found = [flow.identity for flow in _flows(link, family) if stale(flow)]
            for start in range(0, len(found), BATCH):
                _delete(link, family, found[start : start + BATCH])
            count += len(found)
        return count


def _flows(link, family):
    link.send(_message(GET, NLM_F_DUMP, family, 1))
    for chunk, offset in Dump(partial(link.recv, CHUNK), 1):
        yield flow_of(chunk, offset + HEADER.size + NFGENMSG.size, offset + HEADER.unpack_from(chunk, offset)[0])


def _delete(link, family, identities):
    """Remove flows; one that has ended by itself (ENOENT) is no failure. The kernel answers the last request and each failed one."""
    last = len(identities)
    parts = [
        _message(DELETE, NLM_F_ACK if number == last else 0, family, number, identity)
        for number, identity in enumerate(identities, 1)
    ]
    link.send(b"".join(parts))
    for _sequence, code, text in acknowledgements(partial(link.recv, CHUNK), last):
        if code not in (0, errno.ENOENT):
            raise OSError(code, text)


def flow_of(data: bytes, place: int, end: int) -> Flow:
    """Return the Flow whose attributes are between ``place`` and ``end`` of ``data``."""
    found = {number: (start, stop) for number, start, stop in attributes(data, place, end)}
    source, target, protocol, port = _tuple(data, *found[TUPLE_ORIG])
    status = int.from_bytes(data[slice(*found.get(STATUS, (0, 0)))], "big")
    named = [found[number] for number in (TUPLE_ORIG, ID, ZONE) if number in found]
    identity = b"".join(_padded(data[start - ATTRIBUTE.size : stop]) for start, stop in named)
    return Flow(protocol, port, source, target, status, identity)


def _tuple(data, place, end):
    """Return (source, destination, protocol, destination's port) of one direction of a flow."""
    nested = {number: _values(data, start, stop) for number, start, stop in attributes(data, place, end)}
    source, target = (
        next(nested[TUPLE_IP][number] for number in numbers if number in nested[TUPLE_IP])
        for numbers in (SOURCES, DESTINATIONS)
    )
    layer4 = nested[TUPLE_PROTO]
    return source, target, layer4[PROTO_NUMBER][0], int.from_bytes(layer4.get(PROTO_DESTINATION, b""), "big")


def _values(data, place, end):
    return {number: data[start:stop] for number, start, stop in attributes(data, place, end)}


def _padded(data):
    return data + bytes(-len(data) % 4)


def _message(verb, flags, family, sequence, attributes=b""):
    body = NFGENMSG.pack(family, 0, 0) + attributes
    return HEADER.pack(HEADER.size + len(body), SUBSYSTEM << 8 | verb, flags | NLM_F_REQUEST, sequence, 0) + body
