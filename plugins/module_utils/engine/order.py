# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of steps: that of the list of kinds; what a step is tied to precedes it. Pure: it does not use the kernel."""

from __future__ import annotations

from collections import defaultdict
from typing import Dict, List, Tuple

from .kind import Kinds
from .resource import Ref
from .step import Levels, Step


def order(kinds: Kinds, steps: List[Step]) -> Levels:
    """Return ``steps`` as levels; those of one level do not depend on each other.

    :param kinds: the kinds by name, in the order in which their objects are made.
    """
    return _Order(kinds, steps).levels()


class _Order:
    """Places of steps, (number of a kind in the list, depth), within one direction."""

    def __init__(self, kinds: Kinds, steps: List[Step]) -> None:
        self.kinds = kinds
        self.steps = steps
        self.rank = {name: number for number, name in enumerate(kinds)}
        self.by_ref = {resource.ref: number for number, step in enumerate(steps) for resource in step.everything}
        self.places: Dict[int, Tuple[int, int]] = {}
        self.above: Dict[int, Tuple[int, int]] = {}  # id of ties -> the first place above all that they lead to

    def levels(self) -> Levels:
        found = defaultdict(list)
        for number, step in enumerate(self.steps):
            found[self._place(number)].append(step)
        return [found[place] for place in sorted(found)]

    def _place(self, number: int) -> Tuple[int, int]:
        known = self.places.get(number)
        if known is not None:
            return known
        step = self.steps[number]
        # two that are tied to each other are made together
        place = self.places[number] = self.rank[step.resource.kind], 0
        for resource in step.everything:
            ties = self.kinds[resource.kind].ties_of(resource)
            if id(ties) not in self.above:
                self.above[id(ties)] = max((self._over(tie.to, number) for tie in ties), default=(0, 0))
            place = max(place, self.above[id(ties)])
        self.places[number] = place
        return place

    def _over(self, ref: Ref, number: int) -> Tuple[int, int]:
        """Return the first place above what makes ``ref``, unless that is the step ``number`` itself."""
        other = self.by_ref.get(ref, number)
        if other == number:
            return 0, 0
        rank, depth = self._place(other)
        return rank, depth + 1
