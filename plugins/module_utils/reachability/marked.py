# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One marked packet, sent by a socket from a namespace, so that the kernel does with it what it does with any program's.

An ICMP echo request, a UDP datagram, or a TCP SYN; to the answer to that our kernel, which has no such connection, sends a
reset, so that nothing of it is left at the other end.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from functools import partial
from typing import Any, Dict, List, NamedTuple, Optional

from ..kernel import namespaces
from . import icmp
from .capture import hops, open_sockets, read
from .frames import FORWARD, SYN, Mark
from .ping import REFUSALS

# seconds: how long one packet is waited for, and after its answer for what comes beside it
PATIENCE, AFTER = 0.4, 0.01
# bytes of an IP packet if nobody says how many: ping(8) sends 56 of payload
USUAL = {4: 84, 6: 104}
UDP_HEADERS = {4: 28, 6: 48}
WINDOW, MSS = 64240, struct.pack("!BBH", 2, 4, 536)


class Packet(NamedTuple):
    """What is sent.

    :param flow: its number.
    :param netns: who sends it.
    :param source: its address; ``target``: where it goes.
    :param protocol: icmp, udp or tcp.
    :param port: the destination port of UDP and TCP.
    :param size: bytes of the IP packet, which nobody may fragment; None: those of ping(8).
    """

    flow: int
    netns: str
    source: str
    target: str
    protocol: str = "icmp"
    port: int = 0
    size: Optional[int] = None


def send(packets: List[Packet], mark: Mark, tries: int = 3) -> List[Dict[str, Any]]:
    """Send each packet until something comes back to its namespace, at most ``tries`` times.

    :returns: for each ``{"flow", "sent": how often, "answered": bool, "error": what the kernel says if it does not send it, or ""}``.
    :raises OSError: a socket cannot be opened.
    """
    results = {one.flow: {"flow": one.flow, "sent": 0, "answered": False, "error": ""} for one in packets}
    watched = open_sockets({one.netns for one in packets}, mark)
    opened: List[socket.socket] = []  # until all is over: an answer that nobody waits for is refused
    try:
        for number in range(tries):
            waiting = [one for one in packets if not results[one.flow]["answered"] and not results[one.flow]["error"]]
            for packet in waiting:
                results[packet.flow].update(_sent(packet, mark, number, opened))
            _wait(watched, mark, [one.flow for one in waiting], results)
    finally:
        for one in [*watched.values(), *opened]:
            one.close()
    return list(results.values())


def _sent(packet, mark, number, opened):
    """Send a packet once, by a socket that joins ``opened``; return what has come of it."""
    opener = {"icmp": _open_icmp, "udp": _open_udp, "tcp": _open_tcp}[packet.protocol]
    try:
        opened.append(namespaces.in_netns(packet.netns, partial(opener, packet, mark)))
        opened[-1].sendto(_bytes(packet, mark, number), _to(packet))
    except OSError as failure:
        return {"error": REFUSALS.get(failure.errno) or os.strerror(failure.errno or 0)}
    return {"sent": number + 1}


def _to(packet):
    return packet.target, packet.port if packet.protocol == "udp" else 0


def _wait(watched, mark, flows, results):
    """Note which ``flows`` anything comes back of, until it is so of all, and then for a moment of what comes beside it."""
    deadline = time.monotonic() + PATIENCE
    waiting = {flow for flow in flows if not results[flow]["error"]}
    while waiting:
        ready = select.select(list(watched.values()), [], [], max(0.0, deadline - time.monotonic()))[0]
        if not ready:
            return
        back = {one["flow"] for opened in ready for one in hops(read("", opened), mark) if one["direction"] != FORWARD}
        for flow in back & waiting:
            results[flow]["answered"] = True
        waiting -= back
    time.sleep(AFTER)


def _bytes(packet, mark, number):
    """Return what a socket of the packet's sort sends."""
    version = icmp.version(packet.target)
    size = packet.size or USUAL[version]
    if packet.protocol == "icmp":
        return icmp.request(version, mark.of(packet.flow), number, size)
    if packet.protocol == "udp":
        payload = mark.of(packet.flow) + struct.pack("!I", number)
        return payload + bytes(max(0, size - UDP_HEADERS[version] - len(payload)))
    return _syn(packet, mark)


def _syn(packet, mark):
    """Return a SYN, its checksum over the addresses that it leaves with (RFC 9293, 3.1)."""
    sequence = int.from_bytes(mark.of(packet.flow)[:4], "big")
    offset = (20 + len(MSS)) // 4 << 4
    head = struct.pack("!HHIIBBHHH", mark.port, packet.port, sequence, 0, offset, SYN, WINDOW, 0, 0) + MSS
    family = _family(packet)
    ends = socket.inet_pton(family, packet.source) + socket.inet_pton(family, packet.target)
    if family == socket.AF_INET6:
        pseudo = ends + struct.pack("!II", len(head), socket.IPPROTO_TCP)
    else:
        pseudo = ends + struct.pack("!HH", socket.IPPROTO_TCP, len(head))
    return head[:16] + struct.pack("!H", icmp.checksum(pseudo + head)) + head[18:]


def _open_icmp(packet, _mark):
    opened = icmp.open_socket(icmp.version(packet.target), packet.size)
    return _bound(opened, packet, 0)


def _open_udp(packet, mark):
    opened = socket.socket(_family(packet), socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # several packets have one source port
    return _bound(opened, packet, mark.port)


def _open_tcp(packet, _mark):
    opened = socket.socket(_family(packet), socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_TCP)
    return _bound(opened, packet, 0)


def _family(packet):
    return socket.AF_INET6 if ":" in packet.target else socket.AF_INET


def _bound(opened, packet, port):
    """Return the socket, bound to the packet's source; what is too large for the way is not fragmented."""
    try:
        if packet.size:
            ipv6 = ":" in packet.target
            level, option = (
                (socket.IPPROTO_IPV6, icmp.IPV6_MTU_DISCOVER) if ipv6 else (socket.IPPROTO_IP, icmp.IP_MTU_DISCOVER)
            )
            opened.setsockopt(level, option, icmp.PMTUDISC_PROBE)
        if packet.source:
            opened.bind((packet.source, port))
    except OSError:
        opened.close()
        raise
    return opened
