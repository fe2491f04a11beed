# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a node that stop some packets are warnings; harmless ones are none."""

import dataclasses

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.node.facts.model import (
    Chain,
    Link,
    Listener,
    Route,
    Rule,
    Setting,
)
from ansible_collections.nodenet.fabric.plugins.module_utils.node.limits import neighbor_tables
from examined import CONNECTED, FABRIC, NODE, VM2, VXLAN, WIREGUARD, changed, faults_and_warnings, published

WARNED = {
    "no route to a peer": ({"routes": []}, {"peers": [{**VM2, "address": "192.0.2.2"}]}, "no route to vm2 (192.0.2.2)"),
    "a longer prefix": (
        {"routes": [Route("10.244.1.128/25", "eth0", "10.0.0.3")]},
        {},
        "fabric_node_subnet of vm2 10.244.1.0/24: the node prefers '10.244.1.128/25 via 10.0.0.3 dev eth0' to",
    ),
    "a blackhole": (
        {"routes": [Route("10.244.1.5/32", type="blackhole")]},
        {},
        "prefers 'blackhole 10.244.1.5/32' to",
    ),
    "a better metric in IPv6": (
        {"routes": [Route("fd00:1::/64", "eth0", "fe80::9", metric=100)]},
        {"prefixes": [{"prefix": "fd00:1::/64", "name": "fabric_node_subnet6 of vm2"}]},
        "prefers 'fd00:1::/64 via fe80::9 dev eth0 metric 100' to",
    ),
    "a rule with a table": (
        {"rules": [Rule(4, 100, "lookup", 7)], "routes": [Route("0.0.0.0/0", "tun0", table=7)]},
        {},
        "the policy rule '100: from all lookup 7' precedes the table main for fabric_node_subnet 10.244.0.0/24",
    ),
    "a rule that ends it": (
        {"rules": [Rule(4, 5, "prohibit", destination="10.244.1.0/25")]},
        {},
        "'5: from all to 10.244.1.0/25 prohibit'",
    ),
    "somebody listens": (
        {"listeners": [Listener("tcp", 80)]},
        {"published": [published("80")]},
        "fabric_publish[0] publishes tcp port 80, on which a program of this node listens (any address)",
    ),
    "a policy of drop": (
        {"chains": [Chain("ip filter FORWARD", "forward", "drop")]},
        {},
        "the chain ip filter FORWARD of this node's firewall drops forwarded packets: accept packets from and to"
        " 10.244.0.0/24, 10.244.1.0/24 in it",
    ),
    "ufw that nobody handles": (
        {"chains": [Chain("ip filter FORWARD", "forward", "drop", "ufw")]},
        {},
        "ip filter FORWARD (ufw)",
    ),
    "an input policy and a tunnel": (
        {"chains": [Chain("inet filter input", "input", "drop")]},
        VXLAN,
        "drops packets to this node: accept UDP port 8472 from the peers in it",
    ),
    "the uplink does not forward": (
        {"sysctls": {"net.ipv4.conf.eth0.forwarding": "0"}},
        {},
        "eth0 does not forward received packets (net.ipv4.conf.eth0.forwarding=0)",
    ),
    "ARP is not answered": ({"sysctls": {"net.ipv4.conf.all.arp_ignore": "2"}}, {}, "arp_ignore is 2"),
    "a file undoes forwarding": (
        {"settings": [Setting("/etc/sysctl.d/99-hard.conf", "net/ipv4/conf/all/forwarding", "0")]},
        {},
        "/etc/sysctl.d/99-hard.conf sets net/ipv4/conf/all/forwarding = 0",
    ),
}


@pytest.mark.parametrize("case", WARNED)
def test_a_setting_that_stops_some_packets_is_a_warning(case):
    of_node, of_fabric, words = WARNED[case]
    facts, expected = changed(NODE, **of_node), changed(FABRIC, **of_fabric)
    if case == "no route to a peer":
        facts = dataclasses.replace(facts, routes=[CONNECTED])
    faults, warnings = faults_and_warnings(facts, expected)
    assert faults == []
    assert [line for line in warnings if words in line], warnings


