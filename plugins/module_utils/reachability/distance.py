# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks published ports of another node by the TTL of the reply: an endpoint is one hop behind its node.

Nothing needs to listen in the endpoint: a SYN-ACK, a reset, an ICMP port unreachable and a UDP reply all have a TTL, and
replies of the node itself have one more left.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import struct
import time
from functools import partial
from typing import List

from ..kernel import namespaces
from . import ports
from .ping import probe

# linux/in.h, linux/in6.h: receive the TTL (hop limit) and ICMP errors, as tracepath(8) does
IP_TTL, IP_RECVERR, IP_RECVTTL, IPV6_RECVERR = 2, 11, 12, 25
IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT = 51, 52
ICMP_ORIGIN, ICMP6_ORIGIN = 2, 3  # linux/errqueue.h
SYN_ACK, RST = 0x12, 0x04
MSG_ERRQUEUE = 0x2000


def check_remote(checks: List[ports.PortCheck], timeout: float) -> None:
    """Run ``checks``, which have no listener, and set their results. Raises as :func:`ports.check_own` does."""
    groups = {}
    for check in checks:
        groups.setdefault(check.netns, []).append(check)
    for netns, group in groups.items():
        addresses = list(dict.fromkeys(check.address for check in group))
        ttls = {answer.target: answer.ttl for answer in probe([(netns, addresses)], timeout)[0]}
        for check in group:
            if ttls[check.address] is None:
                check.end(False, "the node does not answer a ping")
        _check(netns, [check for check in group if not check.done], ttls, timeout)


def _check(netns, waiting, ttls, timeout):
    sniffers = []
    with selectors.DefaultSelector() as selector:
        try:
            for address in {check.address for check in waiting if check.protocol == "tcp"}:
                sniffers.append(namespaces.in_netns(netns, partial(_sniffer, address)))
                selector.register(sniffers[-1], selectors.EVENT_READ, partial(_sniff, waiting, ttls))
            for check in waiting:
                namespaces.in_netns(netns, partial(_start, check, selector, ttls))
            _wait(waiting, selector, timeout)
        finally:
            for opened in [*sniffers, *(check.client for check in waiting if check.client)]:
                opened.close()


def _sniffer(address):
    """Return a raw socket that receives the TCP segments from ``address`` (raw(7))."""
    six = ":" in address
    opened = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    if six:
        opened.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
    opened.setblocking(False)
    opened.connect((address, 0))
    return opened


def _start(check, selector, ttls):
    try:
        ports.connect(check)
    except ConnectionRefusedError:
        return  # at once: the sniffer has the segment
    except OSError as failure:
        check.end(False, failure.strerror)
        return
    if check.protocol == "udp":
        six = ":" in check.address
        level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
        for option in (IPV6_RECVERR, IPV6_RECVHOPLIMIT) if six else (IP_RECVERR, IP_RECVTTL):
            check.client.setsockopt(level, option, 1)
        selector.register(check.client, selectors.EVENT_READ, partial(_receive, check, ttls[check.address]))


def _wait(checks, selector, timeout):
    """Read until all checks have ended; UDP is sent three times, TCP's SYN by the kernel."""
    start, sent = time.monotonic(), 0
    while True:
        waiting = [check for check in checks if not check.done]
        passed = time.monotonic() - start
        if not waiting or passed >= timeout:
            return
        if passed >= sent * timeout / 3:
            sent += 1
            ports.send_udp(waiting)
        for key, _events in selector.select(sent * timeout / 3 - passed):
            key.data(key.fileobj)


def _sniff(checks, ttls, sniffer):
    """Read a segment, and judge the check that it answers by its TTL."""
    try:
        data, ancillary, _flags, sender = sniffer.recvmsg(512, 64)
    except OSError:
        return
    ttl = _ttl(ancillary)
    if ttl is None:  # the header is there with IPv4
        ttl, data = data[8], data[(data[0] & 15) * 4 :]
    if len(data) < 14 or not data[13] & (SYN_ACK | RST):
        return
    source, destination = struct.unpack_from("!HH", data)
    for check in checks:
        wanted = check.address, check.port, check.source
        if check.protocol == "tcp" and not check.done and wanted == (sender[0], source, destination):
            _judge(check, ttl, ttls[check.address])


def _receive(check, nodes, client):
    """Read a datagram, or an ICMP port unreachable."""
    try:
        _data, ancillary, _flags, _sender = client.recvmsg(512, 512, MSG_ERRQUEUE)
    except BlockingIOError:
        try:
            _data, ancillary, _flags, _sender = client.recvmsg(512, 512)
        except OSError:
            return
    except OSError:
        return
    for _level, sort, data in ancillary:
        if sort in (IP_RECVERR, IPV6_RECVERR) and len(data) >= 16:
            code, origin = struct.unpack_from("IB", data)
            if code != errno.ECONNREFUSED or origin not in (ICMP_ORIGIN, ICMP6_ORIGIN):
                check.end(False, os.strerror(code))
                return
    _judge(check, _ttl(ancillary), nodes)


def _judge(check, ttl, nodes):
    """An endpoint is one hop behind its node."""
    if ttl == nodes - 1:
        check.end(True)
    elif ttl == nodes:
        check.end(False, "the node itself answers, not an endpoint")
    else:
        check.end(False, f"the reply has TTL {ttl}, an endpoint's would have {nodes - 1}")


def _ttl(ancillary):
    for level, sort, data in ancillary:
        if (level, sort) in ((socket.IPPROTO_IP, IP_TTL), (socket.IPPROTO_IPV6, IPV6_HOPLIMIT)):
            return struct.unpack("i", data[:4])[0]
    return None
