# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the kernel that the example host-gw describes, and the packets that cross."""

import pytest

NODES = {"vm1": (245, 246), "vm2": (246, 245)}


@pytest.fixture(params=NODES)
def vm(request, node):
    return node(request.param), *NODES[request.param]


def test_the_bridge_has_the_subnets_first_address(vm):
    host, mine, _other = vm
    bridge = host.interface("fabric0")
    assert bridge.exists
    assert f"172.{mine}.0.1" in bridge.addresses
    assert host.check_output("cat /sys/class/net/fabric0/operstate") == "up"


def test_the_endpoint_has_eth0_and_leaves_by_the_bridge(vm):
    host, mine, _other = vm
    assert f"inet 172.{mine}.0.2/24" in host.check_output(f"ip -n ns{mine} -4 -o address show eth0")
    route = host.check_output(f"ip -n ns{mine} route show default")
    assert route.startswith(f"default via 172.{mine}.0.1 dev eth0 proto 178")


def test_the_node_forwards_and_leads_to_the_peer(vm):
    host, _mine, other = vm
    assert host.sysctl("net.ipv4.ip_forward") == 1
    route = host.check_output(f"ip route show 172.{other}.0.0/24")
    assert route.strip() == f"172.{other}.0.0/24 via 192.168.32.{other} dev eth0 proto 178"


def test_endpoints_answer_across_two_nodes(vm):
    host, mine, other = vm
    assert "ttl=62" in host.check_output(f"ip netns exec ns{mine} ping -c 1 -W 2 172.{other}.0.2")


def test_what_stays_inside_is_not_masqueraded(vm):
    host, mine, _other = vm
    rules = host.check_output("nft list table inet nodenet_fabric")
    assert (
        f"ip saddr 172.{mine}.0.0/24 ip daddr != {{ 172.245.0.0/24, 172.246.0.0/24, 224.0.0.0/4 }} masquerade" in rules
    )
