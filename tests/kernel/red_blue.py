# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Red and blue on the bridge of vm, a LAN with a host behind vm, and the world behind that host; servers in them."""

import subprocess
import sys

import pytest
from test_packets import link

# answers each client with its own address, as the server sees it, and the server's port
SERVER = """
import selectors, socket, sys
wait = selectors.DefaultSelector()
for port in sys.argv[3:]:
    one = socket.socket(getattr(socket, sys.argv[1]), getattr(socket, sys.argv[2]))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("", int(port)))
    if sys.argv[2] == "SOCK_STREAM":
        one.listen()
    wait.register(one, selectors.EVENT_READ, port)
print("ready", flush=True)
while True:
    for key, _events in wait.select():
        if sys.argv[2] == "SOCK_STREAM":
            client, address = key.fileobj.accept()
            client.sendall(f"{address[0]} {key.data}".encode())
            client.close()
        else:
            _text, address = key.fileobj.recvfrom(99)
            key.fileobj.sendto(f"{address[0]} {key.data}".encode(), address)
"""


@pytest.fixture
def serve():
    """Return a function that starts a server in a namespace; all end with the test."""
    running = []

    def start(netns, ports, sort="SOCK_STREAM", family="AF_INET"):
        words = ["ip", "netns", "exec", netns, sys.executable, "-c", SERVER, family, sort, *map(str, ports)]
        running.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        assert running[-1].stdout.readline() == "ready\n"

    yield start
    for one in running:
        one.kill()
        one.wait()
        one.stdout.close()


@pytest.fixture
def red_blue(node):
    """Red and blue on the bridge of vm, a LAN with a host behind vm, and the world behind that host."""
    node.task("netns", config=[{"name": name, "ipv6": True} for name in ("vm", "red", "blue", "lan", "world")])
    node.task("bridge", netns="vm", name="v-net-0")
    node.task(
        "veth",
        config=[
            link(("vm", "v-red"), ("red", "eth0"), "v-net-0"),
            link(("vm", "v-blue"), ("blue", "eth0"), "v-net-0"),
            link(("vm", "eth0"), ("lan", "eth0")),
            link(("lan", "eth1"), ("world", "eth0")),
        ],
    )
    addresses = [
        ("vm", "v-net-0", "192.168.15.5/24", "fd15::5/64"),
        ("red", "eth0", "192.168.15.1/24", "fd15::1/64"),
        ("blue", "eth0", "192.168.15.2/24", "fd15::2/64"),
        ("vm", "eth0", "192.168.1.2/24", "fd01::2/64"),
        ("lan", "eth0", "192.168.1.3/24", "fd01::3/64"),
        ("lan", "eth1", "8.8.8.1/24", "fd08::1/64"),
        ("world", "eth0", "8.8.8.8/24", "fd08::8/64"),
    ]
    node.task(
        "address",
        config=[
            {"netns": ns, "dev": dev, "address": text, "nodad": ":" in text or None}
            for ns, dev, *both in addresses
            for text in both
        ]
        + [{"netns": "vm", "dev": dev, "address": "fe80::1/64", "nodad": True} for dev in ("v-net-0", "eth0")],
    )
    node.task("forwarding", netns="vm", config=[{"family": "ipv4"}, {"family": "ipv6"}])
    node.task("forwarding", netns="lan", family="ipv4")
    node.task(
        "route",
        config=[
            {"netns": "vm", "prefix": "default", "via": "192.168.1.3"},
            {"netns": "world", "prefix": "default", "via": "8.8.8.1"},
        ],
    )
    return node


@pytest.fixture
def ways(red_blue):
    """The ways in: both endpoints can leave."""
    red_blue.task(
        "route",
        config=[
            {"netns": ns, "prefix": prefix, "via": via}
            for ns in ("red", "blue")
            for prefix, via in (("default", "192.168.15.5"), ("::/0", "fd15::5"))
        ],
    )
    return red_blue
