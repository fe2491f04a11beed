# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of steps, by what they need. Pure: no kernel in sight."""

from __future__ import annotations

from collections import defaultdict


def order(kinds, steps):
    """Return ``steps`` as levels: each step comes after those that make what it needs."""
    return _Order(kinds, steps).levels()


class _Order:
    """Levels of steps by what they need, within one direction."""

    def __init__(self, kinds, steps):
        self.kinds = kinds
        self.steps = steps
        self.by_ref, self.by_kind = {}, defaultdict(list)
        for number, step in enumerate(steps):
            self.by_kind[step.resource.kind].append(number)
            for resource in step.everything:
                self.by_ref[resource.ref] = number
        self.level = {}
        self.kind_level = {}
        self.above = {}  # id of what objects stand on -> the level that they are above

    def levels(self):
        found = defaultdict(list)
        for number, step in enumerate(self.steps):
            found[self._level(number)].append(step)
        return [found[level] for level in sorted(found)]

    def _level(self, number):
        known = self.level.get(number)
        if known is not None:
            return known
        self.level[number] = 0  # two objects that need each other are made together
        step = self.steps[number]
        below = self._after_level(step.resource.kind)
        for resource in step.everything:
            bases = self.kinds[resource.kind].stands_on(resource)
            if id(bases) not in self.above:
                self.above[id(bases)] = max(
                    (self._level(self.by_ref[ref]) for ref in bases if self.by_ref.get(ref, number) != number),
                    default=0,
                )
            below = max(below, self.above[id(bases)])
        self.level[number] = 1 + below
        return 1 + below

    def _after_level(self, name):
        """Return the highest level of the kinds that come before the kind ``name``."""
        if name not in self.kind_level:
            self.kind_level[name] = max(
                (self._level(number) for kind in self.kinds[name].after for number in self.by_kind.get(kind, ())),
                default=0,
            )
        return self.kind_level[name]
