# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that get another key in place, and all objects that contain the name. Pure: it does not use the kernel."""

from __future__ import annotations

from typing import Dict, List, Tuple

from .kind import Kinds
from .resource import Observed, Ref, Resource
from .step import RENAME, Levels, Plan, Step


def rename(
    kinds: Kinds, observed: Observed, wanted: Observed, adopt: bool
) -> Tuple[Levels, Observed, List[Tuple[Resource, Resource]]]:
    """Return (levels of steps, what is observed once they are done, pairs of what they change without a step: before, after).

    :param kinds: the kinds in play, by name.
    :param observed: ref -> Resource.
    :param wanted: ref -> Resource.
    :param adopt: foreign objects may be renamed as well.
    """
    names: Dict[Ref, Ref] = {}
    for kind in kinds.values():
        found = kind.renames(observed, wanted)
        names.update((old, new) for old, new in found.items() if adopt or observed[old].owner is not None)
    rounds = _rounds(names, observed) if names else []
    names = {old: new for pairs in rounds for old, new in pairs}
    if not names:
        return [], observed, []
    renamers = [kinds[name] for name in dict.fromkeys(ref[0] for ref in names)]
    there: Observed = {}
    moved = []
    for before in observed.values():
        after = before
        for kind in renamers:
            after = kind.after_rename(after, names)
        there[after.ref] = after
        if after is not before:
            moved.append((before, after))
    levels = [[Step(RENAME, observed[old], there[new]) for old, new in pairs] for pairs in rounds]
    return levels, there, moved


def _rounds(names: Dict[Ref, Ref], observed: Observed) -> List[List[Tuple[Ref, Ref]]]:
    """Return lists of (old, new), each to be done when those before are; names that go round in a circle are left out."""
    left, taken = dict(names), set(observed)
    rounds: List[List[Tuple[Ref, Ref]]] = []
    while True:
        ready = [(old, new) for old, new in left.items() if new not in taken]
        if not ready:
            return rounds
        rounds.append(ready)
        for old, new in ready:
            del left[old]
            taken.discard(old)
            taken.add(new)


def names_of(plan: Plan) -> Dict[Ref, Ref]:
    """Return old ref -> new ref of what ``plan`` renames."""
    return {step.before.ref: step.after.ref for step in plan.steps if step.action == RENAME}
