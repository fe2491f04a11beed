# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of guard and policy in a change of three phases: in each, what is legitimate before and what is after passes."""

from __future__ import annotations

from functools import partial

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.phases import after, phases_of
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.plan import make_plan
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Desired
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds import nft_text
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.specs import guard, policy

KINDS = by_name()
GUARD = {"name": "guard", "peers": ["192.0.2.1", "192.0.2.2"], "tunnels": ["wgfab1"], "subnets": ["10.1.0.0/24"]}
POLICY = {
    "name": "policy",
    "groups": [{"name": "web", "addresses": ["10.1.0.2"]}, {"name": "db", "addresses": ["10.1.0.3"]}],
    "rules": [{"from": "web", "to": "db", "protocol": None, "port": None}],
    "bridge": False,
}


def table(spec, options, family="inet"):
    defaults = {name: option.get("default") for name, option in spec.OPTIONS.items()}
    found = spec.resources({**defaults, "netns": "", "state": "present", **options})
    return next(one for one in found if one.key.family == family).owned("guard")


def states(before, wanted):
    """Return what a table is after each phase; what is planned is what the kernel is asked to do."""
    planner = partial(make_plan, KINDS, adopt=False, yields=None)
    observed, found = {before.ref: before}, []
    for phase in phases_of(KINDS, observed, [Desired(wanted)], planner, lambda _found: True):
        for step in phase.plan.steps:
            assert KINDS["nft_table"].commands(step)
        observed = after(observed, phase.plan)
        found.append(observed[before.ref].values)
    assert wanted.values.items() <= found[-1].items()
    return found


@pytest.mark.parametrize(
    "changed, field, halfway",
    [
        ({"tunnels": ["wgfab2"]}, "set tunnels", ("wgfab1", "wgfab2")),
        ({"peers": ["192.0.2.1", "192.0.2.9"]}, "set peers4", ("192.0.2.1", "192.0.2.2", "192.0.2.9")),
        ({"tunnels": ["wgfab1", "wgfab2"]}, "set tunnels", ("wgfab1", "wgfab2")),
        ({"tunnels": []}, "set tunnels", ("wgfab1",)),
        ({"subnets": ["10.9.0.0/24"]}, "set subnets4", ("10.1.0.0/24", "10.9.0.0/24")),
    ],
)
def test_a_set_that_lets_pass_has_what_was_and_what_will_be(changed, field, halfway):
    found = states(table(guard, GUARD), table(guard, {**GUARD, **changed}))
    assert found[0][field] == found[1][field] == halfway


@pytest.mark.parametrize("subnet", ["10.0.0.0/8", "10.1.0.0/25", "10.1.1.0/24"])
def test_intervals_that_cannot_be_there_at_once_are_exchanged_in_switch(subnet):
    found = states(table(guard, GUARD), table(guard, {**GUARD, "subnets": [subnet]}))
    assert [state["set subnets4"] for state in found[:2]] == [("10.1.0.0/24",), (subnet,)]


@pytest.mark.parametrize(
    "one, other, meet",
    [
        ("10.1.0.2 . tcp . 80", "10.1.0.2 . tcp . 81", False),
        ("10.1.0.2 . tcp . 80-90", "10.1.0.2 . tcp . 85", True),
        ("10.1.0.2 . tcp . 80", "10.1.0.2 . udp . 80", False),
        ("10.1.0.2 . tcp . 80", "10.1.0.2 . 0-255 . 0-65535", True),
        ("10.1.0.2 . ipv6-icmp . 0-65535", "10.1.0.3 . ipv6-icmp . 0-65535", False),
        ("fd01::/64", "fd01:0:0:1::/64", True),
        ("fd01::/64", "fd01:0:0:2::/64", False),
        ("192.0.2.1", "192.0.2.0/24", True),
    ],
)
def test_intervals_meet_in_each_part_and_single_ones_as_neighbors(one, other, meet):
    assert {nft_text.touch(*pair) for pair in ((one, other), (other, one))} == {meet}


@pytest.mark.parametrize(
    "addresses, halfway",
    [(["10.1.0.9"], ()), (["10.1.0.2", "10.1.0.9"], ("10.1.0.2",)), ([], ())],
)
def test_a_set_that_drops_has_what_was_and_will_be(addresses, halfway):
    changed = {**POLICY, "groups": [{"name": "web", "addresses": addresses}, POLICY["groups"][1]]}
    found = states(table(policy, POLICY), table(policy, changed))
    assert [state["set grouped4"] for state in found[:2]] == [(*halfway, "10.1.0.3")] * 2


def test_nobody_is_sent_to_a_chain_that_is_not_there_and_no_set_is_filled_before_it_is_made():
    more = {**POLICY, "groups": [*POLICY["groups"], {"name": "log", "addresses": ["10.1.0.4"]}]}
    few, many = table(policy, POLICY), table(policy, more)
    for found, here in ((states(few, many), False), (states(many, few), True)):
        for state in found:
            chains = {line.split()[1] for line in state["layout"] if line.startswith("chain")}
            assert {one.rpartition(" ")[2] for one in state["set groups4"]} <= chains
        assert ("10.1.0.4 : goto from_log" in found[0]["set groups4"]) is False
        assert ("chain from_log" in found[0]["layout"]) is here


def test_what_was_open_to_all_is_closed_with_the_sets_that_it_needs():
    opened = {**GUARD, "expose": ["0.0.0.0/0", "::/0"]}
    found = states(table(guard, opened), table(guard, GUARD))
    assert "set subnets4" not in found[0] and found[1]["set subnets4"] == ("10.1.0.0/24",)
