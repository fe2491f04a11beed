# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of veths' ends: given by the inventory, and changed while endpoints live."""

from __future__ import annotations

import itertools
import os
import signal

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError, KernelError
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import procfs
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.kernel import Kernel
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import arrange
from rendered import arranged
from snapshot import lasting_differences
from test_arrange import run

ATTACHED = {"a": "bridge", "b": "routed", "c": "direct"}
NAMES = {"a": ("veth-a-br", "veth-a"), "b": ("vd3-peer", "vd3"), "c": ("veth245", "net0")}


def site(named, check=False, **host):
    """Arrange a node with an endpoint of each attachment, their ends called as ``named`` says or by default."""
    endpoints = [
        {"name": name, "attachment": attachment, **dict(zip(("host_interface", "interface"), named.get(name, ())))}
        for name, attachment in ATTACHED.items()
    ]
    host = {
        "fabric_node_address": "192.0.2.1",
        "fabric_node_subnet": "10.2.0.0/24",
        "fabric_endpoints": endpoints,
        "fabric_publish": [{"port": 80, "endpoint": "a"}],
        **host,
    }
    declared = arranged({"vm1": host})
    sets = [{**dict.fromkeys(SPECS), "keep_addresses": [], **one} for one in declared["sets"]]
    common = {"owner": None, "purge": False, "adopt": False, "promised": [], "keep_addresses": []}
    return arrange({**dict.fromkeys(SPECS), **common, **declared, "sets": sets}, check)


def addresses(node):
    return {
        name: [one["local"] for one in node.json(f"ip -n {name} -j -4 address show up")[-1]["addr_info"]][0]
        for name in ATTACHED
    }


def answers(node):
    known = addresses(node)
    return [node.ping(one, known[other]) for one, other in itertools.permutations(ATTACHED, 2)]


def links(node, netns=""):
    inside = f"-n {netns} " if netns else ""
    return {one["ifname"] for one in node.json(f"ip {inside}-j link show type veth")}


def test_ends_have_the_names_that_the_inventory_gives(node):
    site(NAMES)
    assert links(node) == {outer for outer, _inner in NAMES.values()}
    assert [links(node, name) for name in NAMES] == [{inner} for _outer, inner in NAMES.values()]
    assert answers(node) == [63] * 6
    assert site(NAMES)["changed"] is False
    node.sh("ip link set veth245 down")
    assert node.ping("a", addresses(node)["c"]) is None


def known(node):
    """The identity of an interface, which differs from that of another one made in its place."""
    return {
        (netns, one["ifindex"]): one["address"]
        for netns in ("", *ATTACHED)
        for one in node.json(f"ip {'-n ' * bool(netns)}{netns} -j link show type veth")
    }


def test_another_name_renames_what_is_there(node):
    """And nothing else: what stands on an interface stays, ours and others' alike."""
    site({})
    before, same = node.snapshot(), known(node)
    node.sh("ip route add 10.77.0.0/24 dev veth-b; ip netns exec c sysctl -qw net.ipv4.conf.eth0.tag=7")
    planned = site(NAMES, check=True)
    assert known(node) == same and links(node) == {"veth-a", "veth-b", "veth-c"}
    made = site(NAMES)
    assert made["commands"] == planned["commands"]
    assert sorted(made["commands"]) == sorted(
        [f"ip link set dev veth-{name} name {outer}" for name, (outer, _inner) in NAMES.items()]
        + [f"ip -n {name} link set dev eth0 name {inner}" for name, (_outer, inner) in NAMES.items()]
    )
    assert made["stats"]["counts"] == {"renamed": {"veth": 3}}
    assert made["diff"]()[0]["after"]["link"]["veth245"]["renamed from"] == "veth-c"
    assert known(node) == same
    assert "10.77.0.0/24" in node.sh("ip route show dev vd3-peer")
    assert node.sh("ip netns exec c sysctl -n net.ipv4.conf.net0.tag") == "7\n"
    assert site(NAMES)["changed"] is False
    assert answers(node) == [63] * 6
    node.sh("ip route del 10.77.0.0/24; ip netns exec c sysctl -qw net.ipv4.conf.net0.tag=0")
    site({})
    assert lasting_differences(before, node.snapshot()) == [] and known(node) == same


PAIR = {
    "name": "v-red",
    "mac": "02:00:00:00:00:01",
    "peer": {"name": "eth0", "netns": "red", "mac": "02:00:00:00:00:02"},
}
NEIGHBOR = {"netns": "red", "dev": "eth0", "address": "10.9.0.9", "mac": "02:00:00:00:00:09"}


def pair(node, **names):
    """Have a veth to a namespace, whose ends are called as ``names`` say, by the module veth alone."""
    wanted = {**PAIR, "name": names.get("outer", "v-red"), "peer": {**PAIR["peer"], "name": names.get("inner", "eth0")}}
    return node.task("veth", **wanted, _check=names.get("check", False), promised=names.get("promised", ()))


def stood_on(node):
    """Make a veth, and on both of its ends what no task with the module veth alone speaks of."""
    node.task("netns", name="red")
    pair(node)
    node.task("address", dev="v-red", address="10.9.0.1/24")
    node.task("address", netns="red", dev="eth0", address="10.9.0.2/24")
    node.task("route", netns="red", prefix="default", via="10.9.0.1")
    node.task("proxy_arp", interface="v-red")
    node.task("neighbor", **NEIGHBOR)


