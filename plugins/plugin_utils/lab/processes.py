# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's processes, found by their arguments: the process table is the only register of labs that there is."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass

MARK = "nodenet-lab"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# what /proc/PID/ns calls a namespace -> the option of nsenter(1); the user namespace is a matter of its own
SORTS = {"mnt": "--mount", "uts": "--uts", "net": "--net", "pid": "--pid"}
AS_ROOT_INSIDE = "--preserve-credentials"


@dataclass(frozen=True)
class Process:
    """One process of a lab.

    :param role: ``keeper`` or ``host``.
    :param name: the host's name, or the digest of the keeper's topology.
    """

    pid: int
    lab: str
    role: str
    name: str


class Entrance:
    """The namespaces of a host, held open: what takes over the number of a process that has ended is never entered.

    A lab's node that turned out to be the machine itself would be arranged as one.

    :raises OSError: the process has ended.
    """

    def __init__(self, process):
        self.process = process
        self._files = {}
        try:
            for sort in [*SORTS, *(["user"] if _other_users(process.pid) else [])]:
                self._files[sort] = os.open(f"/proc/{process.pid}/ns/{sort}", os.O_RDONLY | os.O_CLOEXEC)
            if not runs(process):  # then what was opened may be another's
                raise ProcessLookupError(3, "the process has ended", process.name)
        except OSError:
            self.close()
            raise

    def words(self):
        """Return the words of nsenter(1) before a command; it runs while this process does."""
        here = f"/proc/{os.getpid()}/fd"
        options = {**SORTS, "user": "--user"}
        found = [_nsenter(), *(f"{options[sort]}={here}/{handle}" for sort, handle in self._files.items())]
        return found + ([AS_ROOT_INSIDE] if "user" in self._files else [])

    def close(self):
        """Let go of the namespaces."""
        while self._files:
            os.close(self._files.popitem()[1])


def processes(lab=None):
    """Return the processes of a lab, or of all, that belong to this user."""
    found = (_process(int(entry)) for entry in os.listdir("/proc") if entry.isdigit())
    return [process for process in found if process and lab in (None, process.lab)]


def keeper_of(lab):
    """Return the keeper of a lab that runs, or None."""
    return next((process for process in processes(lab) if process.role == "keeper"), None)


def hosts_of(lab):
    """Return host name -> the process that holds it, for a lab that runs."""
    return {process.name: process for process in processes(lab) if process.role == "host"}


def runs(process):
    """Say whether ``process`` is still what it was when it was found."""
    return _process(process.pid) == process


def by_hand(process):
    """Return the words before a command that is to run in a host, for a person to type; short, it is shown in a line."""
    users = ["-U", AS_ROOT_INSIDE] if _other_users(process.pid) else []
    return ["nsenter", "-t", str(process.pid), "-m", "-n", "-p", "-u", *users]


def wait_until_gone(lab, seconds=10):
    """Wait until no process of ``lab`` is left; say whether that is so."""
    deadline = time.monotonic() + seconds
    while processes(lab):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _process(pid):
    """Return process ``pid`` if it is one of a lab of this user and in a network of its own, else None."""
    with contextlib.suppress(OSError):  # it ends while it is looked at
        if os.stat(f"/proc/{pid}").st_uid == os.geteuid():
            with open(f"/proc/{pid}/cmdline", "rb") as source:
                words = source.read().decode(errors="replace").split("\0")[-5:]  # after the last one comes nothing
            if len(words) == 5 and words[0] == MARK and _namespace(pid, "net") != _namespace("self", "net"):
                return Process(pid, *words[1:4])
    return None


def _nsenter():
    return shutil.which("nsenter", path=PATH) or "nsenter"


def _other_users(pid):
    """Root's labs have root's user namespace; to enter one's own again is refused (setns(2))."""
    return _namespace(pid, "user") != _namespace("self", "user")


def _namespace(pid, sort):
    return os.readlink(f"/proc/{pid}/ns/{sort}")
