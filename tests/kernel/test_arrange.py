# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of several sorts as a whole: planned together, undone together."""

from __future__ import annotations

import json
import os
import signal

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import Conflict, FabricError, KernelError
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import Scope
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.kernel import Kernel
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.link import Link, LinkKey
from ansible_collections.nodenet.fabric.plugins.module_utils.ownership import Ledger
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import arrange
from snapshot import differences, lasting_differences

ENDPOINT = {
    "netns": [{"name": "red", "ipv6": False}],
    "bridge": [{"name": "br0", "mac": "02:00:00:00:00:01", "addrgenmode": "none"}],
    "veth": [
        {
            "name": "v-red",
            "mac": "02:00:00:00:00:02",
            "addrgenmode": "none",
            "master": "br0",
            "peer": {"name": "eth0", "netns": "red", "mac": "02:00:00:00:00:03"},
        }
    ],
    "address": [{"dev": "br0", "address": "10.9.0.1/24"}, {"netns": "red", "dev": "eth0", "address": "10.9.0.2/24"}],
    "route": [{"netns": "red", "prefix": "default", "via": "10.9.0.1"}],
    "forwarding": [{"family": "ipv4"}],
    "masquerade": [{"source": "10.9.0.0/24", "exclude": ["10.9.0.0/24"]}],
}
NOTHING = {name: [] for name in ENDPOINT}


def run(lists, check=False, purge=True, **options):
    common = {
        "owner": "lab",
        "purge": purge,
        "adopt": False,
        "promised": [],
        "sets": None,
        "remove_sets_except": None,
        "remove_sets_among": None,
        "peer_sets": None,
    }
    common["keep_addresses"] = []
    return arrange({**dict.fromkeys(SPECS), **common, **options, **lists}, check)


def test_all_is_made_in_one_run_and_nothing_by_the_next(node):
    before = node.snapshot()
    assert node.ping("red", "10.9.0.1") is None
    planned = run(ENDPOINT, check=True)
    assert differences(before, node.snapshot()) == []
    assert run(ENDPOINT)["commands"] == planned["commands"]
    assert node.ping("red", "10.9.0.1") == 64
    assert run(ENDPOINT)["changed"] is False
    run(NOTHING)
    node.sh("sysctl -qw net.ipv4.ip_forward=0")  # which stays on for whoever relies on it by now
    assert differences(before, node.snapshot()) == []


def test_what_is_returned_grows_with_what_changes_and_not_with_what_there_is(node):
    def size(lists):
        found = run(lists)
        found.pop("diff", None)  # only where --diff or --check asks for it
        return len(json.dumps(found))

    many = {"netns": [{"name": f"red{number}", "ipv6": False} for number in range(200)]}
    assert size(many) > 200 * len("ip netns add red")
    assert size(many) < 1000


def test_the_commands_by_hand_give_the_same(node):
    for command in run(ENDPOINT, check=True)["commands"]:
        node.sh(command)
    by_hand = node.snapshot()
    node.sh("ip netns del red; ip link del br0; sysctl -qw net.ipv4.ip_forward=0; nft delete table inet nodenet_fabric")
    run(ENDPOINT)
    assert lasting_differences(by_hand, node.snapshot()) == []


def test_a_link_that_is_made_anew_forwards_as_the_node_does_by_then():
    key, values = LinkKey("", "v-red"), {"type": "veth", "peer": ("red", "eth0"), "up": True}
    was = Resource("link", key, {**values, "peer": ("?", ""), "forwarding": 0, "mtu": 1400}, "lab")
    made = Link().remade(was, Resource("link", key, values, "lab"))
    assert "forwarding" not in made.values and made.values["mtu"] == 1400


def test_an_end_whose_other_end_nobody_can_name_is_restored_without_it(node):
    """So is one that the kernel is about to end with its namespace: to restore it must not ask for a namespace '?'."""
    holder = node.spawn("unshare -n sleep 60")
    try:
        node.sh(f"ip link add v-red type veth peer name eth0 netns {holder}")
        (found,) = [one for one in Link().observe(Kernel(Ledger()), Scope({""})) if one.key.name == "v-red"]
        restored = Link().wanted(found)
        assert found.values["peer"] == ("?", "") and "peer" not in restored.values
        assert [tie.to for tie in Link().ties(restored)] == []
        assert [tie.to for tie in Link().ties(found)] != []
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def test_what_fails_at_the_end_leaves_nothing_of_the_beginning(node):
    before = node.snapshot()
    wrong = {**ENDPOINT, "route": [*ENDPOINT["route"], {"netns": "red", "prefix": "10.8.0.0/24", "via": "10.7.0.1"}]}
    with pytest.raises(KernelError, match="the node is as it was before"):
        run(wrong)
    assert differences(before, node.snapshot()) == []


def test_a_foreign_object_stops_all_of_it(node):
    node.sh("ip link add br0 type bridge")
    before = node.snapshot()
    with pytest.raises(Conflict, match=r"bridge\[0\]\.interface 'br0' exists and does not belong"):
        run(ENDPOINT)
    assert differences(before, node.snapshot()) == []


def test_purge_reaches_the_sorts_that_are_given_and_the_set_that_is_named(node):
    run(ENDPOINT)
    run({"netns": [{"name": "theirs"}]}, owner="theirs")
    changed = run({"route": [], "address": ENDPOINT["address"]})
    assert changed["commands"] == ["ip -n red route del 0.0.0.0/0 via 10.9.0.1 dev eth0 proto 178"]
    assert "theirs" in node.sh("ip netns list") and node.ping("red", "10.9.0.1") == 64
    kept = run({"address": []}, purge=False)
    assert kept["changed"] is False


@pytest.mark.parametrize(
    "lists, message",
    [
        ({"veth": [{"peer": {"name": "eth0"}}]}, r"veth: missing required arguments: name found in veth"),
        ({"bridge": [{"name": "br0", "colour": "red"}]}, r"bridge.*colour"),
        (
            {"bridge": [{"name": "a-name-that-is-too-long"}], "netns": [{"name": "a/b"}]},
            r"netns\[0\]\.name.*bridge\[0\]\.name",
        ),
        ({"address": [{"dev": "lo", "address": "10.0.0.1"}]}, r"address\[0\]\.address"),
        ({"route": [{"prefix": "10.0.0.0/24", "via": "10.0.0.1", "netns": "nowhere"}]}, r"route\[0\]\.netns"),
    ],
)
def test_bad_input_is_refused_with_its_place_before_anything_is_touched(node, lists, message):
    before = node.snapshot()
    with pytest.raises(FabricError, match=message):
        run({"netns": [{"name": "red"}], **lists})
    assert differences(before, node.snapshot()) == []


def test_a_setting_made_with_its_link_is_given_back_as_a_new_link_has_it(node):
    veth = {"veth": [{"name": "v0", "peer": {"name": "v1"}}]}
    node.sh("sysctl -qw net.ipv4.conf.default.proxy_arp=0")
    run({**veth, "proxy_arp": [{"interface": "v0"}]})
    assert node.sh("sysctl -n net.ipv4.conf.v0.proxy_arp net.ipv4.neigh.v0.proxy_delay").split() == ["1", "0"]
    assert run({**veth, "proxy_arp": []})["changed"]
    assert node.sh("sysctl -n net.ipv4.conf.v0.proxy_arp net.ipv4.neigh.v0.proxy_delay").split() == ["0", "80"]
    assert run({**veth, "proxy_arp": []})["changed"] is False


