# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each likely cause of silence is reported; a sound node has none."""

import dataclasses

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.node.examination.causes import CHECKS, HANDLED, causes_in
from ansible_collections.nodenet.fabric.plugins.module_utils.node.expected import Expected
from ansible_collections.nodenet.fabric.plugins.module_utils.node.facts.model import (
    Address,
    Chain,
    Drop,
    Facts,
    Link,
    Route,
    Rule,
)

ROUTES = [
    Route("10.0.0.0/24", "eth0"),
    Route("0.0.0.0/0", "eth0", "10.0.0.254"),
    Route("10.244.0.0/24", "fabric0", ours=True),
]
PEERS = Route("10.244.1.0/24", "vxlan1", "10.244.1.0", ours=True)
LINKS = [Link("eth0"), Link("fabric0", "bridge", ours=True), Link("vxlan1", "vxlan", ours=True)]
MAIN = [Rule(4, 0, "lookup", 255), Rule(4, 32766, "lookup", 254)]
NODE = Facts(
    links=LINKS,
    addresses=[
        Address("eth0", "10.0.0.1", "10.0.0.0/24"),
        Address("fabric0", "10.244.0.1", "10.244.0.0/24", ours=True),
    ],
    routes=[*ROUTES, PEERS],
    rules=MAIN,
    sysctls={"net.ipv4.ip_forward": "1", "net.ipv4.conf.eth0.forwarding": "1"},
)
FABRIC = Expected(
    backend="vxlan",
    vxlan_vni=1,
    encapsulation="udp:8472",
    node_addresses=["10.0.0.1"],
    prefixes=[
        {"prefix": "10.244.0.0/24", "name": "fabric_node_subnet"},
        {"prefix": "10.244.1.0/24", "name": "fabric_node_subnet of vm2"},
    ],
    peers=[{"name": "vm2", "address": "10.0.0.2", "direct": False}],
    interfaces=["fabric0", "veth-*", "vxlan1"],
    tunnels=["vxlan1"],
    handled=list(HANDLED),
)


def causes(**changes):
    return causes_in(dataclasses.replace(NODE, **changes), FABRIC)


def test_a_sound_node_has_no_cause():
    others = [
        Drop("ip filter FORWARD", 'iifname "docker0" drop'),
        Drop("ip filter FORWARD", "ct state invalid drop"),
        Drop("ip filter INPUT", "ip saddr 203.0.113.0/24 drop"),
        Drop("ip filter FORWARD", "ip saddr 10.244.0.0/24 ip daddr 203.0.113.7 drop"),
        Drop("ip filter INPUT", "udp dport 53 drop"),
    ]
    assert causes(drops=others, chains=[Chain("ip filter FORWARD", "forward", "drop", "docker")]) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sysctls": {"net.ipv4.ip_forward": "0"}}, "net.ipv4.ip_forward is 0: this node forwards no IPv4"),
        ({"links": LINKS[:2]}, "the interface vxlan1 is missing: run site"),
        (
            {"links": [*LINKS[:2], Link("vxlan1", "vxlan", up=False, ours=True)]},
            "the interface vxlan1 is down: run site",
        ),
        ({"routes": ROUTES}, "there is no route to 10.244.1.0/24 (fabric_node_subnet of vm2): run site"),
        (
            {"routes": [*ROUTES, Route("10.244.1.0/24", "eth0", "10.0.0.7")]},
            "the route to 10.244.1.0/24 (fabric_node_subnet of vm2) is '10.244.1.0/24 via 10.0.0.7 dev eth0', which is not",
        ),
        (
            {"routes": [*ROUTES, PEERS, Route("10.244.1.2/32", type="blackhole")]},
            "fabric_node_subnet of vm2 10.244.1.0/24: the node prefers 'blackhole 10.244.1.2/32' to the fabric's",
        ),
        (
            {"rules": [*MAIN, Rule(4, 100, "blackhole", destination="10.244.0.0/16")]},
            "the policy rule '100: from all to 10.244.0.0/16 blackhole' precedes the table main",
        ),
        (
            {"chains": [Chain("ip filter FORWARD", "forward", "drop")]},
            "the chain ip filter FORWARD of this node's firewall drops",
        ),
        (
            {"drops": [Drop("inet x f", "ip daddr 10.244.1.0/25 drop")]},
            "the chain inet x f of this node's firewall has the rule 'ip daddr 10.244.1.0/25 drop': remove it",
        ),
        ({"drops": [Drop("inet x f", 'iifname "veth-web" reject')]}, "has the rule 'iifname \"veth-web\" reject'"),
        ({"drops": [Drop("inet x i", "udp dport 8472 drop")]}, "has the rule 'udp dport 8472 drop'"),
        ({"drops": [Drop("inet x i", "ip saddr 10.0.0.2 drop")]}, "has the rule 'ip saddr 10.0.0.2 drop'"),
        (
            {"sysctls": {**NODE.sysctls, "net.ipv4.conf.eth0.forwarding": "0"}},
            "eth0 does not forward received packets",
        ),
        ({"sysctls": {**NODE.sysctls, "net.ipv4.conf.all.rp_filter": "1"}}, "rp_filter is strict for vxlan1"),
    ],
)
def test_each_cause_is_reported(changes, words):
    (cause,) = causes(**changes)
    assert words in cause


def test_the_likeliest_come_first_and_no_more_than_a_few():
    found = causes(
        sysctls={"net.ipv4.ip_forward": "0"},
        links=[],
        routes=ROUTES,
        drops=[Drop("a b c", "ip daddr 10.244.1.2 drop")] * 9,
    )
    assert [cause.split()[0] for cause in found] == ["net.ipv4.ip_forward", "the", "the", "there"]
    assert len(CHECKS) == 9
