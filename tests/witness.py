# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets between the namespaces of a lab, sent and answered by this process: what arrives, from whom, and who answers.

A thread enters a namespace (setns(2)) and opens a socket there, which stays in it. As root, on a lab that runs.
"""

import contextlib
import ctypes
import json
import os
import selectors
import socket
import struct
import threading
import time
from pathlib import Path

from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import hosts_of
from snapshot import one as state_of_this_namespace

CLONE_NEWNET = 0x40000000  # linux/sched.h
IP_RECVTTL = 12  # linux/in.h
# RFC 792, RFC 4443
ECHO, ECHO_REPLY, ECHO6, ECHO6_REPLY = 8, 0, 128, 129
HEADERS = {4: 28, 6: 48}  # bytes of IP and ICMP


def in_netns(path, function):
    """Return what ``function`` returns, called in the network namespace at ``path``."""
    found = []

    def run():
        try:
            with open(path, "rb") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {path}")
            found.append((function(), None))
        except Exception as failure:  # raised again in the caller's thread
            found.append((None, failure))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    result, failure = found[0]
    if failure:
        raise failure
    return result


class Witness:
    """All namespaces of a lab: each endpoint and each host outside answers UDP to port 7 and TCP to ``ports``.

    :param layout: the fabric, a :class:`faults.layout.Layout`.
    """

    def __init__(self, lab, layout, ports):
        self._pids = {name: process.pid for name, process in hosts_of(lab).items()}
        self.paths, self.addresses = {}, {}
        self._place(layout)
        self._selector, self._sockets = selectors.DefaultSelector(), []
        for label in self.paths:
            if label not in layout.nodes and label not in ("router", "lab-router"):
                self._serve(label, ports)
        self._ends, self._end = socket.socketpair()
        self._selector.register(self._ends, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def _place(self, layout):
        for node in layout.nodes:
            values = layout.model["nodes"][node]
            self.addresses[node, 4] = values["fabric_node_address"]
            for end in [*layout.ends(node), *(end for link in layout.links(node) for end in link)]:
                self.paths[end.label] = self.netns(node, end.netns)
                self.addresses[end.label, 4] = end.address
            for end in values["fabric_endpoints"]:
                self.addresses[end["name"], 6] = end.get("address6")
        for entry in layout.model["fabric"]["fabric_outside"]:
            self.addresses[entry["name"], 6 if ":" in entry["address"] else 4] = entry["address"]
        self.paths.update({host: self.netns(host) for host in self._pids})

    def netns(self, host, name=""):
        """Return the path of a namespace of a host of the lab, as this process sees it."""
        pid = self._pids[host]
        return f"/proc/{pid}/root/run/netns/{name}" if name else f"/proc/{pid}/ns/net"

    def state(self, node):
        """Return namespace -> its state, as tests/snapshot.py reads it."""
        folder = Path(self.netns(node, "x")).parent
        names = sorted(os.listdir(folder)) if folder.is_dir() else []
        return {name: in_netns(self.netns(node, name), state_of_this_namespace) for name in ["", *names]}

    def close(self):
        self._end.send(b"x")
        self._thread.join()
        for one in [*self._sockets, self._ends, self._end]:
            one.close()

    # what answers

    def _serve(self, label, ports):
        def opened():
            udp = socket.socket(type=socket.SOCK_DGRAM)
            udp.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            udp.bind(("", 7))
            listeners = [socket.create_server(("", port), backlog=5) for port in ports]
            return [udp, *listeners]

        for one in in_netns(self.paths[label], opened):
            self._sockets.append(one)
            self._selector.register(one, selectors.EVENT_READ, label)

    def _answer(self):
        while True:
            for key, _events in self._selector.select():
                if key.data is None:
                    return
                with contextlib.suppress(OSError):  # the way back is broken, and that is what is looked at
                    self._answer_one(key.fileobj, key.data)

    @staticmethod
    def _answer_one(one, label):
        if one.type == socket.SOCK_STREAM:
            connection, peer = one.accept()
            with connection:
                connection.sendall(json.dumps({"by": label, "source": peer[0]}).encode())
            return
        data, ancillary, _flags, peer = one.recvmsg(2048, 64)
        ttl = next(struct.unpack("i", value)[0] for _level, sort, value in ancillary if sort == socket.IP_TTL)
        said = {"by": label, "source": peer[0], "ttl": ttl, "id": data.decode()}
        one.sendto(json.dumps(said).encode(), peer)

    # who asks

    def ask(self, question, seconds):
        """Send the packet of a question once; return ``{"answered", ...}`` with what was seen of it."""
        target = self.addresses.get((question.target, question.family), question.target)
        way = {"icmp": _ping, "udp": _udp, "tcp": _tcp}[question.protocol]

        def run():
            try:
                return way(target, question, seconds)
            except OSError as failure:
                return {"answered": False, "error": failure.strerror or str(failure)}

        return in_netns(self.paths[question.source], run)


def _ping(target, question, seconds):
    is_six = question.family == 6
    family, protocol = (socket.AF_INET6, 58) if is_six else (socket.AF_INET, 1)
    ident = os.urandom(2)
    size = max(question.size or 0, HEADERS[question.family] + 8) - HEADERS[question.family]
    body = ident + b"\0\1" + bytes(size)
    head = bytes([ECHO6 if is_six else ECHO, 0])
    with socket.socket(family, socket.SOCK_RAW, protocol) as raw:
        raw.sendto(head + _checksum(head + b"\0\0" + body) + body, (target, 0))
        deadline = time.monotonic() + seconds
        while True:
            raw.settimeout(max(0.001, deadline - time.monotonic()))
            answer = raw.recv(4096)
            message = answer if is_six else answer[(answer[0] & 15) * 4 :]
            if message[0] == (ECHO6_REPLY if is_six else ECHO_REPLY) and message[4:6] == ident:
                return {"answered": True}


def _udp(target, question, seconds):
    ident = os.urandom(4).hex()
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.settimeout(seconds)
        one.sendto(ident.encode(), (target, question.port))
        said = json.loads(one.recv(2048))
        assert said.pop("id") == ident
        return {"answered": True, **said}


def _tcp(target, question, seconds):
    with socket.create_connection((target, question.port), seconds) as one:
        return {"answered": True, **json.loads(one.recv(2048))}


def _checksum(data):
    """RFC 1071; over IPv6 the kernel writes it (RFC 3542, 3.1)."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data + bytes(len(data) % 2)))
    total = (total >> 16) + (total & 0xFFFF)
    return struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)
