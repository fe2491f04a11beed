# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the kernel that the example wireguard describes, the packets that cross, and what each entry is for."""

import pytest
from conftest import ttl, without

NODES = {"vm1": (245, 246, "192.168.33.246"), "vm2": (246, 245, "192.168.32.245")}


@pytest.fixture(params=NODES)
def vm(request, node):
    return node(request.param), *NODES[request.param]


def peer(host):
    return host.check_output("wg show wgfab1 peers").strip()


def test_the_device_has_its_peer_with_its_subnets(vm):
    host, _mine, other, address = vm
    assert host.check_output("wg show wgfab1 listen-port").strip() == "51820"
    assert host.check_output("wg show wgfab1 endpoints").split() == [peer(host), f"{address}:51820"]
    allowed = set(host.check_output("wg show wgfab1 allowed-ips").split())
    assert allowed == {peer(host), f"10.{other}.0.0/24", f"fd{other - 200}::/64"}
    assert "mtu 1440" in host.check_output("ip link show wgfab1")


def test_without_the_allowed_ips_nothing_crosses(vm):
    host, mine, other, _address = vm
    inside = f"10.{other}.0.0/24,fd{other - 200}::/64"
    command = f"wg set wgfab1 peer {peer(host)} allowed-ips "
    assert ttl(host, f"ns{mine}", f"10.{other}.0.2") == ttl(host, f"ns{mine}", f"fd{other - 200}::2") == 62
    with without(host, command + "10.9.9.0/24", command + inside):
        assert ttl(host, f"ns{mine}", f"10.{other}.0.2") is None
    assert ttl(host, f"ns{mine}", f"10.{other}.0.2") == 62


def test_without_the_route_the_blackhole_drops(vm):
    host, mine, other, _address = vm
    route = f"10.{other}.0.0/24 dev wgfab1 proto 178"
    with without(host, f"ip route del {route}", f"ip route add {route} scope link"):
        assert ttl(host, f"ns{mine}", f"10.{other}.0.2") is None
        assert host.run(f"ip route get 10.{other}.0.2").rc != 0
    assert "dev wgfab1" in host.check_output(f"ip route get 10.{other}.0.2")


def test_the_largest_packet_is_1440_bytes(vm):
    host, mine, other, _address = vm
    assert ttl(host, f"ns{mine}", f"10.{other}.0.2", "-M do", "-s 1412") == 62
    assert ttl(host, f"ns{mine}", f"10.{other}.0.2", "-M do", "-s 1413") is None
