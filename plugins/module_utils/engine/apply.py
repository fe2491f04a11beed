# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries a plan out, and sees that the kernel kept it."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass
from typing import Callable, NamedTuple, Tuple

from .errors import FabricError, Unrecorded
from .plan import make_plan
from .resource import Desired
from .step import CHANGE, CREATE, DELETE, FALL, RENAME, refs_of, steps_of

# The kernel ends a namespace, and the veths with an end in it, some time after the request has returned.
SETTLE_SECONDS = 5.0
POLL_SECONDS = 0.008
# What the kernel says of something to be deleted that has just ended in this way
GONE = {os.strerror(number) for number in (errno.ENODEV, errno.ENOENT, errno.ESRCH, errno.EADDRNOTAVAIL)}


class Request(NamedTuple):
    """Something to ask of the kernel.

    :param netns: the namespace in which it is asked.
    :param payload: what :mod:`kernel.kernel` understands.
    :param stage: within one level, all requests of a stage are done before those of the next begin.
    :param local: it is about its own namespace and stands on nothing in others; such requests need not be awaited before
        those that come after them in that namespace, in the order of which the kernel does them.
    :param late: names of the kinds all of whose steps come before it.
    """

    netns: str
    payload: object
    stage: int = 0
    local: bool = False
    late: Tuple[str, ...] = ()


@dataclass
class Applier:
    """Brings the kernel to what a plan says.

    :param kinds: the kinds in play, by name.
    :param submit: takes a list of Request, does them, and returns for each None or the error (a sentence).
    :param observe: returns what is there now, ref -> Resource.
    :param is_gone: says of a resource what Kind.is_gone does.
    :param record: called with steps that are done and seen to be, to write down what is ours.
    """

    kinds: dict
    submit: Callable
    observe: Callable
    is_gone: Callable
    record: Callable = lambda steps: None

    def apply(self, plan, desired, purge=None):
        """Carry ``plan`` out and observe that nothing is left to do.

        What cannot be brought back goes when all else is done and seen to be; where nothing is made, what the kernel answers
        is enough for that.

        :raises Exception: it could not be done.
        """
        self.carry_out(plan.levels)
        makes = any(entry.present for entry in desired)
        if makes or not plan.last:
            self._verify(plan, desired, purge)
            self.record(steps_of(plan.levels))
        if not plan.last:
            return
        self.carry_out(plan.last)
        if not makes:
            self._verify(plan, desired, purge)
        elif not self._all_gone(steps_of(plan.last)):
            raise RuntimeError("the kernel did not keep: " + self._names(steps_of(plan.last)) + " is still there")
        self._record_last(plan.steps if not makes else steps_of(plan.last))

    def _record_last(self, steps):
        try:
            self.record(steps)
        except FabricError as failure:
            raise Unrecorded(f"{failure} (everything was done: run the same again)") from failure

    def carry_out(self, levels):
        """Do what the steps of ``levels`` ask for.

        :raises RuntimeError: the kernel refused some of it.
        """
        batch, joins = [], False
        for group in self._groups(levels):
            local = all(request.local for _step, request in group)
            if not (joins and local):
                self._submit(batch)
                batch = []
            batch += group
            joins = local
        self._submit(batch)

    def _groups(self, levels):
        """Yield lists of ``(step, request)``, each to be done after those before it."""
        late = []
        for level in levels:
            if late and not all(step.resource.kind in late[0][1].late for step in level):
                yield late
                late = []
            stages = {}
            for step in level:
                for request in self._requests(step):
                    (late if request.late else stages.setdefault(request.stage, [])).append((step, request))
            for stage in sorted(stages):
                yield stages[stage]
        if late:
            yield late

    def _submit(self, batch):
        answers = self.submit([request for _step, request in batch]) if batch else []
        failures = [
            f"{step.action} {self._name(step)}: {error}"
            for (step, _request), error in zip(batch, answers)
            if error is not None and not (step.action == DELETE and error in GONE)
        ]
        if failures:
            more = f" (and {len(failures) - 3} more)" if len(failures) > 3 else ""
            raise RuntimeError("; ".join(failures[:3]) + more)

    def _requests(self, step):
        kind = self.kinds[step.resource.kind]
        if step.action == CREATE:
            return kind.create(step.after, step.companions)
        if step.action == CHANGE:
            return kind.change(step.before, step.after, step.fields)
        if step.action == RENAME:
            return kind.rename(step.before, step.after)
        return kind.delete(step.before) if step.action == DELETE else []

    def _verify(self, plan, desired, purge):
        """Observe until nothing is left to do.

        What did not fall by itself is removed by a request of its own; what the kernel took along (a link's neighbors when
        its MAC address changes, neigh_changeaddr in net/core/neighbour.c) is made again.
        """
        makes = any(entry.present for entry in desired)
        if not makes and self._all_gone(plan.steps):
            return
        going = refs_of(plan.last) if makes else set()
        desired = desired + self._fallen(plan, desired)
        rest = self._settle(desired, purge, going)
        if rest:
            self.carry_out(rest.levels + rest.last)
            rest = self._settle(desired, purge, going)
        if rest:
            raise RuntimeError("the kernel did not keep: " + "; ".join(self._tell(step) for step in rest.steps[:3]))

    def _all_gone(self, steps):
        """Wait until all that ``steps`` remove is gone; say whether that is known without an observation.

        An observation waits until the kernel has taken apart what was in a namespace that ended.
        """
        removed = {resource.ref: resource for step in steps for resource in step.everything}
        states = {resource: self.is_gone(resource) for resource in removed.values()}
        for resource, gone in states.items():
            # what ends with something else is gone when that is
            ties = self.kinds[resource.kind].ties_of(resource)
            if gone is None and not any(tie.binds and tie.to in removed for tie in ties):
                return False
        left = [resource for resource, gone in states.items() if gone is False]
        deadline = time.monotonic() + SETTLE_SECONDS
        while left and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            left = [resource for resource in left if not self.is_gone(resource)]
        return not left

    def _fallen(self, plan, desired):
        there = [entry.resource for entry in desired if entry.present]
        there += [resource for step in plan.steps if step.after for resource in step.everything]
        wanted = {ref for one in there for ref in (one.ref, *self.kinds[one.kind].provides(one))}
        return [
            Desired(resource, present=False)
            for step in steps_of(plan.levels)
            if step.action == FALL
            for resource in step.everything
            # what the kernel makes by itself it may have made again
            if resource.ref not in wanted and self.kinds[resource.kind].restorable(resource)
        ]

    def _settle(self, desired, purge, going=frozenset()):
        """Return the plan of what is left to do, when what ends by itself has had its time.

        :param going: refs of what is there for the moment, and is not looked at.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
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

    def _tell(self, step):
        fields = ", ".join(
            f"{name} is {step.before.values.get(name)!r}, not {step.after.values.get(name)!r}" for name in step.fields
        )
        return f"{self._name(step)}: {fields or step.action}"

    def _names(self, steps):
        return ", ".join(self._name(step) for step in steps[:3])

    def _name(self, step):
        return self.kinds[step.resource.kind].describe(step.resource)
