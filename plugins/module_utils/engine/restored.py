# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects an undo restores some time after a change, when others may have changed something too. Pure."""

from __future__ import annotations

from typing import Collection, List, Tuple

from .kind import Kinds
from .removal import Removal
from .resource import Observed, Ref, Resource


def restored(
    kinds: Kinds, before: Observed, planned: Collection[Ref], there: Observed
) -> Tuple[Observed, List[Tuple[Resource, Ref]]]:
    """Return (what of ``before`` to restore, what cannot be restored with the ref that it lacks).

    What is ours or was touched is restored, and what ended with it. Anything else that differs by now is the work of others.

    :param planned: the refs of all objects that the change touched.
    :param there: what is there now.
    """
    ended = [ref for ref, was in before.items() if ref in planned or (was.owner is not None and ref not in there)]
    reached = Removal(kinds, before).closure(ended)
    found = {ref: was for ref, was in before.items() if ref in reached or was.owner is not None}
    # what is new ends with the undo: nothing can stand on it
    staying = {ref for ref, now in there.items() if ref in before or not (ref in planned or now.owner is not None)}
    lost: List[Tuple[Resource, Ref]] = []
    while True:  # ends: each round but the last drops one or more of finitely many
        lacking = _lacking(kinds, found, staying)
        if not lacking:
            return found, [(was, need) for was, need in lost if kinds[was.kind].restorable(was)]
        lost += lacking
        gone = {was.ref for was, _need in lacking}
        found = {ref: was for ref, was in found.items() if ref not in gone}


def _lacking(kinds: Kinds, found: Observed, staying: Collection[Ref]) -> List[Tuple[Resource, Ref]]:
    """Return those of ``found`` that require something that is neither among them nor ``staying``, with the first such ref."""
    lacking = []
    for was in found.values():
        needs = (ref for ref in kinds[was.kind].requires(was) if ref[0] in kinds)
        missing = next((ref for ref in needs if ref not in found and ref not in staying), None)
        if missing:
            lacking.append((was, missing))
    return lacking
