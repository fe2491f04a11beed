# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state that the inventory alone declares."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.fields import link_local
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import (
    KINDS,
    OTHERS,
    declared_state,
    declared_states,
)
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.state import node_state

ROOT = Path(__file__).parents[5]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/hosts.yml"))


def model_of(example):
    group = yaml.safe_load((ROOT / "examples" / example / "hosts.yml").read_text(encoding="utf-8"))["fabric"]
    return fabric_model({name: {**group.get("vars", {}), **own} for name, own in group["hosts"].items()})


def fabric(backend="host_gw", **changed):
    nodes = {
        f"n{number}": {
            "fabric_backend": backend,
            "fabric_node_address": f"192.0.2.{number}",
            "fabric_node_subnet": f"10.{number}.0.0/24",
            "fabric_endpoints": [{"name": "a", "address": f"10.{number}.0.2"}],
            **changed,
        }
        for number in (1, 2)
    }
    return fabric_model(nodes)


def test_each_kind_is_in_the_state_or_says_nothing_of_packets():
    assert set(by_name()) == {*KINDS, *OTHERS, "netns"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_kernel_takes_all_that_an_example_declares(example):
    states = declared_states(model_of(example.name))
    assert [state["refused"] for state in states.values()] == [[]] * len(states)
    for name, state in states.items():
        read = node_state(state)
        assert read.node == name and len(read.namespaces) > 1
        for netns in read.namespaces.values():
            devices = {link.name for link in netns.links}
            parts = (netns.addresses, netns.neighbors, netns.proxies, netns.fdb)
            assert {entry.dev for part in parts for entry in part} <= devices
            assert {route.dev for route in netns.routes} <= {*devices, None}


def test_an_address_brings_its_route_and_a_gateway_its_interface():
    own = declared_state(fabric(), "n1")["namespaces"][""]
    ways = {route["prefix"]: (route.get("via"), route.get("dev")) for route in own["routes"]}
    assert ways["10.1.0.0/24"] == (None, "fabric0")
    assert ways["10.2.0.0/24"] == ("192.0.2.2", "underlay0")
    assert ways["0.0.0.0/0"] == ("192.0.2.254", "underlay0")


def test_what_no_variable_says_is_assumed_and_marked():
    own = declared_state(fabric("vxlan", fabric_vxlan_dev="ens3"), "n1")["namespaces"][""]
    marked = [
        (part, one.get("name") or one.get("address") or one["prefix"])
        for part in own
        for one in own[part]
        if part not in ("sysctls", "nftables", "unknown") and one.get("assumed")
    ]
    assert marked == [
        ("links", "ens3"),
        ("addresses", "192.0.2.1/24"),
        ("routes", "192.0.2.0/24"),
        ("routes", "0.0.0.0/0"),
    ]


def test_a_gateway_on_no_link_is_refused_as_the_kernel_does():
    model = fabric(fabric_underlay=["192.0.2.1/32", "192.0.2.2/32"])
    refused = declared_state(model, "n1")["refused"]
    assert [(entry["text"], entry["why"]) for entry in refused] == [
        ("10.2.0.0/24 via 192.0.2.2", "the gateway 192.0.2.2 is on no link")
    ]


def test_ipv6_derives_a_link_local_address_from_the_mac_address():
    assert link_local("02:00:5e:10:00:01") == "fe80::5eff:fe10:1"
    model = fabric(fabric_node_subnet6="fd00:1::/64", fabric_node_address6="2001:db8::1")
    inside = declared_state(model, "n1")["namespaces"]["a"]
    assert any(one["address"].startswith("fe80::") and one["dev"] == "eth0" for one in inside["addresses"])
