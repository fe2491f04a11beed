# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Red and blue on a bridge, the LAN and the world behind their host, and blue's published ports."""

import pytest
from conftest import ttl, without

# answers each client with the address that it is seen with
SERVER = """
import socket
server = socket.create_server(("", {port}))
while True:
    client, address = server.accept()
    client.sendall(address[0].encode())
    client.close()
"""
CLIENT = 'import socket; print(socket.create_connection(("{address}", {port}), 1).recv(99).decode())'


@pytest.fixture
def host1(node):
    return node("host1")


@pytest.fixture
def ask(host1):
    """Blue serves two ports; return a function that asks, and returns who the server saw; None: nobody answered."""
    start = "ip netns exec blue timeout 60 python3 -c '{}' >/dev/null 2>&1 & echo $!"
    pids = [host1.check_output(start.format(SERVER.format(port=port))) for port in (80, 8002)]
    listening = "ip netns exec blue ss -Hltn sport = 80 or sport = 8002 | wc -l"
    host1.check_output(f"for n in $(seq 50); do test $({listening}) = 2 && exit 0; sleep 0.1; done; exit 1")

    def ask_from(host, netns, address, port=80):
        inside = f"ip netns exec {netns} " if netns else ""
        found = host.run(f"{inside}python3 -c '{CLIENT.format(address=address, port=port)}'")
        return found.stdout.strip() if found.rc == 0 else None

    yield ask_from
    for pid in pids:
        host1.run(f"kill {pid}")


def test_the_bridge_has_the_address_that_was_given(host1):
    assert "inet 192.168.15.5/24" in host1.check_output("ip -4 -o address show v-net-0")
    assert "default via 192.168.15.5" in host1.check_output("ip -n red route")
    assert ttl(host1, "red", "192.168.15.2") == 64


def test_the_lan_and_the_world_answer_as_long_as_they_see_the_host(host1):
    assert (ttl(host1, "blue", "192.168.1.3"), ttl(host1, "blue", "8.8.8.8")) == (63, 62)
    save = "nft list table inet nodenet_fabric >/run/nft; nft delete table inet nodenet_fabric"
    with without(host1, save, "nft -f /run/nft"):
        assert (ttl(host1, "blue", "192.168.1.3"), ttl(host1, "blue", "8.8.8.8")) == (None, None)
    assert ttl(host1, "blue", "192.168.1.3") == 63


def test_the_way_to_the_lan_alone_does_not_lead_to_the_world(host1):
    own = "default via 192.168.15.5 dev veth-blue proto 178"
    alone = f"ip -n blue route add 192.168.1.0/24 via 192.168.15.5; ip -n blue route del {own}"
    with without(host1, alone, f"ip -n blue route del 192.168.1.0/24; ip -n blue route add {own}"):
        assert (ttl(host1, "blue", "192.168.1.3"), ttl(host1, "blue", "8.8.8.8")) == (63, None)


def test_published_ports_are_reached_from_everywhere_and_clients_are_seen(host1, node, ask):
    lan = node("lan")
    assert ask(lan, "", "192.168.1.2") == "192.168.1.3"
    assert ask(lan, "", "192.168.1.2", 8002) == "192.168.1.3"
    assert ask(host1, "", "192.168.1.2") == "192.168.1.2"
    # hairpin: its answer would not come back through the host, so the host asks in red's place
    assert ask(host1, "red", "192.168.1.2") == "192.168.15.5"
    assert ask(host1, "blue", "192.168.1.2") == "192.168.15.5"


def test_without_dnat_nothing_is_published(host1, node, ask):
    save = "nft list table inet nodenet_fabric >/run/nft; nft flush chain inet nodenet_fabric prerouting"
    with without(host1, save, "nft delete table inet nodenet_fabric; nft -f /run/nft"):
        assert ask(node("lan"), "", "192.168.1.2") is None
    assert ask(node("lan"), "", "192.168.1.2") == "192.168.1.3"
