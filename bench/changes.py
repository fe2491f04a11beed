# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What endpoints lose while a fabric is changed: site as it is, node by node, and without its phases."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import hosts_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.topology import lab_name

from . import measure
from .places import ANSIBLE, PLAYBOOK, ROOT, SCRATCH
from .work import Phase, write

sys.path.insert(0, str(ROOT / "tests"))
import changes  # of the tests: the bench and they take the same steps


class Changes:
    """A lab of three nodes; endpoints of two of them talk while site takes step after step."""

    playbook, words = "nodenet.fabric.site", ()

    def __init__(self, size):
        if size != 2:
            raise measure.Failed("the steps are for two nodes")

    def prepare(self):
        self.write(changes.START._replace(nodes=(1, 2, 3)))
        self.play("nodenet.fabric.lab_up")
        self.change(changes.START)
        hosts = hosts_of(lab_name(folder=SCRATCH))
        self.holders = {host: process.pid for host, process in hosts.items() if host.startswith("node")}

    @staticmethod
    def write(step):
        return write("hosts.json", [json.dumps(changes.inventory(step))])

    def play(self, *words):
        command = [PLAYBOOK, "-i", f"{SCRATCH}/hosts.json", *words]
        found = subprocess.run(command, env={**os.environ, **ANSIBLE}, capture_output=True, text=True, check=False)
        if found.returncode != 0:
            raise measure.Failed(found.stdout[-3000:] + found.stderr[-1000:])

    def change(self, step):
        self.write(step)
        self.play(self.playbook, *self.words)

    def phases(self):
        return [
            Phase("changes", lambda: self.walk(changes.tour()), _nothing),
            Phase("others", lambda: self.walk(changes.others()), _nothing),
            Phase("subnet", lambda: self.walk(changes.SUBNETS, (1, 2)), self.end),
        ]

    def walk(self, steps, nets=(1,)):
        """Return the losses of each step, as plain data."""
        found = changes.walk(steps, self.change, self.holders, nets)
        print(found.text(), file=sys.stderr)
        if found.broken:
            raise measure.Failed(f"a connection broke: {found.broken}")
        parts = {name: part._asdict() for name, part in found.parts.items() if name}
        return {"parts": parts, "left_out": found.left_out}

    def end(self):
        self.play("nodenet.fabric.lab_down")


def _nothing():
    """What was lost is the result: there is nothing else to see."""


class NodeByNode(Changes):
    words = ("-e", "fabric_serial=1")


class WithoutPhases(Changes):
    """Each node arranged in one go, as soon as its turn comes: what is lost without phases."""

    playbook = str(ROOT / "tests" / "at_once.yml")


CONTESTANTS = {"site": Changes, "site, fabric_serial=1": NodeByNode, "without phases": WithoutPhases}
