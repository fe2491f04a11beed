# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the node's published ports from the node itself and its endpoints; where nothing listens, we do for that moment."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import struct
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Dict, NamedTuple, Optional

from ..kernel import namespaces

NO_LINGER = struct.pack("ii", 1, 0)  # socket(7): closed at once, and no port is held in TIME_WAIT
SORTS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
TOKEN = 16


class Listener(NamedTuple):
    """Where a published port leads to."""

    netns: str
    protocol: str
    address: str
    port: int


@dataclass
class Question:
    """A published port that somebody asks.

    :param netns: reference of the namespace that asks, "" is the node's own.
    :param listener: where the port leads to; None: the port is another node's, and an endpoint behind that must answer.
    :param served: who listened there: probe (we did), service, or None: that was not looked at.
    :param source: the port that it is asked from.
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

    def end(self, ok, reason=""):
        self.ok, self.reason, self.done = ok, reason, True


def ask_own(questions, timeout=2.0):
    """Fill in what each of ``questions``, which have a listener, found.

    :param timeout: seconds that each port has to answer.
    :raises PermissionError: a namespace may not be entered.
    """
    with selectors.DefaultSelector() as selector:
        _Round(questions, selector).ask(timeout)


class _Round:
    """Our listeners and all who ask them, in one loop."""

    def __init__(self, questions, selector):
        self._questions, self._selector = questions, selector
        self._sockets = []
        # where it leads to -> why nothing of ours listens there, or ""
        self._obstacles: Dict[Listener, str] = {}

    def ask(self, timeout):
        try:
            for question in self._questions:
                self._serve(question)
            for question in self._questions:
                if not question.done:
                    self._start(question)
            self._wait(timeout)
        finally:
            for one in self._sockets:
                one.close()
            self._sockets.clear()

    def _serve(self, question):
        """See to it that somebody listens where the port leads to."""
        listener = question.listener
        if listener not in self._obstacles:
            self._obstacles[listener] = self._listen(listener)
        why = self._obstacles[listener]
        question.served = "probe" if not why else "service" if why == os.strerror(errno.EADDRINUSE) else None
        if question.served is None:
            question.end(False, why)
        elif question.served == "service" and question.protocol == "udp":
            question.end(False, "a service listens there, and its language is not known")

    def _listen(self, listener):
        """Listen in the endpoint; return why that was not possible, or ""."""
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

    def _start(self, question):
        try:
            namespaces.in_netns(question.netns, partial(connect, question))
        except PermissionError:
            raise
        except OSError as failure:
            question.end(False, os.strerror(failure.errno))
            return
        events = selectors.EVENT_WRITE if question.protocol == "tcp" else selectors.EVENT_READ
        self._keep(question.client, partial(self._progress, question), events)

    def _progress(self, question, client):
        """Take what came of a question: a connection, the answer, or an error."""
        failure = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            self._selector.unregister(client)
            question.end(False, os.strerror(failure))
        elif self._selector.get_key(client).events == selectors.EVENT_WRITE:
            if question.served == "service":
                self._selector.unregister(client)
                question.end(True)
                return
            client.send(question.token)
            self._selector.modify(client, selectors.EVENT_READ, partial(self._progress, question))
        else:
            same = client.recv(2 * TOKEN) == question.token
            self._selector.unregister(client)
            question.end(same, "" if same else "somebody else answers")

    def _wait(self, timeout):
        """Serve until all have their answer; UDP is asked three times, TCP by the kernel."""
        start, sent = time.monotonic(), 0
        while True:
            waiting = [question for question in self._questions if not question.done]
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
        for question in self._questions:
            if question.client is key.fileobj:
                question.end(False, os.strerror(failure.errno))


def _bound(listener):
    opened = socket.socket(_family(listener.address), SORTS[listener.protocol])
    try:
        if listener.protocol == "tcp":
            # past connections in TIME_WAIT are no obstacle, and somebody who listens is (socket(7))
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((listener.address, listener.port))
        if listener.protocol == "tcp":
            opened.listen(16)
    except OSError:
        opened.close()
        raise
    return opened


def connect(question):
    """Give ``question`` a socket on its way to the port that it asks, in the namespace of the calling thread.

    :raises OSError: there is no way, or it is refused at once.
    """
    opened = socket.socket(_family(question.address), SORTS[question.protocol])
    opened.setblocking(False)
    try:
        if question.protocol == "tcp":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        opened.bind(("", 0))
        # known before a refusal, which takes it away again (tcp_set_state, net/ipv4/tcp.c)
        question.source = opened.getsockname()[1]
        opened.connect((question.address, question.port))
    except BlockingIOError:
        pass
    except OSError:
        opened.close()
        raise
    question.client = opened


def send_udp(questions):
    """Send once more what goes by UDP; an error that an earlier one brought back is read where answers are."""
    for question in questions:
        if question.protocol == "udp" and question.client is not None:
            try:
                question.client.send(question.token)
            except OSError:
                continue


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET
