# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One round of one contestant, in the sandbox that :func:`run` makes for it.

A sandbox is a network, mount and PID namespace of its own with an empty /run: what is made or started in it is seen nowhere
else and ends with its first process; it has no way out to any network.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module

from . import measure
from .places import COLLECTIONS, ROOT

ENTER = 'mount -t tmpfs tmpfs /run && mkdir /run/netns /run/bench && ip link set lo up && exec "$@"'


def run(family, contestant, size, limit=1800):
    """Run one round in a sandbox and return phase -> Sample as plain data.

    :raises measure.Failed: it did not do its work.
    """
    words = ["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
    words += ["--mount-proc", "sh", "-c", ENTER, "sh"]
    words += [sys.executable, "-m", "bench.sandbox", family, contestant, str(size)]
    environment = {**os.environ, "PYTHONPATH": str(COLLECTIONS)}
    found = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=limit)
    if found.returncode != 0:
        raise measure.Failed(f"{family}, {contestant}, {size}: {found.stderr[-3000:] or found.stdout[-3000:]}")
    return json.loads(found.stdout.splitlines()[-1])


def main(family, contestant, size):
    """Be the process in the sandbox: prepare, then measure and check each phase."""
    work = import_module(f"bench.{family}").CONTESTANTS[contestant](int(size))
    work.prepare()
    samples = {}
    for phase in work.phases():
        samples[phase.name] = measure.measured(phase.work, phase.gone).plain()
        phase.check()
    print(json.dumps(samples))


if __name__ == "__main__":
    main(*sys.argv[1:])
