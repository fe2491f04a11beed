# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's processes, found by their arguments: the process table is the only register of labs that there is."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass

MARK = "nodenet-lab"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


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


def processes(lab=None):
    """Return the processes of a lab, or of all, that belong to this user."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            process = _process(int(entry))
            if process and lab in (None, process.lab):
                found.append(process)
    return found


def keeper_of(lab):
    """Return the keeper of a lab that runs, or None."""
    return next((process for process in processes(lab) if process.role == "keeper"), None)


def host_of(lab, name):
    """Return the process that holds a host of a lab, or None."""
    return next((process for process in processes(lab) if process.role == "host" and process.name == name), None)


def entering(pid):
    """Return the words of nsenter(1) that enter the namespaces of a host.

    A user namespace is entered only where it is another than ours: root's labs have none.
    """
    words = [
        shutil.which("nsenter", path=PATH) or "nsenter",
        f"--target={pid}",
        "--mount",
        "--uts",
        "--net",
        "--pid",
        "--wd=/",
    ]
    if _namespace(pid, "user") != _namespace("self", "user"):
        words += ["--user", "--preserve-credentials"]
    return words


def wait_until_gone(lab, seconds=10):
    """Wait until no process of ``lab`` is left; say whether that is so."""
    deadline = time.monotonic() + seconds
    while processes(lab):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _process(pid):
    try:
        if os.stat(f"/proc/{pid}").st_uid != os.geteuid():
            return None
        with open(f"/proc/{pid}/cmdline", "rb") as source:
            words = source.read().decode(errors="replace").split("\0")
        if MARK not in words or _namespace(pid, "net") == _namespace("self", "net"):
            return None  # not one of ours, or one that is not in its own network yet
    except OSError:
        return None
    lab, role, name = (words[words.index(MARK) + 1 :] + ["", "", ""])[:3]
    return Process(pid, lab, role, name)


def _namespace(pid, sort):
    return os.readlink(f"/proc/{pid}/ns/{sort}")
