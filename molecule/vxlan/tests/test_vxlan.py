# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the kernel that the example vxlan describes, the packets that cross, and what each entry is for."""

import pytest
from conftest import ttl, without

NODES = {"vm1": (245, 246, "192.168.33.246"), "vm2": (246, 245, "192.168.32.245")}


@pytest.fixture(params=NODES)
def vm(request, node):
    return node(request.param), *NODES[request.param]


def test_the_vtep_is_as_flannel_makes_it(vm):
    host, mine, _other, _address = vm
    shown = host.check_output("ip -d link show vxlan1")
    assert "vxlan id 1 " in shown and "dstport 8472 nolearning" in shown and "mtu 1450" in shown
    assert f"inet 172.{mine}.0.0/32" in host.check_output("ip -4 -o address show vxlan1")
    assert "mtu 1450" in host.check_output(f"ip -n ns{mine} link show eth0")


def entries(host, other, address):
    mac = host.check_output(f"ip neigh show 172.{other}.0.0 dev vxlan1").split()[2]
    return {
        f"ip neigh {{}} 172.{other}.0.0 lladdr {mac} dev vxlan1 nud permanent": "neighbor",
        f"bridge fdb {{}} {mac} dev vxlan1 dst {address} self permanent": "FDB entry",
        f"ip route {{}} 172.{other}.0.0/24 via 172.{other}.0.0 dev vxlan1 proto 178 onlink": "route",
    }


def test_each_peer_has_its_three_entries(vm):
    host, _mine, other, address = vm
    assert host.check_output(f"ip neigh show 172.{other}.0.0 dev vxlan1").endswith("PERMANENT ")
    assert f"dst {address} self permanent" in host.check_output("bridge fdb show dev vxlan1")
    assert "dev vxlan1 proto 178 onlink" in host.check_output(f"ip route show 172.{other}.0.0/24")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_without_one_of_them_nothing_crosses(vm, number):
    host, mine, other, address = vm
    assert ttl(host, f"ns{mine}", f"172.{other}.0.2") == 62
    command = list(entries(host, other, address))[number]
    with without(host, command.format("del"), command.format("replace" if number != 1 else "add")):
        assert ttl(host, f"ns{mine}", f"172.{other}.0.2") is None
    assert ttl(host, f"ns{mine}", f"172.{other}.0.2") == 62


def test_the_largest_packet_is_1450_bytes(vm):
    host, mine, other, _address = vm
    assert ttl(host, f"ns{mine}", f"172.{other}.0.2", "-M do", "-s 1422") == 62
    assert ttl(host, f"ns{mine}", f"172.{other}.0.2", "-M do", "-s 1423") is None