def test_what_other_tasks_made_on_a_renamed_end_is_theirs_by_the_new_name(node):
    stood_on(node)
    pair(node, outer="veth.245", inner="net0")
    assert node.ping("red", "10.9.0.1") == 64
    for module, options in (
        ("address", {"dev": "veth.245", "address": "10.9.0.1/24"}),
        ("route", {"netns": "red", "prefix": "default", "via": "10.9.0.1"}),
        ("proxy_arp", {"interface": "veth.245"}),
        ("neighbor", {**NEIGHBOR, "dev": "net0"}),
    ):
        assert node.task(module, **options)["changed"] is False, module
    # and a setting that was not ours before is given back
    node.task("proxy_arp", interface="veth.245", state="absent")
    assert node.sh("sysctl -n net.ipv4.conf.veth/245.proxy_arp") == "0\n"


def test_a_task_in_check_mode_knows_the_new_name(node):
    stood_on(node)
    promised = pair(node, outer="veth245", check=True)["_promises"]
    address = {"dev": "veth245", "address": "10.9.0.1/24"}
    assert node.task("address", **address, _check=True, promised=promised)["changed"] is False
    with pytest.raises(InputError, match="there is no interface 'v-red'"):
        node.task("address", dev="v-red", address="10.9.0.7/24", _check=True, promised=promised)
    assert links(node) == {"v-red"}


@pytest.mark.parametrize("names", [{"outer": "veth245"}, {"inner": "net0"}, {"outer": "veth245", "inner": "net0"}])
def test_a_plan_that_fails_gives_the_old_names_back(node, names):
    stood_on(node)
    before, same = node.snapshot(), known_of(node, "red")
    outer, inner = names.get("outer", "v-red"), names.get("inner", "eth0")
    wanted = {
        "veth": [{**PAIR, "name": outer, "peer": {**PAIR["peer"], "name": inner}}],
        "route": [{"netns": "red", "prefix": "10.8.0.0/24", "via": "10.7.0.1", "dev": inner}],
    }
    with pytest.raises(KernelError, match="the node is as it was before"):
        run(wanted, purge=False, owner="default")
    assert known_of(node, "red") == same
    assert lasting_differences(before, node.snapshot()) == []


def known_of(node, netns):
    return [node.json(f"ip {inside}-j link show type veth")[0]["ifindex"] for inside in ("", f"-n {netns} ")]


def two_pairs(names):
    return {
        "netns": [{"name": netns} for netns in names],
        "veth": [
            {"name": name, "peer": {"name": "eth0", "netns": netns}, "mac": f"02:00:00:00:01:0{number}"}
            for number, (netns, name) in enumerate(names.items())
        ],
    }


@pytest.mark.parametrize(
    ("second", "kept"),
    [({"red": "y", "blue": "z"}, True), ({"red": "y", "blue": "x"}, False)],
    ids=["passed on", "swapped"],
)
def test_a_name_passes_from_one_end_to_another(node, second, kept):
    run(two_pairs({"red": "x", "blue": "y"}))
    index = node.json("ip -n red -j link show eth0")[0]["ifindex"]
    run(two_pairs(second))
    assert {netns: node.json(f"ip -n {netns} -d -j link show eth0")[0]["link_index"] for netns in second} == {
        netns: node.json(f"ip -j link show {name}")[0]["ifindex"] for netns, name in second.items()
    }
    assert (node.json("ip -n red -j link show eth0")[0]["ifindex"] == index) is kept
    assert run(two_pairs(second))["changed"] is False


def test_an_older_kernel_makes_it_anew_with_what_is_ours_on_it(node, monkeypatch):
    """Before Linux 6.2 the name of an interface that is up is refused (dev_change_name, net/core/dev.c)."""
    monkeypatch.setattr(procfs, "renames_what_is_up", lambda: False)
    site({})
    same = known(node)
    assert site(NAMES)["changed"]
    assert links(node) == {outer for outer, _inner in NAMES.values()} and not known(node).keys() & same.keys()
    assert answers(node) == [63] * 6
    assert site(NAMES)["changed"] is False


def test_an_end_in_another_namespace_is_made_anew_with_what_is_ours_on_the_other(node):
    """The kernel takes all that stands on an interface away when it moves it (__dev_change_net_namespace, net/core/dev.c)."""
    node.task("netns", config=[{"name": "red"}, {"name": "blue"}])
    node.task("bridge", name="br0")
    node.task("veth", **PAIR, master="br0")
    node.task("address", dev="v-red", address="10.9.0.1/24")
    node.task("route", prefix="10.8.0.0/24", via="10.9.0.2")
    moved = {**PAIR, "master": "br0", "peer": {**PAIR["peer"], "netns": "blue"}}
    assert node.task("veth", **moved)["reasons"]
    assert links(node, "red") == set() and links(node, "blue") == {"eth0"}
    assert node.task("address", dev="v-red", address="10.9.0.1/24")["changed"] is False
    assert node.task("route", prefix="10.8.0.0/24", via="10.9.0.2")["changed"] is False
    assert node.task("veth", **moved)["changed"] is False


@pytest.mark.parametrize("done", [False, True])
def test_a_run_that_is_killed_at_a_rename_leaves_nothing_foreign(node, done):
    stood_on(node)
    child = os.fork()
    if child == 0:
        submit = Kernel.submit

        def die(kernel, requests):
            if done:
                submit(kernel, requests)
            os.kill(os.getpid(), signal.SIGKILL)

        Kernel.submit = die
        pair(node, outer="veth245")
    os.waitpid(child, 0)
    assert links(node) == ({"veth245"} if done else {"v-red"})
    pair(node, outer="veth245")
    assert node.task("proxy_arp", interface="veth245")["changed"] is False
    node.task("proxy_arp", interface="veth245", state="absent")
    assert node.sh("sysctl -n net.ipv4.conf.veth245.proxy_arp") == "0\n"
