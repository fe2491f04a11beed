# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each check of a node against the inventory: its fault or warning, and similar nodes that pass."""

import dataclasses

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.node.examination.checks import Unfit, examine
from ansible_collections.nodenet.fabric.plugins.module_utils.node.facts.model import Address, Link, Listener, Route
from examined import CONNECTED, DEFAULT, FABRIC, NODE, OUTER, VXLAN, WIREGUARD, changed, faults_and_warnings, published


def test_a_node_that_matches_the_inventory_has_no_fault_and_no_warning():
    assert faults_and_warnings(NODE, FABRIC) == ([], [])
    assert faults_and_warnings(NODE, dataclasses.replace(FABRIC, **VXLAN)) == ([], [])
    assert faults_and_warnings(
        NODE, dataclasses.replace(FABRIC, **VXLAN, lower_interfaces=[{"name": "fabric_vxlan_dev", "interface": "eth0"}])
    ) == ([], [])
    assert examine(NODE, FABRIC) == []


# case -> (changes of the node, changes of the fabric, words of the faults)
REFUSED = {
    "the uplink is really wider": (
        {"addresses": [Address("eth1", "10.244.9.1", "10.244.0.0/16")]},
        {},
        [
            "fabric_node_subnet 10.244.0.0/24 lies in 10.244.0.0/16, the network of the",
            "interface eth1 (10.244.9.1)",
            "of vm2 10.244.1.0/24",
        ],
    ),
    "somebody's bridge has the prefix": (
        {"links": [Link("docker0", "bridge")], "addresses": [Address("docker0", "10.244.0.1", "10.244.0.0/24")]},
        {},
        ["fabric_node_subnet 10.244.0.0/24 overlaps 10.244.0.0/24", "the bridge docker0"],
    ),
    "somebody's network within a peer's": (
        {"links": [Link("docker0", "bridge")], "addresses": [Address("docker0", "10.244.1.65", "10.244.1.64/26")]},
        {},
        ["fabric_node_subnet of vm2 10.244.1.0/24 contains 10.244.1.64/26", "docker0"],
    ),
    "an address alone within a peer's": (
        {"addresses": [Address("wg0", "10.244.1.9", "10.244.1.9/32")]},
        {},
        ["of vm2 10.244.1.0/24 contains 10.244.1.9/32", "wg0"],
    ),
    "the node has another address": (
        {},
        {"node_addresses": ["10.0.0.9"]},
        ["fabric_node_address 10.0.0.9", "10.0.0.1 (eth0)"],
    ),
    "the node has no IPv6 address": (
        {},
        {"node_addresses": ["2001:db8::9"]},
        ["fabric_node_address6 2001:db8::9 is on no interface", "none of that family"],
    ),
    "the prefix covers the controller": (
        {},
        {"prefixes": [OUTER]},
        ["fabric_node_subnet of vm3 198.51.100.0/24 covers 198.51.100.7, the address of Ansible's controller"],
    ),
    "a link's end has the default gateway's prefix": (
        {},
        {"prefixes": [{"prefix": "10.0.0.192/26", "name": "fabric_links[0].a.address"}]},
        ["fabric_links[0].a.address 10.0.0.192/26 covers 10.0.0.254, the default gateway", "lies in 10.0.0.0/24"],
    ),
    "the routed gateway is the default gateway": (
        {},
        {"prefixes": [{"prefix": "10.0.0.254/32", "name": "fabric_routed_gateway"}]},
        ["fabric_routed_gateway 10.0.0.254/32 covers 10.0.0.254, the default gateway"],
    ),
    "the uplink carries less": (
        {},
        {"underlay_mtu": 9000},
        ["fabric_underlay_mtu is 9000, and eth0", "has MTU 1500", "fabric_underlay_mtu: 1500"],
    ),
    "flannel has the VNI": (
        {"links": [Link("flannel.1", "vxlan", details={"vni": 1, "port": 8472})]},
        VXLAN,
        ["flannel.1 already has VNI 1 and UDP port 8472", "fabric_vxlan_vni or fabric_vxlan_port"],
    ),
    "a program has the port": (
        {"listeners": [Listener("udp", 8472)]},
        VXLAN,
        ["UDP port 8472 of this node is in use", "fabric_vxlan_port"],
    ),
    "WireGuard of another has the port": (
        {
            "links": [Link("wg0", "wireguard", details={"port": 51820})],
            "listeners": [Listener("udp", 51820)],
        },
        WIREGUARD,
        ["UDP port 51820 of this node is in use", "fabric_wireguard_port"],
    ),
    "the uplink has a name of the fabric's": (
        {},
        {"interfaces": ["eth0"]},
        ["the name eth0, and eth0 has this node's address 10.0.0.1: choose another name (host_interface"],
    ),
    "the tunnel's interface is not there": (
        {},
        {**VXLAN, "lower_interfaces": [{"name": "fabric_vxlan_dev", "interface": "ens9"}]},
        ["fabric_vxlan_dev is ens9, and this node has no such interface; it has eth0"],
    ),
    "SSH is published": (
        {},
        {"published": [published("20-30")]},
        ["fabric_publish[0] publishes tcp port 22, the port of Ansible's SSH connection"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_fault_that_would_cut_off_the_node_or_split_the_fabric_is_refused(case):
    of_node, of_fabric, words = REFUSED[case]
    with pytest.raises(Unfit) as refused:
        examine(changed(NODE, **of_node), changed(FABRIC, **of_fabric))
    for word in words:
        assert word in str(refused.value)


def test_all_faults_are_reported_together():
    with pytest.raises(Unfit) as refused:
        examine(NODE, changed(FABRIC, underlay_mtu=9000, prefixes=[OUTER]))
    assert len(refused.value.faults) == 2 and refused.value.facts() == {"faults": refused.value.faults}


def test_a_plain_route_needs_its_peer_on_the_link():
    """A cloud's node has a /32 and reaches everything through the cloud's router."""
    addresses = [Address("eth0", "10.0.0.1", "10.0.0.1/32")]
    routes = [Route("172.31.1.1/32", "eth0"), Route("0.0.0.0/0", "eth0", "172.31.1.1")]
    cloud = dataclasses.replace(NODE, addresses=addresses, routes=routes)
    faults, warnings = faults_and_warnings(cloud, FABRIC)
    assert "vm2 (10.0.0.2) on the same L2, and this node reaches it through the gateway 172.31.1.1 (eth0)" in faults[0]
    assert "choose a fabric_backend with tunnels" in faults[0] and not warnings
    assert faults_and_warnings(cloud, dataclasses.replace(FABRIC, **VXLAN)) == ([], [])


@pytest.mark.parametrize("dev", ["lo", "br0", "bond0"])
def test_the_nodes_address_may_be_on_any_interface(dev):
    addresses = [Address(dev, "10.0.0.1", "10.0.0.1/32"), Address("eth0", "192.0.2.1", "192.0.2.0/24")]
    routes = [Route("0.0.0.0/0", "eth0", "192.0.2.254"), Route("10.0.0.2/32", "eth0", "192.0.2.254")]
    facts = dataclasses.replace(NODE, addresses=addresses, routes=routes)
    assert faults_and_warnings(facts, dataclasses.replace(FABRIC, **VXLAN)) == ([], [])


def test_an_uplink_in_a_vrf_is_a_warning():
    links = [Link("eth0", details={"master": "blue"}), Link("blue", "vrf")]
    routes = [Route("10.0.0.0/24", "eth0", table=10)]
    faults, warnings = faults_and_warnings(
        dataclasses.replace(NODE, links=links, routes=routes), dataclasses.replace(FABRIC, **VXLAN)
    )
    assert faults == [] and len(warnings) == 1 and "eth0 belongs to the VRF blue" in warnings[0]


def test_a_controller_that_is_reached_over_the_fabric_is_no_fault():
    here = changed(NODE, ssh_client=("10.244.1.7", 22))
    assert faults_and_warnings(here, FABRIC) == ([], [])
    fresh = dataclasses.replace(here, routes=[CONNECTED, DEFAULT])
    assert "covers 10.244.1.7, the address of Ansible" in faults_and_warnings(fresh, FABRIC)[0][0]


def test_the_interface_by_which_ansible_comes_keeps_its_name():
    """With fabric_adopt the fabric would take it over."""
    management = {"links": [Link("mgmt0")], "addresses": [Address("mgmt0", "198.51.100.1", "198.51.100.0/24")]}
    here = changed(NODE, **management, ssh_address="198.51.100.1")
    taken = dataclasses.replace(FABRIC, interfaces=["mgmt0", "veth-*"])
    (fault,) = faults_and_warnings(here, taken)[0]
    assert "the name mgmt0, and mgmt0 has the address by which Ansible reaches this node, 198.51.100.1: choose" in fault
    # another name; another way to the node; and an address of the fabric itself
    assert faults_and_warnings(here, FABRIC)[0] == []
    assert faults_and_warnings(changed(NODE, **management), taken)[0] == []
    assert faults_and_warnings(changed(NODE, ssh_address="10.244.0.1"), FABRIC)[0] == []


# case -> (changes of the node, changes of the fabric, words of the warning)
