# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another MTU: who sends small packets meanwhile, and in which order the links of a node change."""

from __future__ import annotations

from functools import partial

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.apply import Applier
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import CONTRACT, EXPAND, SWITCH
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.phases import phases_of
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.plan import make_plan
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Desired, Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.route import KernelRouteKey, RouteKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.ties import LinkKey
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.transition import OWNER, Transition

KINDS = by_name()
HALVES = ["0.0.0.0/1", "10.1.0.0/25", "10.1.0.128/25", "128.0.0.0/1", "8000::/1", "::/1"]


def links(mtu):
    """Return a bridge and an endpoint on it."""
    common = {"mtu": mtu, "up": True}
    return [
        Resource("link", LinkKey("", "br"), {**common, "type": "bridge"}, "a"),
        Resource(
            "link", LinkKey("", "v"), {**common, "type": "veth", "master": "br", "peer": LinkKey("ns", "eth0")}, "a"
        ),
        Resource("link", LinkKey("ns", "eth0"), {**common, "type": "veth", "peer": LinkKey("", "v")}, "a"),
    ]


def route(prefix, key=RouteKey, **values):
    metric = 1024 if ":" in prefix else 0
    place = ("ns", 254, prefix, metric, *(["eth0"] if key is KernelRouteKey else []))
    usual = {"type": "unicast", "via": None, "dev": "eth0", "onlink": False, "mtu": None, "protocol": 178}
    return Resource("route", key(*place), {**usual, **values}, None if key is KernelRouteKey else "a")


def there(mtu):
    found = [
        Resource("netns", KINDS["netns"].key("ns"), {}, "a"),
        *links(mtu),
        route("0.0.0.0/0", via="10.1.0.1"),
        route("::/0", via="fe80::1"),
        route("10.1.0.0/24", KernelRouteKey, src="10.1.0.2", scope="link"),
        route("fe80::/64", KernelRouteKey),
        route("10.9.0.9/32"),
    ]
    return {one.ref: one for one in found}


def phases(old, new):
    planner = partial(make_plan, KINDS, adopt=False, yields=None)
    state = there(old)
    desired = [
        Desired(one) for one in [*links(new), *(one for one in state.values() if one.owner and one.kind != "link")]
    ]
    return phases_of(KINDS, state, desired, planner, lambda found: found.owner == OWNER, Transition())


@pytest.mark.parametrize(("old", "new"), ((1500, 1400), (1400, 1500)))
def test_until_all_take_the_larger_packets_an_endpoint_sends_the_smaller_ones(old, new):
    expand, switch, contract = phases(old, new)
    assert [phase.name for phase in (expand, switch, contract)] == [EXPAND, SWITCH, CONTRACT]
    made = [step.after for step in expand.plan.steps]
    assert sorted(one.key.prefix for one in made) == HALVES
    assert {(one.values["mtu"], one.values["lock"], one.owner) for one in made} == {(1400, True, OWNER)}
    assert {one.values.get("via") for one in made if one.key.prefix in ("0.0.0.0/1", "128.0.0.0/1")} == {"10.1.0.1"}
    assert {(step.resource.kind, step.fields) for step in switch.plan.steps} == {("link", ("mtu",))}
    assert sorted(step.before.key.prefix for step in contract.plan.steps) == HALVES


@pytest.mark.parametrize(
    ("old", "new", "order"), ((1500, 1400, ["br", "v", "eth0"]), (1400, 1500, ["eth0", "v", "br"]))
)
def test_the_nodes_side_shrinks_first_and_grows_last(old, new, order):
    asked = []

    def submit(requests):
        asked.extend(requests)
        return [None for _request in requests]

    Applier(KINDS, submit, dict, lambda _resource: None).carry_out(phases(old, new)[1].plan.levels)
    assert [dict(request.payload.attrs)["IFLA_IFNAME"] for request in asked] == order
    assert not any(request.local for request in asked)  # else those of a namespace would not wait for those of another
