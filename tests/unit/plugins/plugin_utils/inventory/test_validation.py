# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault of an inventory is reported by the names that the user wrote, and with what to do."""

from __future__ import annotations

import copy
import ipaddress
import re
from itertools import combinations

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of, warnings_of
from hypothesis import given
from hypothesis import strategies as st
from inventories import SOUND


def faults(group=None, **vm5):
    """Return the faults of the sound inventory with variables of the group and of vm5 set."""
    hosts = {name: {**variables, **(group or {})} for name, variables in copy.deepcopy(SOUND).items()}
    hosts["vm5"].update(vm5)
    return faults_of(hosts)


def one(*arguments, **variables):
    found = faults(*arguments, **variables)
    assert len(found) == 1, found
    return found[0]


def endpoint(**entry):
    return {"fabric_endpoints": [{"name": "ns5", **entry}]}


def publish(*entries):
    return {
        "fabric_publish": [
            {"protocol": "tcp", "port": 80, "endpoint": "ns5", "to_port": 80, **entry} for entry in entries
        ]
    }


def outside(**entry):
    return {"fabric_outside": [{"name": "outside", "address": "203.0.113.9", **entry}]}


def link(**end):
    return {
        "fabric_links": [
            {"a": {"netns": "red", "name": "veth-red", **end}, "b": {"netns": "blue", "name": "veth-blue"}}
        ]
    }


def test_the_sound_inventory_has_none():
    assert faults() == []
    assert faults({"fabric_mtu": "1400", "fabric_masquerade": "no", "fabric_vxlan_port": "4789"}) == []
    assert faults(outside(), **publish({}, {"protocol": "udp"}), **link(address="192.168.15.1/24")) == []
    assert faults(**link(address="192.168.15.1/24", broadcast="192.168.15.127")) == []
    assert faults(**link(address="192.168.15.1/24", broadcast="255.255.255.255")) == []


