# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries a plan out, sees that the kernel kept it, and takes it back where it did not."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass
from typing import Callable, NamedTuple

from .errors import KernelError
from .plan import CHANGE, CREATE, DELETE, FALL, make_plan
from .resource import Wish

# The kernel ends a namespace, and the veths with an end in it, some time after the request has returned.
SETTLE_SECONDS = 5.0
POLL_SECONDS = 0.008
# What the kernel says of something to be deleted that has just ended in this way
GONE = {os.strerror(number) for number in (errno.ENODEV, errno.ENOENT, errno.ESRCH, errno.EADDRNOTAVAIL)}


class Request(NamedTuple):
    """Something to ask of the kernel.

    :param netns: the namespace in which it is asked.
    :param payload: what the door to the kernel understands.
    :param stage: within one level, all requests of a stage are done before those of the next begin.
    :param local: it is about its own namespace and stands on nothing in others; such requests need not be awaited before
        those that come after them in that namespace, in the order of which the kernel does them.
    :param late: done when all that others stand on is there (see Kind.foundation).
    """

    netns: str
    payload: object
    stage: int = 0
    local: bool = False
    late: bool = False


@dataclass
class Applier:
    """Brings the kernel to what a plan says.

    :param kinds: the kinds in play, by name.
    :param submit: takes a list of Request, does them, and returns for each None or the error (a sentence).
    :param observe: returns what is there now, ref -> Resource.
    :param is_gone: says of a resource what Kind.is_gone does.
    """

    kinds: dict
    submit: Callable
    observe: Callable
    is_gone: Callable

    def apply(self, plan, wishes, purge=None):
        """Carry ``plan`` out and observe that nothing is left to do.

        :raises KernelError: it could not be done; the error says whether everything was taken back.
        """
        try:
            self._carry_out(plan)
            self._verify(plan, wishes, purge)
        except Exception as failure:  # whatever it is, the node is not left half-way
            raise KernelError(str(failure), self._undo(plan)) from failure

    def _carry_out(self, plan):
        batch, joins = [], False
        for group in self._groups(plan):
            local = all(request.local for _step, request in group)
            if not (joins and local):
                self._submit(batch)
                batch = []
            batch += group
            joins = local
        self._submit(batch)

    def _groups(self, plan):
        """Yield lists of ``(step, request)``, each to be done after those before it."""
        late = []
        for level in plan.levels:
            if late and not all(self.kinds[step.resource.kind].foundation for step in level):
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
        return kind.delete(step.before) if step.action == DELETE else []

    def _verify(self, plan, wishes, purge):
        """Observe until nothing is left to do.

        What did not fall by itself is removed by a request of its own; what the kernel took along (a link's neighbors when
        its MAC address changes, neigh_changeaddr in net/core/neighbour.c) is made again.
        """
        if not any(wish.present for wish in wishes) and self._all_gone(plan):
            return
        wishes = wishes + self._fallen(plan, wishes)
        rest = self._settle(wishes, purge)
        if rest:
            self._carry_out(rest)
            rest = self._settle(wishes, purge)
        if rest:
            raise RuntimeError("the kernel did not keep: " + "; ".join(self._tell(step) for step in rest.steps[:3]))

    def _all_gone(self, plan):
        """Wait until all that ``plan`` removes is gone; say whether that could be told without an observation.

        An observation waits until the kernel has taken apart what was in a namespace that ended.
        """
        removed = {resource.ref: resource for step in plan.steps for resource in step.everything}
        told = {resource: self.is_gone(resource) for resource in removed.values()}
        for resource, gone in told.items():
            # what ends with something else is gone when that is
            if gone is None and removed.keys().isdisjoint(self.kinds[resource.kind].falls_with(resource)):
                return False
        left = [resource for resource, gone in told.items() if gone is False]
        deadline = time.monotonic() + SETTLE_SECONDS
        while left and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            left = [resource for resource in left if not self.is_gone(resource)]
        return not left

    def _fallen(self, plan, wishes):
        there = [wish.resource for wish in wishes if wish.present]
        there += [resource for step in plan.steps if step.after for resource in step.everything]
        wanted = {ref for one in there for ref in (one.ref, *self.kinds[one.kind].brings(one))}
        return [
            Wish(resource, present=False)
            for step in plan.steps
            if step.action == FALL
            for resource in step.everything
            # what the kernel makes by itself it may have made again
            if resource.ref not in wanted and self.kinds[resource.kind].restorable(resource)
        ]

    def _settle(self, wishes, purge):
        deadline = time.monotonic() + SETTLE_SECONDS
        pause = POLL_SECONDS
        while True:
            rest = make_plan(self.kinds, self.observe(), wishes, adopt=True, purge=purge)
            only_removals = rest and all(step.after is None for step in rest.steps)
            if not only_removals or time.monotonic() > deadline:
                return rest
            time.sleep(pause)
            pause = min(pause * 2, 0.03)

    def _undo(self, plan):
        """Plan the way back from what is there now to what was there before; return what could not be done."""
        wishes = self._as_before(plan)
        try:
            back = make_plan(self.kinds, self.observe(), wishes, adopt=True)
        except Exception as failure:  # an undo must end in a report
            return [str(failure)]
        left = []
        for level in back.levels:
            try:
                self._carry_out(type(back)([level]))
            except Exception as failure:  # the rest is still worth taking back
                left.append(str(failure))
        try:
            rest = self._settle([wish for wish in wishes if not wish.present], None)
            left += [f"{self._name(step)} is still there" for step in rest.steps]
        except Exception as failure:  # as above
            left.append(str(failure))
        return left

    def _as_before(self, plan):
        """Return wishes for the state before ``plan``: the first thing said of an object is how it was."""
        before = {}
        for step in plan.steps:
            for resource in step.everything:
                was = _was(step, resource)
                if was is None or self.kinds[was.kind].restorable(was):
                    before.setdefault(resource.ref, Wish(was or resource, present=was is not None))
        return list(before.values())

    def _tell(self, step):
        told = ", ".join(
            f"{name} is {step.before.values.get(name)!r}, not {step.after.values.get(name)!r}" for name in step.fields
        )
        return f"{self._name(step)}: {told or step.action}"

    def _name(self, step):
        return self.kinds[step.resource.kind].describe(step.resource)


def _was(step, resource):
    """Return how ``resource``, one of those that ``step`` is about, was before it; None: it was not there."""
    if step.action == CREATE:
        return None
    return step.before if resource.ref == step.before.ref else resource
