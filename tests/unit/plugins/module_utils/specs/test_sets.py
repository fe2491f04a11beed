# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several sets say of one object."""

from __future__ import annotations

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Desired, Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.link import LinkKey
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import contradictions


def entry(owner, place, present=True, **values):
    return Desired(Resource("link", LinkKey("", "v0"), values, owner), present, place)


@pytest.mark.parametrize(
    "other",
    [
        entry("one", "sets[1].veth[0].", mtu=1400),  # of one set a later word counts
        entry("two", "sets[1].veth[0].", mtu=1500),
        entry("two", "sets[1].bridge_port[0].", hairpin=True),
    ],
)
def test_what_can_be_true_at_once_is_no_contradiction(other):
    assert contradictions([entry("one", "sets[0].veth[0].", mtu=1500), other]) == []


@pytest.mark.parametrize(
    "other", [entry("two", "sets[1].veth[0].", mtu=1400), entry("two", "sets[1].veth[0].", present=False)]
)
def test_what_no_run_could_settle_is_told_with_both_places(other):
    (fault,) = contradictions([entry("one", "sets[0].veth[0].", mtu=1500), other])
    assert str(fault) == "sets[1].veth[0]: the set 'one' declares the same link differently in sets[0].veth[0]"
