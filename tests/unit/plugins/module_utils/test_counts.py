# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts of a plan: what it makes, changes and removes."""

from __future__ import annotations

from ansible_collections.nodenet.fabric.plugins.module_utils.engine.plan import make_plan
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Desired, Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.summary import counts_of
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.address import AddressKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.link import LinkKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.netns import NetnsKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.route import KernelRouteKey

KINDS = by_name()
ENDS = LinkKey("", "v-a"), LinkKey("a", "eth0")


def endpoint(owner="bridge"):
    """Return a namespace, a veth into it, and an address on that."""
    one, other = ENDS
    return [
        Resource("netns", NetnsKey("a"), {"lo": True, "ipv6": False}, owner),
        Resource("link", one, {"type": "veth", "up": True, "peer": other}, owner),
        Resource("link", other, {"type": "veth", "up": True, "peer": one}, owner),
        Resource("address", AddressKey("a", "eth0", "10.1.0.2/24"), {"scope": "global"}, owner),
    ]


def counts(before, after, purge=None):
    observed = {resource.ref: resource for resource in before}
    plan = make_plan(KINDS, observed, [Desired(resource) for resource in after], purge=purge)
    return counts_of(plan, KINDS)


def test_a_veth_is_one_object():
    assert counts([], endpoint()) == {"made": {"network namespace": 1, "veth": 1, "address": 1}}


def test_nothing_to_do_counts_nothing():
    assert counts(endpoint(), endpoint()) == {}


def test_what_falls_counts_as_removed_unless_the_kernel_made_it():
    kernels = Resource("route", KernelRouteKey("a", 254, "10.1.0.0/24", 0, "eth0"), {"dev": "eth0"})
    found = counts([*endpoint(), kernels], [], purge=lambda resource: True)
    assert found == {"removed": {"network namespace": 1, "veth": 1, "address": 1}}


def test_an_object_that_is_made_anew_is_changed():
    before, after = endpoint(), endpoint()
    after[3] = after[3].merged({"scope": "link"})
    assert counts(before, after) == {"changed": {"address": 1}}
