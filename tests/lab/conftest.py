# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs made by the playbooks themselves, as root and as an ordinary user; each is ended, also when its test fails."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import MARK
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.topology import lab_name

ROOT = Path(__file__).absolute().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from player import Player  # noqa: E402  beside the folder of these tests

NOBODY = 65534
# setpriv starts its program with root's rights still: what counts is what env(1) may start
BECOME = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env"]
COLLECTIONS = ROOT / ".venv" / "collections"
LAB = {
    "ansible_connection": "nodenet.fabric.lab",
    "ansible_become": False,
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "ansible_remote_tmp": "/run/ansible",
}
os.environ["PATH"] += ":/usr/sbin:/sbin"


class User:
    """Someone who runs Ansible: root, or an ordinary user with a home and a Python that is within his reach.

    :param player: runs his playbooks sooner; it is root's.
    """

    def __init__(self, uid, home, player=None):
        self.home, self.player = home, player
        self.words = BECOME if uid else []
        self.environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(path for path in sys.path if path.endswith("site-packages")),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
        }
        self.python = self._python()

    def _python(self):
        for candidate in (sys.executable, "/usr/bin/python3"):
            if not self.run([candidate, "-c", "import ansible"]).returncode:
                return candidate
        return None

    def run(self, words, **options):
        environment = {**self.environment, **options.pop("env", {})}
        return subprocess.run(
            [*self.words, *words], capture_output=True, text=True, check=False, cwd="/", env=environment, **options
        )


class Inventory:
    """An inventory of its own, its lab, and what is done there."""

    def __init__(self, user, folder):
        self.user, self.folder = user, folder
        self.names, self.enter = {lab_name(None, folder)}, {}

    def write(self, hosts, **variables):
        """Write the inventory: host name -> variables, and those of the group."""
        whole = {"fabric": {"vars": {**LAB, **variables}, "hosts": hosts}}
        (self.folder / "hosts.json").write_text(json.dumps(whole), encoding="utf-8")
        return self

    def playbook(self, playbook, *words, **options):
        """Run a playbook and return the finished process."""
        if self.user.player and not options:
            return self.user.player.run(["-i", str(self.folder), str(playbook), *words], "/")
        command = [self.user.python, "-m", "ansible", "playbook", "-i", str(self.folder), str(playbook), *words]
        return self.user.run(command, **options)

    def lab(self, state, *words, fails=False, **options):
        """Run lab_up or lab_down; return the result of the module."""
        found = self.playbook(f"nodenet.fabric.lab_{state}", "-v", *words, **options)
        assert (found.returncode != 0) == fails, found.stdout + found.stderr
        result = result_of(found.stdout, "TASK [nodenet.fabric.lab : Bring the lab to the state")
        self.names.update([result["lab"]] if "lab" in result else [])
        return result

    def up(self, *words, **options):
        found = self.lab("up", *words, **options)
        self.enter = {name: words.split() for name, words in found.get("enter", {}).items()}
        return found

    def down(self, *words, **options):
        return self.lab("down", *words, **options)

    def attempt(self, host, command):
        """Run a shell command in a host, the way a person would; return the finished process."""
        return self.user.run([*self.enter[host], "/bin/sh", "-c", command])

    def sh(self, host, command):
        """Run a shell command in a host that must succeed; return its output."""
        found = self.attempt(host, command)
        assert found.returncode == 0, f"{host}: {command}: {found.stdout} {found.stderr}"
        return found.stdout

    def ping(self, host, target, *words):
        """Return the TTL of the answer, or None."""
        found = self.attempt(host, f"ping -n -c 1 -W 2 {' '.join(words)} {target}")
        return int(found.stdout.split("ttl=")[1].split()[0]) if found.returncode == 0 else None


def result_of(text, task):
    """Return the result of a task, from what Ansible prints with -v; of a loop its first."""
    result = text[text.index(task) :]
    return json.JSONDecoder().raw_decode(result[result.index("=> {") + 3 :])[0]


def entries(lab):
    """Return pid -> words of the processes that carry a lab's name, whoever's they are."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if entry.name.isdigit() and MARK in words and lab in words:
            found[int(entry.name)] = words
    return found


def node(number, **variables):
    """Return a node's variables."""
    return {
        "fabric_node_address": f"192.168.32.{number}",
        "fabric_node_subnet": f"172.{number}.0.0/24",
        **variables,
    }


@pytest.fixture(scope="module", params=[0, NOBODY], ids=["root", "ordinary"])
def user(request, player):
    """Root, then an ordinary user."""
    yield from _user(request.param, None if request.param else player)


@pytest.fixture(scope="module")
def root(player):
    """Root alone, where the user makes no difference."""
    yield from _user(0, player)


@pytest.fixture(scope="session")
def player():
    """Return what runs root's playbooks."""
    with tempfile.TemporaryDirectory(prefix="nodenet-test-") as home:
        one = Player()
        one.start("/", User(0, home).environment)
        yield one
        one.close()


def _user(uid, player=None):
    home = Path(tempfile.mkdtemp(prefix="nodenet-test-"))
    os.chown(home, uid, uid)
    home.chmod(0o755)
    try:
        found = User(uid, home, player)
        if not found.python:
            pytest.skip("the ordinary user can run no Python that has ansible-core")
        yield found
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def inventories(user):
    """Return a function that makes an inventory; the labs of all of them are ended after the module."""
    yield from _inventories(user)


@pytest.fixture(scope="module")
def roots_inventories(root):
    """The same for root alone."""
    yield from _inventories(root)


def _inventories(user):
    made = []

    def make(name, hosts, **variables):
        folder = user.home / f"{name}{len(made)}"
        folder.mkdir()
        made.append(Inventory(user, folder))
        return made[-1].write(hosts, **variables)

    try:
        yield make
    finally:
        for inventory in made:
            if any(entries(name) for name in inventory.names):
                inventory.playbook("nodenet.fabric.lab_down")
