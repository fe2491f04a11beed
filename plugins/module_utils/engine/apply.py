# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries a plan out, and observes that the kernel kept it."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass
from typing import Callable, Collection, Dict, Iterator, List, Optional, Tuple

from .errors import FabricError, Unrecorded
from .kind import Kinds
from .plan import Purge, make_plan
from .request import Request
from .resource import Desired, Observed, Ref, Resource
from .step import CHANGE, CREATE, DELETE, FALL, RENAME, Levels, Plan, Step, refs_of, steps_of

# The kernel ends a namespace, and the veths with an end in it, some time after the request has returned.
SETTLE_SECONDS = 5.0
POLL_SECONDS = 0.008
# Answers to the deletion of something that has just ended
GONE = {os.strerror(number) for number in (errno.ENODEV, errno.ENOENT, errno.ESRCH, errno.EADDRNOTAVAIL)}


# steps with their requests, to be made together
Group = List[Tuple[Step, Request]]


@dataclass
class Applier:
    """Carries plans out.

    :param kinds: the kinds in play.
    :param submit: makes requests, and returns for each None or the error (a sentence).
    :param observe: returns what is there now.
    :param is_gone: does for any resource what :meth:`Kind.is_gone` does.
    :param record: called with steps that were carried out and observed, to write down what is ours.
    """

    kinds: Kinds
    submit: Callable[[List[Request]], Collection[Optional[str]]]
    observe: Callable[[], Observed]
    is_gone: Callable[[Resource], Optional[bool]]
    record: Callable[[List[Step]], None] = lambda steps: None

    def apply(self, plan: Plan, desired: List[Desired], purge: Optional[Purge] = None) -> None:
        """Carry ``plan`` out and observe that nothing is left to do.

        What cannot be restored is removed when all else is observed to be done; where nothing is made, the kernel's answers
        are enough for that.

        :raises Exception: it could not be done.
        """
        self.carry_out(plan.levels)
        makes = any(entry.present for entry in desired)
        if makes or not plan.last:
            self._verify(plan, desired, purge, refs_of(plan.last))
            self.record(steps_of(plan.levels))
        if not plan.last:
            return
        self.carry_out(plan.last)
        if not makes:
            self._verify(plan, desired, purge)
        elif not self._all_gone(steps_of(plan.last)):  # something that no process shows holds a namespace
            self._verify(plan, desired, purge, patience=0)
        self._record_last(plan.steps if not makes else steps_of(plan.last))

    def _record_last(self, steps: List[Step]) -> None:
        try:
            self.record(steps)
        except FabricError as failure:
            raise Unrecorded(f"{failure} (everything was done: run the same again)") from failure

    def carry_out(self, levels: Levels) -> None:
        """Make the requests of the steps of ``levels``.

        :raises RuntimeError: the kernel refused some of it.
        """
        batch: Group = []
        joins = False
        for group in self._groups(levels):
            local = all(request.local for _step, request in group)
            if not (joins and local):
                self._submit(batch)
                batch = []
            batch += group
            joins = local
        self._submit(batch)

    def _groups(self, levels: Levels) -> Iterator[Group]:
        """Yield lists of ``(step, request)``, each to be done after those before it."""
        late: Group = []
        for level in levels:
            if late and not all(step.resource.kind in late[0][1].late for step in level):
                yield _by_stage(late)
                late = []
            stages: Dict[int, Group] = {}
            for step in level:
                for request in self._requests(step):
                    (late if request.late else stages.setdefault(request.stage, [])).append((step, request))
            for stage in sorted(stages):
                yield stages[stage]
        if late:
            yield _by_stage(late)

    def _submit(self, batch: Group) -> None:
        answers = self.submit([request for _step, request in batch]) if batch else ()
        failures = [
            f"{step.action} {self._name(step)}: {error}"
            for (step, _request), error in zip(batch, answers)
            if error is not None and not (step.action == DELETE and error in GONE)
        ]
        if failures:
            more = f" (and {len(failures) - 3} more)" if len(failures) > 3 else ""
            raise RuntimeError("; ".join(failures[:3]) + more)

    def _requests(self, step: Step) -> List[Request]:
        kind = self.kinds[step.resource.kind]
        if step.action == CREATE:
            return kind.create(step.after, step.companions)
        if step.action == CHANGE:
            return kind.change(step.before, step.after, step.fields)
        if step.action == RENAME:
            return kind.rename(step.before, step.after)
        return kind.delete(step.before) if step.action == DELETE else []

    def _verify(
        self,
        plan: Plan,
        desired: List[Desired],
        purge: Optional[Purge],
        going: Collection[Ref] = frozenset(),
        patience: float = SETTLE_SECONDS,
    ) -> None:
        """Observe until nothing is left to do; ``going`` and ``patience``: see :meth:`_settle`.

        What did not end by itself is removed by a request of its own; what the kernel took along (a link's neighbors when
        its MAC address changes, neigh_changeaddr in net/core/neighbour.c) is made again.
        """
        makes = any(entry.present for entry in desired)
        if not makes and self._all_gone(plan.steps):
            return
        desired = desired + self._fallen(plan, desired, going)
        rest = self._settle(desired, purge, going, patience)
        if rest:
            self.carry_out(rest.levels + rest.last)
            rest = self._settle(desired, purge, going)
        if rest:
            raise RuntimeError(
                "the kernel did not keep: " + "; ".join(self._difference(step) for step in rest.steps[:3])
            )

    def _all_gone(self, steps: List[Step]) -> bool:
        """Wait until all that ``steps`` remove is gone; return whether that is known without an observation.

        An observation waits until the kernel has taken apart what was in a namespace that ended.
        """
        removed = {resource.ref: resource for step in steps for resource in step.everything}
        known = {resource: self.is_gone(resource) for resource in removed.values()}
        for resource, gone in known.items():
            # what ends with something else is gone when that is
            ties = self.kinds[resource.kind].ties_of(resource)
            if gone is None and not any(tie.binds and tie.to in removed for tie in ties):
                return False
        left = [resource for resource, gone in known.items() if gone is False]
        deadline = time.monotonic() + SETTLE_SECONDS
        while left and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            left = [resource for resource in left if not self.is_gone(resource)]
        return not left

    def _fallen(self, plan: Plan, desired: List[Desired], going: Collection[Ref]) -> List[Desired]:
        """Return what should have ended with something else, as entries that want it absent; ``going`` ends later."""
        there = [entry.resource for entry in desired if entry.present]
        there += [resource for step in plan.steps if step.after for resource in step.everything]
        wanted = {ref for one in there for ref in (one.ref, *self.kinds[one.kind].provides(one))}
        return [
            Desired(resource, present=False)
            for step in plan.steps
            if step.action == FALL
            for resource in step.everything
            # the kernel may have made again what it makes by itself
            if resource.ref not in wanted
            and resource.ref not in going
            and self.kinds[resource.kind].restorable(resource)
        ]

    def _settle(
        self,
        desired: List[Desired],
        purge: Optional[Purge],
        going: Collection[Ref] = frozenset(),
        patience: float = SETTLE_SECONDS,
    ) -> Plan:
        """Return the plan of what is left to do, after waiting for what ends by itself.

        :param going: refs of what is removed later, and ignored here.
        :param patience: seconds to wait.
        """
        deadline = time.monotonic() + patience
        pause = POLL_SECONDS
        while True:
            there = self.observe()
            if going:
                there = {ref: resource for ref, resource in there.items() if ref not in going}
            rest = make_plan(self.kinds, there, desired, adopt=True, purge=purge)
            only_removals = rest and all(step.after is None for step in rest.steps)
            if not only_removals or time.monotonic() > deadline:
                return rest
            time.sleep(pause)
            pause = min(pause * 2, 0.03)

    def _difference(self, step: Step) -> str:
        fields = ", ".join(
            f"{name} is {step.before.values.get(name)!r}, not {step.after.values.get(name)!r}" for name in step.fields
        )
        return f"{self._name(step)}: {fields or step.action}"

    def _name(self, step: Step) -> str:
        return self.kinds[step.resource.kind].describe(step.resource)


def _by_stage(group: Group) -> Group:
    return sorted(group, key=lambda entry: entry[1].stage)
