# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a container: answers over TCP and UDP with the address of who asks, as this end sees it."""

import os
import signal
import socket
import threading

PORT = 8080


def stream():
    with socket.create_server(("", PORT)) as server:
        while True:
            peer, address = server.accept()
            with peer:
                peer.sendall(address[0].encode())


def datagrams():
    """Answers are as long as what was asked, and never fragmented."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO: linux/in.h
        server.bind(("", PORT))
        while True:
            asked, address = server.recvfrom(65535)
            server.sendto(address[0].encode().ljust(len(asked)), address)


# the first process of a container ignores a signal that it does not handle
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
threading.Thread(target=datagrams, daemon=True).start()
stream()
