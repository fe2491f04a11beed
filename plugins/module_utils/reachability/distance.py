# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a published port of another node leads to an endpoint: what answers, if only to refuse, is one hop behind the node.

A TCP segment that accepts or resets, an ICMP error that says that nobody listens, and a datagram that comes back: each has
a TTL, and the node's own answers have one more left. So nothing needs to listen.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import struct
import time
from functools import partial

from ..kernel import namespaces
from . import ports
from .ping import probe

# linux/in.h, linux/in6.h: the TTL (hop limit) of what arrives, and errors with it, as tracepath(8) reads them
IP_TTL, IP_RECVERR, IP_RECVTTL, IPV6_RECVERR = 2, 11, 12, 25
IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT = 51, 52
ICMP_ORIGIN, ICMP6_ORIGIN = 2, 3  # linux/errqueue.h
SYN_ACK, RST = 0x12, 0x04
MSG_ERRQUEUE = 0x2000


def ask(questions, timeout):
    """Fill in what each of ``questions``, which have no listener, found; errors as of :func:`ports.ask_own`."""
    groups = {}
    for question in questions:
        groups.setdefault(question.netns, []).append(question)
    for netns, group in groups.items():
        addresses = list(dict.fromkeys(question.address for question in group))
        ttls = {answer.target: answer.ttl for answer in probe([(netns, addresses)], timeout)[0]}
        for question in group:
            if ttls[question.address] is None:
                question.end(False, "the node does not answer a ping")
        _ask(netns, [question for question in group if not question.done], ttls, timeout)


def _ask(netns, waiting, ttls, timeout):
    sniffers = []
    with selectors.DefaultSelector() as selector:
        try:
            for address in {question.address for question in waiting if question.protocol == "tcp"}:
                sniffers.append(namespaces.in_netns(netns, partial(_sniffer, address)))
                selector.register(sniffers[-1], selectors.EVENT_READ, partial(_sniff, waiting, ttls))
            for question in waiting:
                namespaces.in_netns(netns, partial(_start, question, selector, ttls))
            _wait(waiting, selector, timeout)
        finally:
            for opened in [*sniffers, *(question.client for question in waiting if question.client)]:
                opened.close()


def _sniffer(address):
    """Return a raw socket that gets the TCP segments that come from ``address`` (raw(7))."""
    six = ":" in address
    opened = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    if six:
        opened.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
    opened.setblocking(False)
    opened.connect((address, 0))
    return opened


def _start(question, selector, ttls):
    try:
        ports.connect(question)
    except ConnectionRefusedError:
        return  # at once: the segment that says so is there to be read
    except OSError as failure:
        question.end(False, failure.strerror)
        return
    if question.protocol == "udp":
        six = ":" in question.address
        level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
        for option in (IPV6_RECVERR, IPV6_RECVHOPLIMIT) if six else (IP_RECVERR, IP_RECVTTL):
            question.client.setsockopt(level, option, 1)
        selector.register(question.client, selectors.EVENT_READ, partial(_take, question, ttls[question.address]))


def _wait(questions, selector, timeout):
    """Read until all have their answer; UDP is asked three times, TCP by the kernel."""
    start, sent = time.monotonic(), 0
    while True:
        waiting = [question for question in questions if not question.done]
        passed = time.monotonic() - start
        if not waiting or passed >= timeout:
            return
        if passed >= sent * timeout / 3:
            sent += 1
            ports.send_udp(waiting)
        for key, _events in selector.select(sent * timeout / 3 - passed):
            key.data(key.fileobj)


def _sniff(questions, ttls, sniffer):
    """Take a segment: which question it answers, and how far it came."""
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
    for question in questions:
        wanted = question.address, question.port, question.source
        if question.protocol == "tcp" and not question.done and wanted == (sender[0], source, destination):
            _judge(question, ttl, ttls[question.address])


def _take(question, nodes, client):
    """Take a datagram, or the error that says that nobody listens."""
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
                question.end(False, os.strerror(code))
                return
    _judge(question, _ttl(ancillary), nodes)


def _judge(question, ttl, nodes):
    """An endpoint is one hop behind its node."""
    if ttl == nodes - 1:
        question.end(True)
    elif ttl == nodes:
        question.end(False, "the node itself answers, and no endpoint")
    else:
        question.end(False, f"the answer has TTL {ttl}, and that of an endpoint would have {nodes - 1}")


def _ttl(ancillary):
    for level, sort, data in ancillary:
        if (level, sort) in ((socket.IPPROTO_IP, IP_TTL), (socket.IPPROTO_IPV6, IPV6_HOPLIMIT)):
            return struct.unpack("i", data[:4])[0]
    return None
