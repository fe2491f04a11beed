# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the node's published ports from the node and its endpoints; if nothing listens in an endpoint, the check does."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import struct
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Dict, List, NamedTuple, Optional

from ..kernel import namespaces

NO_LINGER = struct.pack("ii", 1, 0)  # socket(7): closed at once, without TIME_WAIT
SORTS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
TOKEN = 16


class Listener(NamedTuple):
    """The endpoint's side of a published port."""

    netns: str
    protocol: str
    address: str
    port: int


@dataclass
class PortCheck:
    """The check of a published port from one namespace, and its result.

    :param netns: reference of the source namespace; "" is the node's own.
    :param listener: the endpoint's side; None: the port is another node's, and an endpoint behind that node must answer.
    :param served: who listened: probe (the check itself), service, or None: unknown.
    :param source: the source port.
    """

    netns: str
    protocol: str
    address: str
    port: int
    listener: Optional[Listener] = None
    ok: bool = False
    reason: str = ""
    served: Optional[str] = None
    done: bool = False
    token: bytes = field(default_factory=lambda: os.urandom(TOKEN))
    client: Any = None
    source: int = 0

    def end(self, ok: bool, reason: str = "") -> None:
        self.ok, self.reason, self.done = ok, reason, True


def check_own(checks: List[PortCheck], timeout: float = 2.0) -> None:
    """Run ``checks``, which have a listener, and set their results.

    :param timeout: seconds that each port has to answer.
    :raises PermissionError: not allowed to enter a namespace.
    """
    with selectors.DefaultSelector() as selector:
        _Round(checks, selector).run(timeout)


class _Round:
    """All listeners and clients, in one loop."""

    def __init__(self, checks, selector):
        self._checks, self._selector = checks, selector
        self._sockets = []
        # listener -> why we cannot listen there, or ""
        self._obstacles: Dict[Listener, str] = {}

    def run(self, timeout):
        try:
            for check in self._checks:
                self._serve(check)
            for check in self._checks:
                if not check.done:
                    self._start(check)
            self._wait(timeout)
        finally:
            for one in self._sockets:
                one.close()
            self._sockets.clear()

    def _serve(self, check):
        """Make sure that somebody listens in the endpoint."""
        listener = check.listener
        if listener not in self._obstacles:
            self._obstacles[listener] = self._listen(listener)
        why = self._obstacles[listener]
        check.served = "probe" if not why else "service" if why == os.strerror(errno.EADDRINUSE) else None
        if check.served is None:
            check.end(False, why)
        elif check.served == "service" and check.protocol == "udp":
            check.end(False, "a service listens there, and its protocol is unknown")

    def _listen(self, listener):
        """Listen in the endpoint; return the error, or ""."""
        try:
            opened = namespaces.in_netns(listener.netns, partial(_bound, listener))
        except PermissionError:
            raise
        except FileNotFoundError:
            return f"there is no network namespace {listener.netns!r}"
        except OSError as failure:
            return os.strerror(failure.errno)
        self._keep(opened, self._accept if listener.protocol == "tcp" else self._echo)
        return ""

    def _keep(self, opened, act, events=selectors.EVENT_READ):
        opened.setblocking(False)
        self._sockets.append(opened)
        self._selector.register(opened, events, act)

    def _accept(self, listening):
        accepted, _address = listening.accept()
        self._keep(accepted, self._say_back)

    def _say_back(self, accepted):
        text = accepted.recv(TOKEN)
        if text:
            accepted.send(text)
        else:
            self._selector.unregister(accepted)

    def _echo(self, waiting):
        text, address = waiting.recvfrom(TOKEN)
        waiting.sendto(text, address)

    def _start(self, check):
        try:
            namespaces.in_netns(check.netns, partial(connect, check))
        except PermissionError:
            raise
        except OSError as failure:
            check.end(False, os.strerror(failure.errno))
            return
        events = selectors.EVENT_WRITE if check.protocol == "tcp" else selectors.EVENT_READ
        self._keep(check.client, partial(self._progress, check), events)

    def _progress(self, check, client):
        """Continue a check: a connection, the reply, or an error."""
        failure = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            self._selector.unregister(client)
            check.end(False, os.strerror(failure))
        elif self._selector.get_key(client).events == selectors.EVENT_WRITE:
            if check.served == "service":
                self._selector.unregister(client)
                check.end(True)
                return
            client.send(check.token)
            self._selector.modify(client, selectors.EVENT_READ, partial(self._progress, check))
        else:
            same = client.recv(2 * TOKEN) == check.token
            self._selector.unregister(client)
            check.end(same, "" if same else "another program answers")

    def _wait(self, timeout):
        """Serve until all checks have ended; UDP is sent three times, TCP's SYN by the kernel."""
        start, sent = time.monotonic(), 0
        while True:
            waiting = [check for check in self._checks if not check.done]
            passed = time.monotonic() - start
            if not waiting or passed >= timeout:
                return
            if passed >= sent * timeout / 3:
                sent += 1
                send_udp(waiting)
            for key, _events in self._selector.select(sent * timeout / 3 - passed):
                try:
                    key.data(key.fileobj)
                except BlockingIOError:
                    continue
                except OSError as failure:
                    self._broken(key, failure)

    def _broken(self, key, failure):
        if key.fileobj in self._selector.get_map():
            self._selector.unregister(key.fileobj)
        for check in self._checks:
            if check.client is key.fileobj:
                check.end(False, os.strerror(failure.errno))


def _bound(listener):
    opened = socket.socket(_family(listener.address), SORTS[listener.protocol])
    try:
        if listener.protocol == "tcp":
            # connections in TIME_WAIT are no obstacle, another listener is (socket(7))
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((listener.address, listener.port))
        if listener.protocol == "tcp":
            opened.listen(16)
    except OSError:
        opened.close()
        raise
    return opened


def connect(check: PortCheck) -> None:
    """Give ``check`` a socket that connects to its port, in the calling thread's namespace.

    :raises OSError: there is no route, or it is refused at once.
    """
    opened = socket.socket(_family(check.address), SORTS[check.protocol])
    opened.setblocking(False)
    try:
        if check.protocol == "tcp":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        opened.bind(("", 0))
        # read before connect: a refusal clears it (tcp_set_state, net/ipv4/tcp.c)
        check.source = opened.getsockname()[1]
        opened.connect((check.address, check.port))
    except BlockingIOError:
        pass
    except OSError:
        opened.close()
        raise
    check.client = opened


def send_udp(checks: List[PortCheck]) -> None:
    """Send the datagrams again; the error of an earlier one is read with the replies."""
    for check in checks:
        if check.protocol == "udp" and check.client is not None:
            try:
                check.client.send(check.token)
            except OSError:
                continue


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET
