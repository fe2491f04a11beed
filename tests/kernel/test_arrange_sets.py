# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of several owners as one plan."""

from __future__ import annotations

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import KernelError
from snapshot import differences, lasting_differences
from test_arrange import ENDPOINT, run

ROUTED = {
    "netns": [{"name": "red", "ipv6": False}],
    "veth": [{**ENDPOINT["veth"][0], "master": ""}],
    "address": [{"netns": "red", "dev": "eth0", "address": "10.9.0.2/32"}],
    "proxy_arp": [{"interface": "v-red"}],
    "route": [
        {"prefix": "10.9.0.0/24", "type": "blackhole", "metric": 1024},
        {"prefix": "10.9.0.2/32", "dev": "v-red"},
        {"netns": "red", "prefix": "169.254.1.1/32", "dev": "eth0"},
        {"netns": "red", "prefix": "default", "via": "169.254.1.1", "dev": "eth0"},
    ],
}


def run_sets(sets, check=False, remove_sets_except=(), **options):
    declared = [{"owner": owner, "purge": True, **lists} for owner, lists in sets]
    nothing = dict.fromkeys(ENDPOINT)
    return run(
        nothing,
        check,
        purge=False,
        sets=declared,
        remove_sets_except=None if remove_sets_except is None else list(remove_sets_except),
        **options,
    )


def test_an_endpoint_that_moves_from_set_to_set_leaves_nothing_of_the_old(node):
    node.sh("sysctl -qw net.ipv4.ip_forward=1")  # it would stay on
    run_sets([("routed", ROUTED)])
    routed = node.snapshot()
    run_sets([("bridge", ENDPOINT)])
    bridged = node.snapshot()
    assert node.ping("red", "10.9.0.1") == 64
    assert run_sets([("routed", ROUTED)])["changed"]
    assert lasting_differences(routed, node.snapshot()) == []
    assert run_sets([("routed", ROUTED)])["changed"] is False
    planned = run_sets([("bridge", ENDPOINT)], check=True)
    assert lasting_differences(routed, node.snapshot()) == []
    for command in planned["commands"]:
        node.sh(command)
    assert node.ping("red", "10.9.0.1") == 64
    run_sets([("bridge", ENDPOINT)])
    assert lasting_differences(bridged, node.snapshot()) == []
    assert run_sets([("bridge", ENDPOINT)])["changed"] is False


def test_a_move_that_fails_at_its_end_leaves_the_old(node):
    run_sets([("bridge", ENDPOINT)])
    before = node.snapshot()
    wrong = {"route": [{"netns": "red", "prefix": "10.8.0.0/24", "via": "10.7.0.1", "dev": "eth0"}]}
    with pytest.raises(KernelError, match="the node is as it was before"):
        run_sets([("routed", ROUTED), ("more", wrong)])
    assert differences(before, node.snapshot()) == []
    assert run_sets([("bridge", ENDPOINT)])["changed"] is False


def test_keep_takes_what_is_ours_of_no_set_and_leaves_the_rest(node):
    node.sh("ip netns add theirs")
    run_sets([("lab", {"netns": [{"name": "red"}]}), ("kept", {"netns": [{"name": "blue"}]})])
    kept = run_sets([("lab", {"route": []})], remove_sets_except=None)
    assert kept["changed"] is False
    found = run_sets([("new", {"netns": []})], remove_sets_except=["kept"])
    assert found["commands"] == ["ip netns del red"]
    run_sets([])
    assert node.sh("ip netns list").split()[0] == "theirs"


def test_one_set_in_two_parts_is_what_both_say(node):
    parts = [("lab", {"netns": [{"name": "red"}]}), ("lab", {"netns": [{"name": "blue"}], "route": []})]
    run_sets(parts, remove_sets_except=None)
    assert run_sets(parts, remove_sets_except=None)["changed"] is False
    assert run_sets(parts[:1], remove_sets_except=None)["commands"] == ["ip netns del blue"]


def test_a_route_leaves_a_tunnel_before_that_goes(node):
    node.sh("ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up")
    node.sh("ip address add 192.0.2.1/24 dev up0")
    tunnel = {
        "vxlan": [{"name": "vxlan1", "vni": 1, "local": "192.0.2.1", "mac": "02:00:00:00:00:01"}],
        "address": [{"dev": "vxlan1", "address": "10.1.0.0/32"}],
        "route": [
            {"prefix": f"10.{number}.0.0/24", "via": f"10.{number}.0.0", "dev": "vxlan1", "onlink": True}
            for number in (2, 3)
        ],
    }
    plain = {"route": [{"prefix": "10.2.0.0/24", "via": "192.0.2.2"}]}
    run_sets([("vxlan", tunnel)])
    found = run_sets([("host_gw", plain)])["commands"]
    assert [command.split(" proto")[0] for command in found] == [
        "ip route replace 10.2.0.0/24 via 192.0.2.2",
        "ip link del vxlan1",  # and with it the route to 10.3.0.0/24
    ]
    assert run_sets([("host_gw", plain)])["changed"] is False
    assert node.json("ip -j route show 10.2.0.0/24")[0]["dev"] == "up0" and not node.json(
        "ip -j route show 10.3.0.0/24"
    )
    # without a route that comes, nothing is moved
    run_sets([("vxlan", tunnel)])
    assert run_sets([])["commands"] == ["ip link del vxlan1"]


def test_a_move_off_a_tunnel_is_taken_back_with_the_rest(node):
    node.sh("ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up")
    node.sh("ip address add 192.0.2.1/24 dev up0")
    tunnel = {
        "vxlan": [{"name": "vxlan1", "vni": 1, "local": "192.0.2.1", "mac": "02:00:00:00:00:01"}],
        "address": [{"dev": "vxlan1", "address": "10.1.0.0/32"}],
        "route": [{"prefix": "10.2.0.0/24", "via": "10.2.0.0", "dev": "vxlan1", "onlink": True}],
    }
    run_sets([("vxlan", tunnel)])
    before = node.snapshot()
    wrong = {"prefix": "10.8.0.0/24", "via": "10.7.0.1", "dev": "up0"}
    with pytest.raises(KernelError, match="the node is as it was before"):
        run_sets([("host_gw", {"route": [{"prefix": "10.2.0.0/24", "via": "192.0.2.2"}, wrong]})])
    assert differences(before, node.snapshot()) == []
