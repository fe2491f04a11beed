# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks on virtual machines: their own kernel, systemd, SSH. The machines boot once for all tests."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import turns

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "scripts" / "vm_lab")]
sys.path += [str(ROOT / "tests" / "cuts"), str(ROOT / "tests" / "kernel")]
from fleet import Fleet, cache_folder
from image import MANAGERS

BIN = Path(sys.executable).parent
SNAPSHOT = (ROOT / "tests" / "snapshot.py").read_text(encoding="utf-8")
# what a machine has on its disk and at run time where the fabric could leave something
FILES = "find /etc/nodenet /etc/systemd /etc/sysctl.d /etc/modules-load.d /usr/local /run/nodenet 2>/dev/null | sort"
# the ipip module's own device is there as long as the module is: it is there before
MODULES = "modprobe -a ipip vxlan nf_tables"
FORWARDS_NO_MORE = "sysctl -eqw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0"


class Site:
    """An inventory and the machines that are its nodes.

    :param inventory: its file.
    """

    def __init__(self, fleet, inventory):
        self.fleet, self.inventory = fleet, inventory
        self.overlay = fleet.arrange(inventory)
        self.machine = fleet.assigned
        self.is_down = True

    def command(self, playbook, *arguments):
        """Return the command for a playbook of the collection, or for a file."""
        name = playbook if playbook.endswith(".yml") else f"nodenet.fabric.{playbook}"
        return [str(BIN / "ansible-playbook"), "-i", str(self.inventory), "-i", str(self.overlay), name, *arguments]

    def play(self, playbook, *arguments, fails=False):
        """Run a playbook and return what it prints; it must succeed, or with ``fails`` must not."""
        self.is_down = playbook == "teardown"
        command = self.command(playbook, *arguments)
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (found.returncode != 0) == fails, found.stdout + found.stderr
        if self.is_down:  # it leaves forwarding on, for whoever relies on it by now; here nobody does
            self.everywhere(FORWARDS_NO_MORE)
        return found.stdout + found.stderr

    def on(self, host, script):
        """Run a shell script on a node as root and return what it prints."""
        return self.fleet.output(self.machine[host], script)

    def everywhere(self, script):
        """Return node -> what a script prints there."""
        return self.fleet.each(lambda host: self.on(host, script), self.machine)

    def snapshot(self):
        """Return node -> the state of its network, and its files."""
        states = self.everywhere(f"{MODULES}\npython3 - <<'END'\n{SNAPSHOT}\nEND\n")
        files = self.everywhere(FILES)
        return {host: {"network": json.loads(text), "files": files[host].split()} for host, text in states.items()}

    def testinfra(self, example):
        """Run the checks that the example's molecule scenario makes, on these machines."""
        tests = ROOT / "molecule" / example / "tests"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
        environment = {**os.environ, "NODENET_OVERLAY": str(self.overlay)}
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
        assert found.returncode == 0, found.stdout + found.stderr


def changed(printed):
    """Return how many changes a run's recap reports."""
    return sum(int(number) for number in re.findall(r"changed=(\d+)", printed))


# when each test last passed on this machine
SEEN = cache_folder() / "seen-tests.json"


def pytest_collection_modifyitems(items):
    """Where the time is limited, begin with the file that has not passed for longest; the tests of a file share what they make."""
    if "NODENET_DEADLINE" not in os.environ:
        return
    files = {}
    for item in items:
        files.setdefault(item.path.name, []).append(item.nodeid)
    order = turns.longest_unseen_first(files, turns.seen(SEEN), time.time())
    items.sort(key=lambda item: order.index(item.path.name))


def pytest_runtest_logreport(report):
    """Remember which tests passed; those that were left out or failed come first the next time."""
    if report.when == "call" and report.passed:
        turns.remember(SEEN, report.nodeid, time.time())


def pytest_runtest_setup(item):
    """Begin no test after the time that NODENET_DEADLINE (seconds since the epoch) gives; the summary names those left out."""
    if time.time() > float(os.environ.get("NODENET_DEADLINE", "inf")):
        pytest.skip("not run: out of time")


# the files of tests that need more than two machines beside the router
FOUR = ("test_commit.py", "test_scenarios.py")


@pytest.fixture(scope="session")
def fleet(request):
    """The machines vm1, vm2 … and the router: one boot for all tests, with all that some of them start; nothing of it runs."""
    # whoever ends the tests ends the machines, too
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    several = any(item.path.name in FOUR for item in request.session.items)
    machines = Fleet("tests", 4 if several else 2, extra=MANAGERS)
    machines.up()
    yield machines
    machines.down()


@pytest.fixture(scope="module")
def site(fleet, tmp_path_factory):
    """Return a function that makes the machines the nodes of an example, with changes to its inventory."""
    made, folder = [], tmp_path_factory.mktemp("inventories")

    def make(example, change=lambda text: text):
        inventory = folder / f"{len(made)}-{example}.yml"
        text = (ROOT / "examples" / example / "hosts.yml").read_text(encoding="utf-8")
        inventory.write_text(change(text), encoding="utf-8")
        made.append(Site(fleet, inventory))
        return made[-1]

    yield make
    if made and not made[-1].is_down:
        made[-1].play("teardown")


os.environ.setdefault("ANSIBLE_NOCOLOR", "1")
