# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program behind ``loss.Traffic``: all endpoints of one machine, sent to and received from by one process.

Standard input has the configuration in its first line, then orders: begin, quiet, report. It needs nothing but Python.
"""

import json
import os
import select
import socket
import struct
import sys
import time
from array import array

from loss_sockets import Namespaces, Talker, is_ipv6, opened

SO_MEMINFO, MEMINFO_DROPS = 55, 8  # asm-generic/socket.h, linux/sock_diag.h
HEADER = struct.Struct("!QdB")  # number, when it was sent, which of the target's addresses
UDP_PORT = 7100
# a sender that is later than this leaves packets out, instead of sending them all at once
LATEST = 0.005
WRITES_PER_SECOND = 100
COUNTERS = {"InErrors", "RcvbufErrors", "SndbufErrors", "InDiscards", "OutDiscards", "OutNoRoutes", "InNoRoutes"}
COUNTERS |= {"IPReversePathFilter", "FragFails", "InHdrErrors", "InAddrErrors"}


class Sender:
    """One direction's packets: each goes to all addresses of its target."""

    def __init__(self, namespaces, flow, source, target, size):
        self.flow, self.number, self.errors = flow, 0, {}
        self._sockets = [namespaces.inside(source, opened, socket.SOCK_DGRAM, address) for address in target]
        self._targets = [(address, UDP_PORT + flow) for address in target]
        self._padding = bytes(max(0, size - HEADER.size))

    def send(self, now):
        for index, (one, target) in enumerate(zip(self._sockets, self._targets)):
            try:
                one.sendto(HEADER.pack(self.number, now, index) + self._padding, target)
            except OSError as error:  # it is lost, and the receiver counts it
                name = error.strerror or str(error)
                self.errors[name] = self.errors.get(name, 0) + 1
        self.number += 1

    def report(self):
        return {"flow": self.flow, "next": self.number, "errors": self.errors}


class Receiver:
    """The other end of a direction: when the packet of each number was sent, 0 where none came."""

    def __init__(self, namespaces, flow, place, addresses):
        self.flow, self.first, self.again, self.stamps = flow, 0, 0, array("d")
        self._single, self._buffer = len(addresses) == 1, bytearray(65536)
        families = {is_ipv6(address): address for address in addresses}
        self._sockets = [
            namespaces.inside(place, opened, socket.SOCK_DGRAM, address, UDP_PORT + flow)
            for address in families.values()
        ]

    def receive(self):
        for one in self._sockets:
            while True:
                try:
                    one.recv_into(self._buffer)
                except BlockingIOError:
                    break
                number, sent, _index = HEADER.unpack_from(self._buffer)
                while number >= len(self.stamps):
                    self.stamps.append(0)
                if self._single and self.stamps[number]:
                    self.again += 1
                self.stamps[number] = sent

    def begin(self):
        self.first = len(self.stamps)

    def gaps(self):
        """Return [when the packet before was sent, when the one after, how many are missing between]."""
        found, before, missing = [], self.stamps[self.first - 1], 0
        for stamp in self.stamps[self.first :]:
            if stamp and missing:
                found.append([before, stamp, missing])
            before, missing = (stamp, 0) if stamp else (before, missing + 1)
        return found

    def report(self, marks):
        stamps = [stamp for stamp in self.stamps[self.first :] if stamp]
        drops = [struct.unpack_from("9I", one.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)) for one in self._sockets]
        return {
            "flow": self.flow,
            "first": self.first,
            "next": len(self.stamps),
            "last": self.stamps[-1],
            "received": len(stamps),
            "parts": [
                sum(begin <= stamp < end for stamp in stamps) for begin, end in zip(marks, [*marks[1:], float("inf")])
            ],
            "again": self.again,
            "gaps": self.gaps(),
            "dropped": sum(one[MEMINFO_DROPS] for one in drops),
        }


def counters():
    """Return the kernel's own counts of what it threw away, of this namespace."""
    found = {}
    for name in ("snmp", "netstat"):
        with open(f"/proc/thread-self/net/{name}", encoding="ascii") as source:
            lines = source.read().splitlines()
        for names, values in zip(lines[::2], lines[1::2]):
            protocol, *words = names.split()
            pairs = zip(words, values.split()[1:])
            found.update({protocol[:-1] + word: int(value) for word, value in pairs if word in COUNTERS})
    with open("/proc/thread-self/net/dev", encoding="ascii") as source:
        for line in source.read().splitlines()[2:]:
            name, _colon, values = line.partition(":")
            numbers = [int(value) for value in values.split()]
            for word, column in (("receive errors", 2), ("receive drops", 3), ("send errors", 10), ("send drops", 11)):
                found[f"{name.strip()} {word}"] = numbers[column]
    return found


