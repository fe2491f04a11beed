# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change in three phases, between which all nodes wait for each other. Pure: it does not use the kernel.

In *expand* a node gets what it needs to receive by the new way, and what it sends still takes the old one. In *switch* it sends
by the new way. In *contract* what is old goes. So each node may be in one phase or the next while all pairs are reachable. What
the kernel lets nobody change in place is made anew in contract, together with all that stands on it.
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional, Set

from .kind import CONTRACT, EXPAND, PHASES, SWITCH, Kinds
from .plan import Purge, merged
from .rename import rename
from .resource import Desired, Observed, Ref, Resource, differing
from .step import ADOPT, CHANGE, CREATE, DELETE, FALL, RENAME, Plan, Step

# make_plan, but for what it plans: (observed, desired, purge=...) -> Plan
Planner = Callable[..., Plan]


class Transition:
    """What a node needs only until contract, while others may be in another phase; here: nothing."""

    def refs(self, observed: Observed, plan: Plan) -> Set[Ref]:
        """Return the refs of what :meth:`desired` must see, too; ``plan`` does all at once."""
        return set()

    def desired(
        self, observed: Observed, desired: List[Desired], switch: List[Step], gone: Set[Ref], phase: str
    ) -> List[Desired]:
        """Return what is to be there when ``phase`` (expand or switch) ends, until contract.

        :param observed: what there is after expand.
        :param desired: what there will be in the end.
        :param switch: what switch does.
        :param gone: refs of what ends in contract.
        """
        return []


class Phase(NamedTuple):
    """One phase of a change: its plan, and what that brings the node to."""

    name: str
    plan: Plan
    desired: List[Desired]
    purge: Optional[Purge]


def phases_of(
    kinds: Kinds,
    observed: Observed,
    desired: List[Desired],
    planner: Planner,
    purge: Optional[Purge] = None,
    transition: Optional[Transition] = None,
    start: str = EXPAND,
    *,
    full: Optional[Plan] = None,
) -> List[Phase]:
    """Return the phases that bring ``observed`` to ``desired``, from ``start`` on.

    Each is planned on what the earlier ones leave. The first also does what an earlier one should have done.

    :param planner: plans from (observed, desired, purge).
    :param full: the plan that does all at once, if the caller has it.
    """
    full = planner(observed, desired, purge=purge) if full is None else full
    split = _Split(kinds, observed, desired)
    names = PHASES[PHASES.index(start) :]
    if full and split.is_simple(full):
        return [Phase(name, full if name == start else Plan(), desired, purge) for name in names]
    extra = (
        _transitional(split, observed, planner, transition, full) if full and transition and start != CONTRACT else {}
    )
    found: List[Phase] = []
    for name in names:
        aim = desired if name == CONTRACT else split.until(name) + extra.get(name, [])
        removes = purge if name == CONTRACT else None
        plan = planner(observed, aim, purge=removes) if full or extra else Plan()
        found.append(Phase(name, plan, aim, removes))
        observed = after(observed, plan)
    return found


def _transitional(
    split: _Split, observed: Observed, planner: Planner, transition: Transition, full: Plan
) -> Dict[str, List[Desired]]:
    """Return phase -> what is to be there only until contract."""
    aim = split.until(EXPAND)
    expanded = after(observed, planner(observed, aim))
    switch = planner(expanded, split.until(SWITCH)).steps
    gone = {one.ref for step in full.steps if step.after is None for one in step.everything} - split.wanted.keys()
    return {phase: transition.desired(expanded, split.desired, switch, gone, phase) for phase in (EXPAND, SWITCH)}


def after(observed: Observed, plan: Plan) -> Observed:
    """Return what will be there once ``plan`` is carried out."""
    if not plan:
        return observed
    there = dict(observed)
    for before, renamed in plan.renamed:
        there.pop(before.ref, None)
        there[renamed.ref] = renamed
    for step in plan.steps:
        if step.before is not None:
            there.pop(step.before.ref, None)
        if step.action in (DELETE, FALL):
            for resource in step.companions:
                there.pop(resource.ref, None)
        else:
            there.update((resource.ref, resource) for resource in step.everything)
    return there


