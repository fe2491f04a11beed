# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Site, verify and teardown on the examples, and what users do to a fabric in between."""

import os
import re
import signal
import subprocess
import time
from collections import Counter
from itertools import zip_longest
from pathlib import Path

import pytest
from conftest import ROOT, by_hand, recap, tasks
from snapshot import differences
from walks import alike, walks

NODES = {"host-gw": ["vm1", "vm2"], "docker-bridge": ["docker1"]}
# from -> to: TTL
REACH = {
    "host-gw": [
        ("vm1", "ns245", "172.246.0.2", 62),
        ("vm2", "ns246", "172.245.0.2", 62),
        ("vm1", "ns245", "172.245.0.1", 64),
    ],
    "docker-bridge": [
        ("docker1", "lab-ns0", "10.15.10.3", 64),
        ("docker1", "lab-ns1", "8.8.8.8", 62),
        ("docker1", "", "10.15.10.2", 64),
    ],
}


@pytest.mark.parametrize("example", NODES)
def test_from_an_inventory_to_packets_and_back_and_by_hand_to_the_same(fabric, example):
    one = fabric(example)
    before = one.snapshots(NODES[example])
    assert "pairs do not answer" in one.play("verify", fails=True)
    commands = by_hand(one.play("site", "--check", "--diff"))
    assert one.snapshots(NODES[example]) == before

    first = one.play("site", "-vvv")
    assert tasks(first) <= 8
    # what runs on a node of a lab, where nothing is kept over a reboot: all that is new is one phase, and then it is confirmed
    modules = Counter(re.findall(r"^Using module file \S+/(\w+)\.py", first, re.M))
    assert modules == {"arrange": len(NODES[example]), "commit": 2 * len(NODES[example])}
    assert first.count("the inventory's group fabric is read") == 1
    computed = Counter(re.findall(r"^<(\S+)> the node's model is computed", first, re.M))
    assert computed == dict.fromkeys(NODES[example], 1)
    assert all(counts["changed"] > 0 for counts in recap(first).values())
    assert [one.ping(host, netns, target) for host, netns, target, _ttl in REACH[example]] == [
        ttl for *_way, ttl in REACH[example]
    ]
    assert "pairs answer" in one.play("verify")
    assert len(alike(walks(one))) == {"host-gw": 12, "docker-bridge": 9}[example]
    made = one.snapshots(NODES[example])

    again = one.play("site")
    assert all(counts["changed"] == 0 for counts in recap(again).values())
    assert tasks(again) == tasks(first) - 2

    one.play("teardown")
    assert one.snapshots(NODES[example]) == before
    assert one.on(NODES[example][0], "ls /run") == "netns\n"
    assert all(counts["changed"] == 0 for counts in recap(one.play("teardown")).values())

    for node in NODES[example]:
        assert len(commands[node]) > 10
        one.run_by_hand(node, commands[node])
    assert one.snapshots(NODES[example]) == made


# Several at a time, each on its own in the kernel: what a person deletes, and the command that the plan shows for it.
# "{own}" is the node's number, "{other}" the other's.
DRIFT = [
    {
        "ip netns del ns{own}": "ip netns add ns{own}",
        "ip route del 172.{other}.0.0/24": "ip route add 172.{other}.0.0/24 via 192.168.32.{other}",
    },
    {
        "ip link del veth-ns{own}": "ip link add name veth-ns{own}",
        "nft delete table inet nodenet_fabric": "add rule inet nodenet_fabric postrouting",
    },
    {"ip link del fabric0": "ip link add name fabric0", "sysctl -qw net.ipv4.ip_forward=0": "net.ipv4.ip_forward=1"},
    {
        "ip -n ns{own} address del 172.{own}.0.2/24 dev eth0": "ip -n ns{own} address add 172.{own}.0.2/24 dev eth0",
        "ip link set fabric0 mtu 1400": "ip link set dev fabric0 mtu 1500",
    },
    {
        "ip address del 172.{own}.0.1/24 dev fabric0": "ip address add 172.{own}.0.1/24 dev fabric0",
        "nft flush ruleset": "add rule inet nodenet_fabric postrouting",
    },
    {
        "ip -n ns{own} route del default": "ip -n ns{own} route add 0.0.0.0/0 via 172.{own}.0.1",
        "ip link set veth-ns{own} nomaster": "ip link set dev veth-ns{own} master fabric0",
    },
    {"ip link set veth-ns{own} down": "ip link set dev veth-ns{own} up"},
]


