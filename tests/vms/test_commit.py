# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of site on machines during which a node reboots or loses its power, and one whose controller ends: all are old or all are new."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from choice import durations
from conftest import FORWARDS_NO_MORE
from cuts_on_machines import POWER, REBOOT, Machines, NodesEnd, everybody
from points import GRACE, Point
from ssh_lab import NEW, OLD

PAIRS = (("vm1", "vm2"), ("vm3", "vm4"))
# so many of a run's tasks start a module that acts: expand, switch, contract, more time, confirm
TASKS = 5
TIMER = "systemctl list-timers --all --no-legend 'nodenet-commit-*' | wc -l"
UNITS = "systemctl list-units --all --no-legend 'nodenet-commit-*'"
# every point takes some minutes: CI has a sample, and make cuts-vms all
SAMPLE = slice(None) if os.environ.get("NODENET_CUTS") == "all" else slice(1, None, 2)
LOOKING = 60  # seconds that an undo and a look take on emulated machines, at most


@pytest.fixture(scope="module")
def pairs(fleet, site, tmp_path_factory):
    """Two fabrics of two machines each that know both their states: what one waits for, the other does not."""
    there = [names for names in PAIRS if fleet.machines.keys() >= set(names)]
    one = site("host-gw", lambda _text: everybody(sum(there, ())))
    made = [NodesEnd(Machines(one, tmp_path_factory.mktemp(names[0]), names)) for names in there]
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(NodesEnd.learn, made))
        yield made
    finally:
        for trials in made:
            trials.lab.play("teardown", OLD)
        one.everywhere(FORWARDS_NO_MORE)


def points_of(timed, node):
    """Return a reboot at the beginning of each task that acts, and a power cut in the middle of it."""
    taken = durations(timed)
    acting = sorted(taken, key=taken.get)[-TASKS:]
    for task in (one for one in taken if one in acting):
        yield Point(f"start|{task}|{node}", REBOOT, node)
        yield Point(f"start|{task}|{node}", POWER, node, delay=max(0.1, round(taken[task] / 2, 2)))


def tried(trials, points):
    """Return (point, outcome) of all ``points``, one after the other."""
    found = []
    for point in points:
        if not trials.state:
            trials.restore()
        found.append((point, trials.attempt(point)))
    return found


def test_after_the_end_of_a_node_all_are_old_or_all_are_new_or_who_is_in_doubt_is_named(pairs):
    with ThreadPoolExecutor() as pool:
        # each has its share
        points = [
            list(points_of(trials.timed, trials.lab.names[1]))[number :: len(pairs)][SAMPLE]
            for number, trials in enumerate(pairs)
        ]
        found = [one for several in pool.map(tried, pairs, points) for one in several]
    table = "\n".join(f"{outcome.state:8} {outcome.seconds:6.1f} s  {point}" for point, outcome in found)
    print(table)
    assert len(found) == sum(len(several) for several in points), table
    bad = [f"{point}: {outcome.nodes} {outcome.details}" for point, outcome in found if not outcome.is_good()]
    assert not bad, "\n".join([table, *bad])


def test_without_its_controller_each_machine_undoes_the_change_by_a_timer(pairs):
    trials = pairs[0]
    if trials.state != OLD:
        trials.restore()
    lab = trials.lab
    run = lab.playbook("site", NEW, "-e", "fabric_confirm_timeout=30")
    while len(lab.pending()) < len(lab.names):
        assert not run.has_ended(), run.printed()
        time.sleep(0.5)
    assert set(lab.each(TIMER).values()) == {"1\n"}
    for pid in run.processes():
        os.kill(pid, signal.SIGKILL)
    ended = time.monotonic()
    while lab.pending() or "".join(lab.each(UNITS).values()):
        assert time.monotonic() < ended + 30 + GRACE + LOOKING
        time.sleep(1)
    assert {node: state for node, (state, _lines) in trials.compared().items()} == dict.fromkeys(lab.names, OLD)
