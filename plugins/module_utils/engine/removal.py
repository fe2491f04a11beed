# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects end with which, and the steps that remove objects: no request for one that ends with another. Pure."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import Collection, Dict, Iterable, List, Tuple

from .kind import Kinds
from .order import order
from .resource import Observed, Ref, Resource
from .step import DELETE, FALL, Levels, Step, refs_of


class Removal:
    """Removals from what is observed.

    :param kinds: the kinds in play, by name.
    :param observed: ref -> Resource.
    """

    def __init__(self, kinds: Kinds, observed: Observed) -> None:
        self.kinds = kinds
        self.observed = observed

    def closure(self, roots: Iterable[Ref], known: Collection[Ref] = frozenset()) -> Dict[Ref, None]:
        """Return ``roots`` and everything observed that ends with them, in order."""
        found, queue = dict.fromkeys(roots), list(roots)
        while queue:
            for ref in self._taken_by(queue.pop(), found, known):
                if ref not in found and ref not in known:
                    found[ref] = None
                    queue.append(ref)
        return found

    def shaken_off(self, ref: Ref, desired: Resource) -> List[Ref]:
        """Return the refs of what ends when the object ``ref`` is changed in place to what is ``desired``."""
        changed = {name: kinds for name, kinds in self.kinds[ref[0]].shakes_off.items() if name in desired.values}
        now = self.observed[ref].values
        ending = {kind for name, kinds in changed.items() if desired.values[name] != now.get(name) for kind in kinds}
        return [bound for bound in self._falls[0].get(ref, ()) if bound[0] in ending] if ending else []

    def _taken_by(self, ref: Ref, found: Collection[Ref], known: Collection[Ref]) -> List[Ref]:
        """Return what ends with ``ref``, given that all of ``found`` and ``known`` ends too."""
        bound, providers = self._falls
        taken = bound.get(ref, [])
        if self.kinds[ref[0]].outlives(self.observed[ref]):
            taken = [one for one in taken if self.observed[one].owner is not None]
        for provided in self.kinds[ref[0]].provides(self.observed[ref]):
            if all(one in found or one in known for one in providers[provided]):
                taken = [*taken, *bound.get(provided, [])]
        return taken

    @cached_property
    def _falls(self) -> Tuple[Dict[Ref, List[Ref]], Dict[Ref, List[Ref]]]:
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

    def steps(self, roots: Dict[Ref, str], known: Collection[Ref], wanted: Observed) -> Tuple[Levels, Levels]:
        """Return levels of steps for ``roots`` (ref -> reason), and those of what is removed last.

        What is removed last takes along all that ends with it, except what is made again before that. From what goes on without
        its name, or is made anew at once, all that is ours is removed first, by requests of its own.
        """
        last = {ref: reason for ref, reason in roots.items() if self.kinds[ref[0]].has_identity and ref not in wanted}
        anew = {ref: reason for ref, reason in roots.items() if self.kinds[ref[0]].has_identity and ref in wanted}
        apart = {ref for ref in (*last, *anew) if ref in anew or self.kinds[ref[0]].outlives(self.observed[ref])}
        falling = self.closure([ref for ref in last if ref not in apart], known)
        again = {ref: "" for ref in falling if ref in wanted}
        early = self.closure(again, known)
        kept = {ref for ref in falling if ref not in early}
        on_apart = self.closure(apart, known)
        first = {ref: reason for ref, reason in roots.items() if ref not in kept and ref not in on_apart}
        levels = self._levels_of({**self._ours(on_apart, apart), **first, **again}, {*known, *kept, *apart})
        levels += self._levels_of(anew, {*known, *kept, *refs_of(levels)})
        return levels, self._levels_of(last, {*known, *early, *refs_of(levels)})

    def _ours(self, refs: Iterable[Ref], bases: Collection[Ref]) -> Dict[Ref, str]:
        """Return those of ``refs`` that are ours and not ``bases``; of a veth the end that is elsewhere."""
        inside = {base[1][0] for base in bases}
        found: Dict[Ref, str] = {}
        for ref in sorted(refs, key=lambda ref: ref[1][0] in inside):
            one = self.observed[ref]
            if (
                ref not in bases
                and one.owner is not None
                and found.keys().isdisjoint(self.kinds[ref[0]].companions(one))
            ):
                found[ref] = ""
        return found

    def _levels_of(self, roots: Dict[Ref, str], known: Collection[Ref]) -> Levels:
        """Return levels of steps for ``roots`` (ref -> reason).

        What stands on others is looked at after them, as it may end with them, and is removed before them.

        :param known: what stays.
        """
        levels: Levels = []
        gone = set(known)
        for level in order(self.kinds, [Step(DELETE, self.observed[ref], None) for ref in roots]):
            steps: List[Step] = []
            for ref in [step.resource.ref for step in level]:
                if ref not in gone:
                    taken = self.closure([ref], gone)
                    steps += reversed(self._removal(ref, taken, roots[ref]))
                    gone.update(taken)
            levels.append(steps)
        return [steps for steps in reversed(levels) if steps]

    def _removal(self, root: Ref, taken: Dict[Ref, None], reason: str) -> List[Step]:
        steps: List[Step] = []
        done = set()
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