def drift_of(node):
    """Return the entries of DRIFT that ``node`` suffers, one after the other: half of them, so that a run mends two."""
    own, other, first = ("245", "246", 0) if node == "vm1" else ("246", "245", 1)
    return [
        {deletion.format(own=own, other=other): shown.format(own=own, other=other) for deletion, shown in entry.items()}
        for entry in DRIFT[first::2]
    ]


def test_whatever_is_deleted_by_hand_is_shown_by_check_and_restored_by_site(fabric):
    one = fabric("host-gw")
    one.play("site")
    good = one.snapshots(["vm1", "vm2"])
    for entries in zip_longest(drift_of("vm1"), drift_of("vm2"), fillvalue={}):
        by_node = dict(zip(good, entries))
        for node, deletions in by_node.items():
            for deletion in deletions:
                one.on(node, deletion)
        planned = by_hand(one.play("site", "--check", "--diff"))
        for node, deletions in by_node.items():
            for deletion, expected in deletions.items():
                assert any(expected in command for command in planned[node]), (deletion, planned[node])
        one.play("site")
        assert one.snapshots(["vm1", "vm2"]) == good, entries


# What is seen of the module's run from outside the node; tests/kernel kills before and after each step.
MOMENTS = {
    "a namespace is there": lambda holder: os.path.exists(f"/proc/{holder}/root/run/netns/ns245"),
    "a veth is there": lambda holder: "veth-ns245:" in _links_of(holder),
}