class Agent:
    """All that one machine sends and receives."""

    def __init__(self, configuration):
        mine, ends = configuration["machine"], configuration["ends"]
        self.rate, self.namespaces = configuration["rate"], Namespaces()
        self.senders, self.receivers, self.talkers = [], [], []
        for flow, (source, target) in enumerate(configuration["flows"]):
            one, other = ends[source], ends[target]
            if other["machine"] == mine:
                self.receivers.append(Receiver(self.namespaces, flow, other["namespace"], other["addresses"]))
            if one["machine"] == mine:
                size = configuration["size"]
                self.senders.append(Sender(self.namespaces, flow, one["namespace"], other["addresses"], size))
        for stream, sides in enumerate(configuration["streams"]):
            address = ends[sides[1]]["addresses"][0]
            for listens, end in zip((False, True), (ends[number] for number in sides)):
                if end["machine"] == mine:
                    place, write = end["namespace"], configuration["write"]
                    self.talkers.append(Talker(self.namespaces, stream, place, address, write, listens))
        self.watched = configuration["watch"].get(mine, {})
        self.quiet, self.ready, self.left_out, self.behind = False, False, 0, []
        self._before = {}

    def run(self):
        """Send and receive until standard input ends."""
        offset = time.time() - time.monotonic()  # one clock that nobody sets meanwhile
        started, slot, every = time.monotonic(), 0, self.rate // WRITES_PER_SECOND
        while self.obey():
            now = time.monotonic()
            due = int((now - started) * self.rate) - slot
            if due > LATEST * self.rate:
                self.left_out += due - 1
                self.behind.append([now + offset, due - 1])
                slot, due = slot + due - 1, 1
            for _number in range(0 if self.quiet else due):
                for sender in self.senders:
                    sender.send(now + offset)
            for receiver in self.receivers:
                receiver.receive()
            if due and slot // every != (slot + due) // every:
                for talker in self.talkers:
                    talker.talk(now + offset, self.quiet)
            slot += due
            self.greet()
            time.sleep(max(0.0, started + (slot + 1) / self.rate - time.monotonic()))

    def greet(self):
        """Say once that something came from everywhere."""
        if not self.ready:
            for talker in self.talkers:
                if not talker.link:
                    talker.connect()
            self.ready = all(len(one.stamps) for one in self.receivers) and all(one.link for one in self.talkers)
            if self.ready:
                print(json.dumps("ready"), flush=True)

    def obey(self):
        """Do what standard input says; say whether to go on."""
        if not select.select([0], [], [], 0)[0]:
            return True
        line = sys.stdin.buffer.raw.readline()
        if line:
            order, *words = json.loads(line)
            print(json.dumps(getattr(self, "do_" + order)(*words)), flush=True)
        return bool(line)

    def do_begin(self):
        for one in (*self.receivers, *self.talkers):
            one.begin()
        self.left_out, self.behind, self._before = 0, [], self._counted()
        return "begun"

    def do_quiet(self):
        self.quiet = True
        return "quiet"

    def do_report(self, marks):
        return {
            "senders": [one.report() for one in self.senders],
            "receivers": [one.report(marks) for one in self.receivers],
            "talkers": [one.report() for one in self.talkers],
            "left_out": self.left_out,
            "behind": self.behind,
            "counters": self._grown(),
        }

    def _counted(self):
        return {name: self.namespaces.inside(path, counters) for name, path in self.watched.items()}

    def _grown(self):
        """Return what has grown: of a device that is new, all of it."""
        grown = {}
        for place, counts in self._counted().items():
            before = self._before[place]
            more = {name: count - before.get(name, 0) for name, count in counts.items()}
            grown[place] = {name: count for name, count in more.items() if count > 0}
        return {place: counts for place, counts in grown.items() if counts}


def hurry():
    """Come before everything else on a machine that is busy, where this is allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        print("no real-time priority: the sender may fall behind", file=sys.stderr)


if __name__ == "__main__":
    hurry()
    Agent(json.loads(sys.stdin.buffer.raw.readline())).run()
