# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets in namespaces, and the ends of TCP connections, for ``loss_agent.py``. It needs nothing but Python."""

import ctypes
import os
import socket
import struct

# linux/sched.h, asm-generic/socket.h
CLONE_NEWNET = 0x40000000
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
TOTAL_RETRANS, DSACK_DUPS = 100, 216  # offsets in struct tcp_info, linux/tcp.h
BUFFER = 64 << 20  # 80,000 small packets: more than a minute of one direction
TCP_PORT = 7200


class Namespaces:
    """Network namespaces by their paths, held open; the empty path is this process's own."""

    def __init__(self):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._files = {"": os.open("/proc/thread-self/ns/net", os.O_RDONLY)}

    def inside(self, path, function, *arguments):
        """Return what ``function`` returns in a namespace; a socket that it opens stays there."""
        if path not in self._files:
            self._files[path] = os.open(path, os.O_RDONLY)
        self._enter(path)
        try:
            return function(*arguments)
        finally:
            self._enter("")

    def _enter(self, path):
        if self._libc.setns(self._files[path], CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")


def is_ipv6(address):
    return ":" in address


def opened(sort, address, port=None):
    """Return a socket for the family of ``address``; with ``port`` it receives there."""
    one = socket.socket(socket.AF_INET6 if is_ipv6(address) else socket.AF_INET, sort)
    one.setblocking(False)
    if port:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("::" if is_ipv6(address) else "0.0.0.0", port))
    if sort == socket.SOCK_STREAM:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if port:
            one.listen()
    else:  # packets for a neighbor that is being looked for wait in the sender's buffer
        one.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE if port else SO_SNDBUFFORCE, BUFFER)
    return one


class Talker:
    """One end of a TCP connection: writes so much a hundred times a second, and reads all that comes."""

    def __init__(self, namespaces, stream, place, address, write, listens):
        self.stream, self.side = stream, "server" if listens else "client"
        self.written = self.read = 0
        self.broken, self.link, self.events = "", None, []
        self._opener = lambda port=None: namespaces.inside(place, opened, socket.SOCK_STREAM, address, port)
        self._target, self._data = (address, TCP_PORT + stream), bytes(write)
        self._listener = self._opener(TCP_PORT + stream) if listens else None
        self._connecting, self._before = None, (0, 0)

    def connect(self):
        """Take a step towards the connection."""
        try:
            if self._listener:
                self.link = self._listener.accept()[0]
                self.link.setblocking(False)
                self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            else:
                self._connecting = self._connecting or self._opener()
                self._connecting.connect(self._target)
                self.link = self._connecting
        except BlockingIOError:
            pass
        except OSError:  # nobody listens yet
            self._connecting = None

    def talk(self, now, quiet):
        if not self.link or self.broken:
            return
        try:
            if not quiet:
                self.written += self.link.send(self._data)
        except BlockingIOError:
            pass
        except OSError as error:
            self.broken = str(error)
        self._read()
        retransmissions = self.info()[0]
        if retransmissions != (self.events[-1][1] if self.events else self._before[0]):
            self.events.append([now, retransmissions])

    def _read(self):
        try:
            while True:
                got = len(self.link.recv(1 << 18))
                self.read += got
                if not got:
                    self.broken = self.broken or "closed by the other end"
                    return
        except BlockingIOError:
            pass
        except OSError as error:
            self.broken = str(error)

    def info(self):
        """Return how many segments were sent again, and of how many of them the other end says that it had them."""
        info = self.link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return [struct.unpack_from("I", info, offset)[0] for offset in (TOTAL_RETRANS, DSACK_DUPS)]

    def begin(self):
        self._before, self.events = tuple(self.info()), []

    def report(self):
        total, needless = (now - before for now, before in zip(self.info(), self._before))
        events = [[when, count - self._before[0]] for when, count in self.events]
        found = {"stream": self.stream, "side": self.side, "retransmissions": total, "needless": needless}
        return {**found, "events": events, "broken": self.broken, "written": self.written, "read": self.read}
