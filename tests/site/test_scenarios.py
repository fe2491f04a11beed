# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example from an inventory to packets and back, and the commands of its plan by hand."""

import re

import pytest
from conftest import ROOT, by_hand, recap
from declarations import undeclared
from snapshot import differences
from walks import alike, walks

# those that test_site runs are left out; from -> to: TTL
REACH = {
    "calico-routed": [("calico1", "wl1", "10.2.0.2", 63), ("calico1", "wl1", "8.8.8.8", 62)],
    "red-blue": [("host1", "red", "192.168.15.2", 64)],
    "red-blue-bridge": [("host1", "blue", "192.168.1.3", 63), ("host1", "blue", "8.8.8.8", 62)],
    "host-veth": [("host1", "ns1", "192.168.10.12", 63), ("host1", "ns2", "192.168.10.10", 63)],
    "vxlan": [("vm1", "ns245", "172.246.0.2", 62), ("vm1", "", "172.246.0.2", 63)],
    "cross-subnet": [("vm1", "ns1", "10.244.2.2", 62), ("vm1", "ns1", "10.244.3.2", 62)],
    "containers": [("vm1", "web245", "10.244.2.3", 62)],
    "dual-stack": [("vm1", "ns245", "fd00:246::2", 62), ("vm1", "ns245", "fd99::8", 62)],
}
# the same inventory arranged otherwise: name -> (example, what is said on the command line)
OTHERWISE = {
    "dual-stack over vxlan": ("dual-stack", ["-e", "fabric_backend=vxlan"]),
    "dual-stack routed over vxlan": ("dual-stack", ["-e", "fabric_backend=vxlan", "-e", "fabric_attachment=routed"]),
    "dual-stack direct": ("dual-stack", ["-e", "fabric_attachment=direct"]),
    "an onlink gateway": ("calico-routed", ["-e", "fabric_routed_gateway=169.2.2.2"]),
}
NEEDS_MORE = {"ipip": "ipip", "wireguard": "wireguard"}


def test_no_example_is_left_out():
    every = {path.name for path in (ROOT / "examples").iterdir()}
    assert every == {*REACH, *NEEDS_MORE, "host-gw", "docker-bridge"}


def test_vxlan_over_ipv6_alone_carries_both_families(fabric):
    without_ipv4 = r" *fabric_node_address: .*\n|.*outside4.*\n"
    one = fabric("dual-stack", lambda text: re.sub(without_ipv4, "", text).replace("host_gw", "vxlan"))
    one.play("site")
    assert [one.ping("vm1", "ns245", target) for target in ("172.246.0.2", "fd00:246::2", "fd99::8")] == [62, 62, 62]
    assert "4 paths between nodes: udp:8472 on the wire, 1430 bytes" in one.play("verify")
    assert all(counts["changed"] == 0 for counts in recap(one.play("site")).values())


@pytest.mark.parametrize("name", [*REACH, *OTHERWISE])
def test_from_an_inventory_to_packets_and_back(fabric, name):
    example, options = OTHERWISE.get(name, (name, []))
    one = fabric(example)
    nodes = one.nodes()
    before = one.snapshots(nodes)
    assert any(one.ping(host, netns, target) is None for host, netns, target, _ttl in REACH[example])
    printed = one.play("site", "--check", "--diff", *options)
    commands = by_hand(printed)
    assert re.search(r"the plan: \d+ pairs: all reach; \d+ packets that must not arrive: none does", printed)
    assert differences(before, one.snapshots(nodes)) == []

    one.play("site", *options)
    assert [one.ping(*way) for *way, _ttl in REACH[example]] == [ttl for *_way, ttl in REACH[example]]
    assert undeclared(one, *options) == []
    # from each node and each end of a veth to all others and to the hosts outside, predicted, asked of the kernels and captured
    assert len(alike(walks(one, *options))) >= len(REACH[example])
    if options:  # of the examples themselves the pages run verify, and molecule runs site again
        assert "pairs answer" in one.play("verify", *options)
        again = recap(one.play("site", *options))
        assert {node: counts["changed"] for node, counts in again.items()} == dict.fromkeys(nodes, 0)
    made = one.snapshots(nodes)

    one.play("teardown", *options)
    assert differences(before, one.snapshots(nodes)) == []
    for node in nodes:
        one.run_by_hand(node, commands[node])
    assert differences(made, one.snapshots(nodes)) == []


@pytest.mark.parametrize("example, feature", NEEDS_MORE.items())
def test_what_the_kernel_lacks_is_named_before_anything_is_touched(fabric, example, feature):
    one = fabric(example)
    nodes = one.nodes()
    found = one.inside(nodes[0], f"ip link add {feature}9 type {feature} && ip link del {feature}9")
    before = one.snapshots(nodes)
    if found.returncode == 0:
        one.play("site")
        assert "pairs answer" in one.play("verify")
        one.play("teardown")
    else:
        printed = one.play("site", fails=True)
        assert "kernel lacks" in printed and "CONFIG_" in printed
        print(f"{example}: not runnable here: this kernel lacks {feature}; the VM lab runs it")
    assert differences(before, one.snapshots(nodes)) == []
