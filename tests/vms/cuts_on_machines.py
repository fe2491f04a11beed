# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two machines as the nodes of a fabric whose runs of site are cut as those of tests/cuts are; here a node itself is what ends."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import yaml
from conftest import SNAPSHOT
from points import GRACE, MIXED, Trials
from run import Run
from ssh_lab import LEFT, NEW, OLD

# emulated machines are slow: each phase must be done within it
TIMEOUT = 60
REBOOT, POWER = "reboot", "power cut"
# what the fabric leaves on the disk; what it leaves in /run, a boot takes away
FILES = "find /etc/nodenet /etc/sysctl.d /usr/local/sbin -type f 2>/dev/null | sort | xargs -r sha256sum"
WORKING = "pgrep -xf /usr/bin/python3 || :"


class SlowRun(Run):
    """A playbook for machines that are slow."""

    def wait(self, seconds=900):
        return super().wait(seconds)


class Machines:
    """What :class:`points.Trials` needs of a lab.

    :param site: of the inventory with all machines, for the way to them.
    :param names: of the two.
    """

    timeout = TIMEOUT

    def __init__(self, site, folder, names):
        self.site, self.fleet, self.names = site, site.fleet, names
        self.folder, self._runs = Path(folder), 0
        for variant in (OLD, NEW):
            self._write(variant, _inventory(names, variant))
        ways = yaml.safe_load(site.overlay.read_text(encoding="utf-8"))["fabric"]
        self._write("ways", {"fabric": {**ways, "hosts": {name: ways["hosts"][name] for name in names}}})

    def _write(self, name, inventory):
        (self.folder / f"{name}.yml").write_text(json.dumps(inventory), encoding="utf-8")

    def playbook(self, playbook, variant, *arguments, at=""):
        self._runs += 1
        inventories = ["-i", str(self.folder / f"{variant}.yml"), "-i", str(self.folder / "ways.yml")]
        words = [*inventories, f"nodenet.fabric.{playbook}", *arguments]
        return SlowRun([], self.folder / f"run{self._runs}", words, at)

    def play(self, playbook, variant, *arguments):
        run = self.playbook(playbook, variant, *arguments)
        assert run.wait() == 0, run.printed()
        return run.printed()

    def each(self, script):
        """Return node -> what a script prints there."""
        return self.fleet.each(lambda node: self.site.on(node, script), self.names)

    def snapshot(self):
        states = self.each(f"modprobe -a ipip vxlan nf_tables\npython3 - <<'END'\n{SNAPSHOT}\nEND\n")
        files = self.each(FILES)
        return {node: {"network": json.loads(text), "files": files[node].split("\n")} for node, text in states.items()}

    def pending(self):
        """Return node -> the file of its commit, for those on which one waits to be confirmed."""
        found = self.each("ls /run/nodenet/pending 2>/dev/null | grep json || :")
        return {node: listed.strip() for node, listed in found.items() if listed.strip()}

    def working(self):
        return [node for node, pids in self.each(WORKING).items() if pids.strip()]

    def left(self):
        """Return node -> the files of runs that are on it."""
        return {node: text.split() for node, text in self.each(LEFT).items()}


class NodesEnd(Trials):
    """Runs of site during which a node reboots, or loses its power."""

    def learn(self):
        """Find out what the two states are, and the steps of the way from the old one to the new. The nodes are new."""
        self._be(OLD)
        self.timed = self._be(NEW)

    def attempt(self, point):
        """Cut a run from the state that is there to the other one."""
        target = NEW if self.state == OLD else OLD
        run = self.lab.playbook("site", target, *self.options, at="" if point.delay else point.step)
        if not self._reaches(run, point):
            return self._missed(run)
        time.sleep(point.delay)
        before = self.lab.fleet.boot(point.node)
        began = time.monotonic()
        self._end(point)
        run.go_on()
        run.wait()
        self.lab.fleet.wait(point.node, other_than=before)
        deadline = max(time.monotonic(), began + self.lab.timeout) + GRACE
        while self._busy() and time.monotonic() < deadline:
            time.sleep(0.5)
        outcome = self._look(run, time.monotonic() - began)
        self.state = outcome.state if outcome.state in (OLD, NEW) else None
        if outcome.is_good():
            return outcome
        outcome = self._with_output(outcome, run)
        return self._named(outcome, run.printed()) if outcome.state == MIXED else outcome

    def _end(self, point):
        machine = self.lab.fleet.machines[point.node]
        if point.cut == POWER:
            machine.kill()
            machine.start(self.lab.fleet.image)
        else:
            self.lab.fleet.ssh(point.node, "systemctl reboot", check=False)
            machine.hang_up()

    @staticmethod
    def _with_output(outcome, run):
        return replace(outcome, details=[*outcome.details, *run.printed().splitlines()[-60:]])

    def _are_named(self, nodes, printed):
        """Say whether a run named one of two nodes that are not alike."""
        lines = [line for line in printed.splitlines() if "in doubt" in line]
        found = {node for node in self.lab.names for line in lines if re.search(rf"\b{node}\b", line)}
        return MIXED not in nodes.values() and bool(found)


def _inventory(names, variant):
    """Return two nodes; the new fabric has another backend and an endpoint more."""
    hosts = {name: _node(name[-1], variant == NEW) for name in names}
    backend = "vxlan" if variant == NEW else "host_gw"
    return {"fabric": {"vars": {"fabric_attachment": "bridge", "fabric_backend": backend}, "hosts": hosts}}


def _node(number, is_new):
    endpoints = [{"name": f"ns{number}", "address": f"10.244.{number}.2"}]
    more = [{"name": "added", "address": f"10.244.{number}.3"}] if is_new and number in "13" else []
    return {
        "fabric_node_address": f"192.168.32.{number}",
        "fabric_node_subnet": f"10.244.{number}.0/24",
        "fabric_endpoints": endpoints + more,
    }


def everybody(names):
    """Return the text of an inventory with all machines on one L2."""
    return json.dumps({"fabric": {"hosts": {name: _node(name[-1], False) for name in names}}})
