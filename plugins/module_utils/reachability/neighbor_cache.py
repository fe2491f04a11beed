# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The neighbors of many namespaces, kept from filling the kernel's tables while very many of them are asked.

The kernel has one limit for all namespaces of a machine (``net.ipv4.neigh.default.gc_thresh3``, 1,024 of each family), and
an entry in use stays for a minute: a hundred endpoints on one bridge that ask each other would need 10,000, and those
beyond the limit would seem not to answer.
"""

from __future__ import annotations

import ipaddress
import socket
import struct

# linux/rtnetlink.h, linux/neighbour.h, linux/netlink.h
RTM_NEWADDR, RTM_GETADDR = 20, 22
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NDA_DST, IFA_ADDRESS = 1, 1
INCOMPLETE, NOARP, PERMANENT = 0x01, 0x40, 0x80
EXT_LEARNED = 0x10
HEADER, NDMSG, IFADDRMSG = struct.Struct("=IHHII"), struct.Struct("=BBHiHBB"), struct.Struct("=BBBBI")


class Neighbors:
    """The dynamic entries of one namespace; those that are there when it is made are left alone.

    It is made inside the namespace: its socket stays there.

    :raises OSError: the kernel gives us no netlink socket.
    """

    def __init__(self):
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._sequence = 0
        self._links = {network for body in self._dump(RTM_GETADDR) for network in _network(body)}
        self._before = {key for body in self._dump(RTM_GETNEIGH) for key, _state in _entry(body)}

    def has(self, address):
        """Tell whether ``address`` is a neighbor's, by the prefixes of this namespace's own addresses."""
        packed = ipaddress.ip_address(address).packed
        return any(len(first) == len(packed) and _starts(packed, first, length) for first, length in self._links)

    def forget(self, but_incomplete):
        """Remove the entries that have come since.

        :param but_incomplete: leave those that still wait for their neighbor's first word.
        :returns: how many are left.
        """
        entries = [entry for body in self._dump(RTM_GETNEIGH) for entry in _entry(body) if entry[0] not in self._before]
        known = [key for key, state in entries if state != INCOMPLETE or not but_incomplete]
        if known:
            self._socket.send(b"".join(_message(RTM_DELNEIGH, NLM_F_REQUEST, 0, *key) for key in known))
        return len(entries) - len(known)

    def close(self):
        self._socket.close()

    def _dump(self, kind):
        """Yield the body of each message that answers a request of this ``kind`` for all there is."""
        self._sequence += 1
        self._socket.send(_message(kind, NLM_F_REQUEST | NLM_F_DUMP, self._sequence))
        while True:
            data = self._socket.recv(1 << 16)
            while data:
                length, found, _flags, sequence, _port = HEADER.unpack_from(data)
                # a complaint about an entry that went by itself, before we could remove it, has another number
                if sequence == self._sequence and found in (NLMSG_DONE, NLMSG_ERROR):
                    return
                if sequence == self._sequence and found in (RTM_NEWNEIGH, RTM_NEWADDR):
                    yield data[HEADER.size : length]
                data = data[(length + 3) & ~3 :]


def _network(body):
    """Yield (address, length of the prefix) of one address of ours."""
    _family, length, _flags, _scope, _index = IFADDRMSG.unpack_from(body)
    address = _attribute(body, IFADDRMSG.size, IFA_ADDRESS)
    if address:
        yield address, length


def _entry(body):
    """Yield ((family, index of the link, address), state) of a neighbor, if the kernel itself has found it."""
    family, _pad, _pad2, index, state, flags, _kind = NDMSG.unpack_from(body)
    address = _attribute(body, NDMSG.size, NDA_DST)
    if address and not state & (PERMANENT | NOARP) and not flags & EXT_LEARNED:
        yield (family, index, address), state


def _attribute(body, place, wanted):
    """Return the value of the attribute ``wanted``, or None."""
    while place + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, place)
        if length < 4:
            break
        if kind == wanted:
            return body[place + 4 : place + length]
        place += (length + 3) & ~3
    return None


def _starts(packed, first, length):
    shift = len(packed) * 8 - length
    return int.from_bytes(packed, "big") >> shift == int.from_bytes(first, "big") >> shift


def _message(kind, flags, sequence, family=0, index=0, address=b""):
    body = NDMSG.pack(family, 0, 0, index, 0, 0, 0)
    if address:
        body += struct.pack("=HH", 4 + len(address), NDA_DST) + address
    return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body
