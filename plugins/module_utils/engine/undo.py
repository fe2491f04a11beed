# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back from what a plan that failed has left to what was there before it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Dict

from .apply import POLL_SECONDS, SETTLE_SECONDS, Applier
from .plan import Plan, make_plan
from .resource import Desired, Ref, Resource
from .step import DELETE, FALL, refs_of, steps_of

# what the kernel took along with something that was brought back is brought back by the next round
ROUNDS = 3


@dataclass
class Undo:
    """Plans the way back by what is there now, goes it, and observes whether it led there.

    :param before: what was there before the plan, ref -> Resource.
    :param expect: called with a plan before it is carried out, to note what it makes ours.
    """

    applier: Applier
    plan: Plan
    before: Dict[Ref, Resource]
    expect: Any

    def __post_init__(self):
        self.kinds = self.applier.kinds
        self.planned = refs_of(self.plan.levels) | refs_of(self.plan.last)
        self.ways = []  # the plans of the way back
        self.remade = {}  # ref -> Resource of what cannot be brought back: another one came in its place

    def run(self):
        """Return what could not be undone, a sentence for each."""
        failures = []
        for _round in range(ROUNDS):
            try:
                back = self._settle()
            except Exception as failure:  # an undo must end in a report
                return [*failures, f"the node's state cannot be read: {failure}"]
            if not back:
                return []
            failures = self._go(back)
        return self._left(failures)

    def notes(self):
        """Return what is as it was before only by its name."""
        return [
            f"{self.kinds[one.kind].describe(one)} was made anew: what ran in it is cut off"
            for one in self.remade.values()
        ]

    def _go(self, back):
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
            except Exception as failure:  # the rest is still worth taking back
                failures.append(str(failure))
        return failures

    def _left(self, failures):
        try:
            rest = self._settle()
        except Exception as failure:  # as above
            return [*failures, f"the node's state cannot be read: {failure}"]
        return [self._told(step) for step in rest.steps if step.action != FALL][:10] if rest else []

    def _told(self, step):
        state = "is still there" if step.action == DELETE else "is missing" if step.before is None else "is otherwise"
        return f"{self.kinds[step.resource.kind].describe(step.resource)} {state}"

    def _settle(self):
        """Return the plan of what is left to take back, when what ends by itself has had its time."""
        deadline = time.monotonic() + SETTLE_SECONDS
        pause = POLL_SECONDS
        while True:
            there = self.applier.observe()
            back = make_plan(self.kinds, there, self._desired(there), adopt=True)
            if not back or any(step.after is not None for step in back.steps) or time.monotonic() > deadline:
                return back
            if any(step.action == DELETE and step.before.ref in self.planned for step in back.steps):
                return back
            time.sleep(pause)
            pause = min(pause * 2, 0.03)

    def _desired(self, there):
        """Return desired for all that is gone, and for all that is ours or that the plan was about: it may end on the way back."""
        desired = []
        for ref, was in self.before.items():
            restorable = self.kinds[was.kind].restorable(was)
            if restorable and (was.owner is not None or ref not in there) or ref in self.planned and ref in there:
                desired.append(Desired(self.kinds[was.kind].wanted(was)))
        new = [one for ref, one in there.items() if ref not in self.before]
        return desired + [
            Desired(one, present=False) for one in new if one.ref in self.planned or one.owner is not None
        ]
