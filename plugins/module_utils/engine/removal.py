# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends with what, and the steps that remove objects: one request for each that nothing else takes along. Pure."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from .order import order
from .step import DELETE, FALL, Step, refs_of


class Removal:
    """Removals from what is observed.

    :param kinds: the kinds in play, by name.
    :param observed: ref -> Resource.
    """

    def __init__(self, kinds, observed):
        self.kinds = kinds
        self.observed = observed

    def closure(self, roots, known=frozenset()):
        """Return ``roots`` and everything observed that goes with them, in order."""
        found, queue = dict.fromkeys(roots), list(roots)
        while queue:
            for ref in self._taken_by(queue.pop(), found, known):
                if ref not in found and ref not in known:
                    found[ref] = None
                    queue.append(ref)
        return found

    def shaken_off(self, ref, desired):
        """Return the refs of what ends when the object ``ref`` is changed in place to what is ``desired``."""
        changed = {name: kinds for name, kinds in self.kinds[ref[0]].shakes_off.items() if name in desired.values}
        now = self.observed[ref].values
        ending = {kind for name, kinds in changed.items() if desired.values[name] != now.get(name) for kind in kinds}
        return [bound for bound in self._falls[0].get(ref, ()) if bound[0] in ending] if ending else []

    def _taken_by(self, ref, found, known):
        """Return what ends with ``ref``, given that all of ``found`` and ``known`` ends too."""
        bound, providers = self._falls
        taken = bound.get(ref, ())
        for provided in self.kinds[ref[0]].provides(self.observed[ref]):
            if all(one in found or one in known for one in providers[provided]):
                taken = [*taken, *bound.get(provided, ())]
        return taken

    @cached_property
    def _falls(self):
        """Return ref -> what ends with it, and provided ref -> what provides it."""
        bound, providers = defaultdict(list), defaultdict(list)
        for ref, resource in self.observed.items():
            kind = self.kinds[ref[0]]
            for tie in kind.ties_of(resource):
                if tie.binds:
                    bound[tie.to].append(ref)
            for provided in kind.provides(resource):
                providers[provided].append(ref)
        return bound, providers

    def steps(self, roots, known, wanted):
        """Return levels of steps for ``roots`` (ref -> reason), and those for what goes last.

        What goes last takes along all that falls with it, but for what is made again before that.
        """
        last = {ref: reason for ref, reason in roots.items() if self.kinds[ref[0]].has_identity}
        falling = self.closure(last, known)
        again = {ref: "" for ref in falling if ref in wanted}
        early = self.closure(again, known)
        kept = {ref for ref in falling if ref not in early}
        first = {ref: reason for ref, reason in roots.items() if ref not in kept}
        levels = self._levels_of({**first, **again}, {*known, *kept})
        return levels, self._levels_of(last, {*known, *early, *refs_of(levels)})

    def _levels_of(self, roots, known):
        """Return levels of steps for ``roots`` (ref -> reason): one request for each that nothing else takes along.

        What stands on others is looked at after them, as it may go with them, and goes before them.

        :param known: what is not taken along.
        """
        levels, gone = [], set(known)
        for level in order(self.kinds, [Step(DELETE, self.observed[ref], None) for ref in roots]):
            steps = []
            for ref in [step.before.ref for step in level]:
                if ref not in gone:
                    taken = self.closure([ref], gone)
                    steps += reversed(self._removal(ref, taken, roots[ref]))
                    gone.update(taken)
            levels.append(steps)
        return [steps for steps in reversed(levels) if steps]

    def _removal(self, root, taken, reason):
        steps, done = [], set()
        for ref in taken:  # the root first
            if ref not in done:
                resource = self.observed[ref]
                others = [other for other in self.kinds[ref[0]].companions(resource) if other in taken]
                steps.append(
                    Step(
                        DELETE if ref == root else FALL,
                        resource,
                        None,
                        reason=reason if ref == root else "",
                        companions=tuple(self.observed[other] for other in others),
                    )
                )
                done.update([ref, *others])
        return steps
