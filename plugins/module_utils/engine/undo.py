# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The undo: a plan from what a failed plan has left to what was there before it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Dict, List, Set

from .apply import POLL_SECONDS, SETTLE_SECONDS, Applier
from .plan import make_plan
from .resource import Desired, Observed, Ref, Resource
from .step import DELETE, FALL, Plan, Step, steps_of

# what the kernel took along while something was restored is restored by the next round
ROUNDS = 3


@dataclass
class Undo:
    """Plans the way back from what is there now, carries it out, and observes the result.

    :param planned: the refs of all objects that the plan touched.
    :param before: what was there before the plan.
    :param expect: called with a plan before it is carried out, to note what it makes ours.
    """

    applier: Applier
    planned: Set[Ref]
    before: Observed
    expect: Callable[[Plan], None]

    def __post_init__(self) -> None:
        self.kinds = self.applier.kinds
        self.ways: List[Plan] = []  # the plans that were carried out
        self.remade: Dict[Ref, Resource] = {}  # what cannot be restored: another one came in its place
        self.sentences: List[str] = []  # what a person has to know of it

    def run(self) -> List[str]:
        """Undo; return what could not be undone, a sentence for each."""
        failures: List[str] = []
        for _round in range(ROUNDS):
            try:
                back = self._settle()
            except Exception as failure:  # an undo must end in a report
                return [*failures, f"the node's state cannot be read: {failure}"]
            if not back:
                return []
            failures = self._go(back)
        return self._left(failures)

    def notes(self) -> List[str]:
        """Return what was restored in name only, a sentence for each."""
        return [
            f"{self.kinds[one.kind].describe(one)} was made anew: what ran in it is cut off"
            for one in self.remade.values()
            if not self.kinds[one.kind].outlives(one)
        ]

    def _go(self, back: Plan) -> List[str]:
        """Carry ``back`` out; return failures."""
        failures = []
        self.ways.append(back)
        made = [one for step in steps_of(back.levels) if step.before is None for one in step.everything]
        self.remade.update(
            {one.ref: one for one in made if self.kinds[one.kind].has_identity and one.ref in self.before}
        )
        try:
            self.expect(back)
        except Exception as failure:  # the marks are written once more at the end
            failures.append(str(failure))
        for level in [*back.levels, *back.last]:
            try:
                self.applier.carry_out([level])
            except Exception as failure:  # the rest is still undone
                failures.append(str(failure))
        return failures

    def _left(self, failures: List[str]) -> List[str]:
        try:
            rest = self._settle()
        except Exception as failure:  # as above
            return [*failures, f"the node's state cannot be read: {failure}"]
        return [self._state(step) for step in rest.steps if step.action != FALL][:10] if rest else []

    def _state(self, step: Step) -> str:
        state = "is still there" if step.action == DELETE else "is missing" if step.before is None else "differs"
        return f"{self.kinds[step.resource.kind].describe(step.resource)} {state}"

    def _settle(self) -> Plan:
        """Return the plan of what is left to undo, after waiting for what ends by itself."""
        deadline = time.monotonic() + SETTLE_SECONDS
        pause = POLL_SECONDS
        while True:
            there = self.applier.observe()
            back = make_plan(self.kinds, there, self._desired(there), adopt=True)
            if not back or any(step.after is not None for step in back.steps) or time.monotonic() > deadline:
                return back
            if any(step.action == DELETE and step.resource.ref in self.planned for step in back.steps):
                return back
            time.sleep(pause)
            pause = min(pause * 2, 0.03)

    def _desired(self, there: Observed) -> List[Desired]:
        """Return entries for what is gone, and for what is ours or in the plan, which may end on the way back."""
        desired = []
        nameless = {ref for ref, was in self.before.items() if ref not in there and self.kinds[was.kind].outlives(was)}
        for ref, was in self.before.items():
            kind = self.kinds[was.kind]
            restorable = kind.restorable(was)
            if nameless and was.owner is None and any(tie.binds and tie.to in nameless for tie in kind.ties_of(was)):
                continue  # it is seen again with the name
            if restorable and (was.owner is not None or ref not in there) or ref in self.planned and ref in there:
                desired.append(Desired(kind.wanted(was) if ref in there else kind.restoring(was)))
        new = [one for ref, one in there.items() if ref not in self.before]
        return desired + [
            Desired(one, present=False) for one in new if one.ref in self.planned or one.owner is not None
        ]
