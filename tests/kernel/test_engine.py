# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine promises whatever the kind: undo, verification, conflicts, ownership, and life after a kill."""

import os
import signal

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import (
    Conflict,
    InputError,
    KernelError,
)
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import procfs
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.kernel import Kernel
from ansible_collections.nodenet.fabric.plugins.modules import fabric_info, sweep
from snapshot import lasting_differences

NAMESPACES = [{"name": f"ns{number}"} for number in range(10)]


def whole(node):
    """Make one of each kind of object."""
    node.task("netns", config=[{"name": "red", "ipv6": False}, {"name": "blue"}])
    node.task("bridge", name="br0", mac="02:00:00:00:00:01")
    node.task(
        "veth",
        config=[
            {"name": f"v-{name}", "master": "br0", "peer": {"name": "eth0", "netns": name}} for name in ("red", "blue")
        ],
    )
    node.task(
        "address",
        config=[
            {"dev": "br0", "address": "10.0.0.1/24"},
            {"dev": "eth0", "netns": "red", "address": "10.0.0.2/24"},
            {"dev": "eth0", "netns": "blue", "address": "fd00::3/64", "nodad": True},
        ],
    )
    node.task("bridge_port", name="v-red", isolated=True)
    node.task(
        "route",
        config=[
            {"prefix": "default", "via": "10.0.0.1", "netns": "red"},
            {"prefix": "10.9.0.0/16", "type": "blackhole"},
        ],
    )
    node.task("forwarding", family="ipv4")
    node.task("masquerade", source="10.0.0.0/24", exclude=["10.0.0.0/24"])


def test_a_foreign_object_in_the_way_of_the_fifth_leaves_all_as_it_was(node):
    node.sh("ip netns add ns4")
    before = node.snapshot()
    with pytest.raises(Conflict, match="config.4..network namespace 'ns4'.*does not belong to the fabric"):
        node.task("netns", config=NAMESPACES)
    assert node.snapshot() == before
    assert not os.path.exists("/run/nodenet")


def test_a_request_that_the_kernel_refuses_takes_back_those_before_it(node):
    node.task("netns", name="red")
    before = node.snapshot()
    entries = [{"prefix": f"10.{number}.0.0/16", "type": "blackhole"} for number in range(9)]
    with pytest.raises(KernelError, match="10.99.0.0/16.*the node is as it was before"):
        node.task("route", config=entries + [{"prefix": "10.99.0.0/16", "via": "192.0.2.1"}])
    assert node.snapshot() == before


def test_undo_brings_back_what_fell_with_a_link_that_was_to_be_made_anew(node, monkeypatch):
    whole(node)
    before = node.snapshot()
    submit = Kernel.submit
    calls = []

    def refuse_the_third(kernel, requests):
        calls.append(requests)
        return ["made to fail"] * len(requests) if len(calls) == 3 else submit(kernel, requests)

    monkeypatch.setattr(Kernel, "submit", refuse_the_third)
    monkeypatch.setattr(procfs, "renames_what_is_up", lambda: False)  # as before Linux 6.2
    with pytest.raises(KernelError, match="made to fail.*as it was before"):
        node.task("veth", name="v-red", master="br0", peer={"name": "eth9", "netns": "red"})
    assert len(calls) > 3
    assert lasting_differences(before, node.snapshot()) == []


def test_what_the_kernel_does_not_keep_is_an_error_and_is_taken_back(node, monkeypatch):
    before = node.snapshot()
    monkeypatch.setattr(Kernel, "submit", lambda kernel, requests: [None] * len(requests))
    with pytest.raises(KernelError, match="did not keep"):
        node.task("bridge", name="br0")
    assert node.snapshot() == before


