# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both families side by side."""

import pytest
from conftest import ttl, without

NODES = {"vm1": (245, 246), "vm2": (246, 245)}


@pytest.fixture(params=NODES)
def vm(request, node):
    return node(request.param), *NODES[request.param]


def test_endpoints_and_bridge_have_an_address_of_each(vm):
    host, mine, _other = vm
    shown = host.check_output(f"ip -n ns{mine} -o address show eth0")
    assert f"inet 172.{mine}.0.2/24" in shown and f"inet6 fd00:{mine}::2/64" in shown
    shown = host.check_output("ip -o address show fabric0")
    assert f"inet 172.{mine}.0.1/24" in shown and f"inet6 fd00:{mine}::1/64" in shown


def test_both_cross(vm):
    host, mine, other = vm
    assert [ttl(host, f"ns{mine}", target) for target in (f"172.{other}.0.2", f"fd00:{other}::2")] == [62, 62]


def test_each_has_its_own_route_and_falls_alone(vm):
    host, mine, other = vm
    route = f"fd00:{other}::/64 via fd32::{other} proto 178"
    with without(host, f"ip -6 route del {route}", f"ip -6 route add {route}"):
        assert [ttl(host, f"ns{mine}", target) for target in (f"172.{other}.0.2", f"fd00:{other}::2")] == [62, None]


def test_the_world_answers_both_as_long_as_it_sees_the_node(vm):
    host, mine, _other = vm
    assert [ttl(host, f"ns{mine}", target) for target in ("8.8.8.8", "fd99::8")] == [62, 62]
    save = "nft list table inet nodenet_fabric >/run/nft; nft delete table inet nodenet_fabric"
    with without(host, save, "nft -f /run/nft"):
        assert [ttl(host, f"ns{mine}", target) for target in ("8.8.8.8", "fd99::8")] == [None, None]
