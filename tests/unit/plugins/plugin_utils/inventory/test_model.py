# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the inventory, and what one node sees of it."""

from __future__ import annotations

import ipaddress
import json

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model, normalised
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.naming import host_end, mac_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.values.checks import boolean
from ansible_collections.nodenet.fabric.plugins.plugin_utils.values.networks import Segments, collapsed
from hypothesis import given
from hypothesis import strategies as st

HOST_GW = {
    "vm1": {
        "fabric_node_address": "192.168.32.245",
        "fabric_node_subnet": "172.245.0.0/24",
        "fabric_endpoints": [{"name": "ns245", "address": "172.245.0.2"}],
    },
    "vm2": {
        "fabric_node_address": "192.168.32.246",
        "fabric_node_subnet": "172.246.0.0/24",
        "fabric_endpoints": [{"name": "ns246", "address": "172.246.0.2"}],
    },
}
DUAL = {
    f"vm{number}": {
        "fabric_node_address": f"192.0.2.{number}",
        "fabric_node_address6": f"FD00::{number}",
        "fabric_node_subnet": f"10.0.{number}.0/24",
        "fabric_node_subnet6": f"fd00:{number}::/64",
        "fabric_endpoints": [
            {"name": "web", "address": f"10.0.{number}.3", "address6": f"fd00:{number}::2"},
            {"name": "db", "address": f"10.0.{number}.2", "address6": f"fd00:{number}::3"},
        ],
    }
    for number in (1, 2)
}


def many(count):
    return {
        f"vm{number}": {
            "fabric_backend": "vxlan",
            "fabric_node_address": f"10.{number // 200}.{number % 200}.1",
            "fabric_node_subnet": f"172.{16 + number // 256}.{number % 256}.0/24",
            "fabric_endpoints": [{"name": "a"}, {"name": "b"}],
        }
        for number in range(count)
    }


def view(hosts, name, **group):
    """Return the view of a node, by way of JSON as it goes through Ansible."""
    hosts = {host: {**group, **variables} for host, variables in hosts.items()}
    assert faults_of(hosts) == []
    return node_model(json.loads(json.dumps(fabric_model(hosts))), name)


def test_a_node_of_the_first_example():
    seen = view(HOST_GW, "vm1")
    assert seen["bridge"]["name"] == "fabric0"
    assert seen["bridge"]["gateways"] == [{"prefix": "172.245.0.1/24", "nodad": None}]
    assert [endpoint["host_end"] for endpoint in seen["bridge"]["endpoints"]] == ["veth-ns245"]
    assert seen["bridge"]["addresses"] == [
        {
            "endpoint": "ns245",
            "host_end": "veth-ns245",
            "interface": "eth0",
            "address": "172.245.0.2",
            "prefix": "172.245.0.2/24",
            "gateway": "172.245.0.1",
            "default": "0.0.0.0/0",
            "family": "ipv4",
            "noprefixroute": None,
            "nodad": None,
        }
    ]
    assert seen["peers"] == [{"name": "vm2", "subnet": "172.246.0.0/24", "via": "192.168.32.246", "mtu": 0}]
    assert seen["masquerade"] == [{"source": "172.245.0.0/24", "exclude": ["172.245.0.0/24", "172.246.0.0/24"]}]
    assert [part["role"] for part in seen["arrangement"]] == ["bridge", "host_gw"]
    assert seen["owners"] == ["bridge", "host_gw", "nat", "forwarding", "prepare"]
    assert seen["features"] == ["netns", "veth", "bridge", "masquerade"]


def test_both_families_alike():
    seen = view(DUAL, "vm1")
    assert seen["families"] == ["ipv4", "ipv6"]
    assert [entry["prefix"] for entry in seen["bridge"]["gateways"]] == ["10.0.1.1/24", "fd00:1::1/64", "fe80::1/64"]
    assert [(entry["endpoint"], entry["prefix"]) for entry in seen["bridge"]["addresses"]] == [
        ("web", "10.0.1.3/24"),
        ("db", "10.0.1.2/24"),
        ("web", "fd00:1::2/64"),
        ("db", "fd00:1::3/64"),
    ]
    assert [(peer["subnet"], peer["via"]) for peer in seen["peers"]] == [
        ("10.0.2.0/24", "192.0.2.2"),
        ("fd00:2::/64", "fd00::2"),
    ]
    assert [entry["exclude"] for entry in seen["masquerade"]] == [
        ["10.0.1.0/24", "10.0.2.0/24"],
        ["fd00:1::/64", "fd00:2::/64"],
    ]


NAMED = {"name": "ns245", "address": "172.245.0.2", "host_interface": "veth245", "interface": "veth-in"}


