# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing one's mind: the same nodes with another inventory end in its state, with nothing of the old left."""

import re

import pytest
from conftest import recap, tasks
from snapshot import differences

NODES = ("vm1", "vm2")
CHANGES = [
    ["-e", "fabric_backend=vxlan"],
    ["-e", "fabric_backend=vxlan", "-e", "fabric_vxlan_vni=7", "-e", "fabric_attachment=routed"],
    ["-e", "fabric_backend=vxlan", "-e", "fabric_vxlan_port=4789", "-e", "fabric_mtu=1400"],
    ["-e", "fabric_attachment=direct"],
    ["-e", "fabric_bridge=br9", "-e", "fabric_masquerade=false"],
    [],
]


def states(one):
    return one.snapshots(NODES)


def converged(one, *options):
    """Return the nodes' state after one run over what is there; a second run must have nothing to do."""
    one.play("site", *options)
    found = states(one)
    assert all(counts["changed"] == 0 for counts in recap(one.play("site", *options)).values())
    return found


def fresh(one, *options):
    """Return the state that the same inventory gives on nodes that had nothing."""
    one.renew()
    one.play("site", *options)
    return states(one)


def test_another_backend_attachment_vni_port_or_mtu_leaves_nothing_of_the_old(fabric):
    one = fabric("dual-stack")
    bare = states(one)
    one.play("site")
    known = {(): states(one)}
    for options in CHANGES:
        found = converged(one, *options)
        if options:
            known[tuple(options)] = fresh(one, *options)
        assert differences(known[tuple(options)], found) == [], options
    assert "pairs answer" in one.play("verify")
    # teardown goes by what is on the nodes: it need not know with which options that was made
    one.play("site", *CHANGES[0])
    one.play("teardown")
    assert differences(bare, states(one)) == []


def edited(one, *changes):
    hosts = one.inventory / "hosts.yml"
    text = hosts.read_text(encoding="utf-8")
    for pattern, replacement in changes:
        text, times = re.subn(pattern, replacement, text, flags=re.S)
        assert times, pattern
    hosts.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("backend", ["host_gw", "vxlan"])
def test_another_subnet_and_then_a_node_less(fabric, backend):
    one = fabric("dual-stack", lambda text: text.replace("fabric_backend: host_gw", f"fabric_backend: {backend}"))
    one.play("site")
    edited(one, (r"172\.246\.0\.", "172.250.0."))
    found = converged(one)
    assert differences(fresh(one), found) == []
    assert one.ping("vm1", "ns245", "172.250.0.2") == 62
    before = one.snapshot("vm1")
    edited(one, ("    vm2:.*", ""))  # the node has left for good; nothing is run there
    one.play("site")
    left = one.snapshot("vm1")
    assert left != before
    for text in ("172.250", "fd00:246", "192.168.32.246"):
        assert text not in str(left), text


def test_a_port_that_is_published_no_longer_leaves_nothing(fabric):
    one = fabric("red-blue-bridge")
    hosts = one.inventory / "hosts.yml"
    text = hosts.read_text(encoding="utf-8")
    one.play("site")
    published = one.snapshot("host1")
    edited(one, ("      fabric_publish:.*", ""))
    one.play("site")
    found = one.snapshot("host1")
    one.renew()
    one.play("site")
    assert differences(one.snapshot("host1"), found) == []
    assert one.ping("host1", "blue", "192.168.1.3") == 63
    # and published on a node that has its endpoints already
    hosts.write_text(text, encoding="utf-8")
    one.play("site")
    assert differences(published, one.snapshot("host1")) == []


def test_one_node_at_a_time_gives_what_one_run_over_all_gives(fabric):
    one = fabric("vxlan")
    one.play("site")
    together = states(one)
    one.renew()
    for node in NODES:
        one.play("site", "--limit", node)
    assert differences(together, states(one)) == []
    one.renew()
    printed = one.play("site", "-e", "fabric_serial=1")
    assert len(re.findall("^PLAY \\[Expand", printed, re.M)) == 2
    assert differences(together, states(one)) == []


def test_ten_nodes_take_the_tasks_of_two_and_know_each_other(fabric):
    two = tasks(fabric("vxlan").play("site"))
    node = """
    vm{number}:
      fabric_node_address: 192.168.{segment}.{number}
      fabric_node_subnet: 10.244.{number}.0/24
      fabric_endpoints: [{{name: ns{number}}}]"""
    hosts = "".join(node.format(number=number, segment=32 + number % 2) for number in range(1, 11))
    many = fabric("vxlan", lambda text: text.split("    vm1:")[0] + hosts + "\n")
    assert tasks(many.play("site", "--forks", "10")) == two
    for number in range(1, 11):
        count = "ip neigh show dev vxlan1 nud permanent | wc -l; bridge fdb show dev vxlan1 | wc -l; ip route show dev vxlan1 | wc -l"
        assert many.on(f"vm{number}", count).split() == ["9"] * 3
    printed = many.play("verify", "--forks", "10")
    assert "pairs answer" in printed and "90 paths between nodes: udp:8472 on the wire, 1450 bytes" in printed
    again = recap(many.play("site", "--limit", "vm1,vm9,vm10"))
    assert all(counts["changed"] == 0 for counts in again.values())
