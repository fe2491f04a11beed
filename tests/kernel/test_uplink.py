# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""At boot without its uplink a node has its own endpoints all the same; what leads to others comes with the uplink."""

from __future__ import annotations

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import cli, snapshot
from snapshot import differences

ENDPOINTS = {"blue": "10.0.0.3", "red": "10.0.0.2"}  # in the order of the file: the kernel numbers them
PEER = "10.8.0.1"  # an endpoint of the other node
CABLE = "ip link add eth0 address 02:00:00:00:00:98 type veth peer name eth0 address 02:00:00:00:00:99 netns peer"
LIVE = "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1; ip link set eth0 up; ip -n peer link set eth0 up"
OTHER = f"""
ip netns add peer
ip netns exec peer sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n peer link set lo up
{CABLE}
{LIVE}
ip -n peer address add 192.0.2.8/24 dev eth0
ip -n peer address add {PEER}/32 dev lo
ip -n peer route add 10.0.0.0/24 via 192.0.2.1
"""
ADDRESS = "ip address add 192.0.2.1/24 dev eth0"
# what a machine has of its uplink at boot -> what brings the rest
LATE = {
    "no address yet": (f"{CABLE}; {LIVE}", ADDRESS),
    "it is down": (CABLE, f"{LIVE}; {ADDRESS}"),
    "there is none": ("true", f"{CABLE}; {LIVE}; {ADDRESS}"),
}
BACK = "ip -n peer address add 192.0.2.8/24 dev eth0; ip -n peer route add 10.0.0.0/24 via 192.0.2.1"


@pytest.fixture
def fabric(node, tmp_path):
    """A node with two endpoints on a bridge and a peer, saved."""
    node.sh(OTHER + ADDRESS)
    node.task("netns", config=[{"name": name, "ipv6": False} for name in ENDPOINTS], owner="bridge")
    node.task("bridge", name="br0", mac="02:00:00:00:00:01", addrgenmode="none", owner="bridge")
    veths = [
        {"name": f"v-{name}", "addrgenmode": "none", "master": "br0", "peer": {"name": "eth0", "netns": name}}
        for name in ENDPOINTS
    ]
    node.task("veth", config=veths, owner="bridge")
    inside = [{"dev": "eth0", "netns": name, "address": f"{address}/24"} for name, address in ENDPOINTS.items()]
    node.task("address", config=[{"dev": "br0", "address": "10.0.0.1/24"}, *inside], owner="bridge")
    ways = [{"prefix": "default", "via": "10.0.0.1", "netns": name} for name in ENDPOINTS]
    node.task("route", config=ways, owner="bridge")
    node.task("forwarding", family="ipv4")
    node.task("route", prefix="10.8.0.0/24", via="192.0.2.8", owner="host_gw")
    node.task("vxlan", name="vx1", vni=1, local="192.0.2.1", dev="eth0", addrgenmode="none", owner="vxlan")
    node.task("address", dev="vx1", address="10.0.0.0/32", owner="vxlan")
    node.task("masquerade", source="10.0.0.0/24", exclude=["10.0.0.0/24", "10.8.0.0/24"])
    assert node.ping("red", PEER) == 63
    node.file = str(tmp_path / "fabric.json")
    snapshot.save(node.file)
    return node


def boot(node, uplink):
    """What a reboot does to the kernel and to /run; ``uplink``: what there is of it."""
    node.sh(
        "nft flush ruleset; ip netns del red; ip netns del blue; ip link del br0; ip link del vx1; ip link del eth0"
    )
    # the kernel ends a namespace, and the veths with an end in it, some time after the request has returned
    node.sh("for time in $(seq 500); do ip -o link | grep -q ': v-' || exit 0; sleep 0.01; done; exit 1")
    node.sh(f"rm -rf /run/nodenet; sysctl -qw net.ipv4.ip_forward=0; {uplink}")


def restore(node, *words):
    return cli.main(["restore", "--file", node.file, *words])


@pytest.mark.parametrize("late", LATE)
def test_without_the_uplink_the_endpoints_are_there_and_with_it_all_is(fabric, late, capsys):
    uplink, rest = LATE[late]
    before = fabric.snapshot()
    boot(fabric, uplink)
    for _attempt in range(2):  # and it changes nothing to try again
        capsys.readouterr()
        assert restore(fabric) == 4
        reported = capsys.readouterr().err
        assert (
            "wait for interface 'eth0': " in reported
            and "route '10.8.0.0/24'" in reported
            and "as it was" not in reported
        )
        assert "'br0'" not in reported and reported.count("\n") == 1
    assert fabric.ping("red", ENDPOINTS["blue"]) == 64
    assert fabric.ping("red", "10.0.0.1") == 64
    assert fabric.ping("", ENDPOINTS["blue"]) == 64
    assert fabric.ping("red", PEER) is None

    fabric.sh(f"{rest}; {BACK}")
    assert restore(fabric) == 0
    assert fabric.ping("red", PEER) == 63
    assert differences(before, fabric.snapshot()) == []
    assert restore(fabric, "--check") == 0


def test_a_fault_of_what_stands_alone_undoes_all_of_it(fabric, capsys):
    boot(fabric, "true")
    fabric.sh("ip link add br0 type bridge")
    before = fabric.snapshot()
    assert restore(fabric) == 2
    assert "interface 'br0' exists and does not belong to the fabric" in capsys.readouterr().err
    assert differences(before, fabric.snapshot()) == []


def test_an_uplink_that_goes_takes_nothing_else_with_it(fabric, capsys):
    fabric.sh("ip link del eth0; ip link del v-red")
    assert restore(fabric) == 4
    assert fabric.ping("red", ENDPOINTS["blue"]) == 64
    assert "vx1" in capsys.readouterr().err
