# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Living endpoints change between bridge and routed: in phases nothing is lost, all at once something is."""

from __future__ import annotations

import json

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import PHASES
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import arrange
from loss import End, Traffic
from rendered import arranged

NODE, FAR = ("192.0.2.1", "fd92::1"), ("192.0.2.2", "fd92::2")
ENDPOINTS = {"a": ("10.2.0.2", "fd02::2"), "b": ("10.2.0.3", "fd02::3"), "c": ("10.2.0.4", "fd02::4")}
BRIDGE, ROUTED = dict.fromkeys(ENDPOINTS, "bridge"), dict.fromkeys(ENDPOINTS, "routed")
MIXED = {**BRIDGE, "a": "routed"}


def site(attached, phase=None):
    """Do one phase of what attaches the endpoints as ``attached`` says; without one, all at once."""
    endpoints = [
        {"name": name, "attachment": attached[name], "address": address, "address6": address6}
        for name, (address, address6) in ENDPOINTS.items()
    ]
    host = {
        "fabric_node_address": NODE[0],
        "fabric_node_address6": NODE[1],
        "fabric_node_subnet": "10.2.0.0/24",
        "fabric_node_subnet6": "fd02::/64",
        "fabric_endpoints": endpoints,
        "fabric_masquerade": False,
    }
    declared = arranged({"vm1": host})
    sets = [{**dict.fromkeys(SPECS), "keep_addresses": [], **one} for one in declared["sets"]]
    common = {"owner": None, "purge": False, "adopt": False, "promised": [], "keep_addresses": [], "phase": phase}
    return arrange({**dict.fromkeys(SPECS), **common, **declared, "sets": sets}, False)


def in_phases(attached):
    for phase in PHASES:
        site(attached, phase)


@pytest.fixture
def far(node):
    """A node with endpoints on a bridge, and a machine elsewhere."""
    node.sh("ip netns add far && ip link add up0 type veth peer name eth0 netns far && ip -n far link set lo up")
    node.sh("ip link set up0 up && ip -n far link set eth0 up")
    for version, prefix in enumerate((24, 64)):
        nodad = " nodad" * version
        node.sh(f"ip address add {NODE[version]}/{prefix} dev up0{nodad}")
        node.sh(f"ip -n far address add {FAR[version]}/{prefix} dev eth0{nodad}")
        node.sh(f"ip -n far -{6 if version else 4} route add default via {NODE[version]}")
    site(BRIDGE)
    return node


def traffic(**options):
    """Packets between endpoints, to the node, and to the machine elsewhere, by IPv4 and by IPv6."""
    known = {**ENDPOINTS, "far": FAR, "": NODE}
    ends = {
        (name, version): End(f"{name or 'node'}, {version}", name and f"/run/netns/{name}", (addresses[version],))
        for name, addresses in known.items()
        for version in (0, 1)
    }
    pairs = [("a", "b"), ("b", "c"), ("a", "far"), ("b", "")]
    return Traffic(
        [(ends[one, version], ends[other, version]) for one, other in pairs for version in (0, 1)], **options
    )


@pytest.mark.parametrize("strict", (0, 1))
def test_in_phases_nothing_is_lost(far, strict):
    far.sh(f"sysctl -qw net.ipv4.conf.all.rp_filter={strict}")
    with traffic() as sent:
        for attached in (MIXED, ROUTED, MIXED, BRIDGE, ROUTED, BRIDGE):
            in_phases(attached)
        result = sent.stop()
    # (a busy machine makes TCP send again what has arrived)
    assert not result.lost and not result.broken, result.text()
    assert min(flow.sent for flow in result.flows) > 300  # on a busy machine, too
    assert site(BRIDGE)["changed"] is False


def test_all_at_once_something_is(far):
    with traffic(tcp=False) as sent:
        site(ROUTED)
        result = sent.stop()
    assert all(flow.lost for flow in result.flows if "a, 0" in (flow.source, flow.target)), result.text()


@pytest.mark.parametrize("attached", (ROUTED, MIXED))
def test_of_what_is_needed_half_way_nothing_is_left(far, attached):
    before = far.snapshot()
    for phase in PHASES[:2]:
        site(attached, phase)
    half_way = json.dumps(far.snapshot())
    assert "10.2.0.128/25" in half_way and "10.2.0.128/25" not in json.dumps(before)
    site(attached, PHASES[2])
    there = far.snapshot()
    for phase in PHASES:
        site(BRIDGE, phase)
    assert far.snapshot() == before
    site(attached)
    assert far.snapshot() == there


def test_what_holds_after_a_run_was_killed_is_let_go_by_the_next(far):
    for phase in PHASES[:2]:
        site(ROUTED, phase)
    for gateway in ("10.2.0.1", "169.254.1.1", "fe80::1"):  # as left between two requests of kernel/handover.py
        far.sh(f"ip -n a neighbor replace {gateway} dev eth0 nud incomplete")
    assert far.ping("a", FAR[0]) is None and far.ping("a", FAR[1]) is None
    site(ROUTED, PHASES[2])
    assert far.ping("a", FAR[0]) == 63 and far.ping("a", FAR[1]) == 63
