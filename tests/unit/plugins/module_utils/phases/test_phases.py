# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a plan is split: on any states of toy kinds, and on single objects of the real ones."""

from __future__ import annotations

from functools import partial

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import CONTRACT, EXPAND, PHASES, SWITCH
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.phases import after, phases_of
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.plan import make_plan
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Desired, Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.route import RouteKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.ties import LinkKey

KINDS = by_name()


def split(observed, desired, **options):
    planner = partial(make_plan, KINDS, adopt=False, yields=None)
    return phases_of(KINDS, observed, [Desired(one) for one in desired], planner, lambda _found: True, **options)


def link(name, owner="a", **values):
    return Resource("link", LinkKey("", name), {"type": "vxlan", "mtu": 1450, "vni": 1, **values}, owner)


def route(prefix, owner="a", **values):
    usual = {"type": "unicast", "via": None, "dev": "up", "onlink": False, "mtu": None}
    return Resource("route", RouteKey("", 254, prefix, 0), {**usual, **values}, owner)


def there(*resources):
    return {one.ref: one for one in resources}


UP = link("up", owner=None, type="device")


def steps_in(phases):
    return {phase.name: [(step.action, *step.resource.key[-2:]) for step in phase.plan.steps] for phase in phases}


def test_what_is_only_made_comes_at_once():
    phases = split(there(UP), [link("new"), route("10.9.0.0/24", dev="new")])
    assert [len(phase.plan.steps) for phase in phases] == [2, 0, 0]


def test_nothing_to_do_is_nothing_in_each_phase():
    state = there(UP, link("new"))
    assert not any(phase.plan for phase in split(state, [link("new")]))


def test_a_route_moves_between_what_comes_and_what_goes():
    state = there(UP, link("old"), route("10.9.0.0/24", dev="old"))
    phases = split(state, [link("new"), route("10.9.0.0/24", dev="new")])
    assert steps_in(phases) == {
        EXPAND: [("create", "", "new")],
        SWITCH: [("change", "10.9.0.0/24", 0)],
        CONTRACT: [("delete", "", "old")],
    }


@pytest.mark.parametrize(("covered", "phase"), (("10.0.0.0/8", SWITCH), ("0.0.0.0/0", EXPAND)))
def test_a_route_that_takes_packets_from_another_comes_in_switch(covered, phase):
    state = there(UP, route(covered, owner=None))
    found = steps_in(split(state, [route("10.9.0.0/24")]))
    assert found.pop(phase) == [("create", "10.9.0.0/24", 0)]
    assert not any(found.values())


@pytest.mark.parametrize(("old", "new"), ((1500, 1450), (1450, 1500)))
def test_an_mtu_changes_in_switch(old, new):
    found = steps_in(split(there(UP, link("one", mtu=old)), [link("one", mtu=new)]))
    assert found.pop(SWITCH) == [("change", "", "one")]
    assert not any(found.values())


def test_what_cannot_be_changed_is_made_anew_at_the_end_with_all_that_stands_on_it():
    state = there(UP, link("one"), route("10.9.0.0/24", dev="one"))
    phases = split(
        state, [link("one", vni=2), route("10.9.0.0/24", dev="one", mtu=1400), route("10.8.0.0/24", dev="one")]
    )
    found = steps_in(phases)
    assert not found[EXPAND]
    assert not found[SWITCH]
    assert ("delete", "", "one") in found[CONTRACT]
    assert ("create", "10.8.0.0/24", 0) in found[CONTRACT]


def test_a_phase_that_was_missed_is_made_up_for():
    state = there(UP, link("old"), route("10.9.0.0/24", dev="old"))
    phases = split(state, [link("new"), route("10.9.0.0/24", dev="new")], start=SWITCH)
    assert [phase.name for phase in phases] == [SWITCH, CONTRACT]
    assert steps_in(phases)[SWITCH] == [("create", "", "new"), ("change", "10.9.0.0/24", 0)]


def test_whatever_the_phases_do_the_end_is_what_one_plan_does():
    state = there(UP, link("old"), link("one", mtu=1500), route("10.9.0.0/24", dev="old"), route("10.7.0.0/24"))
    desired = [link("new"), link("one", vni=2), route("10.9.0.0/24", dev="new"), route("10.8.0.0/24", dev="one")]
    for start in PHASES:
        now = state
        for phase in split(state, desired, start=start):
            assert phase.name == CONTRACT or not any(step.after is None for step in phase.plan.steps)
            now = after(now, phase.plan)
        assert not any(phase.plan for phase in split(now, desired))
