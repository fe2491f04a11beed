# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An attachment is one file and its name in the list of attachments: everything else takes it from there."""

from __future__ import annotations

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of

NODES = {
    f"vm{number}": {
        "fabric_node_address": f"192.168.32.{number}",
        "fabric_node_subnet": f"10.24{number}.0.0/24",
        "fabric_endpoints": [{"name": f"a{number}", "attachment": "toy"}, {"name": f"b{number}", "attachment": "toy"}],
    }
    for number in (5, 6)
}


@pytest.fixture
def house(house_with):
    return house_with("attachments", "ATTACHMENTS")


def hosts(endpoint=None, **everywhere):
    given = {name: {**values, **everywhere} for name, values in NODES.items()}
    given["vm5"]["fabric_endpoints"] = [
        {"name": "a5", "attachment": "toy", **(endpoint or {})},
        {"name": "b5", "attachment": "toy"},
    ]
    return given


def node(house, given):
    assert house("inventory.validation").faults_of(given) == []
    return house("node").node_model(house("inventory.model").fabric_model(given), "vm5")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (hosts(fabric_toy_switch="a b"), "vm5, vm6: fabric_toy_switch is 'a b', which is not an interface name"),
        (hosts({"host_interface": "toy0"}), "vm5: fabric_toy_switch is 'toy0' in the node itself, which is the host's end"),
        (hosts({"vlan": 4095}), "vm5: fabric_endpoints[0].vlan is 4095: it is a number from 1 to 4094."),
        (hosts({"vlan": 7, "attachment": "routed"}), "vm5: fabric_endpoints[0].vlan has no effect on an endpoint with attachment routed"),
        (hosts({"attachment": "toys"}), "vm5: fabric_endpoints[0].attachment is 'toys': it is one of bridge, routed, direct, toy."),
        (hosts(fabric_attachment="toys"), "vm5, vm6: fabric_attachment is 'toys': it is one of bridge, routed, direct, toy."),
    ],
)  # fmt: skip
def test_its_faults_are_found(house, given, fault):
    (found,) = house("inventory.validation").faults_of(given)
    assert found.startswith(fault), found


def test_its_own_rules_hold(house):
    given = hosts()
    given["vm5"]["fabric_endpoints"] += [{"name": "c5"}]
    assert house("inventory.validation").faults_of(given) == [
        "vm5: a toy switch has 2 ports: attach some with attachment: bridge."
    ]


def test_the_node_model_has_what_its_role_reads(house):
    found = node(house, hosts({"vlan": 7, "address": "10.245.0.9"}))
    assert found["toy"]["name"] == "toy0"
    assert [one["prefix"] for one in found["toy"]["addresses"]][0] == "10.245.0.9/24"
    assert {one["gateway"] for one in found["toy"]["addresses"]} == {"10.245.0.1"}
    assert [part["role"] for part in found["arrangement"]] == ["toy", "host_gw"]
    assert "toy" in found["owners"] and "toy" in found["all_owners"]
    assert found["features"] == ["netns", "veth", "vlan_filtering", "masquerade"]
    assert "toy0" in found["ours"]["interfaces"] and "fabric0" not in found["ours"]["interfaces"]
    assert found["bridge"]["endpoints"] == []


def test_verify_expects_what_it_connects(house):
    model = house("inventory.model").fabric_model(hosts())
    targets = house("reachability.expectations").Expectations(model).probes_from("vm5")[0]["targets"]
    ttl = {target["name"]: target["ttl"] for target in targets}
    assert ttl == {"b5": 64, "a6": 62, "b6": 62, "vm5": 64, "vm6": 63}
    assert ("vm5", "10.245.0.1") in [(target["name"], target["address"]) for target in targets]


def test_without_its_entry_in_the_list_there_is_no_such_attachment():
    assert faults_of(hosts()) == [
        f"vm5, vm6: fabric_endpoints[{number}].attachment is 'toy': it is one of bridge, routed, direct."
        for number in (0, 1)
    ]
