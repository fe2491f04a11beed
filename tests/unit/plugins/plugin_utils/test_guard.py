# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role guard of the examples, from their inventories."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.specs import guard, policy
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model

sys.path.insert(0, str(Path(__file__).parents[3]))
from rendered import arranged, variables_of

# example -> (tunnel ports, protocols, tunnels, direct subnets, bridges) of its first node
EXPECTED = {
    "vxlan": ([8472], [], ["vxlan1"], [], 1),
    "host-gw": ([], [], [], ["172.246.0.0/24", "192.168.32.246"], 1),
    "ipip": ([], [4], 1, [], 1),
    "calico-routed": ([], [], [], None, 0),
}


def guard_of(example, **changed):
    sets = arranged(variables_of(example, fabric_guard=True, **changed))["sets"]
    assert sets[0]["owner"] == "guard"  # before what it guards
    return sets[0]


@pytest.mark.parametrize("example", EXPECTED)
def test_a_guard_knows_endpoints_tunnels_and_peers(example):
    ports, protocols, tunnels, direct, bridges = EXPECTED[example]
    (found,) = guard_of(example)["guard"]
    assert found.get("tunnel_ports", []) == ports
    if example != "calico-routed":
        assert found.get("tunnel_protocols", []) == protocols and (tunnels in (found["tunnels"], len(found["tunnels"])))
        assert found["direct"] == direct
    assert len(found["interfaces"]) == bridges and found["peers"] and found["subnets"]
    assert found["endpoints"] and all(bool(one["bridge"]) is bool(bridges) for one in found["endpoints"])
    assert [one.key.family for one in tables_of(found)] == ["bridge", "inet"]


def test_the_other_ports_of_a_bridge_have_no_address_of_an_endpoint_or_of_the_node():
    (found,) = guard_of("dual-stack")["guard"]
    assert found["bridge"]["addresses"] == ["172.245.0.1", "fd00:245::1", "fe80::1"]
    (frames, packets) = tables_of(found)
    ends = {text for one in found["endpoints"] for text in one["addresses"]}
    taken = {*frames.values["set taken4"], *frames.values["set taken6"]}
    # a router elsewhere may well have the link-local address
    assert ends | {"172.245.0.1", "fd00:245::1"} <= taken and "fe80::1" not in taken
    assert frames.values["set node6"] == ("fe80::1",)
    assert set(frames.values["set taken"]) == {one["mac"] for one in found["endpoints"]}
    for table in (frames, packets):
        others = {*table.values["set others4"], *table.values["set others6"]}
        assert others == {*found["bridge"]["subnets"], "fe80::/10", "::"}
    (found,) = guard_of("calico-routed")["guard"]
    assert not found.get("bridge") and "set taken" not in tables_of(found)[0].values


def allowed(example, *texts, **changed):
    hosts = variables_of(example, fabric_guard=True, **changed)
    endpoint = next(iter(hosts.values()))["fabric_endpoints"][0]
    endpoint["allowed_addresses"] = list(texts)
    return hosts


def test_an_endpoint_may_use_the_addresses_that_are_allowed():
    hosts = allowed("host-gw", "172.245.0.77", "192.0.2.7")
    first, second = (arranged(hosts, name)["sets"][0]["guard"][0] for name in list(hosts)[:2])
    assert first["endpoints"][0]["addresses"][-2:] == ["172.245.0.77", "192.0.2.7"]
    frames, packets = tables_of(first)
    end = first["endpoints"][0]
    assert f"{end['interface']} . {end['mac']} . 192.0.2.7" in frames.values["set ipv4"]
    assert set(packets.values["set others4"]) == {"172.245.0.0/24", "192.0.2.7"}
    # a peer without a tunnel lets it in
    assert {"172.245.0.77", "192.0.2.7"} <= set(second["direct"])
    groups = {"web": [end["interface"].removeprefix("veth-")]}
    (one,) = arranged(allowed("host-gw", "192.0.2.7", fabric_groups=groups))["sets"][0]["policy"]
    assert "192.0.2.7" in one["groups"][0]["addresses"]
    hosts = allowed("host-gw", "192.0.2.7", fabric_groups={**groups, "db": ["ns246"]})
    list(hosts.values())[1]["fabric_endpoints"][0]["allowed_addresses"] = ["192.0.2.7"]
    assert any("192.0.2.7, as web may: an address is in one group" in one for one in faults_of(hosts))
    for text, sentence in (("172.245.0.1", "that is the node's own"), ("x", "allowed_addresses[0]")):
        assert any(sentence in one for one in faults_of(allowed("host-gw", text))), text


