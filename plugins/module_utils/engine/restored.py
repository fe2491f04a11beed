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
    ours = [ref for ref, was in before.items() if ref in planned or was.owner is not None]
    reached = Removal(kinds, before).closure(ours)
    found = {ref: was for ref, was in before.items() if ref in reached}
    # what is new ends with the undo: nothing can stand on it
    staying = {ref for ref, now in there.items() if ref in before or not (ref in planned or now.owner is not None)}
    lost: List[Tuple[Resource, Ref]] = []
    while True:  # ends: each round but the last drops one or more of finitely many
        lacking: List[Tuple[Resource, Ref]] = []
        for was in found.values():
            for need in kinds[was.kind].requires(was):
                if need[0] in kinds and need not in found and need not in staying:
                    lacking.append((was, need))
                    break
        if not lacking:
            break
        dropped = {one.ref for one, _need in lacking}
        found = {ref: was for ref, was in found.items() if ref not in dropped}
        lost += lacking
    return found, [(was, need) for was, need in lost if kinds[was.kind].restorable(was)]
