# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of site that is cut at one point, and what the nodes are afterwards."""

import re
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parents[1]))
from injectors import CUTS, TABLE, Nothing
from snapshot import lasting_differences
from ssh_lab import NEW, NODES, OLD

# After the timeout each node has this long to be what it was.
GRACE = 5.0  # seconds
# A run whose connections were dead goes on when TCP sends again, which it does ever more seldom (RFC 6298, 5.5).
RUN_ENDS_WITHIN = 120.0
# what runs that nobody cuts are given, on a machine that has other work
UNHURRIED = ("-e", "fabric_confirm_timeout=300")
MIXED, IN_DOUBT, LATE = "MIXED", "in doubt", "LATE"


@dataclass(frozen=True)
class Point:
    """A moment of a run and what happens then.

    :param step: as ``callback_plugins/steps.py`` names steps.
    :param cut: of :mod:`injectors`, or what cuts by itself.
    :param delay: seconds after the step, while the run goes on; none: it waits at the step.
    :param target: the fabric that the run would make; none: the one that is not there.
    """

    step: str
    cut: str
    node: str = "vm2"
    delay: float = 0.0
    target: str = ""
    options: tuple = ()

    def __str__(self):
        if not self.step:
            return f"{self.cut} {' '.join(self.options)}"
        sort, *names = self.step.split("|")
        after = f" + {self.delay:.2f} s" if self.delay else ""
        return f"{self.cut} ({self.node}) at {sort} {' | '.join(names)}{after}"


@dataclass
class Outcome:
    """What came of it.

    :param state: ``old`` or ``new``: every node is so, exactly; ``MIXED``: they are not alike; ``in doubt``: nor are they, but
        the run named each node that is not like the others; ``LATE``: something was still pending after timeout and grace.
    :param seconds: from the cut until nothing was pending.
    """

    state: str
    seconds: float
    nodes: dict
    details: list

    def is_good(self):
        return self.state in (OLD, NEW, IN_DOUBT)