VM5 = [
    # what cannot be read
    ({"fabric_node_addres": "192.0.2.1"}, r"vm5: there is no variable fabric_node_addres: did you mean fabric_node_address\?"),
    ({"fabric_colour": "red"}, "vm5: there is no variable fabric_colour; .*the prefix fabric_ is reserved"),
    ({"fabric_endpoints": "ns5"}, "vm5: fabric_endpoints is 'ns5', not a list"),
    ({"fabric_endpoints": {"ns5": {}}}, "vm5: fabric_endpoints is .*not a list"),
    ({"fabric_endpoints": ["ns5"]}, r"vm5: fabric_endpoints\[0\] is 'ns5', not a mapping such as \{name: ns1\}"),
    ({"fabric_endpoints": [{}]}, r"vm5: fabric_endpoints\[0\] has no name"),
    (endpoint(adress="10.245.0.2"), r"vm5: fabric_endpoints\[0\] has no key 'adress': did you mean address\?"),
    (endpoint(colour="red"), r"vm5: fabric_endpoints\[0\] has no key 'colour'; there are name, address, address6"),
    (endpoint(name=245), r"vm5: fabric_endpoints\[0\].name is 245, which is not an interface name: .*quotes around a number"),
    (endpoint(name=["a"]), r"vm5: fabric_endpoints\[0\].name is \['a'\], which is not an interface name"),
    (endpoint(name="a/b"), r"vm5: fabric_endpoints\[0\].name is 'a/b', which is not an interface name"),
    (endpoint(name="-a"), "which is not an interface name"),
    (endpoint(name="a b"), "which is not an interface name"),
    (endpoint(name=".."), "which is not an interface name"),
    (endpoint(name="sixteen-letters-"), "'sixteen-letters-', which has 16 characters: a name has at most 15"),
    ({"fabric_bridge": "a-very-long-bridge-name"}, "vm5: fabric_bridge is 'a-very-long-bridge-name', which has 23"),
    ({"fabric_bridge": "all"}, "vm5: fabric_bridge is 'all', which is reserved by the kernel"),
    ({"fabric_bridge": 7}, "vm5: fabric_bridge is 7, which is not an interface name"),
    ({"fabric_node_address": 7}, "vm5: fabric_node_address is 7, which is not an address"),
    ({"fabric_node_address": "192.168.32.5/24"}, "vm5: fabric_node_address is .*, which is not an address: omit /24"),
    ({"fabric_node_address": "192.168.32.256"}, "vm5: fabric_node_address is '192.168.32.256', which is not an address"),
    ({"fabric_node_address": "fd00::1"}, "is fd00::1, which is not IPv4: fabric_node_address6 is for IPv6"),
    ({"fabric_node_address": "127.0.0.1"}, "vm5: fabric_node_address is 127.0.0.1, which other networks cannot reach"),
    ({"fabric_node_subnet": "10.245.0.1/24"}, "vm5: fabric_node_subnet is 10.245.0.1/24, with host bits set: the prefix is 10.245.0.0/24"),
    ({"fabric_node_subnet": "10.245.0.0"}, "vm5: fabric_node_subnet is '10.245.0.0', which has no length: write 10.245.0.0/24"),
    ({"fabric_node_subnet": "ten"}, "vm5: fabric_node_subnet is 'ten', which is not a prefix such as"),
    ({"fabric_node_subnet": "fd00::/64"}, "is fd00::/64, which is not IPv4: fabric_node_subnet6 is for IPv6"),
    ({"fabric_node_subnet6": "10.0.0.0/24"}, "is 10.0.0.0/24, which is not IPv6: fabric_node_subnet is for IPv4"),
    ({"fabric_node_subnet": "224.0.0.0/24"}, "vm5: fabric_node_subnet is 224.0.0.0/24, which no hosts can have"),
    (endpoint(address6="10.245.0.2"), r"fabric_endpoints\[0\].address6 is 10.245.0.2, which is not IPv6: fabric_endpoints\[0\].address is"),
    ({"fabric_underlay": ["192.168.32.1/24"]}, r"vm5: fabric_underlay\[0\] is 192.168.32.1/24, with host bits set"),
    ({"fabric_vxlan_port": 65536}, "vm5: fabric_vxlan_port is 65536: it is a number from 1 to 65535"),
    ({"fabric_vxlan_port": True}, "vm5: fabric_vxlan_port is True: it is a number"),
    ({"fabric_vxlan_vni": 2**24}, "vm5: fabric_vxlan_vni is 16777216: it is a number from 1 to 16777215"),
    ({"fabric_vxlan_vni": 0}, "vm5: fabric_vxlan_vni is 0"),
    ({"fabric_mtu": "big"}, "vm5: fabric_mtu is 'big': it is auto, or a number from 576 to 65535"),
    ({"fabric_mtu": 70000}, "vm5: fabric_mtu is 70000"),
    ({"fabric_underlay_mtu": 100}, "vm5: fabric_underlay_mtu is 100"),
    ({"fabric_adopt": "maybe"}, "vm5: fabric_adopt is 'maybe': it is true or false"),
    ({"fabric_repair": 7}, "vm5: fabric_repair is 7: it is true or false"),
    ({"fabric_masquerade": "perhaps"}, "vm5: fabric_masquerade is 'perhaps': it is true or false"),
    ({"fabric_backend": ["vxlan"]}, r"vm5: fabric_backend is \['vxlan'\], not text"),
    (publish({"protocol": "icmp"}), r"vm5: fabric_publish\[0\].protocol is 'icmp': it is one of tcp, udp"),
    (publish({"port": 0}), r"vm5: fabric_publish\[0\].port is 0: it is a port from 1 to 65535"),
    (publish({"to_port": "http"}), r"vm5: fabric_publish\[0\].to_port is 'http'"),
    (publish({"port": None}), r"vm5: fabric_publish\[0\] has no port"),
    (publish({"pprt": 80}), r"vm5: fabric_publish\[0\] has no key 'pprt': did you mean port\?"),
    (link(name="a-name-of-sixteen"), r"vm5: fabric_links\[0\].a.name is 'a-name-of-sixteen', which has 17 characters"),
    (link(address="192.168.15.1"), r"vm5: fabric_links\[0\].a.address is '192.168.15.1', which is not an IPv4 address with the length"),
    (link(broadcast="192.168.15.255"), r"fabric_links\[0\].a.broadcast is '192.168.15.255', and that end has no address"),
    (link(address="192.168.15.1/24", broadcast="192.168.16.255"), r"a.broadcast is '192.168.16.255', which is no broadcast address of"),
    (link(address="192.168.15.1/24", broadcast="all"), r"a.broadcast is 'all', which is no broadcast address of '192.168.15.1/24'"),
    (link(adress="192.168.15.1/24"), r"vm5: fabric_links\[0\].a has no key 'adress': did you mean address\?"),
    (link(netns="a b"), r"vm5: fabric_links\[0\].a.netns is 'a b', which is not an interface name"),
    (endpoint(host_interface="sixteen-letters-"), r"vm5: fabric_endpoints\[0\].host_interface is 'sixteen-letters-', which has 16"),
    (endpoint(host_interface="a*"), r"vm5: fabric_endpoints\[0\].host_interface is 'a\*', which is not an interface name"),
    (endpoint(interface="lo"), r"vm5: fabric_endpoints\[0\].interface is 'lo', which is reserved by the kernel"),
    (endpoint(interface=7), r"vm5: fabric_endpoints\[0\].interface is 7, which is not an interface name"),
    (endpoint(prefix_length=33), r"vm5: fabric_endpoints\[0\].prefix_length is 33: it is a number from 1 to 32"),
    (endpoint(host_address="fd00::1"), r"vm5: fabric_endpoints\[0\].host_address is fd00::1, which is not IPv4"),
    (publish({"port": "90-80"}), r"vm5: fabric_publish\[0\].port is '90-80': it is a port from 1 to 65535, or a range"),
    ({"fabric_routed_gateway": "fd00::1"}, "vm5: fabric_routed_gateway is fd00::1, which is not IPv4"),
    ({"fabric_ipip_address": "10.0.0.1"}, "vm5: fabric_ipip_address is '10.0.0.1', which is not an IPv4 address with the length"),
    ({"fabric_ipip_name": "tunl0"}, "vm5: fabric_ipip_name is 'tunl0', which is reserved by the kernel"),
    ({"fabric_vxlan_name": "a-very-long-name-"}, "vm5: fabric_vxlan_name is 'a-very-long-name-', which has 17"),
    ({"fabric_underlay": [None]}, r"vm5: fabric_underlay\[0\] is '', which is not a prefix"),
    # one node
    ({"fabric_node_address": None}, "vm5: fabric_node_address is missing"),
    ({"fabric_node_subnet": None, "fabric_endpoints": []}, "vm5: fabric_node_subnet is missing"),
    ({"fabric_attachment": "hook"}, "vm5: fabric_attachment is 'hook': it is one of bridge, routed, direct"),
    ({"fabric_endpoints": [{"name": "a"}, {"name": "a"}]}, "vm5: fabric_endpoints has 2 endpoints called 'a'"),
    ({"fabric_bridge": "veth-ns5"}, "vm5: fabric_bridge is 'veth-ns5' in the node itself, which is the host's end of endpoint 'ns5'"),
    (endpoint(attachment="hook"), r"vm5: fabric_endpoints\[0\].attachment is 'hook': it is one of bridge, routed, direct"),
    (endpoint(host_address="10.245.0.9"), r"fabric_endpoints\[0\].host_address has no effect on an endpoint with attachment bridge"),
    ({"fabric_bridge_address": "10.9.0.1"}, "vm5: fabric_bridge_address is 10.9.0.1, which no host of fabric_node_subnet"),
    (link(netns="blue", name="veth-blue"), r"vm5: fabric_links\[0\].b.name is 'veth-blue' in blue, which is that of fabric_links\[0\].a"),
    (link(netns=None, name="veth-ns5"), r"\[0\].a.name is 'veth-ns5' in the node itself, which is the host's end of endpoint 'ns5'"),
    (link(netns="ns5", name="eth0"), r"fabric_links\[0\].a.name is 'eth0' in ns5, which is the interface of endpoint 'ns5'"),
    (endpoint(host_interface="fabric0"), "fabric_bridge is 'fabric0' in the node itself, which is the host's end of endpoint 'ns5'"),
    ({"fabric_endpoints": [{"name": "a"}, {"name": "b", "host_interface": "veth-a"}]},
     r"vm5: fabric_endpoints\[1\].host_interface is 'veth-a' in the node itself, which is the host's end of endpoint 'a'"),
    ({"fabric_endpoints": [{"name": "a", "host_interface": "veth-b"}, {"name": "b"}]},
     r"vm5: fabric_endpoints\[1\].host_interface \(by default\) is 'veth-b' in the node itself, which is the host's end of endpoint 'a'"),
    ({**endpoint(interface="up0"), **link(netns="ns5", name="up0")}, r"links\[0\].a.name is 'up0' in ns5, which is the interface of"),
    (publish({"port": "80-82", "to_port": "90-91"}), r"fabric_publish\[0\].to_port 90-91 has 2 ports, and port 80-82 has 3"),
    (publish({}, {"port": "79-81"}), r"fabric_publish\[1\] publishes tcp port 80 a second time"),
    (publish({"endpoint": "ns7"}), r"vm5: fabric_publish\[0\].endpoint is 'ns7': the node has no endpoint of that name"),
    (publish({}, {"to_port": 81}), r"vm5: fabric_publish\[1\] publishes tcp port 80 a second time"),
    (endpoint(address="10.99.0.2"), "vm5: endpoint ns5 has 10.99.0.2, which is not in fabric_node_subnet 10.245.0.0/24"),
    (endpoint(address="10.245.0.0"), "vm5: endpoint ns5 has 10.245.0.0, which is the network's own address"),
    (endpoint(address="10.245.0.1"), "vm5: endpoint ns5 has 10.245.0.1, which is the address of the node's bridge"),
    (endpoint(address="10.245.0.255"), "vm5: endpoint ns5 has 10.245.0.255, which is the broadcast address"),
    (endpoint(address6="fd00::2"), "vm5: an endpoint has an address6, and the node has no fabric_node_subnet6"),
    ({"fabric_node_subnet": "10.245.0.0/31", "fabric_endpoints": []}, "vm5: fabric_node_subnet is 10.245.0.0/31, too small"),
    ({"fabric_node_subnet": "10.245.0.0/30", "fabric_endpoints": [{"name": "a"}, {"name": "b"}]},
     "vm5: fabric_node_subnet 10.245.0.0/30 has no address left for b: set a larger subnet"),
    # nodes among each other
    ({"fabric_backend": "vxlan"}, "vm6: fabric_backend is 'host_gw', and 'vxlan' on vm5: the whole fabric has one value"),
    ({"fabric_node_address": "192.168.32.6"}, "vm6: fabric_node_address 192.168.32.6 is also the address of vm5"),
    ({"fabric_endpoints": [{"name": "a", "address": "10.245.0.2"}, {"name": "b", "address": "10.245.0.2"}]},
     "vm5: endpoint b has 10.245.0.2, which a on vm5 also has"),
    ({"fabric_node_subnet": "10.246.0.0/25", "fabric_endpoints": []},
     r"fabric_node_subnet of vm5 \(10.246.0.0/25\) overlaps fabric_node_subnet of vm6 \(10.246.0.0/24\).*choose another prefix"),
    ({"fabric_node_subnet": "192.168.32.128/25", "fabric_endpoints": []},
     r"fabric_node_subnet of vm5 \(192.168.32.128/25\) overlaps fabric_underlay \(192.168.32.0/24\) \(without fabric_underlay"),
    ({"fabric_node_subnet6": "fd00:245::/64"}, "vm5: fabric_node_subnet6 is set and fabric_node_address6 is not: with host_gw"),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "said"), VM5, ids=[str(index) for index in range(len(VM5))])
