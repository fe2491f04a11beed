# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One marked packet, seen at every interface of a node: a socket of packet(7) for each namespace.

The kernel hands a socket only frames that have the mark at a place where it can be (a filter of socket(7), SO_ATTACH_FILTER):
on a node with much traffic nothing else is copied, and no buffer overflows.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from functools import partial
from typing import Any, Dict, Iterable, List, NamedTuple, Set

from ..kernel import namespaces
from .frames import FLOW_MASK, Mark, parsed

# linux/if_packet.h, linux/if_ether.h
PACKET_OUTGOING, ETH_P_ALL = 4, 0x0003
TO = {0: "host", 1: "broadcast", 2: "multicast", 3: "otherhost", PACKET_OUTGOING: "outgoing"}
# asm-generic/socket.h
SO_ATTACH_FILTER, SO_TIMESTAMPNS = 26, 35
# linux/filter.h: load a word at a place, leave bits of it out, compare, accept or drop
LOAD, AND, JUMP_IF_EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06
WHOLE, WHOLE_WORD = 0xFFFF, 0xFFFFFFFF
INSTRUCTION = struct.Struct("=HBBI")
# bytes before the innermost IP header: of the link (none on a tunnel without Ethernet, a VLAN's), and of a tunnel around it
LINKS, TUNNELS = (0, 14, 18), (0, 20, 40, 50, 70)
IP_HEADERS, ICMP_HEADER = (20, 40), 8
CHUNK = 1 << 16


class Sighting(NamedTuple):
    """A frame at an interface.

    :param time: seconds since the epoch, by the node's clock.
    :param to: to whom it is addressed, as packet(7) says: host, otherhost, broadcast, multicast, outgoing.
    """

    netns: str
    device: str
    to: str
    hardware: int
    time: float
    data: bytes


def program(mark: Mark) -> List[bytes]:
    """Return the filter's instructions: it accepts what has the first word of the mark where a packet of ours has it.

    The payload of UDP and ICMP and the acknowledged number of TCP are 8 bytes behind the IP header, the sequence number is 4
    behind. An error quotes the packet. To load behind the end of a frame ends the filter, so places come in order.
    """
    places = set()
    for before in (link + tunnel for link in LINKS for tunnel in TUNNELS):
        for header in IP_HEADERS:
            within = before + header
            quoted = within + ICMP_HEADER + header
            places |= {within + 4, within + 8, quoted + 4, quoted + 8}
    found = []
    for place in sorted(places):
        found += [INSTRUCTION.pack(LOAD, 0, 0, place), INSTRUCTION.pack(AND, 0, 0, WHOLE_WORD ^ FLOW_MASK)]
        found += [INSTRUCTION.pack(JUMP_IF_EQUAL, 0, 1, mark.magic), INSTRUCTION.pack(RETURN, 0, 0, WHOLE)]
    return [*found, INSTRUCTION.pack(RETURN, 0, 0, 0)]


def open_sockets(where: Iterable[str], mark: Mark) -> Dict[str, socket.socket]:
    """Return namespace -> a socket that gets the marked frames of all its interfaces, in both directions.

    :raises OSError: it cannot be opened, such as in a namespace that has ended.
    """
    opened: Dict[str, socket.socket] = {}
    try:
        for netns in sorted(set(where)):
            opened[netns] = namespaces.in_netns(netns, partial(_open, mark))
    except OSError:
        for one in opened.values():
            one.close()
        raise
    return opened


def _open(mark):
    # what comes before the filter is there is left out by its reader
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    one = socket.socket(socket.AF_PACKET, kind, socket.htons(ETH_P_ALL))
    try:
        code = b"".join(program(mark))
        kept = ctypes.create_string_buffer(code)
        words = struct.pack("HP", len(code) // INSTRUCTION.size, ctypes.addressof(kept))  # struct sock_fprog
        one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, words)
        one.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        one.close()
        raise
    return one


def read(netns: str, opened: socket.socket) -> List[Sighting]:
    """Return the frames that have arrived, in the order in which the kernel saw them."""
    found = []
    while True:
        try:
            data, ancillary, _flags, address = opened.recvmsg(CHUNK, 64)
        except BlockingIOError:
            return found
        except OSError as failure:
            if failure.errno != errno.ENETDOWN:  # an interface went down
                raise
            continue
        device, _protocol, kind, hardware = address[:4]
        found.append(Sighting(netns, device, TO.get(kind, str(kind)), hardware, _seconds(ancillary), data))


def _seconds(ancillary):
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("@ll", data[:16])
            return seconds + nanoseconds / 1e9
    return 0.0


def hops(sightings: Iterable[Sighting], mark: Mark) -> List[Dict[str, Any]]:
    """Return the sightings of the marked packet, of its answer and of errors about it, in order.

    :returns: list of ``{"netns", "device", "action": "out" or "in", "packet": headers, "time", "to", "direction", "flow", "sequence"}``.
    """
    found = []
    for one in sorted(sightings, key=lambda sighting: sighting.time):  # those of one socket stay in their order
        frame = parsed(one.data, one.hardware, mark)
        if frame is not None:
            found.append(
                {
                    "netns": one.netns,
                    "device": one.device,
                    "action": "out" if one.to == "outgoing" else "in",
                    "packet": frame.headers,
                    "time": one.time,
                    "to": one.to,
                    "direction": frame.direction,
                    "flow": frame.flow,
                    "sequence": frame.sequence,
                }
            )
    return found


def chosen(found: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Return the hops of the one packet that was seen at most interfaces, of several the first."""
    places: Dict[int, Set[Any]] = {}
    for one in found:
        places.setdefault(one["sequence"], set()).add(
            (one.get("node"), one["netns"], one["device"], one["action"], one["direction"])
        )
    if not places:
        return []
    best = min(places, key=lambda sequence: (-len(places[sequence]), sequence))
    return [one for one in found if one["sequence"] == best]
