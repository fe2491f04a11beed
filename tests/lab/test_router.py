# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several segments, a router between them and hosts outside: they know the underlay and nothing of the fabric."""

import re

import pytest
from conftest import node

FAR = {
    "fabric_node_address": "192.168.33.1",
    "fabric_node_address6": "fd00:1::1",
    "fabric_node_subnet": "172.246.0.0/24",
}
OUTSIDE = [{"name": "outside", "address": "8.8.8.8"}, {"name": "outside6", "address": "2001:4860::8888"}]


@pytest.fixture(scope="module")
def lab(inventories):
    near = node(1, fabric_node_address6="fd00::1", fabric_node_subnet="172.245.0.0/24")
    found = inventories("routed", {"n1": near, "n2": FAR}, fabric_backend="vxlan", fabric_outside=OUTSIDE)
    found.up()
    return found


def asked(lab):
    """Return how many echo requests have come to the host outside."""
    names, values = re.findall(r"^Icmp: (.*)$", lab.sh("outside", "cat /proc/net/snmp"), re.MULTILINE)
    return int(dict(zip(names.split(), values.split()))["InEchos"])


def test_the_router_joins_the_segments(lab):
    assert sorted(lab.enter) == ["n1", "n2", "outside", "outside6", "router"]
    assert lab.ping("n1", "192.168.33.1") == 63
    assert lab.ping("n1", "fd00:1::1", "-6") == 63
    assert "via 192.168.32.254 dev eth0" in lab.sh("n1", "ip route show default")
    assert "via fd00::ffff:ffff:ffff:ffff dev eth0" in lab.sh("n1", "ip -6 route show default")


def test_nodes_of_two_segments_are_not_on_one_link(lab):
    assert lab.attempt("n1", "ip route add 172.246.0.0/24 via 192.168.33.1").returncode == 2
    assert "192.168.33.1" not in lab.sh("n1", "ip neigh")


def test_hosts_outside_answer_nodes(lab):
    assert lab.ping("n1", "8.8.8.8") == 63
    assert lab.ping("n2", "2001:4860::8888", "-6") == 63


def test_outside_does_not_know_the_fabric(lab):
    """A request from the fabric's own address arrives there, and its answer finds no way back: it takes a masquerade."""
    lab.sh("n1", "ip address add 172.245.0.1/24 dev lo")
    before = asked(lab)
    assert lab.ping("n1", "8.8.8.8", "-I 172.245.0.1") is None
    assert asked(lab) == before + 1
    assert lab.attempt("router", "ip route get 172.245.0.1").returncode != 0
    assert "172.24" not in lab.sh("outside", "ip route") + lab.sh("router", "ip route")


def test_a_router_forwards_and_nodes_do_not(lab):
    paths = "/proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"
    assert lab.sh("router", f"cat {paths}").split() == ["1", "1"]
    for name in ("n1", "outside"):
        assert lab.sh(name, f"cat {paths}").split() == ["0", "0"]
