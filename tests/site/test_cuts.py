# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site over SSH whose controller is cut off half-way, and what another run may do meanwhile; ``make cuts`` tries all points."""

import sys
import time
from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.topology import lab_name

CUTS = Path(__file__).absolute().parents[1] / "cuts"
sys.path.insert(0, str(CUTS))
from choice import points_of, sample
from points import MIXED, UNHURRIED, Point, Trials
from ssh_lab import NEW, NODES, OLD, PORT, SshLab

OFF = ("-e", "fabric_confirm_timeout=0")
POINTS = 4


@pytest.fixture
def lab(tmp_path):
    """Return a lab of the test's own, whose nodes have nothing yet."""
    with SshLab(tmp_path, lab_name(folder=str(tmp_path))) as one:
        yield one


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cuts")
    # other tests run beside: nodes and their undo have more time than make cuts gives them
    with SshLab(folder, lab_name(folder=str(folder)), timeout=15) as lab:
        one = Trials(lab, grace=10)
        one.timed = one.learn()
        yield one


@pytest.fixture
def trials(shared):
    """Return runs over a lab whose nodes have the old fabric."""
    if shared.state != OLD:
        shared.restore()
    yield shared
    shared.state = None


def first(timed, sort, *words):
    """Return the first step of a sort that has all these words."""
    return next(step for _when, step in timed if step.startswith(f"{sort}|") and all(word in step for word in words))


def waiting(trials, step):
    """Return a run to the new fabric that waits at a step."""
    run = trials.lab.playbook("site", NEW, *UNHURRIED, at=step)
    deadline = time.monotonic() + 300
    while not any(line.endswith(step) for line in run.steps()):
        assert not run.has_ended() and time.monotonic() < deadline, run.printed()
        time.sleep(0.01)
    return run


def states(trials):
    """Return which of the two states each node has, once they are alike."""
    return {node: state for node, (state, _lines) in trials.compared().items()}


def test_cut_anywhere_all_nodes_have_the_old_state_or_all_have_the_new_one(trials):
    for point in sample(points_of(trials.timed), POINTS):
        if not trials.state:
            trials.restore()
        outcome = trials.attempt(point)
        assert outcome.is_good(), (str(point), outcome)


def test_without_a_commit_a_killed_controller_leaves_nodes_that_differ(trials):
    step = first(trials.timed, "start", "Apply the queue", "|vm2")
    assert trials.attempt(Point(step, "kill"), *OFF).state == MIXED


def test_without_a_commit_a_published_port_takes_the_node_away_and_the_run_that_did_it_saw_nothing(lab):
    # its connections were made before (ControlPersist)
    assert "UNREACHABLE" not in lab.play("site", PORT, *OFF)
    after = lab.playbook("site", OLD, *OFF)
    assert after.wait() != 0 and "[vm2]: UNREACHABLE" in after.printed()


def test_meanwhile_another_run_is_refused_and_the_repair_waits_and_the_first_run_ends_well(trials):
    run = waiting(trials, first(trials.timed, "task", "Confirm"))
    assert list(trials.lab.pending()) == list(NODES)
    other = trials.lab.playbook("site", OLD, *UNHURRIED)
    assert other.wait() != 0 and "is pending on this node since" in other.printed(), other.printed()
    assert "nodenet.fabric.cancel" in other.printed()
    repair = "python3 /run/nodenet/pending/nodenet-fabric restore >/run/said 2>&1; echo $?; cat /run/said"
    for node in NODES:
        assert trials.lab.on(node, repair).startswith("3\n")
    run.go_on()
    assert run.wait() == 0, run.printed()
    assert states(trials) == dict.fromkeys(NODES, NEW)


def test_cancel_undoes_at_once_on_all_nodes_and_the_run_is_not_confirmed_afterwards(trials):
    run = waiting(trials, first(trials.timed, "task", "Confirm"))
    trials.lab.play("cancel", NEW)
    assert not trials.lab.pending()
    assert states(trials) == dict.fromkeys(NODES, OLD)
    run.go_on()
    assert run.wait() != 0
    assert states(trials) == dict.fromkeys(NODES, OLD)
