# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks through tables of guard and policy, as nft -j lists them on the nodes of the example vxlan (golden/guards.json)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_walker import Example

GOLDEN = json.loads((Path(__file__).parent / "golden" / "guards.json").read_text(encoding="utf-8"))


@pytest.fixture
def guarded():
    example = Example("vxlan")
    for node, tables in GOLDEN.items():
        example.at(node).nftables = [*(example.at(node).nftables or ()), *tables]
    return example


def decisive(found):
    return found.verdict, found.forward.decisive.text if found.forward.decisive else found.forward.reason


def test_who_may_talk_still_does(guarded):
    for question in ({}, {"protocol": "tcp", "port": 80}):
        assert guarded.walk("ns245", "ns246", **question).verdict == "delivered"


def test_a_port_that_no_rule_lists_is_dropped_by_the_policy(guarded):
    verdict, text = decisive(guarded.walk("ns245", "ns246", protocol="tcp", port=81))
    assert verdict == "dropped" and "nodenet_policy from_web" in text and "@grouped4 drop" in text
    verdict, text = decisive(guarded.walk("ns246", "ns245"))
    assert verdict == "dropped" and "nodenet_policy from_db" in text


def is_own(address):
    return "172.245" in address.address


LIES = {
    "links": (lambda link: link.type == "veth", {"mac": "02:00:00:00:00:99"}),
    "addresses": (is_own, {"address": "172.245.0.77"}),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_endpoint_that_lies_gets_no_answer_to_arp_and_without_the_guard_it_does(guarded, lie):
    which, fields = LIES[lie]
    for example, verdict in ((guarded, "dropped"), (Example("vxlan"), "delivered")):
        example.change("vm1", lie, which, netns="ns245", **fields)
        found = example.walk("ns245", "ns246")
        assert found.verdict == verdict
    assert "nobody answers ARP" in guarded.walk("ns245", "ns246").forward.reason


def test_a_tunnel_takes_no_packet_of_who_is_no_peer(guarded):
    for one in guarded.at("vm2").nftables:
        if one.get("set", {}).get("name") == "peers4":
            one["set"]["elem"] = []
    verdict, text = decisive(guarded.walk("ns245", "ns246"))
    assert verdict == "dropped" and "nodenet_guard encapsulated" in text
