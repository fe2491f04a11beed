# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines of a node: which addresses each hands out, what of that cannot be, and what the role reads."""

from __future__ import annotations

import copy
import ipaddress
import json

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model, normalised
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.values.addresses import assigned
from ansible_collections.nodenet.fabric.plugins.plugin_utils.values.ranges import HANDING_OUT, ranges_of
from hypothesis import given
from hypothesis import strategies as st
from inventories import SOUND

DUAL = {"fabric_node_subnet6": "fd00:5::/64", "fabric_node_address6": "fd00::5"}


def hosts(common=None, **variables):
    """Return the inventory, with ``common`` for all nodes and ``variables`` for vm5."""
    found = {name: {**values, **(common or {})} for name, values in copy.deepcopy(SOUND).items()}
    found["vm5"].update(variables)
    return found


def seen(common=None, **variables):
    """Return the model of vm5."""
    inventory = hosts(common, **variables)
    assert faults_of(inventory) == []
    return node_model(fabric_model(inventory), "vm5")


def handed_out(**variables):
    """Return engine -> what it hands out on vm5."""
    found = ranges_of(normalised(hosts(**variables)["vm5"]))
    return {engine: [str(one) for one in ranges.values()] for engine, ranges in found.items()}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {}),
        ({"fabric_engines": ["systemd"]}, {}),
        ({"fabric_engines": ["docker"]}, {"docker": ["10.245.0.128/25"]}),
        (
            {"fabric_engines": ["podman", "systemd", "docker"]},
            {"podman": ["10.245.0.128/26"], "docker": ["10.245.0.192/26"]},
        ),
        (
            {"fabric_engines": ["docker", "podman", "cni"]},
            {"docker": ["10.245.0.128/27"], "podman": ["10.245.0.160/27"], "cni": ["10.245.0.192/27"]},
        ),
        (
            {"fabric_engines": ["docker", "cni"], "fabric_engine_range": "10.245.0.64/26"},
            {"docker": ["10.245.0.64/27"], "cni": ["10.245.0.96/27"]},
        ),
        (
            {
                "fabric_engines": ["docker", "cni"],
                "fabric_engine_range": {"docker": "10.245.0.16/28", "cni": "10.245.0.32/30"},
            },
            {"docker": ["10.245.0.16/28"], "cni": ["10.245.0.32/30"]},
        ),
        ({"fabric_engines": ["docker"], **DUAL}, {"docker": ["10.245.0.128/25", "fd00:5:0:0:8000::/96"]}),
        (
            {"fabric_engines": ["docker"], **DUAL, "fabric_engine_range": ["fd00:5::100/120"]},
            {"docker": ["10.245.0.128/25", "fd00:5::100/120"]},
        ),
        (
            {
                "fabric_engines": ["docker"],
                **DUAL,
                "fabric_engine_range": {"docker": ["10.245.0.64/26", "fd00:5::100/120"]},
            },
            {"docker": ["10.245.0.64/26", "fd00:5::100/120"]},
        ),
    ],
)
def test_what_each_engine_hands_out(variables, expected):
    assert handed_out(**variables) == expected


