# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend is one file and its name in the list of backends: everything else takes it from there."""

from __future__ import annotations

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of

NODES = {
    f"vm{number}": {
        "fabric_backend": "toy",
        "fabric_node_address": f"192.168.32.{number}",
        "fabric_node_subnet": f"10.24{number}.0.0/24",
        "fabric_endpoints": [{"name": f"ns{number}"}],
    }
    for number in (5, 6)
}


@pytest.fixture
def house(house_with):
    return house_with("backends", "BACKENDS")


def hosts(**everywhere):
    return {name: {**values, **everywhere} for name, values in NODES.items()}


def node(house, name="vm5", **everywhere):
    given = hosts(**everywhere)
    assert house("inventory.validation").faults_of(given) == []
    return house("node").node_model(house("inventory.model").fabric_model(given), name)


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({"fabric_toy_port": 70000}, "vm5, vm6: fabric_toy_port is 70000: it is a number from 1 to 65535."),
        ({"fabric_toy_name": "a b"}, "vm5, vm6: fabric_toy_name is 'a b', which is not an interface name"),
        ({"fabric_toy_prt": 1}, "vm5, vm6: there is no variable fabric_toy_prt: did you mean fabric_toy_port?"),
        ({"fabric_bridge": "toy0"}, "vm5, vm6: fabric_toy_name is 'toy0' in the node itself, which is fabric_bridge"),
        ({"fabric_mtu": 1473}, "vm5, vm6: fabric_mtu is 1473, and with toy at most 1472 bytes fit on the underlay"),
        (
            {"fabric_backend": "toys"},
            "vm5, vm6: fabric_backend is 'toys': it is one of host_gw, ipip, vxlan, wireguard, toy.",
        ),
    ],
)
def test_its_faults_are_found(house, variables, fault):
    (found,) = house("inventory.validation").faults_of(hosts(**variables))
    assert found.startswith(fault)


def test_its_own_rules_hold(house):
    many = {
        f"n{i}": {
            "fabric_backend": "toy",
            "fabric_node_address": f"192.0.2.{i}",
            "fabric_node_subnet": f"10.0.{i}.0/24",
        }
        for i in range(1, 6)
    }
    (fault,) = house("inventory.validation").faults_of(many)
    assert "fabric_backend toy has at most 3 peers, and the node has 4" in fault


def test_a_fabric_has_one_value_of_what_it_says_is_one(house):
    given = hosts()
    given["vm6"]["fabric_toy_port"] = 9
    (fault,) = house("inventory.validation").faults_of(given)
    assert fault.startswith("vm6: fabric_toy_port is 9, and 4754 on vm5: the whole fabric has one value")


def test_a_published_port_is_not_the_tunnels(house):
    published = {"fabric_publish": [{"protocol": "udp", "port": "4750-4760", "endpoint": "ns5"}]}
    given = hosts()
    given["vm5"].update(published)
    (fault,) = house("inventory.validation").faults_of(given)
    assert "publishes udp port 4754, at which the node's Toy tunnel ends (fabric_toy_port)" in fault


def test_the_node_model_has_what_its_role_reads(house):
    found = node(house, fabric_toy_name="t1")
    assert found["toy"] == {"name": "t1", "mtu": 1472, "peers": [{"subnet": "10.246.0.0/24", "dst": "192.168.32.6"}]}
    assert found["mtu"] == found["bridge"]["mtu"] == 1472
    assert [part["role"] for part in found["arrangement"]] == ["bridge", "toy"]
    assert "toy" in found["owners"] and "toy" in found["all_owners"] and "toy" in found["backends"]
    assert house("reader").part_of(found, "toy") is found["toy"]
    assert found["vxlan"] is None


def test_a_role_that_the_inventory_does_not_use_says_so(house):
    given = node(house, fabric_backend="host_gw")
    with pytest.raises(Exception, match="Set fabric_backend: toy, or leave the role out"):
        house("reader").part_of(given, "toy")


def test_the_kernel_must_have_what_it_needs(house):
    assert node(house)["features"] == ["netns", "veth", "bridge", "wireguard", "masquerade"]


def test_other_programs_of_the_node_learn_of_its_tunnel(house):
    ours = node(house)["ours"]
    assert (ours["tunnels"], ours["remotes"], ours["encapsulation"]) == (["toy0"], ["192.168.32.6"], "udp:4754")
    assert "toy0" in ours["interfaces"]


def test_verify_expects_its_packets_on_the_wire(house):
    model = house("inventory.model").fabric_model(hosts(fabric_toy_port=99))
    (path,) = house("reachability.expectations").Expectations(model).paths_from("vm5")
    assert (path["wire"], path["mtu"], path["larger"]) == ("udp:99", 1472, 1473)
    peers = house("node").node_model(model, "vm5")["expected"]["peers"]
    assert peers == [{"name": "vm6", "address": "192.168.32.6", "direct": False}]


def test_peers_on_one_l2_need_no_tunnel(house):
    found = node(house, fabric_cross_subnet=True)
    assert found["toy"]["peers"] == []
    assert [peer["via"] for peer in found["peers"]] == ["192.168.32.6"]


def test_without_its_entry_in_the_list_there_is_no_such_backend():
    (fault,) = faults_of(hosts())
    assert fault == "vm5, vm6: fabric_backend is 'toy': it is one of host_gw, ipip, vxlan, wireguard."
