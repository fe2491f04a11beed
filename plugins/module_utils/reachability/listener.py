# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that holds the sockets of a capture between two runs of the module, and ends when it is asked, or after some time.

It is asked by an abstract socket (unix(7)) of the node's own namespace, which has the mark in its name and goes with the
process: no file is left.
"""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import socket
import struct
import time
from typing import Any, Dict, Iterable, List

from ..engine.errors import FabricError
from .capture import Sighting, open_sockets, read
from .frames import Mark

NAME = "\0nodenet-capture-"
ANSWER_SECONDS = 5
UCRED = struct.Struct("3i")  # struct ucred: pid, uid, gid


def start(where: Iterable[str], mark: Mark, seconds: float) -> List[str]:
    """Begin to listen in the namespaces ``where``, for ``seconds`` at most; return those in which it does.

    :raises OSError: a socket cannot be opened.
    """
    opened = open_sockets(where, mark)
    answering = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    answering.bind(_name(mark))
    answering.listen(1)
    between = os.fork()  # the grandchild is nobody's child here, so that nobody waits for it
    if between:
        os.waitpid(between, 0)
        answering.close()
        for one in opened.values():
            one.close()
        return sorted(opened)
    try:
        if os.fork() == 0:
            _stay(opened, answering, seconds)
    finally:
        os._exit(0)


def _stay(opened, answering, seconds):
    """Listen, and answer whoever is root with what was seen. Never returns."""
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.chdir("/")
        null = os.open("/dev/null", os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        kept = {one.fileno() for one in (answering, *opened.values())} | {0, 1, 2}
        for descriptor in map(int, os.listdir("/proc/self/fd")):
            if descriptor not in kept:
                try:
                    os.close(descriptor)
                except OSError:
                    pass  # that of the folder itself
        _serve(opened, answering, time.monotonic() + seconds)
    finally:
        os._exit(0)


def _serve(opened, answering, deadline):
    seen = {netns: [] for netns in opened}
    by_socket = {one: netns for netns, one in opened.items()}
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        ready = select.select([answering, *by_socket], [], [], left)[0]
        for one, netns in by_socket.items():  # also what came since
            seen[netns] += read(netns, one)
        if answering in ready:
            asking, _address = answering.accept()
            with asking:
                if (
                    UCRED.unpack(asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))[1]
                    == os.geteuid()
                ):
                    for one in (answering, *by_socket):  # nothing listens any more when the answer is there
                        one.close()
                    asking.sendall(json.dumps([_plain(one) for several in seen.values() for one in several]).encode())
                    return


def _plain(sighting):
    return {**sighting._asdict(), "data": base64.b64encode(sighting.data).decode()}


def stop(mark: Mark) -> List[Sighting]:
    """Return what the listener has seen, and end it.

    :raises FabricError: there is none; it ended by itself.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as asking:
        asking.settimeout(ANSWER_SECONDS)
        try:
            asking.connect(_name(mark))
            text = b"".join(iter(lambda: asking.recv(1 << 16), b""))
        except (ConnectionRefusedError, socket.timeout) as failure:
            raise FabricError(
                "nothing listens for the packet on this node any more: walk again, or let it listen longer"
            ) from failure
    found: List[Dict[str, Any]] = json.loads(text.decode())
    return [Sighting(**{**one, "data": base64.b64decode(one["data"])}) for one in found]


def _name(mark):
    return NAME + mark.token.hex()