class _Split:
    """Says in which phase each entry of ``desired`` comes."""

    def __init__(self, kinds: Kinds, observed: Observed, desired: List[Desired]) -> None:
        self.kinds, self.desired = kinds, desired
        self.wanted = merged(one.resource for one in desired if one.present)
        _levels, self.observed, _renamed = rename(kinds, observed, self.wanted, adopt=True)
        self.anew: Dict[Ref, bool] = {}
        self.places: Dict[Ref, int] = {}
        self.in_switch = self._in_switch()

    def _in_switch(self) -> Set[Ref]:
        """Return the refs of what is to be made and takes packets at once."""
        coming: Dict[str, List[Resource]] = {}
        for ref, resource in self.wanted.items():
            if ref not in self.observed:
                coming.setdefault(resource.kind, []).append(resource)
        found = [self.kinds[name].come_in_switch(resources, self.observed) for name, resources in coming.items()]
        return set().union(*found)

    def is_simple(self, full: Plan) -> bool:
        """Say whether ``full`` only does what is done in expand."""
        return all(map(self._is_first, full.steps))

    def _is_first(self, step: Step) -> bool:
        if step.action == CHANGE:
            kind = self.kinds[step.after.kind]
            return all(kind.changes_in(name, step.before, step.after) == EXPAND for name in step.fields)
        return step.action in (ADOPT, RENAME) or (step.action == CREATE and not self._place(step.after.ref))

    def until(self, phase: str) -> List[Desired]:
        """Return the entries, and of each the fields, that have come when ``phase`` ends."""
        last = PHASES.index(phase)
        return [
            entry._replace(resource=self._until(entry.resource, last))
            for entry in self.desired
            if entry.present and self._place(entry.resource.ref) <= last
        ]

    def _until(self, resource: Resource, last: int) -> Resource:
        found = self.observed.get(resource.ref)
        if found is None:
            return resource
        kind = self.kinds[resource.kind]
        late = {
            name for name in differing(resource, found) if PHASES.index(kind.changes_in(name, found, resource)) > last
        }
        if not late:
            return resource
        values = {name: value for name, value in resource.values.items() if name not in late}
        halfway = {name: kind.meanwhile(name, found, resource) for name in late}
        values.update((name, value) for name, value in halfway.items() if value is not None)
        return Resource(resource.kind, resource.key, values, resource.owner)

    def _place(self, ref: Ref) -> int:
        """Return the number of the phase in which the object ``ref`` is first there."""
        known = self.places.get(ref)
        if known is not None:
            return known
        resource = self.wanted[ref]
        kind = self.kinds[resource.kind]
        if self._is_anew(ref):
            place = PHASES.index(CONTRACT)
        elif ref in self.observed:
            place = 0
        else:
            place = PHASES.index(SWITCH) if ref in self.in_switch else 0
            self.places[ref] = place  # two that are tied to each other come together
            bases = {tie.to for tie in kind.ties_of(resource)} & self.wanted.keys()
            place = max([place, *map(self._place, bases)])
        self.places[ref] = place
        return place

    def _is_anew(self, ref: Ref) -> bool:
        """Say whether the object, or one with which it ends, is there and cannot be changed in place."""
        known = self.anew.get(ref)
        if known is not None:
            return known
        self.anew[ref] = False  # two that are tied to each other
        desired, found = self.wanted[ref], self.observed.get(ref)
        kind = self.kinds[ref[0]]
        itself = found is not None and not kind.fixed_of(desired, found).isdisjoint(differing(desired, found))
        bases = (tie.to for tie in kind.ties_of(desired) if tie.binds and tie.to in self.wanted)
        self.anew[ref] = itself or any(map(self._is_anew, bases))
        return self.anew[ref]
