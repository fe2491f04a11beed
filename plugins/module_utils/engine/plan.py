# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The difference between what is desired and what is observed, as ordered steps. Pure: it does not use the kernel."""

from __future__ import annotations

from itertools import takewhile
from typing import Callable, Collection, Dict, Iterable, List, Optional, Set, Tuple

from .errors import Conflict, InputError
from .kind import Kind, Kinds
from .order import order
from .removal import Removal
from .rename import rename
from .resource import Desired, Observed, Ref, Resource, belongs, differing, holders
from .step import ADOPT, CHANGE, CREATE, FALL, Plan, Step

Purge = Callable[[Resource], bool]
Yields = Callable[[str], bool]


def make_plan(
    kinds: Kinds,
    observed: Observed,
    desired: List[Desired],
    adopt: bool = False,
    purge: Optional[Purge] = None,
    yields: Optional[Yields] = None,
) -> Plan:
    """Return the plan that brings ``observed`` to ``desired``.

    :param kinds: the kinds in play.
    :param adopt: a foreign object of the same key is taken over.
    :param purge: says of an observed object of ours that nobody desires whether to remove it.
    :param yields: says of a set whether its objects may pass to another; None: any may.
    :raises InputError: an entry stands on something that is not there.
    :raises Conflict: foreign objects, or those of another set, are in the way.
    """
    planner = _Planner(kinds, observed, adopt, purge or (lambda resource: False), yields or (lambda owner: True))
    return planner.plan(desired)