def test_routes_that_go_with_the_last_address_are_made_again_and_others_told(node):
    run(ENDPOINT)
    node.sh("ip -n red route add 10.7.0.0/16 via 10.9.0.1")
    moved = {**ENDPOINT, "address": [ENDPOINT["address"][0], {"netns": "red", "dev": "eth0", "address": "10.9.0.3/24"}]}
    found = run(moved)
    assert found["commands"] == [
        "ip -n red address del 10.9.0.2/24 dev eth0",
        "ip -n red address add 10.9.0.3/24 dev eth0",
        "ip -n red route add 0.0.0.0/0 via 10.9.0.1 proto 178 scope global",
    ]
    assert any("10.7.0.0/16" in label for label in found["diff"]()[0]["before"]["route"])
    assert "10.7.0.0/16" not in node.sh("ip -n red route")
    assert node.ping("red", "10.9.0.1") == 64
    assert run(moved)["changed"] is False


def test_neighbors_that_go_with_the_last_address_are_made_again(node):
    node.sh("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up")
    entries = {"neighbor": [{"dev": "v0", "address": "10.9.0.7", "mac": "02:00:00:00:00:07"}]}
    run({**entries, "address": [{"dev": "v0", "address": "10.9.0.0/32"}]})
    moved = {**entries, "address": [{"dev": "v0", "address": "10.9.1.0/32"}]}
    assert [command.split()[1:3] for command in run(moved)["commands"]] == [
        ["address", "del"],
        ["address", "add"],
        ["neighbor", "replace"],
    ]
    assert "10.9.0.7" in node.sh("ip neigh show nud permanent dev v0")
    assert run(moved)["changed"] is False


def test_what_the_kernel_takes_along_is_made_again(node):
    def vtep(mac):
        return {
            "vxlan": [{"name": "vx0", "vni": 1, "local": "192.0.2.1", "mac": mac}],
            "address": [{"dev": "vx0", "address": "10.9.0.0/32"}],
            "neighbor": [{"dev": "vx0", "address": "10.9.0.7", "mac": "02:00:00:00:00:07"}],
        }

    run(vtep("02:00:00:00:00:01"))
    run(vtep("02:00:00:00:00:02"))
    assert "10.9.0.7" in node.sh("ip neigh show nud permanent dev vx0")
    assert run(vtep("02:00:00:00:00:02"))["changed"] is False


def test_a_bridge_of_another_name_takes_the_ports_over(node):
    run(ENDPOINT)
    moved = {
        **ENDPOINT,
        "bridge": [{**ENDPOINT["bridge"][0], "name": "br9"}],
        "veth": [{**ENDPOINT["veth"][0], "master": "br9"}],
        "address": [{"dev": "br9", "address": "10.9.0.1/24"}, ENDPOINT["address"][1]],
    }
    run(moved)
    assert "br0" not in node.sh("ip -o link show")
    assert node.ping("red", "10.9.0.1") == 64
    assert run(moved)["changed"] is False


def moved(address):
    return {**ENDPOINT, "address": [ENDPOINT["address"][0], {"netns": "red", "dev": "eth0", "address": address}]}


KEPT = {"keep_addresses": [{"netns": "red", "subnet": "10.9.0.0/24"}]}


def test_an_address_that_is_kept_is_not_replaced_by_another_of_its_subnet(node):
    run(ENDPOINT, **KEPT)
    before = node.snapshot()
    for check in (True, False):
        with pytest.raises(Conflict, match=r"red from 10.9.0.2 to 10.9.0.7: .*{name: red, address: 10.9.0.2}"):
            run(moved("10.9.0.7/24"), check, **KEPT)
    assert differences(before, node.snapshot()) == []
    assert run(ENDPOINT, **KEPT)["changed"] is False


@pytest.mark.parametrize("options", [{}, {"keep_addresses": [{"netns": "red", "subnet": "10.8.0.0/24"}]}])
def test_an_address_that_is_not_kept_is_replaced(node, options):
    run(ENDPOINT)
    run(moved("10.9.0.7/24"), **options)
    assert node.ping("", "10.9.0.7") == 64 and node.ping("", "10.9.0.2") is None


def test_an_address_with_another_length_is_the_same(node):
    run(ENDPOINT, **KEPT)
    run({**moved("10.9.0.2/25"), "route": []}, **KEPT)
    assert "10.9.0.2/25" in node.sh("ip -n red address show eth0")
