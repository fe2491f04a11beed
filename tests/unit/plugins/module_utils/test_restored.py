# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an undo restores some time after the change: what is ours, what was touched, and what ended with it; nothing else."""

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.restored import restored
from toy_kinds import KINDS, box, lamp, rod, tag, world

BEFORE = world(
    box("b"),
    rod("b", "ours"),
    rod("b", "touched", owner=None),
    tag("b", "touched", "on", owner=None),
    lamp("b", "touched", owner=None),
    rod("b", "theirs", owner=None),
    tag("b", "theirs", "on", owner=None),
)
TOUCHED = {rod("b", "touched").ref}


def names(found):
    return {(kind, *key[1:]) for kind, key in found if kind != "box"}


def test_what_others_removed_is_theirs():
    found, lost = restored(KINDS, BEFORE, TOUCHED, world(box("b"), rod("b", "ours")))
    assert names(found) == {("rod", "ours"), ("rod", "touched"), ("tag", "touched", "on"), ("lamp", "touched", 1)}
    assert lost == []


def test_what_ended_with_something_of_ours_is_restored_with_it():
    assert restored(KINDS, BEFORE, set(), world())[0] == BEFORE


def test_without_a_touched_object_only_what_is_ours_is_restored():
    assert names(restored(KINDS, BEFORE, set(), world(box("b"), rod("b", "ours")))[0]) == {("rod", "ours")}


@pytest.mark.parametrize(
    "there, stands",
    [
        ([box("c", owner=None)], True),
        ([], False),
        ([box("c", owner=None), rod("c", "base", owner=None)], True),
    ],
)
def test_what_stands_on_something_that_is_gone_cannot_be_restored(there, stands):
    foreign = box("c", owner=None)
    before = world(foreign, rod("c", "mine"), tag("c", "mine", "on"))
    found, lost = restored(KINDS, before, set(), world(*there))
    assert (names(found) == {("rod", "mine"), ("tag", "mine", "on")}) is stands
    assert [(was.kind, need[0]) for was, need in lost] == ([] if stands else [("rod", "box"), ("tag", "box")])


def test_what_is_new_is_no_base_to_stand_on():
    new = box("new")
    before = world(rod("new", "mine"))
    assert restored(KINDS, before, {new.ref}, world(new))[0] == {}
    assert restored(KINDS, before, set(), world(new.owned(None)))[0] == before
