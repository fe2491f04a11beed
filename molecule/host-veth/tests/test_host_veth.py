# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two endpoints in one subnet on veths of their own, which reach each other through the host by proxy ARP."""

import pytest
from conftest import ttl, without

ENDS = ("veth-ns1", "veth-ns2")


@pytest.fixture
def host1(node):
    return node("host1")


def test_addresses_and_routes_are_as_given(host1):
    assert "inet 192.168.10.10/24" in host1.check_output("ip -n ns1 -4 -o address show eth0")
    assert "inet 192.168.10.11/24" in host1.check_output("ip -4 -o address show veth-ns1")
    assert "inet 192.168.10.12/24" in host1.check_output("ip -n ns2 -4 -o address show eth0")
    assert "default via 169.2.2.2 dev eth0 proto 178 onlink" in host1.check_output("ip -n ns2 route")
    assert "dev veth-ns2 proto 178 scope link" in host1.check_output("ip route show 192.168.10.12")


def both_ways(host):
    for netns in ("ns1", "ns2"):
        host.check_output(f"ip -n {netns} neigh flush all")
    return ttl(host, "ns1", "192.168.10.12"), ttl(host, "ns2", "192.168.10.10")


def test_they_reach_each_other_through_the_host(host1):
    assert both_ways(host1) == (63, 63)
    assert ttl(host1, "ns1", "192.168.10.11") == 64


@pytest.mark.parametrize("end", ENDS)
def test_both_ends_need_proxy_arp(host1, end):
    switch = f"sysctl -qw net.ipv4.conf.{end}.proxy_arp"
    with without(host1, f"{switch}=0", f"{switch}=1"):
        assert None in both_ways(host1)


def test_the_host_must_forward(host1):
    with without(host1, "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1"):
        assert both_ways(host1) == (None, None)
    for end in ENDS:  # the kernel sets the interfaces' own with it; site has set none of these
        host1.check_output(f"test $(cat /proc/sys/net/ipv4/conf/{end}/forwarding) = 1")
