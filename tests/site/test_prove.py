# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook prove, and what site says of the plan in check mode; test_scenarios holds every example's declared state against a lab."""

import pytest
from conftest import recap
from declarations import undeclared
from snapshot import differences

OWN = "by the inventory alone: 12 pairs: all reach; 8 packets that must not arrive: none does"


@pytest.fixture
def vxlan(fabric):
    return fabric("vxlan")


def test_the_plan_is_proven_with_no_node_at_hand_and_the_nodes_once_they_are_there(vxlan):
    vxlan.end()
    assert OWN in vxlan.play("prove")
    vxlan.renew()
    before = vxlan.snapshots(vxlan.nodes())
    printed = vxlan.play("site", "--check")
    assert "the plan: 12 pairs: all reach" in printed
    assert "the change: 0 pairs reach now, and in each phase; 12 of 12 pairs will at its end" in printed
    assert differences(before, vxlan.snapshots(vxlan.nodes())) == []

    vxlan.play("site")
    assert undeclared(vxlan) == []
    observed = ("prove", "-e", "prove_state=observed")
    assert "as observed on 2 nodes: 12 pairs: all reach" in vxlan.play(*observed)

    vxlan.on("vm1", "ip route del 172.246.0.0/24")
    printed = vxlan.play(*observed, fails=True)
    assert "ns245 -> ns246 (172.246.0.2): " in printed and "[vm1: default via " in printed
    assert undeclared(vxlan) != []
    printed = vxlan.play("site", "--check", "-e", "fabric_vxlan_vni=7")  # the plan is as good as before
    assert "the plan: 12 pairs: all reach" in printed and "; 12 of 12 pairs will at its end" in printed


def test_check_mode_refuses_what_the_plan_cannot_carry(fabric):
    # a second link of red with the same prefix: its route is not the first
    second = """
        - a: {netns: red, name: veth-red2, address: 192.168.15.3/24}
          b: {netns: green, name: veth-green, address: 192.168.15.4/24}
"""
    one = fabric("red-blue", lambda text: text.rstrip() + second)
    printed = one.play("site", "--check", fails=True)
    assert "The plan does not carry what the inventory promises:" in printed
    assert "red -> green (192.168.15.4): nobody answers ARP for 192.168.15.4 on veth-red" in printed
    assert "[host1, red: 192.168.15.0/24 dev veth-red src 192.168.15.1 proto kernel]" in printed
    assert recap(printed)["host1"]["changed"] == 0
    assert "red -> green" in one.play("prove", fails=True)
