# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: asks servers (answer.py) from network namespaces, over TCP and UDP.

``ask.py MTU NAME=NAMESPACE … -- ADDRESS …`` prints JSON: name -> {"own": its address, address of a server -> what came of it}.
A namespace is a path, or a pid.
"""

import ctypes
import errno
import json
import os
import socket
import sys

PORT = 8080
PATIENCE = 3  # seconds
HEADERS = 28  # IPv4's and UDP's


def enter(namespace):
    path = f"/proc/{namespace}/ns/net" if namespace.isdigit() else namespace
    descriptor = os.open(path, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0):
        raise OSError(ctypes.get_errno(), f"setns {path}")
    os.close(descriptor)


def own():
    """Return the address that packets to others have."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]


def stream(address):
    with socket.create_connection((address, PORT), PATIENCE) as peer:
        return peer.makefile().read()


def datagram(address, size):
    """Ask with one packet of a size, unfragmented there and back."""
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.settimeout(PATIENCE)
        peer.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO: linux/in.h
        peer.connect((address, PORT))
        peer.send(b"?" * (size - HEADERS))
        answer = peer.recv(65535)
        assert len(answer) == size - HEADERS
        return answer.decode().rstrip()


def outcome(act, *arguments):
    try:
        return act(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)


def ask(addresses, mtu):
    return {
        address: {
            "tcp": outcome(stream, address),
            "udp": outcome(datagram, address, mtu),
            "longer": outcome(datagram, address, mtu + 1),
        }
        for address in addresses
    }


def main():
    mtu, *words = sys.argv[1:]
    until = words.index("--")
    found = {}
    for word in words[:until]:
        name, _equals, namespace = word.partition("=")
        enter(namespace)
        found[name] = {"own": own(), **ask(words[until + 1 :], int(mtu))}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