@pytest.mark.parametrize("attachment", ["bridge", "routed", "direct"])
def test_ends_of_a_veth_have_the_names_that_the_inventory_gives(attachment):
    hosts = {**HOST_GW, "vm1": {**HOST_GW["vm1"], "fabric_endpoints": [NAMED]}}
    given, default = (view(one, "vm1", fabric_attachment=attachment) for one in (hosts, HOST_GW))
    text = json.dumps(default[attachment])
    assert "veth-ns245" in text
    assert "eth0" in text
    renamed = text.replace("veth-ns245", "veth245").replace("eth0", "veth-in")
    assert json.loads(renamed) == given[attachment]  # and nothing else differs, no MAC address either
    assert [name for name in default["ours"]["interfaces"] if name != "fabric0"] == ["veth-*", "v-*", "v*-????????"]
    assert [name for name in given["ours"]["interfaces"] if name != "fabric0"] == ["veth245"]


def test_without_masquerade_there_is_none():
    assert view(HOST_GW, "vm1", fabric_masquerade=False)["masquerade"] == []


@pytest.mark.parametrize(
    ("backend", "mtu", "given", "expected"),
    [
        ("host_gw", "auto", 1500, 1500),
        ("ipip", "auto", 1500, 1480),
        ("vxlan", "auto", 1500, 1450),
        ("vxlan", "auto", 9000, 8950),
        ("vxlan", 1400, 1500, 1400),
        ("vxlan", "1400", "1500", 1400),
    ],
)
def test_mtu(backend, mtu, given, expected):
    seen = view(HOST_GW, "vm1", fabric_backend=backend, fabric_mtu=mtu, fabric_underlay_mtu=given)
    assert seen["mtu"] == seen["bridge"]["mtu"] == seen["bridge"]["endpoints"][0]["mtu"] == expected


def test_vxlan_over_ipv6_takes_twenty_bytes_more():
    hosts = {name: {**values, "fabric_node_address": None} for name, values in DUAL.items()}
    assert view(hosts, "vm1", fabric_backend="vxlan")["mtu"] == 1430


def test_a_node_that_is_not_there():
    with pytest.raises(KeyError):
        node_model(fabric_model(HOST_GW), "vm3")


@pytest.mark.parametrize(
    ("text", "meaning"), [("yes", True), ("True", True), ("off", False), (0, False), (True, True), ("0", False)]
)
def test_boolean_is_read_as_ansible_does(text, meaning):
    assert boolean(text) is meaning


def test_variables_that_are_unset_have_defaults():
    assert normalised({"fabric_vxlan_port": None})["fabric_vxlan_port"] == 8472


@pytest.mark.parametrize(
    ("endpoint", "expected"), [("a", "veth-a"), ("0123456789", "veth-0123456789"), ("container-001", "v-container-001")]
)
def test_host_end_is_the_endpoints_name_if_it_fits(endpoint, expected):
    assert host_end({"name": endpoint}) == expected
    assert host_end({"name": endpoint, "host_interface": "veth245"}) == "veth245"


@given(st.lists(st.text("abc-0123456789", min_size=1, max_size=15), unique=True, max_size=300))
def test_host_ends_are_short_and_differ(names):
    ends = [host_end({"name": name}) for name in names]
    assert all(len(end) <= 15 for end in ends)
    assert len(set(ends)) == len(names)


def test_mac_is_the_same_each_time_and_locally_administered():
    assert mac_of("vm1", "ns245") == mac_of("vm1", "ns245") != mac_of("vm2", "ns245")
    assert int(mac_of("vm1")[:2], 16) & 3 == 2


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(4, 30)), max_size=8), st.integers(0, 2**32 - 1))
def test_the_segment_of_an_address_is_the_longest_prefix_that_holds_it(drawn, number):
    networks = [ipaddress.ip_network((start >> 32 - length << 32 - length, length)) for start, length in drawn]
    address = ipaddress.ip_address(number)
    holding = [network for network in networks if address in network]
    expected = str(max(holding, key=lambda network: network.prefixlen)) if holding else None
    assert Segments(str(network) for network in networks).of(str(address)) == expected


def test_collapsed_covers_the_same_and_no_more():
    assert collapsed(["10.0.1.0/24", "fd00::/64", "10.0.0.0/24"]) == ["10.0.0.0/23", "fd00::/64"]


def test_the_work_for_an_inventory_grows_with_its_nodes(calls):
    few, many_more = many(100), many(1000)
    assert faults_of(many_more) == []
    assert calls(lambda: faults_of(many_more)) < 12 * calls(lambda: faults_of(few))
    assert calls(lambda: fabric_model(many_more)) < 12 * calls(lambda: fabric_model(few))


def test_the_work_for_a_node_grows_with_its_peers(calls):
    few, many_more = fabric_model(many(100)), fabric_model(many(1000))
    assert len(node_model(many_more, "vm7")["vxlan"]["peers"]) == 999
    assert calls(lambda: node_model(many_more, "vm7")) < 12 * calls(lambda: node_model(few, "vm7"))


