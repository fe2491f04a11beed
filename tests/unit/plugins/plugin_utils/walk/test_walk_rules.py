# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of nftables, and of iptables as nft shows them, on a packet's way: what they decide, and what nobody knows."""

import pytest
from declared_example import Example

UDP = {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "udp"}}


def nft(*expressions, hook="forward"):
    return [
        {"table": {"family": "inet", "name": "t", "handle": 1}},
        {
            "chain": {
                "family": "inet",
                "table": "t",
                "name": "c",
                "type": "filter",
                "hook": hook,
                "prio": 0,
                "policy": "accept",
            }
        },
        {"rule": {"family": "inet", "table": "t", "chain": "c", "handle": 2, "expr": list(expressions)}},
    ]


@pytest.mark.parametrize(
    ("protocol", "match", "verdict"),
    [
        (
            "icmp",
            {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "172.245.0.2"},
            "dropped",
        ),
        (
            "icmp",
            {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "172.245.0.3"},
            "delivered",
        ),
        ("udp", {"op": "==", "left": {"meta": {"key": "cgroup"}}, "right": 7}, "unknown"),
        (
            "udp",
            {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": {"range": [50, 60]}},
            "dropped",
        ),
        (
            "tcp",
            {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": {"range": [50, 60]}},
            "delivered",
        ),
        ("tcp", {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}, "dropped"),
    ],
)
def test_a_foreign_rule_of_nftables_decides_or_is_unknown(protocol, match, verdict):
    example = Example("host-gw")
    example.at("vm1").nftables = [*(example.at("vm1").nftables or []), *nft({"match": match}, {"drop": None})]
    found = example.walk("ns245", "ns246", protocol=protocol, port=53)
    assert found.verdict == verdict
    last = found.reverse or found.forward
    assert verdict == "delivered" or last.decisive.kind == "nft" and "drop" in last.decisive.text


def test_the_last_hook_sees_by_which_device_a_packet_came():
    rule = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "fabric0"}}
    for hook in ("forward", "postrouting"):
        example = Example("host-gw")
        example.at("vm1").nftables = nft(rule, {"drop": None}, hook=hook)
        found = example.walk("ns245", "ns246")
        assert found.verdict == "dropped" and found.forward.decisive.kind == "nft"
        assert example.walk("vm1", "ns246").verdict == "delivered"  # its own packets come by none


def test_a_reject_is_of_one_protocol_and_a_named_set_has_its_elements():
    rejects = {"reject": {"type": "icmpv6", "expr": "port-unreachable"}}
    example = Example("host-gw")
    example.at("vm1").nftables = nft(rejects)
    assert example.walk("ns245", "ns246").verdict == "delivered"
    example.at("vm1").nftables = nft({"reject": {"type": "icmp", "expr": "port-unreachable"}})
    assert example.walk("ns245", "ns246").verdict == "dropped"

    for element, verdict in ({"prefix": {"addr": "172.245.0.0", "len": 24}}, "dropped"), ("172.245.0.3", "delivered"):
        example = Example("host-gw")
        match = {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@hosts"}
        hosts = {"set": {"family": "inet", "table": "t", "name": "hosts", "type": "ipv4_addr", "elem": [element]}}
        example.at("vm1").nftables = [*nft({"match": match}, {"drop": None}), hosts]
        found = example.walk("ns245", "ns246")
        assert found.verdict == verdict
        assert verdict == "delivered" or "ip saddr @hosts drop" in found.forward.decisive.text


def xt(name, kind="match"):
    """Return an expression of iptables as libnftables-json(5) has it: of what it asks there is no word."""
    return {"xt": {"name": name, "type": kind}}


def test_a_match_of_iptables_that_nobody_shows_is_unknown_only_where_it_decides():
    jump = {"jump": {"target": "other"}}
    of_other = {"family": "inet", "table": "t", "chain": "other"}
    drops = {"rule": {**of_other, "expr": [UDP, {"drop": None}]}}
    for more, protocol, verdict in (
        ([], "udp", "delivered"),
        ([drops], "icmp", "delivered"),
        ([drops], "udp", "unknown"),
    ):
        example = Example("host-gw")
        example.at("vm1").nftables = [*nft(xt("addrtype"), {"counter": None}, jump), *more]
        assert example.walk("ns245", "ns246", protocol=protocol).verdict == verdict
    # a comment is none, and whether a rule returns decides as well
    for match, verdict in ("comment", "dropped"), ("conntrack", "unknown"):
        example = Example("host-gw")
        example.at("vm1").nftables = nft(xt(match), {"drop": None})
        assert example.walk("ns245", "ns246").verdict == verdict
    example = Example("host-gw")
    last = {"rule": {"family": "inet", "table": "t", "chain": "c", "handle": 3, "expr": [{"drop": None}]}}
    example.at("vm1").nftables = [*nft(xt("conntrack"), {"return": None}), last]
    assert example.walk("ns245", "ns246").verdict == "unknown"
