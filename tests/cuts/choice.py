# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which points there are, from the steps of a run that nothing disturbed."""

from injectors import CUTS, Kill, KillAll
from points import Point
from ssh_lab import NODES, PORT, ROUTE

# A task that takes more of the longest one's time ran a module on the nodes; one that only queues takes a tenth.
RUNS_A_MODULE = 0.2
# multiples of it fall evenly into an interval, any number of them (Weyl's theorem)
GOLDEN = 0.6180339887
# moments within the run of a module
WITHIN = (0.15, 0.35, 0.55, 0.75, 0.9)
OF_THE_CHANGE = {PORT: "by the port that it publishes", ROUTE: "by the route that it makes"}


def points_of(timed):
    """Return all points.

    :param timed: (seconds, step) of a run.
    """
    taken = durations(timed)
    modules = {task for task, seconds in taken.items() if seconds > RUNS_A_MODULE * max(taken.values())}
    steps = [step for _when, step in timed]
    first = next(number for number, step in enumerate(steps) if _task(step) in modules)
    # before the first module nothing can have happened: one point is as good as all
    chosen = [steps[0], *steps[max(first, 1) :]]
    return [*_of_the_change(), *_at_steps(dict.fromkeys(chosen)), *_within(taken, modules)]


def sample(points, number):
    """Return so many of the points, none given: all; however many of them are tried, they are spread over the run."""
    spread = sorted(range(len(points)), key=lambda index: index * GOLDEN % 1)
    return [points[index] for index in spread[:number]]


def _of_the_change():
    """The change itself cuts: the point is when each node applies it, at the same time or one after the other."""
    for target, deed in OF_THE_CHANGE.items():
        for serial in ("100%", "1"):
            yield Point("", f"change, {deed}", target=target, options=("-e", f"fabric_serial={serial}"))


def _at_steps(steps):
    for number, step in enumerate(steps):
        node = step.rpartition("|")[2]
        node = node if node in NODES else list(NODES)[number % len(NODES)]
        for cut in CUTS:
            # cuts of all nodes matter at the barriers, those of one node wherever it is its turn
            if "all" not in cut.split() or cut == KillAll.name or step.startswith("task"):
                yield Point(step, cut, node)


def _within(taken, modules):
    for task in taken:
        for number, share in enumerate(WITHIN if task in modules else ()):
            node = list(NODES)[number % len(NODES)]
            for cut in (Kill.name, KillAll.name, "uplink", "drop"):
                yield Point(f"start|{task}|{list(NODES)[0]}", cut, node, delay=round(share * taken[task], 2))


def _task(step):
    return step.split("|")[1] if "|" in step else ""


def durations(timed):
    """Return task -> the seconds from its first step to its last."""
    found = {}
    for when, step in timed:
        if "|" in step:
            found.setdefault(_task(step), []).append(when)
    return {task: times[-1] - times[0] for task, times in found.items()}