def tables_of(found):
    defaults = {name: option.get("default") for name, option in guard.OPTIONS.items()}
    return guard.resources({**defaults, "netns": "", "state": "present", **found})


def test_by_default_tunnels_that_anybody_can_send_to_are_for_nodes_alone_and_nothing_else_is_looked_at():
    for example, packets, count in (
        ("vxlan", {"tunnel_ports": [8472], "tunnel_vnis": [1]}, 3),
        ("cross-subnet", {"tunnel_ports": [8472], "tunnel_vnis": [1]}, 3),
        ("ipip", {"tunnel_protocols": [4]}, 4),
    ):
        (found,) = arranged(variables_of(example))["sets"][0]["guard"]
        assert packets.items() <= found.items() and found["tunnels_only"] and found["interfaces"] and found["peers"]
        (table,) = tables_of(found)
        rules = [line for line in table.values["layout"] if ": " in line]
        assert table.key.family == "inet" and len(rules) == 4 + count
        assert not [line for line in rules if "ct " in line or line.startswith("forward")]


def test_what_the_inventory_does_not_want_guarded_has_no_guard():
    for example, changed in (("vxlan", {"fabric_guard_tunnels": False}), ("host-gw", {}), ("wireguard", {})):
        assert "guard" not in [one["owner"] for one in arranged(variables_of(example, **changed))["sets"]]
    (found,) = guard_of("vxlan", fabric_guard_tunnels=False)["guard"]
    assert "tunnel_ports" not in found and found["endpoints"]


@pytest.mark.parametrize("example, has", [("vxlan", False), ("dual-stack", True)])
def test_targets_of_nd_are_in_a_set_where_an_endpoint_has_ipv6(example, has):
    (found,) = guard_of(example)["guard"]
    layout = tables_of(found)[0].values["layout"]
    assert any("nd" in line.split() or "@nd" in line for line in layout) is has and "endpoint: drop" in layout
    hosts = variables_of(example, fabric_guard=True)
    assert ("nd_target" in node_model(fabric_model(hosts), next(iter(hosts)))["features"]) is has


def test_what_the_kernel_must_have_follows_from_what_is_guarded():
    for example, changed, features in (
        ("vxlan", {}, {"inet_filter"}),
        ("vxlan", {"fabric_guard_tunnels": False}, set()),
        ("vxlan", {"fabric_guard": True}, {"bridge_filter"}),
        ("host-gw", {}, set()),
    ):
        hosts = variables_of(example, **changed)
        found = set(node_model(fabric_model(hosts), next(iter(hosts)))["features"])
        assert found & {"inet_filter", "bridge_filter"} == features


def test_groups_and_policy_reach_every_node():
    variables = {
        "fabric_groups": {"web": ["ns245"], "db": ["ns246"]},
        "fabric_policy": [{"from": "web", "to": "db", "protocol": "tcp", "port": 5432}],
    }
    hosts = variables_of("vxlan", **variables)
    found = [arranged(hosts, name)["sets"][0] for name in hosts]
    assert found[0]["policy"] == found[1]["policy"] and found[0]["guard"][0]["tunnels_only"]
    (one,) = found[0]["policy"]
    tables = policy.resources(
        {
            **one,
            "rules": [{"port": None, "protocol": None, **rule} for rule in one["rules"]],
            "netns": "",
            "state": "present",
        }
    )
    assert [table.key.family for table in tables] == ["inet", "bridge"]
    (address,) = one["groups"][1]["addresses"]
    assert f"{address} . tcp . 5432" in tables[0].values["set to_web4"]


FAULTS = {
    "fabric_groups": (
        ({"web": ["ns245"], "db": ["ns245"]}, "fabric_groups.db has ns245, which is in web, too"),
        ({"web": ["nobody"]}, "fabric_groups.web has nobody, and no node has such an endpoint"),
        ({"Web!": []}, "fabric_groups has a group"),
        ([], "fabric_groups is"),
    ),
    "fabric_policy": (
        ([{"from": "web", "to": "web"}], "fabric_policy[0].from is web, which is no group"),
        ([{"from": "web"}], "fabric_policy[0] has no to"),
        ([{"from": "a", "to": "b", "port": 80}], "its protocol must be tcp or udp"),
        ([{"from": "a", "to": "b", "protocol": "tcp", "port": "x"}], "neither a port nor a range"),
    ),
    "fabric_expose": ((["10.0.0.1/8"], "fabric_expose[0]"),),
}


@pytest.mark.parametrize("variable", FAULTS)
def test_what_cannot_be_is_said(variable):
    for value, sentence in FAULTS[variable]:
        found = faults_of(variables_of("vxlan", **{variable: value}))
        assert any(sentence in one for one in found), (value, found)