@pytest.mark.parametrize("calls", range(1, 12))
def test_killed_at_any_moment_the_next_run_converges(node, calls):
    child = os.fork()
    if child == 0:
        count, submit = [0], Kernel.submit

        def die(kernel, requests):
            count[0] += 1
            answers = submit(kernel, requests[: max(1, len(requests) // 2)])
            if count[0] == calls:
                os.kill(os.getpid(), signal.SIGKILL)
            return answers + submit(kernel, requests[len(answers) :])

        Kernel.submit = die
        whole(node)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    whole(node)
    assert node.ping("red", "10.0.0.1") == 64
    sweep.perform({"except_sets": [], "promised": []}, False)
    assert not os.path.exists("/run/nodenet")


def test_sweep_removes_ours_of_every_kind_and_nothing_else(node):
    node.sh("ip netns add theirs && ip link add name docker0 type bridge && ip address add 10.88.0.1/24 dev docker0")
    node.sh("ip route add blackhole 10.66.0.0/16 proto 4 && nft add table inet theirs")
    before = node.snapshot()
    whole(node)
    assert node.snapshot() != before
    kept = sweep.perform({"except_sets": ["default"], "promised": []}, False)
    assert not kept["changed"]
    assert sweep.perform({"except_sets": [], "promised": []}, True)["changed"]  # check mode plans it and does nothing
    assert node.ping("red", "10.0.0.1") == 64
    sweep.perform({"except_sets": [], "promised": []}, False)
    node.sh("sysctl -qw net.ipv4.ip_forward=0")  # which it leaves on, and says so
    assert node.snapshot() == before
    assert not os.path.exists("/run/nodenet")


def test_a_namespace_that_somebody_made_anew_is_not_ours(node):
    node.task("netns", name="red")
    node.sh("ip netns del red && ip netns add red")
    with pytest.raises(Conflict, match="does not belong to the fabric"):
        node.task("netns", name="red", state="absent")
    node.task("netns", name="red", adopt=True)
    assert node.task("netns", name="red", state="absent")["changed"]


def test_adopt_takes_a_foreign_bridge_over_and_keeps_what_is_not_managed(node):
    node.sh("ip link add name br0 address 02:00:00:00:00:09 type bridge ageing_time 1000")
    with pytest.raises(Conflict, match="interface 'br0'.*adopt: true"):
        node.task("bridge", name="br0", stp=True)
    node.task("bridge", name="br0", stp=True, adopt=True)
    assert not node.task("bridge", name="br0", stp=True)["changed"]
    found = node.json("ip -d -j link show br0")[0]
    assert found["address"] == "02:00:00:00:00:09" and found["linkinfo"]["info_data"]["ageing_time"] == 1000
    assert found["linkinfo"]["info_data"]["stp_state"] == 1


def test_purge_reaches_only_its_own_set_and_sort(node):
    node.task("netns", config=[{"name": "a"}, {"name": "b"}], owner="one")
    node.task("netns", name="c", owner="two")
    node.task("bridge", name="br0", owner="one")
    node.sh("ip netns add theirs")
    found = node.task("netns", config=[{"name": "b"}], purge=True, owner="one")
    assert found["commands"] == ["ip netns del a"]
    assert sorted(node.snapshot()) == ["", "b", "c", "theirs"]
    assert node.json("ip -j link show br0")


def test_namespaces_by_name_path_and_pid_are_one(node):
    node.task("netns", name="red")
    holder = node.spawn("ip netns exec red sleep 60")
    try:
        for number, where in enumerate(
            [{"netns": "red"}, {"netns": "/run/netns/red"}, {"netns": f"/proc/{holder}/ns/net"}, {"pid": holder}]
        ):
            found = node.task("address", dev="lo", address="10.7.0.1/32", **where)
            assert found["changed"] == (number == 0), where
            entry = {"dev": "lo", "address": "10.7.0.1/32", **where}
            assert not node.task("address", netns="elsewhere", config=[entry])["changed"], where
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def test_a_namespace_that_has_no_name_is_reached_by_pid(node):
    holder = node.spawn("unshare -n sleep 60")
    try:
        node.task("veth", name="to-it", peer={"name": "eth0", "pid": holder})
        node.task("address", dev="eth0", address="10.7.0.2/24", pid=holder)
        node.task("address", dev="to-it", address="10.7.0.1/24")
        assert node.ping("", "10.7.0.2") == 64
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def test_a_name_that_is_a_number_is_a_name(node):
    """As a pid, 1 would be the namespace that the machine itself lives in."""
    before = node.snapshot()
    with pytest.raises(InputError, match="there is no network namespace '1'"):
        node.task("address", dev="lo", address="10.7.0.1/32", netns="1")
    assert node.snapshot() == before
    node.task("netns", name="1")
    node.task("veth", name="to-1", peer={"name": "eth0", "netns": "1"})
    commands = node.task("address", dev="eth0", address="10.7.0.2/24", netns="1")["commands"]
    assert commands == ["ip -n 1 address add 10.7.0.2/24 dev eth0"]
    assert "10.7.0.2" in node.sh("ip -n 1 -o address show eth0")
    assert "10.7.0.2" not in node.sh("ip -o address show")
    node.task("netns", name="1", state="absent")
    with pytest.raises(InputError, match="pid: there is no process 4194305"):  # above the most of proc(5), pid_max
        node.task("address", dev="lo", address="10.7.0.1/32", pid=4194305)


def test_purge_in_the_namespace_of_a_process_leaves_the_others(node):
    node.task("netns", config=[{"name": "red"}, {"name": "blue"}])
    for netns in ("red", "blue"):
        node.task("route", prefix="10.9.0.0/16", type="blackhole", netns=netns)
    holder = node.spawn("ip netns exec red sleep 60")
    try:
        node.task("route", config=[], purge=True, pid=holder)
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
    assert not node.sh("ip -n red route show proto 178")
    assert node.sh("ip -n blue route show proto 178")


def test_fabric_info_tells_ours_from_foreign(node):
    whole(node)
    node.sh("ip netns add theirs")
    objects = fabric_info.perform({"netns": None, "ours": False, "promised": []})["objects"]
    owners = {entry["netns"]: entry["owner"] for entry in objects["netns"]}
    assert owners == {"red": "default", "blue": "default", "theirs": None}
    ours = fabric_info.perform({"netns": None, "ours": True, "promised": []})["objects"]
    assert {kind: len(found) for kind, found in ours.items() if found} == {
        "netns": 2,
        "sysctl": 1,
        "link": 5,
        "port": 2,
        "address": 3,
        "route": 2,
        "nat": 1,
    }


def test_fabric_info_shows_what_the_kernel_learned_on_request(node):
    whole(node)
    read = {"netns": None, "ours": False, "promised": []}
    assert "learned" not in fabric_info.perform(read)
    assert fabric_info.perform({**read, "learned": True})["learned"] == []
    assert node.ping("red", "10.0.0.1") == 64
    node.task("neighbor", dev="br0", address="10.0.0.9", mac="02:00:00:00:00:09")  # written down, and not learned
    node.sh("ping -c 1 -W 1 10.0.0.7", fails=True)
    (in_red,) = [one for one in fabric_info.perform({**read, "learned": True})["learned"] if one["netns"] == "red"]
    assert (in_red["dev"], in_red["address"], in_red["mac"]) == ("eth0", "10.0.0.1", "02:00:00:00:00:01")
    assert in_red["state"] in ("reachable", "delay", "stale")
    here = fabric_info.perform({**read, "netns": [""], "learned": True})["learned"]
    assert [one["address"] for one in here] == ["10.0.0.2", "10.0.0.7"]
    assert (here[1]["mac"], here[1]["state"] in ("incomplete", "failed")) == (None, True)


def test_the_end_of_one_link_is_not_the_end_of_anothers_link_local_route(node):
    node.sh("ip link add dm0 type bridge && ip link set dm0 up && ip address add fe80::9/64 dev dm0 nodad")
    kept = node.sh("ip -6 route show fe80::/64 dev dm0")
    assert kept
    node.task("bridge", name="br0")
    node.task("address", dev="br0", address="fe80::1/64", nodad=True)
    node.task("bridge", name="br0", state="absent")
    assert node.sh("ip -6 route show fe80::/64 dev dm0") == kept


def test_an_ipv6_address_takes_another_length_and_an_ipv4_one_may_have_both(node):
    node.task("netns", name="a", ipv6=True)
    node.task("veth", name="v0", peer={"name": "eth0", "netns": "a"})
    node.task("address", netns="a", config=[{"dev": "eth0", "address": text} for text in ("fd00::2/64", "10.0.0.2/24")])
    other = [{"dev": "eth0", "address": text} for text in ("fd00::2/128", "10.0.0.2/32")]
    found = node.task("address", netns="a", config=other)
    assert "length" in found["reasons"][0]
    assert not node.task("address", netns="a", config=other)["changed"]
    shown = node.sh("ip -n a -o address show eth0")
    assert "fd00::2/128" in shown and "fd00::2/64" not in shown
    assert "10.0.0.2/24" in shown and "10.0.0.2/32" in shown
    node.task("address", netns="a", config=other, purge=True)
    assert "10.0.0.2/24" not in node.sh("ip -n a -o address show eth0")
