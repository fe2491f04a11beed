# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the engine with a fault, each on a node of its own: what was left, what was said, and whether the next run mends it.

``python tests/kernel/trials.py`` is the whole of it: every point of every case, in every mode (``make faults``).
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter, namedtuple
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import injector
import rendered
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import arrange
from state import normalised, read, taken_down, unmarked

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)

# a case: the example, and what is laid over its variables before and after; None: nothing is there; a list of mappings is a
# tuple of their items
Case = namedtuple("Case", "example before after")
RENAMED = (
    (("name", "wl1"), ("address", "10.2.0.1"), ("host_interface", "cali1"), ("interface", "net0")),
    (("name", "wl2"), ("address", "10.2.0.2"), ("host_interface", "veth-wl1"), ("interface", "net0")),
)
CHANGES = (
    ("host-gw", {"fabric_backend": "vxlan"}),
    ("vxlan", {"fabric_vxlan_vni": 7}),
    ("calico-routed", {"fabric_attachment": "bridge", "fabric_bridge_address": "10.2.0.254"}),
    ("red-blue-bridge", {"fabric_attachment": "routed"}),
    ("dual-stack", {"fabric_backend": "vxlan"}),
    ("dual-stack", {"fabric_attachment": "routed"}),
    ("calico-routed", {"fabric_endpoints": RENAMED}),
)
CASES = tuple(
    dict.fromkeys(
        case
        for example, change in CHANGES
        for case in (
            Case(example, None, ()),
            Case(example, (), tuple(change.items())),
            Case(example, (), None),
        )
    )
)
UNDERLAY = """
link set lo up
link add eth0 address 02:00:00:00:00:99 type bridge
link set eth0 addrgenmode none up
address add 192.168.32.245/24 dev eth0
address add 192.168.1.2/24 dev eth0
address add fd32::245/64 dev eth0 nodad
route add default via 192.168.32.1
"""


@cache
def parameters(example, changed):
    """Return what ``site`` has arrange make; for None what teardown does."""
    declared = (
        {"sets": None, "remove_sets_except": [], "remove_sets_among": None, "peer_sets": None}
        if changed is None
        else rendered.arranged(rendered.variables_of(example, **{name: _listed(value) for name, value in changed}))
    )
    common = {"owner": "default", "purge": False, "adopt": False, "promised": []}
    return {**dict.fromkeys(SPECS), **common, **declared}


def _listed(value):
    return [dict(entry) for entry in value] if isinstance(value, tuple) else value


def run(example, changed):
    """Run the engine as ``site`` or ``teardown`` do; return the sort of end and what was said."""
    try:
        arrange(json.loads(json.dumps(parameters(example, changed))), False)
    except FabricError as failure:
        return "error", str(failure)
    except Exception:
        return "traceback", traceback.format_exc()
    return "done", ""


def forked(function):
    """Return what ``function`` returns in a process of its own, or None if that was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            text = json.dumps(function())
        except BaseException:
            text = json.dumps(["traceback", traceback.format_exc()])
        with os.fdopen(writing, "w") as target:
            target.write(text)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as source:
        text = source.read()
    _pid, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else json.loads(text)


def fresh_node():
    """Make this process's node: namespaces and a /run of its own, with an underlay that is not ours."""
    for code in (
        _libc.unshare(CLONE_NEWNET | CLONE_NEWNS),
        _libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None),
        _libc.mount(b"tmpfs", b"/run", b"tmpfs", ctypes.c_ulong(0), None),
    ):
        assert code == 0, os.strerror(ctypes.get_errno())
    subprocess.run(["ip", "-batch", "-"], input=UNDERLAY, text=True, check=True)


def faulty(case, mode, point):
    """Run ``case`` with a fault; return the sort of end, what was said, and the points that were passed."""
    between = injector.Injector(mode, point)
    between.install()
    return [*run(case.example, case.after), between.sorts]


@cache
def reference(case):
    """Return the states before and after ``case`` without a fault, that of an empty node, and the points on the way."""
    for changed in (case.before, case.after, None):  # once, here, and not in each process that comes of this one
        parameters(case.example, changed)
    return forked(lambda: _reference(case))


