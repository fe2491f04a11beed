# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as a user runs them, against labs of the test's own: each is made from a copy of an example's inventory."""

import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.control import alone, end, start
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import Entrance, hosts_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.topology import lab_name, topology_of

ROOT = Path(__file__).parent.parent.parent
SNAPSHOT = ROOT / "tests" / "snapshot.py"
sys.path.insert(0, str(ROOT / "tests"))
from player import Player  # noqa: E402  beside the folder of these tests

PLAYER = Player()


class Fabric:
    """An inventory and its lab."""

    def __init__(self, inventory):
        self.inventory = inventory
        self.lab = lab_name(folder=str(inventory))

    def command(self, playbook, *arguments):
        """Return the command for a playbook of the collection, or for a file."""
        name = playbook if playbook.endswith(".yml") else f"nodenet.fabric.{playbook}"
        return ["ansible-playbook", "-i", str(self.inventory), name, *arguments]

    def play(self, playbook, *arguments, fails=False):
        """Run a playbook and return what it prints; it must succeed, or with ``fails`` must not."""
        found = PLAYER.run(self.command(playbook, *arguments)[1:], ROOT)
        assert (found.returncode != 0) == fails, found.stdout + found.stderr
        if playbook == "teardown" and not any(word == "--check" or word.endswith(".yml") for word in arguments):
            self.forward_no_more(recap(found.stdout))
        return found.stdout + found.stderr

    def forward_no_more(self, nodes):
        """Turn off what teardown leaves on, for whoever relies on it by now, and says so: here nobody does."""
        for host in nodes:
            self.inside(host, "sysctl -qw net.ipv4.ip_forward=0; sysctl -qw net.ipv6.conf.all.forwarding=0")

    def nodes(self):
        """Return the names of the nodes: the lab has the machines outside of the fabric, too."""
        text = (self.inventory / "hosts.yml").read_text(encoding="utf-8")
        return list(yaml.safe_load(text)["fabric"]["hosts"])

    def begin(self):
        """Make the lab as lab_up does, which tests/lab tests, in half of the time; an inventory that only Ansible reads by that."""
        text = (self.inventory / "hosts.yml").read_text(encoding="utf-8")
        groups = yaml.safe_load(text)
        if "{{" in text or set(groups) != {"fabric"} or not set(groups["fabric"]) <= {"vars", "hosts"}:
            self.play("lab_up")
            return
        group = groups["fabric"]
        hosts = {name: {**(group.get("vars") or {}), **(own or {})} for name, own in group["hosts"].items()}
        with alone(self.lab):
            start(self.lab, topology_of(hosts))

    def end(self):
        """End the lab at once: what lab_down does is tested by tests/lab."""
        end(self.lab)

    def renew(self):
        """Make the lab anew: nodes that have nothing, sooner than teardown makes them."""
        self.end()
        self.begin()

    def holder(self, host):
        """Return the pid of the process that holds a host of the lab."""
        return hosts_of(self.lab)[host].pid

    def inside(self, host, command):
        """Run a shell command on a host of the lab and return what came of it."""
        entrance = Entrance(hosts_of(self.lab)[host])
        try:
            return subprocess.run(
                [*entrance.words(), "--", "sh", "-c", command], capture_output=True, text=True, check=False
            )
        finally:
            entrance.close()

    def on(self, host, command, fails=False):
        """Run a shell command on a host of the lab and return what it prints; as for :meth:`play`."""
        found = self.inside(host, command)
        assert (found.returncode != 0) == fails, f"{command}: {found.stdout} {found.stderr}"
        return found.stdout

    def ping(self, host, netns, target):
        """Return the TTL of the answer, or None."""
        inside = f"ip netns exec {netns} " if netns else ""
        found = self.inside(host, f"{inside}ping -n -c 1 -W 2 {target}")
        return int(found.stdout.split("ttl=")[1].split()[0]) if found.returncode == 0 else None

    def run_by_hand(self, host, commands):
        """Run the commands that a plan shows, on a host of the lab; each must succeed."""
        self.on(host, "\n".join(["set -ex", *commands]))

    def snapshots(self, hosts):
        """Return host -> its state; they are read at the same time, as each waits for the kernel."""
        with ThreadPoolExecutor() as pool:
            return dict(zip(hosts, pool.map(self.snapshot, hosts)))

    def snapshot(self, host):
        """Return the host's state; the underlay's interface has another MAC in each lab."""
        text = self.on(host, f"cd / && {sys.executable} {SNAPSHOT}")
        for mac in set(re.findall(r"..:..:..:..:..:..", self.on(host, "cat /sys/class/net/eth0/address"))):
            local = ipaddress.IPv6Address(bytes.fromhex("fe80" + "00" * 6 + _eui64(mac)))
            text = text.replace(mac, "UNDERLAY").replace(str(local), "UNDERLAY")
        return json.loads(text)


def _eui64(mac):
    raw = bytes.fromhex(mac.replace(":", ""))
    return (bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:]).hex()


def by_hand(printed):
    """Return host -> the commands that a run with ``--check --diff`` printed for it, in order."""
    found, waiting, reading = {}, [], False
    for line in printed.splitlines():
        done = re.match(r"(changed|ok): \[(\S+)\]", line)
        if done:
            found.setdefault(done[2], []).extend(waiting)
            waiting, reading = [], False
        elif re.fullmatch("by hand(, [a-z]+)?:", line):
            reading = True
        elif reading and line.startswith("  "):
            waiting.append(line[2:])
    return found


def recap(printed):
    """Return host -> the counts of the recap."""
    lines = re.findall(r"^(\S+)\s+: (ok=.*)$", printed, re.M)
    return {host: {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", counts)} for host, counts in lines}


def tasks(printed):
    """Return how many tasks ran on the node that ran the most; an include is none, nor is what was skipped."""
    return max(Counter(re.findall(r"^(?:ok|changed): \[(\S+)\]", printed, re.M)).values(), default=0)


@pytest.fixture
def fabric(tmp_path):
    """Return a function that makes the fabric of an example (its lab up), with changes to its inventory."""
    made = []

    def make(example, change=lambda text: text, up=True):
        folder = tmp_path / f"{example}-{len(made)}"
        shutil.copytree(ROOT / "examples" / example, folder)
        hosts = folder / "hosts.yml"
        hosts.write_text(change(hosts.read_text(encoding="utf-8")), encoding="utf-8")
        one = Fabric(folder)
        made.append(one)
        if up:
            one.begin()
        return one

    yield make
    for one in made:
        one.end()


@contextmanager
def arranged(folder):
    """The fabric of the example that the folder is called after, arranged in its lab: for all tests of a file."""
    shutil.copytree(ROOT / "examples" / folder.name, folder)
    one = Fabric(folder)
    try:
        one.begin()
        one.play("site")
        yield one
    finally:
        one.end()


@pytest.fixture(scope="session", autouse=True)
def _player():
    PLAYER.start(ROOT)
    yield
    PLAYER.close()


os.environ.setdefault("ANSIBLE_NOCOLOR", "1")
