# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the engine on a node: observe, plan, and, outside of check mode, apply and observe again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from .apply import Applier
from .errors import Conflict, FabricError, KernelError, Unrecorded, nothing_changed, reason
from .kind import Kinds, Scope, distinct, overlying
from .phases import Phase, Transition, phases_of
from .plan import Purge, Yields, make_plan
from .resource import Desired, Observed, Ref, Resource, from_plain, to_plain
from .step import ADOPT, Plan
from .summary import counts_of
from .undo import Undo

# takes the session, what it observed, the plan, and where it looked
Begin = Callable[["Session", Observed, Plan, Scope], None]


@dataclass
class Outcome:
    """What a run found and did.

    ``phases``: what there was to do in the phase of the run and in those after it; none: all is done at once.
    """

    plan: Plan
    phases: List[Phase] = field(default_factory=list)
    promises: List[Dict[str, Any]] = field(default_factory=list)
    stats: Dict[str, Any] = field(default_factory=dict)
    warnings: List[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.plan)


class Clock:
    """Measures the seconds of each stage of a run."""

    def __init__(self) -> None:
        self.stages: Dict[str, float] = {}
        self._since = time.monotonic()

    def ends(self, stage: str) -> None:
        """Note that ``stage`` ends now."""
        now = time.monotonic()
        self.stages[stage] = round(now - self._since, 4)
        self._since = now

    def as_stats(self) -> Dict[str, Any]:
        """Return the seconds of all stages together, and of each."""
        return {"seconds": round(sum(self.stages.values()), 4), "stages": self.stages}