# similar, but harmless: case -> (changes of the node, changes of the fabric)
HARMLESS = {
    "a table with other routes": (
        {"rules": [Rule(4, 5270, "lookup", 52)], "routes": [Route("100.64.0.0/10", "ts0", table=52)]},
        {},
    ),
    "all but the default route is main's": (
        {
            "rules": [Rule(4, 10, "lookup", 254, suppresses=True), Rule(4, 40000, "lookup", 51)],
            "routes": [Route("0.0.0.0/0", "wg0", table=51)],
        },
        {},
    ),
    "a listener of the loopback": (
        {"listeners": [Listener("tcp", 80, "127.0.0.1"), Listener("udp", 80), Listener("tcp", 81)]},
        {"published": [published("80")]},
    ),
    "a listener at another address": (
        {"listeners": [Listener("tcp", 80, "10.0.0.1")]},
        {"published": [published("80", address="10.0.0.7")]},
    ),
    "a firewall that is configured to accept our packets": (
        {"chains": [Chain("ip filter FORWARD", "forward", "drop", "docker")]},
        {"handled": ["docker"]},
    ),
    "a chain in which somebody accepts our packets": (
        {"chains": [Chain("inet f c", "forward", "drop", text="{'addr': '10.244.0.0', 'len': 24}")]},
        {},
    ),
    "an input policy without tunnels": ({"chains": [Chain("inet filter input", "input", "drop")]}, {}),
    "ours has the VNI": ({"links": [Link("vxlan1", "vxlan", ours=True, details={"vni": 1, "port": 8472})]}, VXLAN),
    "another has the port": (
        {
            "links": [Link("flannel.2", "vxlan", details={"vni": 2, "port": 8472})],
            "listeners": [Listener("udp", 8472)],
        },
        VXLAN,
    ),
    "our own WireGuard has the port": (
        {
            "links": [Link("wgfab1", "wireguard", ours=True, details={"port": 51820})],
            "listeners": [Listener("udp", 51820)],
        },
        WIREGUARD,
    ),
    "a file that a later one corrects": (
        {
            "settings": [
                Setting("/etc/sysctl.d/10-a.conf", "net.ipv4.ip_forward", "0"),
                Setting("/etc/sysctl.d/99-b.conf", "net.ipv4.ip_forward", "1"),
            ]
        },
        {},
    ),
    "forwarding is off as a whole": (
        {"sysctls": {"net.ipv4.ip_forward": "0", "net.ipv4.conf.eth0.forwarding": "0"}},
        {},
    ),
    "a worse metric in IPv6": (
        {"routes": [Route("fd00:1::/64", "eth0", "fe80::9", metric=2000)]},
        {"prefixes": [{"prefix": "fd00:1::/64", "name": "fabric_node_subnet6 of vm2"}]},
    ),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_a_harmless_node_has_no_fault_and_no_warning(case):
    of_node, of_fabric = HARMLESS[case]
    assert faults_and_warnings(changed(NODE, **of_node), changed(FABRIC, **of_fabric)) == ([], [])


LIMITS = {f"net.ipv4.neigh.default.gc_thresh{number}": str(value) for number, value in ((1, 128), (2, 512), (3, 1024))}


@pytest.mark.parametrize(
    ("endpoints", "limits"), [(256, []), (257, ["1024", "2048", "4096"]), (521, ["2048", "4096", "8192"])]
)
def test_the_neighbor_tables_hold_all_endpoints(endpoints, limits):
    facts = dataclasses.replace(NODE, sysctls=LIMITS)
    assert list(neighbor_tables(facts, changed(FABRIC, endpoints=endpoints)).values()) == limits


def test_a_higher_limit_stays_and_a_node_of_a_lab_has_none():
    many = changed(FABRIC, endpoints=521)
    higher = dataclasses.replace(NODE, sysctls={**LIMITS, "net.ipv4.neigh.default.gc_thresh3": "65536"})
    assert neighbor_tables(higher, many)["net.ipv4.neigh.default.gc_thresh3"] == "65536"
    assert neighbor_tables(NODE, many) == {}
