# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts that do not depend on how fast the machine is, for 100 endpoints: a regression shows without a clock.

``make bench-smoke`` calls it, and ``make test`` as one of its stages.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from . import measure, ours, sandbox
from .endpoints import Engine, Site
from .places import SCRATCH, add_programs

SIZE = 100

# What is counted -> (phase, at most). An endpoint is a namespace, two ends of a veth, an address and a route.
BOUNDS = {
    "engine": {
        "create": {"processes": 0, "sockets": SIZE + 1, "requests": 11.5 * SIZE, "sends": 5.5 * SIZE},
        "again": {"processes": 0, "sockets": SIZE + 1, "requests": 4.5 * SIZE, "sends": 3.5 * SIZE},
        # whatever kind ends with a namespace is looked for, to be undone with it
        "delete": {"processes": 0, "sockets": SIZE + 1, "requests": 6.5 * SIZE, "sends": 5.5 * SIZE},
    },
    "site": {
        # two of the tasks confirm it: each is a process of Ansible and one of the node, which has armed its switch
        "create": {"tasks": 11, "processes": 50},
        "again": {"tasks": 9, "processes": 32},
        "delete": {"tasks": 6, "processes": 30},
    },
}


class CountedEngine(Engine):
    """The engine, with a count of the processes that it starts."""

    @staticmethod
    def way(tasks):
        started = []
        sys.addaudithook(lambda event, _words: started.append(event) if event in FORKS else None)
        return {**ours.session(tasks), "processes": len(started)}


# docs.python.org, "Audit events table"
FORKS = {"os.fork", "os.posix_spawn", "subprocess.Popen"}


class CountedSite(Site):
    """The playbooks, with a count of their tasks and of all processes that ran for them, threads included."""

    def run(self, playbook):
        output = os.path.join(SCRATCH, playbook + ".out")
        command = super().run(playbook)

        def counted():
            before = _next_pid()
            with open(output, "w", encoding="utf-8") as target:
                pid = os.fork()
                if pid == 0:
                    os.dup2(target.fileno(), 1)
                    command()
                if os.waitpid(pid, 0)[1]:
                    raise measure.Failed(f"{playbook} failed, see {output}")
            with open(output, encoding="utf-8") as source:
                return {"tasks": len(re.findall(r"^TASK \[", source.read(), re.M)), "processes": _next_pid() - before}

        return counted


def _next_pid():
    """Return the next number of a process in this PID namespace, which counts all that were started in it."""
    return int(subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True).stdout)


CONTESTANTS = {"engine": CountedEngine, "site": CountedSite}


def main():
    add_programs()
    excesses = []
    for contestant, phases in BOUNDS.items():
        found = sandbox.run("smoke", contestant, SIZE)
        for phase, bounds in phases.items():
            counts = found[phase]["result"]
            print(f"{contestant}, {phase}, {SIZE} endpoints: {json.dumps(counts)}")
            excesses += [
                f"{contestant}, {phase}: {counts[name]} {name}, at most {bound} are expected"
                for name, bound in bounds.items()
                if counts[name] > bound
            ]
    print(
        "\n".join(excesses) or f"{sum(len(bounds) for phases in BOUNDS.values() for bounds in phases.values())} passed"
    )
    sys.exit(bool(excesses))


if __name__ == "__main__":
    main()
