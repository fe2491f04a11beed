# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another subnet of a node: nothing between old and new prefixes of the fabric is masqueraded half-way."""

from __future__ import annotations

from functools import partial

from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import CONTRACT
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.phases import after, phases_of
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.plan import make_plan
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds import nat
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.transition import Transition
from declared import declared

KINDS = by_name()
SUBNETS = {"n1": "10.1.0.0/24", "n2": "10.2.0.0/24"}


def inventory(**subnets):
    common = {"fabric_backend": "host_gw", "fabric_attachment": "bridge"}
    return {
        name: {
            **common,
            "fabric_node_address": f"192.0.2.{number}",
            "fabric_node_subnet": subnet,
            "fabric_endpoints": [{"name": f"e{number}", "address": subnet.replace("0/24", "9")}],
        }
        for number, (name, subnet) in enumerate({**SUBNETS, **subnets}.items(), 1)
    }


def alone(state):
    """Return source -> the prefixes of the fabric to which its packets keep it."""
    rules = [one for one in state.values() if one.kind == "nat"]
    return {one.key.name: set(nat.kept(one.values["postrouting"])) - {"224.0.0.0/4"} for one in rules}


def test_the_nodes_leave_both_old_and_new_prefixes_alone_until_contract():
    for name in SUBNETS:
        (before, _purge), (desired, purge) = declared(inventory(), name), declared(inventory(n2="10.3.0.0/24"), name)
        planner = partial(make_plan, KINDS, adopt=False, yields=None)
        state = after({}, make_plan(KINDS, {}, before))
        assert set().union(*alone(state).values()) == {"10.1.0.0/24", "10.2.0.0/24"}
        for phase in phases_of(KINDS, state, desired, planner, purge, Transition()):
            state = after(state, phase.plan)
            expected = {"10.1.0.0/24", "10.3.0.0/24"} | ({"10.2.0.0/24"} if phase.name != CONTRACT else set())
            sources = {"10.1.0.0/24"} if name == "n1" else expected - {"10.1.0.0/24"}
            assert alone(state) == dict.fromkeys(sources, expected), (name, phase.name)
