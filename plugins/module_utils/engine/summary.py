# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts: how many objects of each sort a plan makes, changes and removes. Pure."""

from __future__ import annotations

from typing import Dict

from .kind import Kinds
from .resource import Ref
from .step import ADOPT, FALL, RENAME, Plan, Step


def counts_of(plan: Plan, kinds: Kinds) -> Dict[str, Dict[str, int]]:
    """Return verb (made, renamed, changed, removed, adopted, released) -> noun -> number, without zeros.

    An object and its companions (the two ends of a veth) count as one, an object that is made anew as changed. What the
    kernel made by itself does not count when it ends with something.
    """
    verbs: Dict[Ref, tuple] = {}
    for step in plan.steps:
        ref = step.resource.ref
        if step.action == FALL and step.before.owner is None:
            continue
        verb = "changed" if ref in verbs else _verb(step)
        verbs[ref] = (verb, kinds[ref[0]].noun(step.resource), kinds[ref[0]].companions(step.resource))
    found: Dict[str, Dict[str, int]] = {}
    ends = set()
    for ref, (verb, noun, companions) in verbs.items():
        if ref not in ends:
            ends.update(companions)
            nouns = found.setdefault(verb, {})
            nouns[noun] = nouns.get(noun, 0) + 1
    return found


def _verb(step: Step) -> str:
    if step.action == ADOPT:
        return "adopted" if step.after.owner is not None else "released"
    if step.action == RENAME:
        return "renamed"
    if step.before is None:
        return "made"
    return "removed" if step.after is None else "changed"
