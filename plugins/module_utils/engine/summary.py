# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan does, for people: counts of objects, the diff, and the commands that do it by hand. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from .kind import Kinds
from .resource import Ref, Resource
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


def diff_of(plan: Plan, kinds: Kinds) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """Return (before, after): kind -> label -> values of every object that ``plan`` touches."""
    before: Dict[str, Any] = {}
    after: Dict[str, Any] = {}
    for step in plan.steps:
        for side, resource in ((before, step.before), (after, step.after)):
            if resource is not None:
                for one in (resource, *step.companions):
                    side.setdefault(one.kind, {}).setdefault(kinds[one.kind].label(one), {}).update(_shown(one))
        if step.action == RENAME:
            kind = kinds[step.after.kind]
            after[step.after.kind][kind.label(step.after)]["renamed from"] = kind.label(step.before)
    return before, after


def commands_of(plan: Plan, kinds: Kinds) -> List[str]:
    """Return the commands that do by hand what ``plan`` does, in order."""
    return [
        command
        for level in (*plan.levels, *plan.last)
        for step in sorted(level, key=lambda step: kinds[step.resource.kind].rank(step.resource))
        if step.action not in (FALL, ADOPT)
        for command in kinds[step.resource.kind].commands(step)
    ]


def _shown(resource: Resource) -> Dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in resource.values.items()
        if value is not None
    }
