# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes on one L2: they reach each other, are machines to themselves, and do not meet another lab's."""

import os
import re
import subprocess

import pytest
from conftest import node

DUAL = [node(number, fabric_node_address6=f"fd00::{number}") for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def lab(inventories):
    found = inventories("l2", {"n1": DUAL[0], "n2": DUAL[1]}, fabric_underlay_mtu=1400)
    found.before = machine()
    found.up()
    return found


@pytest.fixture(scope="module")
def other(inventories, lab):
    """A second lab, with an n1 of the same address; it has an n3 and no n2."""
    found = inventories("l2", {"n1": DUAL[0], "n3": DUAL[2]})
    found.up()
    return found


def machine():
    """Return what can be seen of this machine's network, namespaces and mounts."""
    commands = ("ip -o link | cut -d: -f2", "ip -o address", "ip route", "ip netns list", "cat /proc/self/mounts")
    return [subprocess.run(command, shell=True, capture_output=True, check=True).stdout for command in commands]


def test_nodes_reach_each_other(lab):
    assert lab.ping("n1", "192.168.32.2") == 64
    assert lab.ping("n2", "192.168.32.1") == 64
    assert lab.ping("n1", "fd00::2", "-6") == 64
    assert lab.ping("n1", "127.0.0.1") == 64


def test_one_segment_has_no_way_out(lab):
    assert lab.sh("n1", "ip route show default; ip -6 route show default") == ""
    assert sorted(lab.enter) == ["n1", "n2"]


def test_a_node_is_a_machine_to_itself(lab):
    assert lab.sh("n1", "hostname").strip() == "n1"
    assert lab.sh("n1", "id -u").strip() == "0"
    assert re.findall(r"\d+: (\w+)", lab.sh("n1", "ip -o link")) == ["lo", "eth0"]
    assert sorted(lab.sh("n1", "ls /sys/class/net").split()) == ["eth0", "lo"]
    assert lab.sh("n1", "cat /sys/class/net/eth0/mtu").strip() == "1400"
    assert lab.sh("n1", "ls run").split() == [
        "netns"
    ]  # a relative path: the folder that a command starts in is the node's
    assert "nodenet-lab" in lab.sh("n1", "tr '\\0' ' ' </proc/1/cmdline")
    assert lab.sh("n1", f"cat {lab.folder}/hosts.json")  # and the machine's files are there


def test_what_the_fabric_sets_can_be_set(lab):
    names = ("ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv4/conf/eth0/proxy_arp", "ipv4/conf/eth0/rp_filter")
    for name in names:
        assert lab.sh("n2", f"cd /proc/sys/net && echo 1 >{name} && cat {name}") == "1\n"
    lab.sh("n2", "nft add table inet probe && nft list table inet probe && nft delete table inet probe")
    assert lab.sh("n1", "cat /proc/sys/net/ipv4/ip_forward") == "0\n"


def test_namespaces_in_two_nodes_do_not_collide(lab):
    for name in ("n1", "n2"):
        lab.sh(name, f"ip netns add same && ip netns exec same ip link add of-{name} type bridge")
    assert "of-n1" in lab.sh("n1", "ip -n same link") and "of-n1" not in lab.sh("n2", "ip -n same link")
    assert lab.sh("n1", "ip netns list").split() == ["same"]
    assert not os.path.exists("/run/netns/same")


def test_the_dead_are_buried(lab):
    lab.sh("n1", "(sleep 0.01 &) ; (sleep 0.02 &)")
    assert lab.sh("n1", "sleep 0.2; cat /proc/[0-9]*/stat | cut -d' ' -f3").count("Z") == 0


def test_the_machine_sees_nothing(lab):
    assert machine() == lab.before


def test_once_more_changes_nothing(lab):
    before = lab.enter
    assert not lab.up()["changed"]
    assert lab.enter == before


def test_two_labs_do_not_meet(lab, other):
    assert lab.ping("n1", "192.168.32.3") is None  # other has it
    assert other.ping("n1", "192.168.32.3") == 64
    assert other.ping("n1", "192.168.32.2") is None  # lab has it
    assert lab.ping("n2", "192.168.32.1") == other.ping("n3", "192.168.32.1") == 64
    macs = [lab.sh("n2", "ip -4 neigh show 192.168.32.1"), other.sh("n3", "ip -4 neigh show 192.168.32.1")]
    own = [found.sh("n1", "cat /sys/class/net/eth0/address").strip() for found in (lab, other)]
    assert own[0] in macs[0] and own[1] in macs[1] and own[0] != own[1]
