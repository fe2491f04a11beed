# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small fabrics for the tests of the proof: of some shape, or at random."""

from __future__ import annotations

from ansible_collections.nodenet.fabric.plugins.module_utils.engine.phases import after
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.plan import make_plan
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Desired, Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.address import AddressKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.route import KernelRouteKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.sysctl import SysctlKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.ties import LinkKey
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import described
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.role_sets import role_sets
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.proof.changes import IN_PLAY

# faults that the validation names first, and the proof must find by itself
ALSO_PROVEN = ("which are not in one prefix", "which is not on the link")


def model_of(hosts):
    """Return the model of an inventory that is sound but for what the proof finds, too."""
    faults = [fault for fault in faults_of(hosts) if not any(words in fault for words in ALSO_PROVEN)]
    assert not faults, faults
    return fabric_model(hosts)


def nodes(count=2, backend="host_gw", **changed):
    """Return an inventory of so many nodes with two endpoints each."""
    return {
        f"n{number}": {
            "fabric_backend": backend,
            "fabric_node_address": f"192.0.2.{number}",
            "fabric_node_subnet": f"10.{number}.0.0/24",
            "fabric_endpoints": [{"name": f"a{number}"}, {"name": f"b{number}"}],
            **changed,
        }
        for number in range(1, count + 1)
    }


def at_random(random):
    """Return an inventory of up to four nodes: backends, attachments, MTUs, families, segments, ports and links as they come."""
    backend = random.choice(["host_gw", "vxlan", "ipip", "vxlan"])
    two = backend != "host_gw" and random.random() < 0.5
    dual = backend != "ipip" and random.random() < 0.4
    underlay = ["192.0.2.0/24", *["198.51.100.0/24"] * two, *["2001:db8::/64"] * dual]
    common = {"fabric_backend": backend, "fabric_underlay": underlay}
    if backend != "host_gw" and random.random() < 0.5:
        common["fabric_cross_subnet"] = True
    if backend == "ipip" and random.random() < 0.3:
        common["fabric_ipip_pairs"] = True
    if random.random() < 0.5:
        common["fabric_outside"] = [{"name": "out", "address": random.choice(["203.0.113.9", "192.0.2.250"])}]
    return {f"n{number}": {**common, **_node(random, number, two, dual)} for number in range(1, random.randint(2, 5))}


def _node(random, number, two, dual):
    net = "198.51.100" if two and random.random() < 0.5 else "192.0.2"
    found = {"fabric_node_address": f"{net}.{number}", "fabric_node_subnet": f"10.{number}.0.0/24"}
    if dual:
        found.update(fabric_node_address6=f"2001:db8::{number}", fabric_node_subnet6=f"fd00:{number}::/64")
    found["fabric_attachment"] = random.choice(["bridge", "bridge", "routed", "direct"])
    if random.random() < 0.3:
        found["fabric_underlay_mtu"] = random.choice([1500, 9000, 1400])
    if random.random() < 0.2:
        found["fabric_mtu"] = random.choice([1300, 1350])
    if random.random() < 0.2:
        found["fabric_masquerade"] = False
    ends = [{"name": f"e{number}x{place}"} for place in range(random.randint(0 if number > 1 else 1, 4))]
    for end in ends:
        if random.random() < 0.3:
            end["attachment"] = random.choice(["bridge", "routed", "direct"])
    found["fabric_endpoints"] = ends
    if ends and random.random() < 0.4:
        found["fabric_publish"] = [_port(random, ends, net)]
    if random.random() < 0.3:
        found["fabric_links"] = _links(random, ends)
    return found


def _port(random, ends, net):
    found = {"port": 8000 + random.randint(0, 3), "endpoint": random.choice(ends)["name"]}
    if random.random() < 0.5:
        found["to_port"] = 80
    if random.random() < 0.3:
        found["protocol"] = "udp"
    if random.random() < 0.2:
        found["address"] = f"{net}.1"  # the node's own, or a peer's: the latter takes the packet
    return found


def _links(random, ends):
    other = random.choice(["blue", ends[0]["name"] if ends else "blue", ""])
    last = random.choice(["172.31.0.2/24", "172.31.0.2/24", "172.31.0.2/32"])  # the other way lacks a route
    return [
        {
            "a": {"netns": "red", "name": "va", "address": "172.31.0.1/24"},
            "b": {**({"netns": other} if other else {}), "name": "vb", "address": last},
        }
    ]


def there(model, name, strict=False):
    """Return the resources of a node of ``model`` after a run of site, with its underlay."""
    values, value = model["nodes"][name], "1" if strict else "0"
    uplink = {
        "type": "device",
        "mtu": 1500,
        "up": True,
        "alias": "",
        "master": "",
        "mac": f"02:00:00:00:01:0{name[-1]}",
    }
    own = [
        Resource("link", LinkKey("", "lo"), {"type": "device", "up": True, "alias": "", "master": "", "mtu": 65536}),
        Resource("link", LinkKey("", "ens3"), uplink),
        Resource(
            "address",
            AddressKey("", "ens3", f"{values['fabric_node_address']}/24"),
            {"scope": "global", "noprefixroute": False, "prefixroute": True},
        ),
        Resource(
            "route",
            KernelRouteKey("", 254, "192.0.2.0/24", 0, "ens3"),
            {"type": "unicast", "via": None, "dev": "ens3", "protocol": 2, "scope": "link"},
        ),
        Resource("sysctl", SysctlKey("", "net.ipv4.conf.all.rp_filter"), {"value": value, "before": value}),
    ]
    bare = {one.ref: one for one in own}
    desired = [Desired(one, True, "") for one in described(role_sets(node_model(model, name)), IN_PLAY)]
    return list(after(bare, make_plan(IN_PLAY, bare, desired, adopt=True)).values())
