# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four nodes, two on each L2: plain routes within, the tunnel across."""

import pytest
from conftest import ttl, without

ADDRESSES = {1: "192.168.32.1", 2: "192.168.32.2", 3: "192.168.33.3", 4: "192.168.33.4"}
NEAR = {1: 2, 2: 1, 3: 4, 4: 3}


@pytest.fixture(params=NEAR)
def vm(request, node):
    number = request.param
    return node(f"vm{number}"), number, [other for other in NEAR if other not in (number, NEAR[number])]


def test_within_an_l2_a_plain_route_leads_and_nothing_is_encapsulated(vm):
    host, number, _far = vm
    near = NEAR[number]
    route = host.check_output(f"ip route show 10.244.{near}.0/24").strip()
    assert route == f"10.244.{near}.0/24 via {ADDRESSES[near]} dev eth0 proto 178"
    assert ADDRESSES[near] not in host.check_output("bridge fdb show dev vxlan1")
    assert ttl(host, f"ns{number}", f"10.244.{near}.2") == 62


def test_across_the_tunnel_leads(vm):
    host, number, far = vm
    fdb = host.check_output("bridge fdb show dev vxlan1").splitlines()
    assert len(fdb) == len(host.check_output("ip neigh show dev vxlan1").splitlines()) == 2
    for other in far:
        assert "dev vxlan1 proto 178 onlink" in host.check_output(f"ip route show 10.244.{other}.0/24")
        assert ttl(host, f"ns{number}", f"10.244.{other}.2") == 62


def test_without_the_vtep_only_the_near_ones_answer(vm):
    host, number, far = vm
    save = "ip -d route show dev vxlan1 | grep onlink | sed 's/unicast //' >/run/routes; ip link set vxlan1 down"
    # a VTEP that was down has lost its routes and neighbors (the kernel's own doing): both are put back
    neighbors = "ip neigh show dev vxlan1 nud permanent >/run/neighbors"
    back = (
        "ip link set vxlan1 up; while read to lladdr mac rest; do ip neigh replace $to lladdr $mac dev vxlan1 nud permanent;"
        " done </run/neighbors; while read route; do ip route replace $route dev vxlan1; done </run/routes"
    )
    with without(host, f"{neighbors}; {save}", back):
        assert ttl(host, f"ns{number}", f"10.244.{NEAR[number]}.2") == 62
        assert [ttl(host, f"ns{number}", f"10.244.{other}.2") for other in far] == [None, None]
    assert [ttl(host, f"ns{number}", f"10.244.{other}.2") for other in far] == [62, 62]