@dataclass
class Session:
    """Runs the engine on desired resources.

    :param kinds: the kinds in play.
    :param kernel: how the kernel is read and changed; its ledger holds the marks.
    :param promised: what earlier tasks of the same run in check mode would have made or removed.
    :param looked_at: names of the kinds to observe; None: all. Another kind is observed once an object of it can end.
    :param begin: called right before the first change, if there is any; it may raise.
    """

    kinds: Kinds
    kernel: Any
    promised: List[Dict[str, Any]] = field(default_factory=list)
    looked_at: Optional[Set[str]] = None
    begin: Optional[Begin] = None

    def __post_init__(self) -> None:
        self.seen = set(self.kinds if self.looked_at is None else self.looked_at)

    def run(
        self,
        desired: List[Desired],
        check: bool = False,
        adopt: bool = False,
        purge: Optional[Purge] = None,
        everywhere: bool = False,
        refuse: Optional[Callable[[Plan], None]] = None,
        yields: Optional[Yields] = None,
        *,
        phase: str = "",
        transition: Optional[Transition] = None,
    ) -> Outcome:
        """Bring the node to ``desired``; with ``check`` only plan it.

        :param purge: see :func:`make_plan`; ``yields``: too.
        :param phase: do only this part of it, see :func:`phases_of`; ``transition``: too.
        :param everywhere: look in every namespace that is ours, not only in those that ``desired`` names.
        :param refuse: called with the plan before anything is touched; raises if the plan must not be carried out.
        """
        clock = Clock()
        scope = self.scope(desired, everywhere or any(not entry.present for entry in desired))
        observed = self._first_look(scope, check)
        clock.ends("observe")
        planner = partial(make_plan, self.kinds, adopt=adopt, yields=yields)
        plan = self._planned(partial(planner, desired=desired, purge=purge), scope, observed, transition)
        if refuse:
            refuse(plan)
        self._refuse(plan)
        phases = phases_of(self.kinds, observed, desired, planner, purge, transition, phase, full=plan) if phase else []
        if phases and not check:
            _name, plan, desired, purge = phases[0]
        clock.ends("plan")
        warnings: List[str] = []
        if not check:
            if everywhere:
                with nothing_changed():
                    self.kernel.ledger.prune(observed, self.seen, scope.netns)
            if plan:
                warnings = self._apply(plan, desired, purge, scope, observed)
                clock.ends("apply")
        stats = {"observed": len(observed), "changed": len(plan.steps), "counts": counts_of(plan, self.kinds)}
        stats.update(clock.as_stats(), **self.kernel.netlink.counts)
        return Outcome(plan, phases, promises_of(plan) if check else [], stats, warnings)

    def _first_look(self, scope: Scope, check: bool) -> Observed:
        """Return what is there when the run begins, and outside of check mode clean up after one that was killed."""
        with nothing_changed():
            if not check:
                self.kernel.ledger.tidy()
                self.kernel.forget_leftovers(self.kernel.ledger.namespaces())
            observed = self.observe(scope)
        self.overlay(observed)
        return observed

    def _planned(
        self, planner: Callable[[Observed], Plan], scope: Scope, observed: Observed, transition: Optional[Transition]
    ) -> Plan:
        """Return the plan that does all at once, and add to ``observed`` what matters for it."""
        plan = planner(observed)
        if self._looks_further(plan, scope, observed, transition.refs(observed, plan) if transition else set()):
            self.overlay(observed)
            plan = planner(observed)
        return plan

    def _refuse(self, plan: Plan) -> None:
        """Refuse a plan to which a kind objects.

        :raises Conflict: it does.
        """
        with nothing_changed():
            problems = [one for kind in self.kinds.values() if plan for one in kind.refusals(self.kernel, plan)]
        if problems:
            raise Conflict(problems)

    def observe(self, scope: Scope) -> Observed:
        """Return everything in ``scope``, read afresh."""
        self.kernel.forget()
        return self._look(self.seen, scope)

    def _look(self, names: Set[str], scope: Scope) -> Observed:
        kinds = [kind for name, kind in self.kinds.items() if name in names]
        return {resource.ref: resource for kind in kinds for resource in kind.observe(self.kernel, scope)}

    def _looks_further(self, plan: Plan, scope: Scope, observed: Observed, refs: Set[Ref]) -> bool:
        """Observe also what can end with what ``plan`` touches, and ``refs``; return whether there was more to observe.

        Most runs touch nothing that exists, and skip this.
        """
        touched = [step for step in plan.steps if step.before is not None and step.action != ADOPT]
        kinds = overlying(self.kinds, {step.resource.kind for step in touched}) - self.seen
        netns: Set[str] = set()
        if not {step.resource.ref for step in touched if step.after is None}.isdisjoint(
            step.resource.ref for step in plan.steps if step.before is None
        ):  # something is made anew, and the other end of what it was may be anywhere
            netns = self.kernel.ledger.namespaces() - scope.netns
        self.seen |= kinds
        scope.bystanders |= kinds
        scope.netns |= netns
        scope.refs |= refs
        with nothing_changed():
            observed.update(self.observe(scope) if netns else self._look(kinds | {ref[0] for ref in refs}, scope))
            closer = self._closer([step.before for step in touched if step.after is None])
        observed.update(closer)
        return bool(kinds or netns or refs or closer)

    def _closer(self, leaving: List[Resource]) -> Observed:
        """Return those of ``leaving`` of which a closer look shows more."""
        of = {kind: [one for one in leaving if one.kind == kind.name] for kind in self.kinds.values()}
        return {one.ref: one for kind, some in of.items() if some for one in kind.examined(self.kernel, some)}

    def scope(self, desired: List[Desired], everywhere: bool) -> Scope:
        """Return where to look for ``desired`` and what it stands on.

        :param everywhere: in every namespace that is ours, too.
        """
        scope = Scope({""}, {entry.resource.ref for entry in desired})
        scope.netns.update(entry.resource.netns for entry in desired)
        for ties in distinct(self.kinds[entry.resource.kind].ties_of(entry.resource) for entry in desired):
            scope.netns.update(tie.to[1][0] for tie in ties)
        if everywhere:
            scope.netns |= self.kernel.ledger.namespaces()
        return scope

    def overlay(self, observed: Observed) -> None:
        """Lay over ``observed`` what earlier tasks promised in check mode."""
        for promise in self.promised:
            kind = self.kinds.get(promise["resource"]["kind"])
            if kind is None:
                continue
            resource = from_plain(promise["resource"], kind.key)
            if promise["present"]:
                known = observed.get(resource.ref)
                observed[resource.ref] = (
                    resource if known is None else known.merged(resource.values).owned(resource.owner)
                )
            else:
                observed.pop(resource.ref, None)

    def _apply(
        self, plan: Plan, desired: List[Desired], purge: Optional[Purge], scope: Scope, observed: Observed
    ) -> List[str]:
        """Carry ``plan`` out, or undo it; return warnings."""
        if self.begin:
            self.begin(self, observed, plan, scope)
        ledger = self.kernel.ledger
        marks = ledger.copy()
        scope.refs |= observed.keys()  # whether or not they are still marked
        with nothing_changed():
            ledger.expect(plan, self.kinds)
        try:
            self._applier(scope).apply(plan, desired, purge)
        except Unrecorded:
            raise
        except Exception as failure:  # whatever it is, the node is not left half-way
            undo, left = self.take_back(scope, observed, plan.refs, marks)
            raise KernelError(_sentence(failure), left, undo.sentences) from failure
        try:
            return self._followed(plan)
        except OSError as failure:
            raise Unrecorded(f"the change was not announced: {reason(failure)} (everything was done)") from failure

    def _applier(self, scope: Scope) -> Applier:
        return Applier(
            self.kinds,
            self.kernel.submit,
            lambda: self.observe(scope),
            self._is_gone,
            lambda steps: self.kernel.ledger.settle(steps, self._identities),
        )

    def take_back(self, scope: Scope, before: Observed, planned: Set[Ref], marks: Any) -> Tuple[Undo, List[str]]:
        """Bring the node back to what was there ``before`` changes to ``planned``; return the undo, and what is left.

        :param marks: as :meth:`Ledger.copy` returned them then.
        """
        undo = Undo(self._applier(scope), planned, before, lambda back: self.kernel.ledger.expect(back, self.kinds))
        left = self._taken_back(undo, marks)
        undo.sentences = [*undo.notes(), *self._after_undo(undo)]
        return undo, left

    def _followed(self, plan: Plan) -> List[str]:
        """Have each kind act on ``plan``, which was carried out; return warnings."""
        found = [kind.applied(self.kernel, plan) for kind in self.kinds.values() if plan]
        return [warning for warnings in found for warning in warnings or ()]

    def _after_undo(self, undo: Undo) -> List[str]:
        """Have each kind act on the undo, too; return a sentence for each thing that it could not do."""
        try:
            return [warning for plan in undo.ways for warning in self._followed(plan)]
        except Exception as failure:  # an undo must end in a report
            return [f"the change was not announced: {_sentence(failure)}"]

    def _taken_back(self, undo: Undo, marks: Any) -> List[str]:
        """Undo, and restore the marks if nothing is left; return what could not be undone."""
        left, ledger = undo.run(), self.kernel.ledger
        try:
            if left:
                ledger.save()  # with what the plan made ours: some of it is there
            else:
                ledger.give_back(marks, undo.remade.values(), self._identities)
        except FabricError as failure:
            left.append(str(failure))
        return left

    def _is_gone(self, resource: Resource) -> Optional[bool]:
        return self.kinds[resource.kind].is_gone(self.kernel, resource)

    def _identities(self, resources: Iterable[Resource]) -> Dict[Ref, Any]:
        """Return ref -> identity of those of ``resources`` that have one."""
        singular = [resource for resource in resources if self.kinds[resource.kind].has_identity]
        found = {one.ref: self.kinds[one.kind].identity(self.kernel, one) for one in singular}
        return {ref: identity for ref, identity in found.items() if identity is not None}


def _sentence(failure: Exception) -> str:
    if isinstance(failure, OSError):
        return reason(failure)
    expected = isinstance(failure, (RuntimeError, FabricError))
    return str(failure) if expected else f"{type(failure).__name__}: {failure}"


def promises_of(plan: Plan) -> List[Dict[str, Any]]:
    """Return what ``plan`` would have made and removed, for later tasks in check mode."""
    renamed = [(False, before) for before, after in plan.renamed if before.ref != after.ref]
    renamed += [(True, after) for _before, after in plan.renamed]
    return [{"present": present, "resource": to_plain(resource)} for present, resource in renamed] + [
        {"present": step.after is not None, "resource": to_plain(resource)}
        for step in plan.steps
        for resource in step.everything
    ]