def test_a_fault_of_one_host(variables, said):
    assert_says(one(**variables), said)


GROUP = [
    (outside(name="vm5"), r"fabric_outside\[0\].name 'vm5' is also the name of a node"),
    (outside(address="192.168.32.5"), r"fabric_outside\[0\].address 192.168.32.5 is the address of a node"),
    (outside(address="10.245.0.9"), r"fabric_outside\[0\].address 10.245.0.9 is in 10.245.0.0/24, a subnet of the fabric"),
    (outside(address=None), r"vm5, vm6: fabric_outside\[0\] has no address"),
    ({"fabric_backend": "gre"}, "vm5, vm6: fabric_backend is 'gre': it is one of host_gw, ipip, vxlan"),
    ({"fabric_underlay": ["192.168.0.0/16", "192.168.32.0/24"]}, r"fabric_underlay \(192.168.32.0/24\) overlaps fabric_underlay "),
    ({"fabric_mtu": 1451, "fabric_backend": "vxlan"}, "vm5, vm6: fabric_mtu is 1451, and with vxlan at most 1450 bytes fit"),
    ({"fabric_underlay_mtu": 576, "fabric_backend": "vxlan"}, "vm5, vm6: the MTU of endpoints is 526 .*: it must be at least 576"),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "said"), GROUP)
