# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the kernel that the example ipip describes, and the packets that cross."""

import pytest
from conftest import ttl, without

NODES = {"vm1": (245, 246, "192.168.33.246", 1), "vm2": (246, 245, "192.168.32.245", 2)}


@pytest.fixture(params=NODES)
def vm(request, node):
    return node(request.param), *NODES[request.param]


def test_the_tunnel_is_as_given(vm):
    host, mine, _other, _address, inner = vm
    shown = host.check_output(f"ip -d link show tun{mine}")
    assert "ipip" in shown and "mtu 1480" in shown
    assert f"inet 172.245.1.{inner}/30" in host.check_output(f"ip -4 -o address show tun{mine}")
    assert "mtu 1480" in host.check_output(f"ip -n ns{mine} link show eth0")


def test_the_route_through_it_is_what_leads_to_the_peer(vm):
    host, mine, other, address, inner = vm
    route = f"172.{other}.0.0/24 via {address} dev tun{mine} proto 178 onlink"
    assert host.check_output(f"ip route show 172.{other}.0.0/24").strip() == route
    assert ttl(host, f"ns{mine}", f"172.{other}.0.2") == 62
    assert ttl(host, "", f"172.245.1.{3 - inner}") == 64
    with without(host, f"ip route del {route}", f"ip route add {route}"):
        assert ttl(host, f"ns{mine}", f"172.{other}.0.2") is None


def test_the_largest_packet_is_1480_bytes(vm):
    host, mine, other, _address, _inner = vm
    assert ttl(host, f"ns{mine}", f"172.{other}.0.2", "-M do", "-s 1452") == 62
    assert ttl(host, f"ns{mine}", f"172.{other}.0.2", "-M do", "-s 1453") is None
