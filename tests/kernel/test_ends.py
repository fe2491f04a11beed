# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of veths' ends: given by the inventory, and changed while endpoints live."""

from __future__ import annotations

import itertools

from ansible_collections.nodenet.fabric.plugins.module_utils.parts.everything import PARTS, arrange
from rendered import arranged

ATTACHED = {"a": "bridge", "b": "routed", "c": "direct"}
NAMES = {"a": ("veth-a-br", "veth-a"), "b": ("vd3-peer", "vd3"), "c": ("veth245", "net0")}


def site(named):
    """Arrange a node with an endpoint of each attachment, their ends called as ``named`` says or by default."""
    endpoints = [
        {"name": name, "attachment": attachment, **dict(zip(("host_interface", "interface"), named.get(name, ())))}
        for name, attachment in ATTACHED.items()
    ]
    host = {
        "fabric_node_address": "192.0.2.1",
        "fabric_node_subnet": "10.2.0.0/24",
        "fabric_endpoints": endpoints,
        "fabric_publish": [{"port": 80, "endpoint": "a"}],
    }
    common = {"owner": None, "purge": False, "adopt": False, "promised": [], "keep_addresses": []}
    sets = [{**dict.fromkeys(PARTS), "keep_addresses": [], **one} for one in arranged({"vm1": host})["sets"]]
    return arrange({**dict.fromkeys(PARTS), **common, **arranged({"vm1": host}), "sets": sets}, False)


def addresses(node):
    return {
        name: [one["local"] for one in node.json(f"ip -n {name} -j -4 address show up")[-1]["addr_info"]][0]
        for name in ATTACHED
    }


def answers(node):
    known = addresses(node)
    return [node.ping(one, known[other]) for one, other in itertools.permutations(ATTACHED, 2)]


def links(node, netns=""):
    inside = f"-n {netns} " if netns else ""
    return {one["ifname"] for one in node.json(f"ip {inside}-j link show type veth")}


def test_ends_have_the_names_that_the_inventory_gives(node):
    site(NAMES)
    assert links(node) == {outer for outer, _inner in NAMES.values()}
    assert [links(node, name) for name in NAMES] == [{inner} for _outer, inner in NAMES.values()]
    assert answers(node) == [63] * 6
    assert site(NAMES)["changed"] is False
    node.sh("ip link set veth245 down")
    assert answers(node) != [63] * 6