class _Planner:
    def __init__(self, kinds: Kinds, observed: Observed, adopt: bool, purge: Purge, yields: Yields) -> None:
        self.kinds = kinds
        self.observed = observed
        self.adopt = adopt
        self.purge = purge
        self.yields = yields
        self.removal = Removal(kinds, observed)

    def plan(self, desired: List[Desired]) -> Plan:
        wanted = merged(entry.resource for entry in desired if entry.present)
        levels, self.observed, renamed = rename(self.kinds, self.observed, wanted, self.adopt)
        if self._is_settled(desired, wanted):
            return Plan(levels, renamed=renamed)
        if levels:
            self.removal = Removal(self.kinds, self.observed)
        self._refuse_conflicts(desired)
        given_up = self._leaving(desired, wanted)
        released = self._released(given_up)
        leaving = [ref for ref in given_up if ref not in released]
        moved = self._moved(self.removal.closure(leaving), wanted)
        lost = self.removal.closure(leaving, moved)
        anew = {ref: reason for ref, reason in self._made_anew(wanted).items() if ref not in lost}
        # of two providers one may leave and the other be made anew: what both provide ends in between
        gone = {**lost, **self.removal.closure(anew, lost)}
        shaken = self._shaken_off(wanted, gone)
        gone.update(dict.fromkeys(shaken))
        wanted.update(self._restored([ref for ref in gone if ref not in lost], wanted, gone))
        self._refuse_missing(desired, wanted, gone)
        removals, last = self.removal.steps({**dict.fromkeys(leaving, ""), **anew}, moved, wanted)
        removals += [[Step(FALL, self.observed[ref], None) for ref in shaken]] if shaken else []
        arrivals = self._arrivals(wanted, gone)
        first = [step for step in arrivals if step.resource.ref in moved]
        arrivals = [step for step in arrivals if step.resource.ref not in moved]
        arrivals += [step for ref, step in released.items() if step and ref not in gone]
        levels += order(self.kinds, first) + removals + order(self.kinds, arrivals)
        return Plan(levels, last, renamed)

    def _is_settled(self, desired: List[Desired], wanted: Observed) -> bool:
        """Say whether the observed state is the desired one: most runs find it so, and each run that acts ends with it."""
        for ref, resource in wanted.items():
            found = self.observed.get(ref)
            if found is None or not belongs(found, resource.owner) or differing(resource, found):
                return False
        return not any(not entry.present and entry.resource.ref in self.observed for entry in desired) and not any(
            ref not in wanted and resource.owner is not None and self.purge(resource)
            for ref, resource in self.observed.items()
        )

    # refusals

    def _refuse_conflicts(self, desired: List[Desired]) -> None:
        problems = []
        for entry in desired:
            found = self.observed.get(entry.resource.ref)
            if found is None or self.adopt or self.kinds[found.kind].shared:
                continue
            named = entry.option + self.kinds[found.kind].describe(found)
            if found.owner is None:
                problems.append(
                    f"{named} exists and does not belong to the fabric: it was left unchanged (adopt: true takes it over)"
                )
            elif found.owner != entry.resource.owner and not self.yields(found.owner):
                problems.append(
                    f"{named} belongs to the set {found.owner!r}, not to {entry.resource.owner!r}: it was left unchanged"
                    " (adopt: true takes it over)"
                )
        if problems:
            raise Conflict(problems)

    def _refuse_missing(self, desired: List[Desired], wanted: Observed, gone: Collection[Ref]) -> None:
        known = set()
        for entry in desired:
            kind = self.kinds[entry.resource.kind]
            ties = kind.ties_of(entry.resource)
            if not entry.present or (id(ties), kind) in known:
                continue
            known.add((id(ties), kind))
            for ref, option, _binds in ties:
                if not option:
                    continue
                if not self._available(ref, wanted, gone):
                    raise InputError(entry.option + option, f"there is no {self._name(ref)}")
                base = wanted.get(ref) or self.observed.get(ref)
                problem = kind.unfit(entry.resource, base) if base else None
                if problem:
                    raise InputError(entry.option + option, problem)

    def _available(self, ref: Ref, wanted: Collection[Ref], gone: Collection[Ref]) -> bool:
        return ref[0] not in self.kinds or ref in wanted or (ref in self.observed and ref not in gone)

    def _name(self, ref: Ref) -> str:
        return self.kinds[ref[0]].describe(Resource(*ref))

    # removals

    def _leaving(self, desired: List[Desired], wanted: Observed) -> Dict[Ref, Set[Optional[str]]]:
        """Return ref -> the sets that give it up: by an entry, or because nobody desires it any more."""
        found: Dict[Ref, Set[Optional[str]]] = {}
        for entry in desired:
            if not entry.present and entry.resource.ref in self.observed:
                found.setdefault(entry.resource.ref, set()).add(entry.resource.owner)
        for ref, resource in self.observed.items():
            if ref not in wanted and resource.owner is not None:
                gone = {owner for owner in holders(resource) if self.purge(resource.owned(owner))}
                if gone:
                    found.setdefault(ref, set()).update(gone)
        return {ref: gone for ref, gone in found.items() if self._removable(ref)}

    def _released(self, given_up: Dict[Ref, Set[Optional[str]]]) -> Dict[Ref, Optional[Step]]:
        """Return ref -> step (None: there is nothing to do) for each of ``given_up`` that stays as it is.

        Another set holds it, others may rely on it, or it was so before.
        """
        steps: Dict[Ref, Optional[Step]] = {}
        for ref, gone in given_up.items():
            kind, found = self.kinds[ref[0]], self.observed[ref]
            if kind.shared:
                left = tuple(owner for owner in holders(found) if owner not in gone)
                is_former = not left and kind.is_former(found)
                reason = "" if left or is_former else kind.stays(found)
                if left != holders(found) and (left or reason or is_former):
                    after = found.merged({"holders": left}).owned(left[0] if left else None)
                    steps[ref] = Step(ADOPT, found, after, reason=reason)
                elif left:
                    steps[ref] = None
        return steps

    def _removable(self, ref: Ref) -> bool:
        """Say whether there is something to remove: a shared object that no set holds stays as it is."""
        return not (self.kinds[ref[0]].shared and self.observed[ref].owner is None)

    def _made_anew(self, wanted: Observed) -> Dict[Ref, str]:
        """Return ref -> reason of each object with a difference that the kernel lets nobody change in place."""
        found: Dict[Ref, str] = {}
        for ref, desired in wanted.items():
            if ref in self.observed:
                fixed = [
                    name
                    for name in differing(desired, self.observed[ref])
                    if name in self.kinds[ref[0]].fixed_of(desired, self.observed[ref])
                ]
                if fixed:
                    found[ref] = "made anew, " + self.kinds[ref[0]].why_anew(desired, fixed)
        return found

    def _shaken_off(self, wanted: Observed, gone: Collection[Ref]) -> List[Ref]:
        """Return the refs of what ends because something is changed in place, in order."""
        staying = [ref for ref in wanted if ref in self.observed and ref not in gone]
        found = dict.fromkeys(one for ref in staying for one in self.removal.shaken_off(ref, wanted[ref]))
        return [ref for ref in found if ref not in gone]

    def _moved(self, lost: Collection[Ref], wanted: Observed) -> Set[Ref]:
        """Return those of ``lost`` that are desired on something that stays: they move there before their old base ends.

        So a route from a tunnel to another interface is never missing in between.
        """
        coming = {(one.kind, one.netns) for ref, one in wanted.items() if ref not in self.observed or ref in lost}
        return {ref for ref in lost if ref in wanted and self._moves(ref, wanted[ref], lost, coming)}

    def _moves(self, ref: Ref, desired: Resource, lost: Collection[Ref], coming: Set[Tuple[str, str]]) -> bool:
        kind = self.kinds[ref[0]]
        leaves = any(tie.binds and tie.to in lost for tie in kind.ties_of(self.observed[ref]))
        stays = all(self._available(base, (), lost) for base in kind.requires(desired))
        # what comes after others may need one that comes with it
        alone = not any((name, desired.netns) in coming for name in takewhile(kind.name.__ne__, self.kinds))
        return leaves and stays and alone and not self._made_anew({ref: desired})

    # arrivals

    def _restored(self, fallen: List[Ref], wanted: Observed, gone: Collection[Ref]) -> Observed:
        """Return what ends only because something is made anew, to be restored after that."""
        back: Observed = {}
        there = dict(wanted)
        for level in order(self.kinds, [Step(FALL, self.observed[ref], None) for ref in fallen]):
            for was in (step.resource for step in level):
                kind = self.kinds[was.kind]
                if was.ref in wanted:
                    back[was.ref] = kind.remade(was, wanted[was.ref])
                elif kind.restorable(was) and self._has_its_own(kind, was, there, gone):
                    back[was.ref] = was
                else:
                    continue
                there[was.ref] = back[was.ref]
        return back

    def _has_its_own(self, kind: Kind, was: Resource, wanted: Observed, gone: Collection[Ref]) -> bool:
        """Say whether all that ``was`` requires will be there, and its companion still have it as companion."""
        return all(
            self._available(ref, wanted, gone) and not (ref in wanted and kind.unfit(was, wanted[ref]))
            for ref in kind.requires(was)
        ) and all(was.ref in kind.companions(wanted.get(other, was)) for other in kind.companions(was))

    def _arrivals(self, wanted: Observed, gone: Collection[Ref]) -> List[Step]:
        steps: List[Step] = []
        made: Set[Ref] = set()
        for ref, desired in wanted.items():
            if ref in made:
                continue
            found = None if ref in gone else self.observed.get(ref)
            if found is None:
                others = [
                    other
                    for other in self.kinds[ref[0]].companions(desired)
                    if other in wanted and (other in gone or other not in self.observed)
                ]
                steps.append(Step(CREATE, None, desired, companions=tuple(wanted[other] for other in others)))
                made.update(others)
            else:
                steps += self._alteration(desired, found)
        return steps

    def _alteration(self, desired: Resource, found: Resource) -> List[Step]:
        fields = tuple(differing(desired, found))
        kind = self.kinds[desired.kind]
        owner, values = desired.owner, desired.values
        adopted = kind.needs_ledger_mark and not belongs(found, owner)
        if not fields and not adopted:
            return []
        if kind.shared and found.owner is not None and owner is not None:
            owner, values = found.owner, {**values, "holders": tuple(dict.fromkeys([*holders(found), owner]))}
        after = kind.altered(found, values).owned(owner)
        return [Step(CHANGE, found, after, fields) if fields else Step(ADOPT, found, after)]


def merged(resources: Iterable[Resource]) -> Observed:
    """Return ref -> Resource; the fields of several entries for one object are laid over each other."""
    wanted: Observed = {}
    for resource in resources:
        known = wanted.get(resource.ref)
        wanted[resource.ref] = resource if known is None else known.merged(resource.values)
    return wanted
