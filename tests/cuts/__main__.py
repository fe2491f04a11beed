# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut runs of site at all of their points, as root: ``python tests/cuts [--labs N] [--timeout SECONDS] [--points N] [--minutes N]``.

Prints a line for each point: what was cut and when, what the nodes were afterwards, and after how many seconds nothing was
pending. Fails if nodes were mixed and nobody said which.
"""

import argparse
import os
import queue
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parent))
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.control import end
from choice import points_of, sample
from points import GRACE, Outcome, Trials
from ssh_lab import SshLab


class Table:
    """Lines of several labs, and how many points came to what."""

    def __init__(self):
        self.counts, self.longest, self.latest, self.bad = Counter(), 0.0, 0.0, []
        self._lock = threading.Lock()

    def add(self, point, outcome, latest):
        with self._lock:
            self.counts[outcome.state] += 1
            self.longest, self.latest = max(self.longest, outcome.seconds), max(self.latest, latest)
            print(f"{outcome.state:8} {outcome.seconds:6.1f} s  {point}", flush=True)
            if not outcome.is_good():
                self.bad.append(point)
                for line in [str(outcome.nodes), *outcome.details[:12]]:
                    print(f"    {line[:300]}", flush=True)


def main():
    """Run the points that the arguments ask for."""
    options = _options()
    table, waiting = Table(), queue.SimpleQueue()
    ready = threading.Event()
    began = time.monotonic()
    options.until = began + 60 * options.minutes
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="nodenet-cuts-", ignore_cleanup_errors=True) as folder:
        try:
            _run(
                threading.Thread(target=_lab, args=(folder, number, options, table, waiting, ready), daemon=True)
                for number in range(options.labs)
            )
        finally:
            for number in range(options.labs):
                end(_name(number))
    states = ", ".join(f"{number} {state}" for state, number in sorted(table.counts.items()))
    print(f"{sum(table.counts.values())} points in {time.monotonic() - began:.0f} s: {states}")
    print(
        f"all over {table.longest:.1f} s after the cut, and {table.latest:.1f} s after a node's time was up, at the latest"
    )
    sys.exit(1 if table.bad or not table.counts else 0)


def _run(labs):
    labs = list(labs)
    for lab in labs:
        lab.start()
    for lab in labs:
        lab.join()


def _name(number):
    return f"cuts-{os.getpid()}-{number}"


def _options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labs", type=int, default=2, help="points at a time")
    parser.add_argument("--timeout", type=int, default=10, help="fabric_confirm_timeout")
    parser.add_argument("--grace", type=float, default=GRACE, help="seconds for the undo itself")
    parser.add_argument("--points", type=int, help="how many, spread evenly over all")
    parser.add_argument("--skip", type=int, default=0, help="leave out so many of them, tried before")
    parser.add_argument("--minutes", type=float, default=600, help="begin no point afterwards")
    parser.add_argument("--only", default="", help="points whose line has this text")
    return parser.parse_args()


def _lab(folder, number, options, table, waiting, ready):
    """Try points until none waits; the first lab says which there are."""
    own = Path(folder) / str(number)
    own.mkdir()
    with SshLab(own, _name(number), options.timeout) as lab:
        trials = Trials(lab, options.grace)
        try:
            timed = trials.learn(twice=number == 0)
            if number == 0:
                points = [one for one in points_of(timed) if options.only in str(one)]
                for point in sample(points, options.points)[options.skip :]:
                    waiting.put(point)
        finally:
            if number == 0:
                ready.set()
        ready.wait()
        while not waiting.empty() and time.monotonic() < options.until:
            try:
                point = waiting.get_nowait()
            except queue.Empty:
                break
            table.add(point, _tried(trials, point), trials.latest)


def _tried(trials, point):
    """Return the outcome of a point; what a test could not do counts as bad, and the lab goes on from a known state."""
    try:
        if not trials.state:
            trials.restore()
        return trials.attempt(point)
    except Exception:  # one point is not to end the others
        trials.state = None
        return Outcome("error", 0.0, {}, traceback.format_exc().splitlines()[-12:])


if __name__ == "__main__":
    main()
