# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault at each point of a run that plugs a process in or unplugs it: the old state or the new one, and the next run converges."""

import os
import subprocess
import time
from functools import partial
from pathlib import Path

import injector
import pytest
import trials
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError
from commits import arrange
from snapshot import differences, snapshot
from test_process_netns import NOTHING, fabric, in_its_own_namespace, links

WHOSE = {"nobody": lambda _first, _second: NOTHING, "its own": lambda _first, _second: fabric()}
WHOSE["one"] = lambda first, _second: fabric(pid=first.pid)
WHOSE["another"] = lambda _first, second: fabric(pid=second.pid)
# each point: NODENET_EACH_POINT=1
STEP = 1 if os.environ.get("NODENET_EACH_POINT") else 17
# a namespace in which the kernel tries no address before it is used (RFC 4862), which would take most of the time of a trial
PROCESS = ["unshare", "-n", "sh", "-c", "sysctl -qw net.ipv6.conf.default.accept_dad=0 && exec sleep 600"]
CHANGES = [("nobody", "one"), ("one", "another"), ("one", "nobody"), ("its own", "one"), ("one", "its own")]


def run(lists, mode, point):
    between = injector.Injector(mode, point)
    between.install()
    try:
        arrange(lists)
    except FabricError as failure:
        return str(failure), len(between.sorts)
    return "", len(between.sorts)


def trial(before, after, mode, point):
    """Return (what is wrong, the number of points) of a run that has a fault at ``point``; None: it has none."""
    trials.fresh_node()
    started = [subprocess.Popen(PROCESS) for _number in range(2)]
    try:
        for one in started:
            has_begun(one)
        old, new = WHOSE[before](*started), WHOSE[after](*started)
        arrange(old)
        there = snapshot(), named()
        ended = trials.forked(lambda: run(new, mode, point))
        wrong = []
        is_said = ended and "as it was before" in ended[0]
        is_same = not is_said or there[1] == named() or "'web' was made anew" in ended[0]
        if is_said and (differences(there[0], snapshot()) or not is_same):
            wrong = [ended[0], *differences(there[0], snapshot()), there[1], named()]
        elif ended and ended[0] and "as it was before" not in ended[0] and "nothing was changed" not in ended[0]:
            wrong = [ended[0]] if "everything was done" not in ended[0] else []
        arrange(new)
        plugged = [links(one) == {"lo", "eth0"} for one in started]
        if plugged != [after == "one", after == "another"] or arrange(new)["changed"]:
            wrong.append(f"does not converge: {plugged}")
        arrange(NOTHING)
        if named() or any(links(one) != {"lo"} or one.poll() is not None for one in started):
            wrong.append("not all of it was removed")
        return wrong, ended and ended[1]
    finally:
        for one in started:
            one.kill()
            one.wait()


def has_begun(process):
    in_its_own_namespace(process)
    until = time.monotonic() + 5
    while Path(f"/proc/{process.pid}/comm").read_text(encoding="utf-8") != "sleep\n":
        assert time.monotonic() < until
        time.sleep(0.002)


def named():
    found = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    return {name: os.stat(f"/run/netns/{name}").st_ino for name in found}


@pytest.mark.parametrize("mode", [injector.ONCE, injector.AFTER])
@pytest.mark.parametrize("change", CHANGES, ids=" to ".join)
def test_a_fault_at_each_point(private_mounts, change, mode):
    _wrong, points = trials.forked(lambda: trial(*change, injector.ONCE, None))
    found = {point: trials.forked(partial(trial, *change, mode, point))[0] for point in range(0, points, STEP)}
    assert points > 10 and {point: wrong for point, wrong in found.items() if wrong} == {}