def _links_of(holder):
    return Path(f"/proc/{holder}/net/dev").read_text(encoding="utf-8")


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_in_the_middle_the_next_site_converges(fabric, moment):
    one = fabric("host-gw")
    holder = one.holder("vm1")
    killed = []
    with subprocess.Popen(one.command("site"), cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        next(line for line in running.stdout if line.startswith("TASK [") and "Apply the queue" in line)
        deadline = time.monotonic() + 10
        while not killed and time.monotonic() < deadline and running.poll() is None:
            if MOMENTS[moment](holder):
                killed = _kill_all_in(holder)
        running.stdout.read()
    assert killed, "site was over before anything could be killed"
    one.play("site")
    assert [one.ping(host, netns, target) for host, netns, target, _ttl in REACH["host-gw"]] == [62, 62, 64]


def _kill_all_in(holder):
    """Kill every process of the host that ``holder`` holds, but for the holder; return their pids."""
    place = os.readlink(f"/proc/{holder}/ns/pid")
    killed = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and int(entry) != holder and os.readlink(f"/proc/{entry}/ns/pid") == place:
                os.kill(int(entry), signal.SIGKILL)
                killed.append(int(entry))
        except OSError:
            continue
    return killed


def test_two_hundred_endpoints_take_the_tasks_of_two(fabric):
    endpoints = ", ".join(f"{{name: e{number}, address: 10.15.0.{number + 2}}}" for number in range(200))
    one = fabric(
        "docker-bridge",
        lambda text: (
            text.split("      fabric_endpoints:")[0].replace("10.15.10.0/24", "10.15.0.0/16")
            + f"      fabric_endpoints: [{endpoints}]\n"
        ),
    )
    printed = one.play("site", "-v")
    assert tasks(printed) <= 9
    assert "arrange: 804 objects to observe, plan and apply" in printed
    assert re.search(r"arrange: \d+ observed in \d+\.\d\d s, planned in .* s, \d{3} changed in", printed)
    assert len(one.on("docker1", "ip netns list").splitlines()) == 200
    # a question goes to 200 ports, and a queue that is full beside other tests drops it (netdev_max_backlog)
    assert 64 in (one.ping("docker1", "e199", "10.15.0.2") for _time in range(3))
    assert all(counts["changed"] == 0 for counts in recap(one.play("site")).values())
    one.play("teardown")
    assert one.on("docker1", "ip netns list; ip -br link show type veth | grep -v eth0 || true") == ""


def test_one_node_at_a_time_gives_the_same(fabric):
    one = fabric("host-gw")
    one.play("site", "--limit", "vm1")
    assert one.ping("vm1", "ns245", "172.246.0.2") is None
    one.play("site", "--limit", "vm2")
    assert one.ping("vm1", "ns245", "172.246.0.2") == 62
    assert all(counts["changed"] == 0 for counts in recap(one.play("site")).values())


def test_an_endpoint_that_left_the_inventory_is_cleaned_up(fabric):
    one = fabric("docker-bridge")
    one.play("site")
    hosts = one.inventory / "hosts.yml"
    hosts.write_text(
        hosts.read_text(encoding="utf-8").replace("        - {name: lab-ns1, address: 10.15.10.3}\n", ""),
        encoding="utf-8",
    )
    one.play("site")
    assert one.on("docker1", "ip netns list").split()[0] == "lab-ns0"
    assert "veth-lab-ns1" not in one.on("docker1", "ip link")
    assert one.ping("docker1", "lab-ns0", "10.15.10.3") is None


def test_a_faulty_inventory_is_told_whole_and_no_node_is_touched(fabric):
    one = fabric("host-gw")
    before = one.snapshot("vm1")
    hosts = one.inventory / "hosts.yml"
    text = (
        hosts.read_text(encoding="utf-8")
        .replace("172.246.0.0/24", "172.245.0.0/25")
        .replace("172.245.0.2}", "10.1.1.1}")
    )
    hosts.write_text(text.replace("192.168.32.246", "192.168.32.245"), encoding="utf-8")
    printed = one.play("site", fails=True)
    for expected in ("overlaps", "10.1.1.1", "192.168.32.245"):
        assert expected in printed
    assert printed.count("\nTASK [") == 1 and tasks(printed) == 0
    assert one.snapshot("vm1") == before


def test_a_foreign_bridge_in_the_way_is_named_and_left_alone(fabric):
    one = fabric("host-gw")
    one.on("vm1", "ip link add name fabric0 type bridge")
    printed = one.play("site", fails=True)
    assert "interface 'fabric0' exists and does not belong to the fabric" in printed
    one.play("teardown")
    assert "fabric0" in one.on("vm1", "ip link show fabric0")


def test_a_foreign_device_with_the_vni_is_named_before_anything_is_touched(fabric):
    one = fabric("vxlan")
    one.play("site")
    before = one.snapshot("vm1")
    # somebody else's device holds the port and the VNI that the backend is to have
    one.on("vm1", "ip link add theirs type vxlan id 7 local 192.168.32.245 dstport 8472")
    other = ["-e", "fabric_vxlan_vni=7", "-e", "fabric_bridge=br9", "--limit", "vm1"]
    printed = one.play("site", *other, fails=True)
    assert "theirs" in printed and "fabric_vxlan_vni" in printed and "fabric_vxlan_port" in printed
    one.on("vm1", "ip link del theirs")
    assert differences(before, one.snapshot("vm1")) == []
    one.play("site", *other)
    assert "br9" in one.on("vm1", "ip -o link")


def test_hosts_in_two_subnets_are_refused_host_gw_with_a_reason(fabric):
    one = fabric("host-gw", lambda text: text.replace("192.168.32.246", "192.168.33.246"), up=False)
    assert "host_gw" in one.play("site", fails=True)