def test_a_fault_of_the_group_is_reported_once(variables, said):
    assert_says(one(variables), said)


def test_an_address_that_is_in_no_prefix_of_the_underlay():
    said = one({"fabric_underlay": ["192.168.32.0/30", "192.168.32.4/31"]})
    assert_says(said, "vm6: fabric_node_address 192.168.32.6 is in no prefix of fabric_underlay")


def test_host_gw_to_a_peer_behind_a_router_says_why_and_what_to_do():
    said = one(fabric_node_address="192.168.99.5")
    assert_says(
        said, r"host_gw needs all nodes on one L2.*vm5 on 192.168.99.0/24; vm6 on 192.168.32.0/24.*Use ipip or vxlan"
    )
    assert faults({"fabric_underlay": ["192.168.0.0/16"]}, fabric_node_address="192.168.99.5") == []
    assert faults({"fabric_backend": "vxlan"}, fabric_node_address="192.168.99.5") == []


def test_a_tunnel_needs_one_family_on_all_nodes():
    six = {"fabric_node_address": None, "fabric_node_address6": "fd00::5"}
    assert_says(one({"fabric_backend": "vxlan"}, **six), "vxlan needs addresses of one IP version on all nodes")


def test_ipip_is_for_ipv4():
    said = one({"fabric_backend": "ipip"}, fabric_node_subnet6="fd00:245::/64")
    assert_says(said, "vm5: fabric_backend ipip carries only IPv4 over IPv4")


