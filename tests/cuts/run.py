# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook that runs on a host of the lab, and is looked at and ended from outside."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).absolute().parents[2]
BIN = Path(sys.executable).parent
STEPS = Path(__file__).absolute().parent / "callback_plugins"


def _short_folder():
    """Return a new folder whose path leaves room for the name of a socket in it: unix(7) gives both 108 bytes."""
    folder = tempfile.mkdtemp(prefix="nodenet-", dir="/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Run:
    """A playbook that runs.

    :param entered: the words that lead to where it runs.
    :param folder: a new one, for what it writes.
    :param at: the step at which it waits, as ``callback_plugins/steps.py`` names steps.
    """

    def __init__(self, entered, folder, words, at=""):
        folder.mkdir()
        self.folder, self._ways = folder, _short_folder()
        self._out = (folder / "output").open("w")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv/collections"),
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": self._ways,
            "ANSIBLE_CALLBACK_PLUGINS": str(STEPS),
            "ANSIBLE_CALLBACKS_ENABLED": "steps",
            "NODENET_STEPS": str(folder),
            "NODENET_WAIT_AT": at,
            "LC_ALL": "C.UTF-8",
        }
        self._process = subprocess.Popen(
            [*entered, str(BIN / "ansible-playbook"), *words],
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._out,
            env=environment,
            cwd=ROOT,
            start_new_session=True,
        )

    def wait(self, seconds=180):
        """Wait for its end, and return its status."""
        status = self._process.wait(timeout=seconds)
        shutil.rmtree(self._ways, ignore_errors=True)
        return status

    def has_ended(self):
        return self._process.poll() is not None

    def printed(self):
        return (self.folder / "output").read_text(encoding="utf-8", errors="replace")

    def steps(self):
        """Return the steps that it has come to."""
        try:
            return (self.folder / "steps").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def go_on(self):
        """Let it go on from the step at which it waits."""
        (self.folder / "go").touch()

    def processes(self):
        """Return the pids of ansible-playbook, the first, and of all that it started and that has not left it."""
        found, new = [], _children(self._process.pid)
        while new:
            found += new
            new = [child for pid in new for child in _children(pid)]
        return found


def _children(pid):
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:  # it has ended
        return []
    return [int(word) for word in words]
