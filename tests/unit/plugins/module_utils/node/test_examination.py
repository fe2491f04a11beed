# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each check of a node against the inventory: its fault or warning, and similar nodes that pass."""

import dataclasses

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.node.examination.checks import (
    FAULTS,
    WARNINGS,
    Unfit,
    examine,
)
from ansible_collections.nodenet.fabric.plugins.module_utils.node.expected import Expected
from ansible_collections.nodenet.fabric.plugins.module_utils.node.facts.model import (
    Address,
    Chain,
    Facts,
    Link,
    Listener,
    Route,
    Rule,
    Setting,
)
from ansible_collections.nodenet.fabric.plugins.module_utils.node.limits import neighbor_tables

ETH0, FABRIC0 = Link("eth0"), Link("fabric0", "bridge", ours=True)
UPLINK = Address("eth0", "10.0.0.1", "10.0.0.0/24")
CONNECTED, DEFAULT = Route("10.0.0.0/24", "eth0"), Route("0.0.0.0/0", "eth0", "10.0.0.254")
NODE = Facts(
    links=[Link("lo", mtu=65536), ETH0, FABRIC0],
    addresses=[
        Address("lo", "127.0.0.1", "127.0.0.0/8"),
        UPLINK,
        Address("eth0", "fe80::1", "fe80::/64"),
        Address("fabric0", "10.244.0.1", "10.244.0.0/24", ours=True),
    ],
    routes=[
        CONNECTED,
        DEFAULT,
        Route("10.244.0.0/24", "fabric0", ours=True),
        Route("10.244.1.0/24", "eth0", "10.0.0.2", ours=True),
    ],
    rules=[Rule(4, 0, "lookup", 255), Rule(4, 32766, "lookup", 254), Rule(4, 32767, "lookup", 253)],
    sysctls={"net.ipv4.ip_forward": "1", "net.ipv4.conf.eth0.forwarding": "1", "net.ipv4.conf.all.arp_ignore": "0"},
    ssh_client=("198.51.100.7", 22),
)
MINE = {"prefix": "10.244.0.0/24", "name": "fabric_node_subnet"}
PEERS = {"prefix": "10.244.1.0/24", "name": "fabric_node_subnet of vm2"}
OUTER = {"prefix": "198.51.100.0/24", "name": "fabric_node_subnet of vm3"}
VM2 = {"name": "vm2", "address": "10.0.0.2", "direct": True}
FABRIC = Expected(
    backend="host_gw",
    node_addresses=["10.0.0.1"],
    underlay_mtu=1500,
    prefixes=[MINE, PEERS],
    peers=[VM2],
    interfaces=["fabric0", "veth-*"],
)
VXLAN = {"backend": "vxlan", "vxlan_vni": 1, "vxlan_port": 8472, "peers": [{**VM2, "direct": False}]}


def published(port, protocol="tcp", address=None):
    return {"name": "fabric_publish[0]", "protocol": protocol, "port": port, "address": address}


def faults_and_warnings(facts, expected):
    return tuple([line for check in checks for line in check(facts, expected)] for checks in (FAULTS, WARNINGS))


def changed(what, **values):
    """Return ``what`` with other values; of lists those that are given are added, of dicts laid over."""
    for name, value in values.items():
        there = getattr(what, name)
        if isinstance(there, list) and isinstance(value, list):
            values[name] = there + value
        elif isinstance(there, dict):
            values[name] = {**there, **value}
    return dataclasses.replace(what, **values)


def test_a_node_that_matches_the_inventory_has_no_fault_and_no_warning():
    assert faults_and_warnings(NODE, FABRIC) == ([], [])
    assert faults_and_warnings(NODE, dataclasses.replace(FABRIC, **VXLAN)) == ([], [])
    assert faults_and_warnings(NODE, dataclasses.replace(FABRIC, **VXLAN, vxlan_dev="eth0")) == ([], [])
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
    "the uplink has a name of the fabric's": (
        {},
        {"interfaces": ["eth0"]},
        ["the name eth0, and eth0 has this node's address 10.0.0.1: choose another name (host_interface"],
    ),
    "the tunnel's interface is not there": (
        {},
        {**VXLAN, "vxlan_dev": "ens9"},
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
    assert "use vxlan or ipip" in faults[0] and not warnings
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


# case -> (changes of the node, changes of the fabric, words of the warning)
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