@pytest.mark.parametrize(
    ("group", "name", "whose"),
    [
        ({"fabric_backend": "vxlan"}, "vxlan1", "the host's end of endpoint 'ns5'"),
        ({"fabric_backend": "vxlan", "fabric_vxlan_name": "vtep"}, "vtep", "the host's end of endpoint 'ns5'"),
        ({"fabric_backend": "vxlan", "fabric_vxlan_dev": "ens3"}, "ens3", "the host's end of endpoint 'ns5'"),
        ({"fabric_backend": "ipip"}, "ipip0", "the host's end of endpoint 'ns5'"),
        ({"fabric_backend": "ipip", "fabric_ipip_name": "tun5"}, "tun5", "the host's end of endpoint 'ns5'"),
        ({"fabric_backend": "ipip", "fabric_ipip_pairs": True}, "ipip-vm6", "the tunnel to vm6"),
    ],
)
def test_a_veths_end_is_not_called_as_a_tunnel(group, name, whose):
    said = one(group, **endpoint(host_interface=name))
    assert said.startswith("vm5: ")
    assert f"is {name!r} in the node itself, which is {whose}" in said
    assert faults(group, **endpoint(interface=name)) == []  # in the namespace it is
    assert faults({"fabric_backend": "host_gw"}, **endpoint(host_interface=name)) == []