def test_routed_endpoints_have_addresses_of_their_own_and_a_gateway_that_nobody_has():
    seen = view(HOST_GW, "vm1", fabric_attachment="routed")["routed"]
    (entry,) = seen["addresses"]
    assert (entry["prefix"], entry["gateway"], entry["onlink"]) == ("172.245.0.2/32", "169.254.1.1", None)
    assert seen["link_gateways"] == [{"endpoint": "ns245", "interface": "eth0", "gateway": "169.254.1.1"}]
    assert seen["covered"] == ["169.254.1.1"]
    other = view(HOST_GW, "vm1", fabric_attachment="routed", fabric_routed_gateway="169.2.2.2")["routed"]
    assert (other["addresses"][0]["onlink"], other["link_gateways"]) == (True, [])


def test_a_routed_node_keeps_no_address_for_itself():
    hosts = {
        "vm1": {
            **HOST_GW["vm1"],
            "fabric_attachment": "routed",
            "fabric_node_subnet": "172.245.0.0/30",
            "fabric_endpoints": [{"name": "a"}, {"name": "b"}],
        }
    }
    assert {one["address"] for one in view(hosts, "vm1")["routed"]["addresses"]} == {"172.245.0.1", "172.245.0.2"}


def test_endpoints_of_one_node_may_be_attached_in_several_ways():
    endpoints = [{"name": "a"}, {"name": "b", "attachment": "routed"}, {"name": "c", "attachment": "direct"}]
    seen = view({"vm1": {**HOST_GW["vm1"], "fabric_endpoints": endpoints}}, "vm1")
    assert [part["role"] for part in seen["arrangement"]] == ["bridge", "direct", "routed", "host_gw"]
    assert [[entry["name"] for entry in seen[name]["endpoints"]] for name in ("bridge", "routed")] == [["a"], ["b"]]
    assert seen["routed"]["blocks"] == seen["direct"]["blocks"] == []  # the subnet is on the bridge


@pytest.mark.parametrize("attachment", ["direct", "routed"])
def test_a_node_without_a_bridge_blocks_the_unused_addresses_of_its_subnet(attachment):
    values = {**HOST_GW["vm1"], "fabric_attachment": attachment, "fabric_endpoints": [{"name": "a"}]}
    assert view({"vm1": values}, "vm1")[attachment]["blocks"] == [HOST_GW["vm1"]["fabric_node_subnet"]]


def test_published_ports_lead_to_each_address_of_an_endpoint():
    ports = [
        {"port": 80, "endpoint": "web", "to_port": 8080},
        {"port": "90-91", "endpoint": "db", "address": "fd00::1"},
    ]
    hosts = {**DUAL, "vm1": {**DUAL["vm1"], "fabric_publish": ports}}
    seen = view(hosts, "vm1")
    assert [(rule["to"], rule["port"], rule["to_port"], rule["hairpin"]) for rule in seen["publish"]] == [
        ("10.0.1.3", "80", "8080", ["10.0.1.0/24"]),
        ("fd00:1::2", "80", "8080", ["fd00:1::/64"]),
        ("fd00:1::3", "90-91", None, ["fd00:1::/64"]),
    ]
    assert seen["arrangement"][-1] == {"role": "nat", "tasks": "publish"}
    assert seen["owners"][-1] == "publish"
    assert [endpoint["hairpin"] for endpoint in seen["bridge"]["endpoints"]] == [True, True]
    assert view(DUAL, "vm1")["bridge"]["endpoints"][0]["hairpin"] is False
    routed = view(hosts, "vm1", fabric_attachment="routed")
    assert routed["publish"][0]["hairpin"] == ["10.0.1.3/32"]  # its answers pass the node, but for its own


def test_a_role_is_told_which_endpoints_have_an_address_that_nobody_wrote():
    endpoints = [{"name": "a"}, {"name": "b", "address": "172.245.0.2"}, {"name": "c", "attachment": "routed"}]
    seen = view({"vm1": {**HOST_GW["vm1"], "fabric_endpoints": endpoints}}, "vm1")
    assert seen["bridge"]["unwritten"] == [{"netns": "a", "subnet": "172.245.0.0/24"}]
    assert seen["routed"]["unwritten"] == [{"netns": "c", "subnet": "172.245.0.0/24"}]


def test_an_end_of_a_link_has_the_broadcast_address_that_is_given_or_none():
    ends = {
        "a": {
            "netns": "red",
            "name": "a0",
            "address": "10.9.0.1/24",
            "broadcast": "10.9.0.255",
            "address6": "fd09::1/64",
        }
    }
    links = [{**ends, "b": {"netns": "blue", "name": "b0", "address": "10.9.0.2/24"}}]
    seen = view({"vm1": {**HOST_GW["vm1"], "fabric_links": links}}, "vm1")["direct"]["addresses"]
    assert [(one["prefix"], one["broadcast"]) for one in seen] == [
        ("10.9.0.1/24", "10.9.0.255"),
        ("fd09::1/64", None),
        ("10.9.0.2/24", ""),
    ]