def _reference(case):
    fresh_node()
    empty = read()
    if case.before is not None:
        assert run(case.example, case.before)[0] == "done"
    before = _still()
    end, said, sorts = forked(lambda: faulty(case, injector.ONCE, None))
    assert end == "done", said
    after = _still()
    return [empty, before, after, sorts]


def _still():
    """Return the state when it does not change any more (the kernel gives a new link its address a little later)."""
    found = read()
    for _attempt in range(20):
        time.sleep(0.15)
        found, last = read(), found
        if found == last:
            return found
    return found


def trial(case, mode, point, again=True):
    """Return what is wrong with a run of ``case`` that has a fault at ``point``: sort of fault -> lines.

    :param again: the next run is the same once more, then a teardown; else the teardown comes at once.
    """
    return forked(lambda: _trial(case, mode, point, again))


def _trial(case, mode, point, again):
    empty, before, after, _sorts = reference(case)
    fresh_node()
    if case.before is not None:
        assert run(case.example, case.before)[0] == "done"
    wrong = {}
    left = normalised(before)
    if left:
        return {"setup": left}
    ended = forked(lambda: faulty(case, mode, point))
    if ended is not None:
        end, said, _sorts = ended
        wrong.update(_judged(end, said, before, after))
    if again:
        end, said = run(case.example, case.after)
        left = [said] if end != "done" else normalised(after)
        if left:
            wrong["does not converge"] = left
    end, said = run(case.example, None)
    left = [said] if end != "done" else normalised(empty, view=taken_down)
    if left:
        wrong["teardown leaves"] = left
    return wrong


def _judged(end, said, before, after):
    """Return what is wrong with the end of a run that had a fault and was not killed."""
    if end == "traceback":
        return {"traceback": [said]}
    if end == "done":
        left = normalised(after)
        return {"said done falsely": left} if left else {}
    if "as it was before" in said or "nothing was changed" in said:
        left = normalised(before, ["state.json.new"])
        return {"said as before falsely": [said, *left]} if left else {}
    if "everything was done" in said:
        left = normalised(after, ["state.json.new", "state.json"], unmarked)  # which are what could not be written
        return {"said done falsely": [said, *left]} if left else {}
    return {} if "could not be undone" in said else {"says nothing of the state": [said]}


def planned(cases=CASES, modes=injector.MODES):
    """Return every trial there is: (case, mode, point, whether the same runs again)."""
    return [
        (case, mode, point, again)
        for case in cases
        for mode in modes
        for point in range(len(reference(case)[3]))
        for again in ([True, False] if mode == injector.AFTER else [True])
    ]


def sample(trials, count, seed=11):
    """Return ``count`` of ``trials``, spread evenly over cases, modes and sorts of points."""
    groups = {}
    for one in trials:
        case, mode, point, again = one
        groups.setdefault((mode, again, reference(case)[3][point]), []).append(one)
    chance = random.Random(seed)
    for group in groups.values():
        chance.shuffle(group)
    found = []
    while len(found) < count and any(groups.values()):
        found += [group.pop() for group in groups.values() if group]
    return found[:count]


def main(words):
    """Run all trials, or the share ``number/of``; print a table, and each that went wrong."""
    number, of = (int(part) for part in words[0].split("/")) if words else (0, 1)
    tried, failed = Counter(), Counter()
    trials = planned()
    if len(words) > 1:
        trials = sample(trials, int(words[1]), int(words[2]) if len(words) > 2 else 11)
    for one in trials[number::of]:
        case, mode, point, again = one
        sort = reference(case)[3][point]
        wrong = trial(*one)
        tried[mode, sort] += 1
        for what, lines in wrong.items():
            failed[mode, what] += 1
            print(f"{what}: {case} {mode} at {point} ({sort}), again={again}")
            print("\n".join(f"    {line}" for line in lines[:12]), flush=True)
    for (mode, sort), count in sorted(tried.items()):
        print(f"{mode:14} {sort:10} {count:5} tried")
    for (mode, what), count in sorted(failed.items()):
        print(f"{mode:14} {what}: {count}")
    print(f"{sum(tried.values())} tried, {sum(failed.values())} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