def test_ipv6_needs_larger_packets():
    six = {"fabric_node_subnet6": "fd00:245::/64", "fabric_node_address6": "fd00::5"}
    assert_says(one(fabric_mtu=1200, **six), "vm5: the MTU of endpoints is 1200 .* at least 1280")


def test_all_faults_are_told_together():
    found = faults({"fabric_bridge": "a/b"}, fabric_node_address="x", fabric_mtu="y")
    assert len(found) == 3
    found = faults(fabric_node_address="192.168.32.6", **endpoint(address="10.99.0.2"))
    assert len(found) == 2


def test_a_fault_of_many_hosts_names_a_few():
    hosts = {f"vm{number}": {"fabric_bakend": "vxlan"} for number in range(1000)}
    (said,) = faults_of(hosts)
    assert (
        said == "vm0, vm1, vm2, vm3, vm4 and 995 more: there is no variable fabric_bakend: did you mean fabric_backend?"
    )


def test_no_hosts():
    assert_says(faults_of({})[0], "group fabric has no hosts")


def test_a_bridge_has_so_many_ports():
    many = {"fabric_node_subnet": "10.128.0.0/16"}
    assert faults(fabric_endpoints=[{"name": f"a{number}"} for number in range(1023)], **many) == []
    said = one(fabric_endpoints=[{"name": f"a{number}"} for number in range(1024)], **many)
    assert_says(said, "vm5: fabric_endpoints has 1024 endpoints on one bridge, and the kernel gives a bridge 1023")
    routed = [{"name": f"a{number}", "attachment": "routed" if number else "bridge"} for number in range(1024)]
    assert faults(fabric_endpoints=routed, **many) == []


def test_a_public_address_is_warned_of_where_it_is_used():
    def warned(**variables):
        return warnings_of({name: {**values, **variables} for name, values in copy.deepcopy(SOUND).items()})

    gateway = {"fabric_routed_gateway": "169.2.2.2"}
    (said,) = warned(fabric_attachment="routed", **gateway)
    assert_says(
        said,
        "fabric_routed_gateway 169.2.2.2 of vm5, 169.2.2.2 of vm6: a public address; routed endpoints cannot reach its owner",
    )
    assert warned(**gateway) == []
    tunnel = {"fabric_ipip_address": "172.245.1.1/30"}
    (said,) = warned(fabric_backend="ipip", **tunnel)
    assert_says(said, "fabric_ipip_address 172.245.1.1/30 of vm5")
    assert warned(**tunnel) == []


def test_warnings():
    hosts = copy.deepcopy(SOUND)
    assert warnings_of(hosts) == []
    hosts["vm5"]["fabric_node_subnet"] = "172.245.0.0/24"
    (said,) = warnings_of(hosts)
    assert_says(said, "172.245.0.0/24 of vm5: public prefixes")
    (said,) = warnings_of({name: {**values, "fabric_cross_subnet": True} for name, values in SOUND.items()})
    assert_says(said, "fabric_cross_subnet has no effect with fabric_backend host_gw")


PREFIXES = st.tuples(st.integers(0, 63), st.integers(26, 30)).map(
    lambda drawn: str(ipaddress.ip_network((f"10.9.9.{drawn[0] * 4}", drawn[1]), strict=False))
)


@given(st.lists(PREFIXES, min_size=1, max_size=7))
def test_overlaps_are_those_that_comparing_each_with_each_finds(prefixes):
    hosts = {
        f"vm{number}": {"fabric_node_address": f"192.168.32.{number + 1}", "fabric_node_subnet": prefix}
        for number, prefix in enumerate(prefixes)
    }
    networks = {name: ipaddress.ip_network(values["fabric_node_subnet"]) for name, values in hosts.items()}
    overlapping = {name for a, b in combinations(networks, 2) if networks[a].overlaps(networks[b]) for name in (a, b)}
    said = " ".join(faults_of(hosts))
    assert {name for name in hosts if f"fabric_node_subnet of {name} " in said} == overlapping


def assert_says(said, pattern):
    assert re.search(pattern, said), f"{said!r} does not say {pattern!r}"