class Trials:
    """A lab, the two states that its nodes may have, and runs between them that are cut.

    :param grace: seconds after the timeout, more on a machine that has other work.
    :ivar latest: how many seconds after a node's time was up it was at last what it was before.
    """

    def __init__(self, lab, grace=GRACE):
        self.lab, self.known, self.state = lab, {}, None
        self.grace, self.latest = grace, 0.0
        self.options = ("-e", f"fabric_confirm_timeout={lab.timeout}")

    def learn(self, twice=True):
        """Find out what the two states are; return the steps of the way from the old one to the new.

        :param twice: make sure that a state is the same each time; the nodes are old then, else new.
        """
        self._be(OLD)
        steps = self._be(NEW)
        if not twice:
            return steps
        before = self.known[OLD]
        self._be(OLD)
        assert self._differences(before, self.known[OLD]) == [], "a state is not the same each time"
        return steps

    def _be(self, variant):
        run = self.lab.playbook("site", variant, *UNHURRIED)
        assert run.wait() == 0, run.printed()
        self.state, self.known[variant] = variant, self.lab.snapshot()
        return [(float(when), step) for when, _space, step in (line.partition(" ") for line in run.steps())]

    def restore(self, variant=OLD):
        """Bring all nodes to a state, whatever they are."""
        self.lab.play("site", variant, *UNHURRIED)
        self.state = variant
        found = {node: state for node, (state, _lines) in self.compared().items()}
        assert set(found.values()) == {variant}, found

    def attempt(self, point, *options):
        """Cut a run at a point, and return the outcome; the nodes are all ``self.state`` afterwards, or it is None."""
        options = (*point.options, *(options or self.options))
        target = point.target or (NEW if self.state == OLD else OLD)
        run = self.lab.playbook("site", target, *options, at="" if point.delay else point.step)
        if point.step and not self._reaches(run, point):
            return self._missed(run)
        time.sleep(point.delay)
        if not point.step:
            self._begins(run, point.node)
        injector = CUTS[point.cut]() if point.step else Nothing()
        began = time.monotonic()
        injector.cut(self.lab, run, point.node)
        if not injector.ends_run:
            run.go_on()
        seconds = self._settled(run, injector, began)
        try:
            first = self._look(run, seconds)
        finally:
            injector.heal(self.lab, point.node)
            run.wait(RUN_ENDS_WITHIN)
        last = self._look(run, seconds, self._healed())
        self.state = last.state if last.state in (OLD, NEW) else None
        outcome = last if first.is_good() else first
        return self._named(outcome, run.printed()) if outcome.state == MIXED else outcome

    def _named(self, outcome, printed):
        """Return the outcome of a run that left nodes that differ: it, or the next run, must name those in doubt."""
        if self._are_named(outcome.nodes, printed):
            return replace(outcome, state=IN_DOUBT)
        outcome.details += [f"the run: {line}" for line in printed.splitlines() if "commit" in line][:6]
        run = self.lab.playbook("site", OLD, *UNHURRIED)
        run.wait()
        self.state = None
        outcome.details += [f"the next run: {line}" for line in run.printed().splitlines() if "commit" in line][:6]
        return replace(outcome, state=IN_DOUBT) if self._are_named(outcome.nodes, run.printed()) else outcome

    def _are_named(self, nodes, printed):
        """Say whether a run named those that are not like the others; one that has neither state is not excused."""
        return MIXED not in nodes.values() and _others(nodes) <= self.named_in_doubt(printed)

    def named_in_doubt(self, printed):
        """Return the nodes that a run names as in doubt."""
        lines = [line for line in printed.splitlines() if "in doubt" in line]
        return {node for node in NODES for line in lines if re.search(rf"\b{node}\b", line)}

    def _begins(self, run, node):
        """Wait until the change has begun on a node; one that is refused never does."""
        while node not in self.lab.pending() and not run.has_ended():
            time.sleep(0.01)

    def _reaches(self, run, point):
        while not any(line.split(" ", 1)[1] == point.step for line in run.steps()):
            if run.has_ended():
                return False
            time.sleep(0.005)
        return True

    def _missed(self, run):
        outcome = self._look(run, 0.0)
        outcome.details.append("the run did not come to this step")
        outcome.state = "missed"
        self.state = None
        return outcome

    def _settled(self, run, injector, began):
        """Wait until nothing is pending and nothing can be any more, or the time is up; return until when something was."""
        deadline, busy = began + self.lab.timeout, began
        while time.monotonic() < deadline + self.grace:
            over = run.has_ended() and injector.is_over()
            pending = self.lab.pending()
            # a node that the controller still came to has the whole time from then on
            deadline = max([deadline, *(time.monotonic() + left for left in pending.values())])
            if pending or self.lab.working():
                busy = time.monotonic()
            elif over:
                break
            time.sleep(0.1)
        self.latest = max(self.latest, busy - deadline)
        return busy - began

    def _busy(self):
        """Say whether something is pending, or a module of the run is still at work on a node."""
        return bool(self.lab.pending() or self.lab.working())

    def _healed(self):
        """Wait until what began after the cut was healed is over, too; say whether it was in time."""
        deadline = time.monotonic() + self.lab.timeout + self.grace
        while self._busy():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def _look(self, run, seconds, in_time=True):
        """Return the outcome so far."""
        is_late = not in_time or self._busy()
        found = self.compared()
        nodes = {node: state[0] for node, state in found.items()}
        details = [f"{node}: {line}" for node, (state, lines) in found.items() if state == MIXED for line in lines[:8]]
        states = set(nodes.values())
        if is_late:
            return Outcome(LATE, seconds, nodes, [f"pending: {self.lab.pending()}", *details])
        if len(states) == 1 and states <= {OLD, NEW}:
            return Outcome(states.pop(), seconds, nodes, details)
        return Outcome(IN_DOUBT if self._are_named(nodes, run.printed()) else MIXED, seconds, nodes, details)

    def compared(self):
        """Return node -> (which state it has, or MIXED; how it differs from the nearer one)."""
        found = self.lab.snapshot()
        return {node: self._nearest(node, state) for node, state in found.items()}

    def _nearest(self, node, state):
        differing = {
            name: self._differences(known[node], state) for name, known in self.known.items() if name in (OLD, NEW)
        }
        nearest = min(differing, key=lambda name: len(differing[name]))
        return (MIXED if differing[nearest] else nearest), [f"not {nearest}: {one}" for one in differing[nearest]]

    @staticmethod
    def _differences(before, after):
        # the rule that cuts is none of the fabric's
        return [line for line in lasting_differences(before, after) if f"'{TABLE}'" not in line]


def _others(nodes):
    """Return the nodes that are not as most of them are."""
    states = list(nodes.values())
    most = max(set(states), key=states.count)
    return {node for node, state in nodes.items() if state != most}
