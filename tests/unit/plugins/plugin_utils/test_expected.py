# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says that a node is to be compared with."""

from ansible_collections.nodenet.fabric.plugins.plugin_utils.backends import peers_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.expected import expected_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model, what_is_looked_at

LINK = {"a": {"netns": "red", "name": "r0", "address": "10.9.0.1/24"}, "b": {"name": "r1", "address": "10.9.0.2/24"}}
NODES = {
    "vm1": {
        "fabric_node_address": "192.168.32.1",
        "fabric_node_subnet": "10.1.0.0/24",
        "fabric_endpoints": [{"name": "a"}, {"name": "b", "attachment": "routed"}],
        "fabric_links": [LINK],
        "fabric_publish": [{"port": 80, "endpoint": "a"}],
    },
    "vm2": {"fabric_node_address": "192.168.32.2", "fabric_node_subnet": "10.2.0.0/24"},
    "vm3": {
        "fabric_node_address": "192.168.33.3",
        "fabric_node_subnet": "10.3.0.0/24",
        "fabric_node_subnet6": "fd00:3::/64",
    },
}


def of(name, **everywhere):
    model = fabric_model({host: {**values, **everywhere} for host, values in NODES.items()})
    return expected_of(model, name, peers_of(model, name))


def test_every_prefix_has_the_name_of_its_variable():
    prefixes = {one["name"]: one["prefix"] for one in of("vm1", fabric_backend="vxlan")["prefixes"]}
    assert prefixes == {
        "fabric_node_subnet": "10.1.0.0/24",
        "fabric_node_subnet of vm2": "10.2.0.0/24",
        "fabric_node_subnet of vm3": "10.3.0.0/24",
        "fabric_node_subnet6 of vm3": "fd00:3::/64",
        "fabric_links[0].b.address": "10.9.0.0/24",
        "fabric_routed_gateway": "169.254.1.1/32",
    }
    tunnel = of("vm2", fabric_backend="ipip", fabric_ipip_address="10.8.0.2/30", fabric_node_subnet6=None)
    assert {"prefix": "10.8.0.0/30", "name": "fabric_ipip_address"} in tunnel["prefixes"]
    # a link of another node, and its gateway, are no routes of this one
    assert len(of("vm2", fabric_backend="vxlan")["prefixes"]) == 4


def test_peers_are_those_that_a_route_or_a_tunnel_leads_to():
    tunnelled = of("vm1", fabric_backend="vxlan", fabric_cross_subnet=True)
    assert tunnelled["peers"] == [
        {"name": "vm2", "address": "192.168.32.2", "direct": True},
        {"name": "vm3", "address": "192.168.33.3", "direct": False},
    ]
    assert (tunnelled["vxlan_vni"], tunnelled["port_variable"]) == (1, "fabric_vxlan_port")
    assert of("vm1", fabric_backend="vxlan", fabric_vxlan_dev="eth0")["lower_interfaces"] == [
        {"name": "fabric_vxlan_dev", "interface": "eth0"}
    ]
    assert of("vm1", fabric_vxlan_dev="eth0")["lower_interfaces"] == []
    direct = of("vm1", fabric_underlay=["192.168.32.0/23"])
    assert [peer["direct"] for peer in direct["peers"]] == [True, True]
    assert "vxlan_vni" not in direct and direct["port_variable"] is None


def test_ports_and_addresses_are_as_the_inventory_has_them():
    found = of("vm1")
    assert found["published"] == [{"name": "fabric_publish[0]", "protocol": "tcp", "port": "80", "address": None}]
    assert found["node_addresses"] == ["192.168.32.1"] and found["endpoints"] == 2 and found["underlay_mtu"] == 1500


def test_what_is_down_on_purpose_is_no_cause():
    model = fabric_model({**NODES, "vm1": {**NODES["vm1"], "fabric_engines": ["podman"]}})
    there = set(node_model(model, "vm1")["ours"]["interfaces"])
    assert there - set(what_is_looked_at(model, "vm1")["interfaces"]) == {"fabric-keep", "fabric-keep-b"}
