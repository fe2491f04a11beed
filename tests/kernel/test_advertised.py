# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that has its IPv6 by router advertisement (RFC 4861) keeps it when it becomes a router itself."""

import contextlib
import socket
import struct
import time

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import namespaces
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import snapshot

ALL_NODES = "ff02::1"
ACCEPT_RA = "cat /proc/sys/net/ipv6/conf/eth0/accept_ra"


def advertise():
    """Send one router advertisement out of rtr0: a default route for half an hour, and the prefix 2001:db8:5::/64 (RFC 4861, 4.2)."""
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as wire:
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        head = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
        prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 1800, 0) + socket.inet_pton(
            socket.AF_INET6, "2001:db8:5::"
        )
        wire.sendto(head + prefix, (ALL_NODES, 0, 0, socket.if_nametoindex("rtr0")))


def default(node):
    return node.sh("ip -6 route show default")


@pytest.fixture
def uplink(node):
    node.sh("ip netns add rtr && ip link add eth0 type veth peer name rtr0 netns rtr")
    node.sh("sysctl -qw net.ipv6.conf.eth0.accept_ra=1 net.ipv6.conf.all.forwarding=0")
    node.sh("ip netns exec rtr sysctl -qw net.ipv6.conf.rtr0.accept_dad=0 net.ipv6.conf.rtr0.forwarding=1")
    node.sh("ip link set eth0 up && ip -n rtr link set rtr0 up")
    node.sh("ip link add other type bridge && ip link set other up")
    for _attempt in range(100):
        with contextlib.suppress(OSError):  # it has no address yet
            namespaces.in_netns("rtr", advertise)
        if "via fe80:" in default(node):
            return node
        time.sleep(0.1)
    raise AssertionError("no router advertisement arrived")


def test_without_our_doing_the_route_is_deleted(uplink):
    uplink.sh("sysctl -qw net.ipv6.conf.all.forwarding=1")
    assert default(uplink) == ""


@pytest.mark.parametrize("options", [{}, {"interface": "other"}], ids=["all", "one interface"])
def test_forwarding_leaves_what_a_router_advertised_and_heeds_it_on(uplink, options):
    before = default(uplink)
    planned = uplink.task("forwarding", _check=True, family="ipv6", **options)
    assert planned["commands"][0] == "sysctl -qw net.ipv6.conf.eth0.accept_ra=2"
    made = uplink.task("forwarding", family="ipv6", **options)
    assert made["commands"] == planned["commands"] and len(made["commands"]) == 2
    assert default(uplink).split(" expires")[0] == before.split(" expires")[0] != ""
    # and the next advertisement is heeded
    uplink.sh("ip -6 route del default")
    namespaces.in_netns("rtr", advertise)
    time.sleep(0.3)
    assert "via fe80:" in default(uplink)
    # a run at a time when no router is heard keeps it so
    uplink.sh("ip -6 route del default; ip -6 address flush dev eth0 scope global; ip -6 route flush dev eth0 proto ra")
    again = uplink.task("forwarding", config=[{"family": "ipv6", **options}], purge=True)
    assert not again["changed"]
    # given up, both stay: others may rely on forwarding by now, and it would end what the interface learns
    given_up = uplink.task("forwarding", config=[], purge=True)
    assert len(given_up["warnings"]) == 2 and given_up["commands"] == []
    assert uplink.sh(ACCEPT_RA) == "2\n"
    assert uplink.sh("cat /proc/sys/net/ipv6/conf/other/accept_ra") == "1\n"


def test_what_is_saved_is_restored_in_an_order_that_loses_nothing(uplink, tmp_path):
    uplink.task("forwarding", family="ipv6")
    file = str(tmp_path / "fabric.json")
    snapshot.save(file)
    # as after a boot, when an advertisement has come already
    uplink.sh("rm -r /run/nodenet; sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.eth0.accept_ra=1")
    assert "via fe80:" in default(uplink)
    snapshot.restore(file)
    assert uplink.sh(ACCEPT_RA) == "2\n" and "via fe80:" in default(uplink)


def test_a_setting_of_the_users_own_and_links_without_advertisements_are_left(uplink):
    uplink.sh("ip -6 route flush dev eth0 proto ra; ip -6 route flush dev eth0 proto kernel")
    uplink.sh("sysctl -qw net.ipv6.conf.other.accept_ra=2")
    made = uplink.task("forwarding", family="ipv6")
    assert made["commands"] == ["sysctl -qw net.ipv6.conf.all.forwarding=1"]
    uplink.task("forwarding", family="ipv6", state="absent")
    assert uplink.sh("cat /proc/sys/net/ipv6/conf/other/accept_ra") == "2\n"
