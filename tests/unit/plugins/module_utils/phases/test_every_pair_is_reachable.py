# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proof over the plan: in whatever phase each node is, between two barriers, every pair is reachable.

The plans are those of the roles for two nodes with two endpoints each; the packets are walked over plain resources.
"""

from __future__ import annotations

import itertools
from functools import lru_cache, partial

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine import phases
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import PHASES
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.phases import after, phases_of
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.plan import make_plan
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.step import Plan
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.route import KernelRouteKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.sysctl import SysctlKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.ties import LinkKey
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.transition import Transition
from declared import declared
from walk import UPLINK, Fabric, Lost

KINDS = by_name()
ADDRESSES = {"n1": "192.0.2.1", "n2": "192.0.2.2"}
BACKENDS = ("host_gw", "vxlan", "ipip")


def inventory(attachment="bridge", backend="host_gw", second_octet=244, **changed):
    return {
        name: {
            "fabric_node_address": address,
            "fabric_node_subnet": f"10.{second_octet}.{number}.0/24",
            "fabric_endpoints": [
                {"name": f"{name}-{end}", "address": f"10.{second_octet}.{number}.{last}"}
                for end, last in (("a", 2), ("b", 3))
            ],
            "fabric_attachment": attachment,
            "fabric_backend": backend,
            **changed,
        }
        for number, (name, address) in enumerate(ADDRESSES.items(), 1)
    }


def mixed():
    """Return the inventory in which one endpoint of each node is routed."""
    hosts = inventory("bridge")
    for values in hosts.values():
        values["fabric_endpoints"][0]["attachment"] = "routed"
    return hosts


def bare(strict):
    """Return what a node has before there is a fabric."""
    found = [
        Resource("link", LinkKey("", "lo"), {"type": "device", "up": True, "alias": "", "master": ""}),
        Resource("link", LinkKey("", UPLINK), {"type": "device", "mtu": 1500, "up": True, "alias": "", "master": ""}),
        Resource("sysctl", SysctlKey("", "net.ipv4.conf.all.rp_filter"), {"value": "1" if strict else "0"}),
        Resource("sysctl", SysctlKey("", f"net.ipv4.conf.{UPLINK}.rp_filter"), {"value": "0"}),
        Resource(
            "route",
            KernelRouteKey("", 254, "192.0.2.0/24", 0, UPLINK),
            {"type": "unicast", "via": None, "dev": UPLINK, "protocol": 2, "scope": "link"},
        ),
    ]
    return {one.ref: one for one in found}


@lru_cache
def states_of(change, name, strict):
    """Return the states of a node: as it was, after each phase."""
    (before, _purge), (desired, purge) = (declared(hosts, name) for hosts in ALL[change])
    state = bare(strict)
    state = after(state, make_plan(KINDS, state, before, adopt=True))
    planner = partial(make_plan, KINDS, adopt=False, yields=None)
    found = [state]
    for phase in phases_of(KINDS, state, desired, planner, purge, Transition()):
        state = after(state, phase.plan)
        found.append(state)
    assert not planner(state, desired, purge=purge)
    return found


def pairs(hosts):
    ends = [(name, one["name"], one["address"]) for name, values in hosts.items() for one in values["fabric_endpoints"]]
    return list(itertools.permutations(ends, 2))


def silent(states, hosts, strict=False):
    """Return the pairs of ``hosts`` that do not reach each other, with the reason."""
    fabric, found = Fabric(states, ADDRESSES, strict), []
    for (node, netns, source), (_node, _netns, target) in pairs(hosts):
        try:
            fabric.walk(node, netns, source, target)
        except Lost as reason:
            found.append(f"{source} -> {target}: {reason}")
    return found


CHANGES = {
    **{
        f"{one} to {other}": (inventory(backend=one), inventory(backend=other))
        for one, other in itertools.permutations(BACKENDS, 2)
    },
    **{
        f"another subnet, {attachment} and {backend}": (
            inventory(attachment, backend),
            inventory(attachment, backend, second_octet=250),
        )
        for attachment, backend in (("bridge", "host_gw"), ("routed", "vxlan"))
    },
    "another port": (inventory(backend="vxlan"), inventory(backend="vxlan", fabric_vxlan_port=4789)),
    "another VNI": (inventory(backend="vxlan"), inventory(backend="vxlan", fabric_vxlan_vni=7)),
}
# these are a matter of each node alone
OF_A_NODE = {
    "bridge to routed": (inventory("bridge"), inventory("routed")),
    "routed to bridge": (inventory("routed"), inventory("bridge")),
    "one leaves the bridge": (inventory("bridge"), mixed()),
    "one joins the bridge": (mixed(), inventory("bridge")),
    "the last leaves the bridge": (mixed(), inventory("routed")),
    "the first joins a bridge": (inventory("routed"), mixed()),
}
ALL = {**CHANGES, **OF_A_NODE}


@pytest.mark.parametrize("strict", (False, True), ids=("loose", "strict"))
@pytest.mark.parametrize("change", ALL)
def test_all_pairs_reach_each_other_in_every_phase(change, strict):
    old, new = ALL[change]
    states = {name: states_of(change, name, strict) for name in ADDRESSES}
    for one, other in itertools.product(range(len(PHASES) + 1), repeat=2):
        if abs(one - other) <= 1:  # the barrier
            now = {"n1": states["n1"][one], "n2": states["n2"][other]}
            assert silent(now, old if max(one, other) < len(PHASES) else new, strict) == [], (one, other)


@pytest.mark.parametrize("change", CHANGES)
def test_without_the_barrier_some_do_not(change):
    old, new = CHANGES[change]
    states = {name: states_of(change, name, True) for name in ADDRESSES}
    assert silent({"n1": states["n1"][0], "n2": states["n2"][-1]}, old, strict=True)


def within_switch(change, recipes):
    """Yield the states of the first node from one level of the steps of switch to the next."""
    (before, _purge), (desired, purge) = (declared(hosts, "n1") for hosts in ALL[change])
    state = after(bare(False), make_plan(KINDS, bare(False), before, adopt=True))
    planner = partial(make_plan, KINDS, adopt=False, yields=None)
    expand, switch, _contract = phases_of(KINDS, state, desired, planner, purge, recipes())
    state = after(state, expand.plan)
    for level in switch.plan.levels:
        for step in level:
            state = after(state, Plan([[step]]))
            yield state


def silent_within_switch(change, recipes):
    hosts, other = ALL[change][0], states_of(change, "n2", False)[0]
    return [silent({"n1": state, "n2": other}, hosts) for state in within_switch(change, recipes)]


@pytest.mark.parametrize("change", OF_A_NODE)
def test_a_node_may_be_anywhere_within_switch(change):
    assert not any(silent_within_switch(change, Transition))


@pytest.mark.parametrize("change", ("bridge to routed", "routed to bridge", "one joins the bridge"))
def test_without_what_is_needed_half_way_it_may_not(change):
    assert any(silent_within_switch(change, phases.Transition))
