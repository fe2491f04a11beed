# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small TCP sender and its receiver: ``serve PORT``, ``send ADDRESS PORT``. It needs nothing but Python."""

from __future__ import annotations

import json
import os
import socket
import statistics
import sys
import time

SECONDS, TRIPS, CHUNK = 3.0, 3000, 1 << 20


def serve(port):
    """Answer each connection as its first byte asks for: echo, or swallow and count."""
    with socket.create_server(("", int(port))) as listener:
        print("ready", flush=True)
        while True:
            link = listener.accept()[0]
            with link:
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                (_echo if link.recv(1) == b"e" else _count)(link)


def _echo(link):
    while True:
        word = link.recv(64)
        if not word:
            return
        link.sendall(word)


def _count(link):
    buffer, total = bytearray(CHUNK), 0
    while True:
        got = link.recv_into(buffer)
        if not got:
            break
        total += got
    link.sendall(str(total).encode())


def send(address, port):
    """Print the rate in Mbit/s and the median time of a round trip in microseconds, as JSON."""
    print(json.dumps({"mbit": round(_rate(address, int(port))), "microseconds": round(_trip(address, int(port)), 1)}))


def _rate(address, port):
    with socket.create_connection((address, port), timeout=30) as link:
        link.sendall(b"c")
        data, started = bytes(CHUNK), time.monotonic()
        while time.monotonic() - started < SECONDS:
            link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        total = int(link.recv(64))
        return total * 8 / (time.monotonic() - started) / 1e6


def _trip(address, port):
    with socket.create_connection((address, port), timeout=30) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(b"e")
        times = []
        for _number in range(TRIPS):
            started = time.perf_counter()
            link.sendall(bytes(32))
            link.recv(64)
            times.append(time.perf_counter() - started)
        return statistics.median(times) * 1e6


def _stay():
    """Keep both ends to one processor: between two of a virtual machine it matters more where these are just now."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


if __name__ == "__main__":
    _stay()
    {"serve": serve, "send": send}[sys.argv[1]](*sys.argv[2:])