RANGE = {"fabric_engines": ["docker"]}
TWO = {"fabric_engines": ["docker", "podman"]}
FAULTS = [
    ({"fabric_engines": "docker"}, "fabric_engines is 'docker', not a list such as [docker, podman]."),
    ({"fabric_engines": ["dokcer"]}, "fabric_engines[0] is 'dokcer', which is no engine: did you mean docker?"),
    ({"fabric_engines": ["lxd"]}, "fabric_engines[0] is 'lxd', which is no engine; there are docker, podman, cni, systemd."),
    ({"fabric_engines": ["docker", "docker"]}, "fabric_engines has docker twice: name each engine once."),
    ({"fabric_engine_range": 5}, "fabric_engine_range is 5, which is not a prefix"),
    ({"fabric_engine_range": "10.245.0.128"}, "fabric_engine_range is '10.245.0.128', which has no length"),
    ({"fabric_engine_range": []}, "fabric_engine_range is an empty list: omit it, or give a prefix."),
    ({"fabric_engine_range": ["10.0.0.0/8", "10.1.0.0/16"]}, "fabric_engine_range has several prefixes of one family"),
    ({"fabric_engine_range": {"dockr": "10.245.0.128/25"}}, "fabric_engine_range has no engine 'dockr': did you mean docker?"),
    ({"fabric_engine_range": {"systemd": "10.245.0.128/25"}}, "fabric_engine_range has no engine 'systemd': the engines that hand"),
    ({"fabric_engine_range": {"docker": None}}, "fabric_engine_range.docker is ''"),
    (
        {**RANGE, "fabric_engine_range": "10.9.0.0/24"},
        "fabric_engine_range gives docker 10.9.0.0/24, which is not in fabric_node_subnet 10.245.0.0/24: choose a part of",
    ),
    (
        {**RANGE, "fabric_engine_range": "10.245.0.0/24"},
        "fabric_engine_range gives docker 10.245.0.0/24, which contains 10.245.0.1, the address of the bridge"
        " (fabric_bridge_address), 10.245.0.2, the address of endpoint ns5: choose another part of the subnet.",
    ),
    (
        {**RANGE, "fabric_endpoints": [{"name": "ns5", "address": "10.245.0.200"}]},
        "fabric_engine_range (by default) gives docker 10.245.0.128/25, which contains"
        " 10.245.0.200, the address of endpoint ns5: choose another part of the subnet.",
    ),
    (
        {**RANGE, "fabric_bridge_address": "10.245.0.254"},
        "fabric_engine_range (by default) gives docker 10.245.0.128/25, which contains"
        " 10.245.0.254, the address of the bridge",
    ),
    (
        {**TWO, "fabric_engine_range": {"docker": "10.245.0.128/25", "podman": "10.245.0.192/26"}},
        "fabric_engine_range gives podman 10.245.0.192/26, and docker 10.245.0.128/25: two engines cannot hand out one address.",
    ),
    (
        {**TWO, "fabric_engine_range": {"docker": "10.245.0.128/25"}},
        "fabric_engine_range has no range for podman: add one, or give one prefix for all engines.",
    ),
    (
        {**RANGE, "fabric_engine_range": {"docker": "10.245.0.128/25", "cni": "10.245.0.64/26"}},
        "fabric_engine_range has a range for cni, which is not in fabric_engines: remove the range, or add the engine.",
    ),
    (
        {**RANGE, "fabric_engine_range": ["10.245.0.128/25", "fd00:5::8000/113"]},
        "fabric_engine_range has fd00:5::8000/113, and the node has no fabric_node_subnet6: set it, or omit the prefix.",
    ),
    (
        {**RANGE, **DUAL, "fabric_engine_range": ["fd00:5:0:0:8000::/65"]},
        "fabric_engine_range gives docker fd00:5:0:0:8000::/65, with the last address of fabric_node_subnet6 fd00:5::/64, which",
    ),
    (
        {**TWO, "fabric_engine_range": "10.245.0.128/31"},
        "10.245.0.128/31 of fabric_node_subnet 10.245.0.0/24 is too small to be divided among docker, podman: set a larger",
    ),
    (
        {**RANGE, "fabric_engine_range": {"docker": "10.245.0.128/32"}},
        "fabric_engine_range gives docker 10.245.0.128/32, which is a single address: give a larger prefix.",
    ),
    (
        {**RANGE, "fabric_attachment": "routed"},
        "fabric_engines has docker, whose containers are on the node's bridge, and fabric_attachment is routed: set"
        " fabric_attachment to bridge, and attachment: routed for each endpoint.",
    ),
    (
        {**RANGE, "fabric_endpoints": [{"name": "a"}], "fabric_engine_range": ["10.245.0.128/25"], "fabric_node_subnet": "10.245.0.0/30"},
        "fabric_engine_range gives docker 10.245.0.128/25, which is not in fabric_node_subnet 10.245.0.0/30",
    ),
    (
        {"fabric_endpoints": [{"name": "a", "container": "web"}]},
        "fabric_endpoints[0].container is 'web', not a mapping such as {engine: docker, name: web}.",
    ),
    (
        {"fabric_endpoints": [{"name": "a", "container": {"engine": "docker", "name": "-x"}}]},
        "fabric_endpoints[0].container.name is '-x', which is no name of a container",
    ),
    (
        {"fabric_endpoints": [{"name": "a", "container": {"engine": "cni", "name": "x"}}]},
        "fabric_endpoints[0].container.engine is 'cni': it is one of docker, podman, lxc, nspawn.",
    ),
    ({"fabric_endpoints": [{"name": "a", "pid": 1}]}, "fabric_endpoints[0].pid is 1: it is a number from 2 to 4194304."),
    (
        {"fabric_endpoints": [{"name": "a", "service": "web"}]},
        "fabric_endpoints[0].service is 'web', which is not the name of a service such as web.service.",
    ),
    (
        {"fabric_endpoints": [{"name": "a", "service": "../x.service"}]},
        "fabric_endpoints[0].service is '../x.service', which is not the name of a service such as web.service.",
    ),
    (
        {"fabric_endpoints": [{"name": "a", "service": "web.service"}]},
        "fabric_endpoints[0] has service web.service, and fabric_engines has no systemd: add it.",
    ),
    (
        {"fabric_endpoints": [{"name": "a", "pid": 9, "container": {"engine": "docker", "name": "x"}}]},
        "fabric_endpoints[0] has container and pid: an endpoint has one of them.",
    ),
    (
        {"fabric_endpoints": [{"name": name, "container": {"engine": "docker", "name": "x"}} for name in "ab"]},
        "fabric_endpoints[1].container is the container x of docker, which is already endpoint a: it has one place in the fabric.",
    ),
    (
        {"fabric_engines": ["systemd"], "fabric_endpoints": [{"name": name, "service": "web.service"} for name in "ab"]},
        "fabric_endpoints[1].service is web.service, which is already endpoint a: it has one place in the fabric.",
    ),
    (
        {"fabric_endpoints": [{"name": "a", "pid": 77}, {"name": "b", "pid": "77"}]},
        "fabric_endpoints[1].pid is 77, which is already endpoint a: it has one place in the fabric.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "message"), FAULTS)
def test_what_cannot_be_is_told(variables, message):
    found = [fault for fault in faults_of(hosts(**variables)) if fault.startswith(f"vm5: {message}")]
    assert len(found) == 1, faults_of(hosts(**variables))


@pytest.mark.parametrize(
    "variables",
    [
        {"fabric_engines": list(HANDING_OUT)},
        {**RANGE, "fabric_endpoints": []},
        {**RANGE, "fabric_endpoints": [{"name": "a", "attachment": "routed"}, {"name": "b", "attachment": "direct"}]},
        {"fabric_engines": ["systemd"], "fabric_attachment": "routed", "fabric_endpoints": [{"name": "a", "service": "web@1.service"}]},
        {"fabric_endpoints": [{"name": one, "container": {"engine": one, "name": "a"}} for one in ("docker", "podman")]},
        {"fabric_engine_range": "10.9.0.0/24"},  # of a group some of whose nodes have no engines
    ],
)  # fmt: skip
def test_what_is_right_is_no_fault(variables):
    assert seen(**variables)


# --- whatever the ranges are ---


SUBNETS = [
    ("10.245.0.0/24", None),
    ("10.245.0.0/27", None),
    (None, "fd00:5::/64"),
    ("10.245.0.0/26", "fd00:5::/120"),
]


@st.composite
def nodes(draw):
    """A node with engines, some endpoints without an address, and ranges of any size below its subnet."""
    subnet, subnet6 = draw(st.sampled_from(SUBNETS))
    engines = draw(st.lists(st.sampled_from(HANDING_OUT), unique=True, min_size=1))
    ranges = None
    if draw(st.booleans()):
        ranges = []
        for text in filter(None, (subnet, subnet6)):
            network = ipaddress.ip_network(text)
            length = draw(st.integers(network.prefixlen, network.max_prefixlen))
            offset = draw(st.integers(0, network.num_addresses - 1))
            ranges.append(str(ipaddress.ip_network((network[offset], length), strict=False)))
    names = draw(st.lists(st.text("abc01", min_size=1, max_size=5), unique=True, max_size=6))
    return {
        "fabric_node_address": "192.168.32.5",
        "fabric_node_address6": "fd00::5",
        "fabric_node_subnet": subnet,
        "fabric_node_subnet6": subnet6,
        "fabric_engines": engines,
        "fabric_engine_range": ranges,
        "fabric_endpoints": [{"name": name} for name in names],
    }


@given(nodes())
def test_no_address_is_had_by_two(node):
    """Where nothing is wrong, ranges are disjoint parts of the subnet, without the gateway's and any endpoint's address."""
    inventory = json.loads(json.dumps({"vm5": node}))
    if faults_of(inventory):
        return
    model = fabric_model(inventory)
    view, own = node_model(model, "vm5"), model["nodes"]["vm5"]
    parts = [part for engine in HANDING_OUT for network in view["engines"][engine] for part in network["subnets"]]
    assert len(parts) == len(node["fabric_engines"]) * len(view["subnets"])
    ranges = [ipaddress.ip_network(part["range"]) for part in parts]
    addresses = [
        ipaddress.ip_address(one[key])
        for one in own["fabric_endpoints"]
        for key in ("address", "address6")
        if key in one
    ]
    addresses += [ipaddress.ip_address(part["gateway"]) for part in parts]
    for number, one in enumerate(ranges):
        assert one.num_addresses > 1 and one.subnet_of(ipaddress.ip_network(parts[number]["subnet"]))
        assert not any(one.version == other.version and one.overlaps(other) for other in ranges[:number])
        assert not any(address in one for address in addresses)


@given(nodes())
def test_an_endpoint_outside_of_the_ranges_keeps_its_address(node):
    """Engines move only those endpoints whose address they hand out, and those that these displace."""
    if faults_of({"vm5": node}) or faults_of({"vm5": {**node, "fabric_engines": [], "fabric_engine_range": None}}):
        return
    values = normalised(node)
    for subnet, key in (("fabric_node_subnet", "address"), ("fabric_node_subnet6", "address6")):
        if values[subnet]:
            kept = [ranges[key] for ranges in ranges_of(values).values()]
            for endpoint in values["fabric_endpoints"]:
                alone = assigned([endpoint], values[subnet], key)[endpoint["name"]]
                beside = assigned([endpoint], values[subnet], key, None, kept)[endpoint["name"]]
                assert (alone == beside) == (not any(ipaddress.ip_address(alone) in one for one in kept))
