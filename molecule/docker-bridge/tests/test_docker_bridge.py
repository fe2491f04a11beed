# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the kernel that the example docker-bridge describes, and the packets that cross."""

import pytest


@pytest.fixture
def docker1(node):
    return node("docker1")


@pytest.mark.parametrize("endpoint, address", [("lab-ns0", "10.15.10.2"), ("lab-ns1", "10.15.10.3")])
def test_each_endpoint_hangs_on_the_bridge(docker1, endpoint, address):
    assert f"inet {address}/24" in docker1.check_output(f"ip -n {endpoint} -4 -o address show eth0")
    assert "state UNKNOWN" in docker1.check_output(f"ip -n {endpoint} link show lo")
    ports = docker1.check_output("ip -o link show master lab-br0")
    assert f"veth-{endpoint}" in ports


def test_node_and_endpoints_answer_each_other(docker1):
    for asks, target in (
        ("", "10.15.10.2"),
        ("ip netns exec lab-ns0 ", "10.15.10.3"),
        ("ip netns exec lab-ns1 ", "10.15.10.1"),
    ):
        assert "ttl=64" in docker1.check_output(f"{asks}ping -c 1 -W 2 {target}")


def test_the_outside_answers_and_sees_the_node(docker1, node):
    assert "ttl=62" in docker1.check_output("ip netns exec lab-ns0 ping -c 1 -W 2 8.8.8.8")
    assert node("outside").run("ip route get 10.15.10.2").stdout.find("via 8.8.8.254") > 0
    assert not node("router").check_output("ip route show 10.15.10.0/24")
