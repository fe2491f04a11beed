# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and ending labs, from outside."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from .processes import MARK, hosts_of, keeper_of, processes, wait_until_gone
from .topology import digest

COLLECTIONS = Path(__file__).absolute().parents[6]
KEEPER = f"{__package__}.keeper"


class LabError(Exception):
    """A lab cannot be made, or does not end; the text is for a person."""


@contextlib.contextmanager
def alone(lab, seconds=60):
    """Keep other processes of this user from starting or ending ``lab`` meanwhile.

    The lock is an abstract socket (unix(7)): the kernel removes it with this process, however that ends, and no file is left.

    :raises LabError: another one has not let go of it after ``seconds``.
    """
    name = hashlib.sha256(f"{MARK} {os.geteuid()} {lab}".encode()).hexdigest()
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX) as lock:
        while True:
            try:
                lock.bind(f"\0{name}")
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise LabError(f"the lab {lab} is being started or ended by another process") from None
                time.sleep(0.05)
        yield


def difference(lab, topology):
    """Return why the lab that runs is not the one that is wanted, or None: it is."""
    keeper = keeper_of(lab)
    if keeper is None:
        return "it did not run"
    if keeper.name != digest(topology):
        return "the inventory has changed"
    missing = sorted(topology["hosts"].keys() - hosts_of(lab).keys())
    return f"{', '.join(missing)} had ended" if missing else None


def start(lab, topology):
    """Start the keeper of a lab and wait until its network stands.

    :raises LabError: it could not be made; nothing of it is left.
    """
    paths = [str(COLLECTIONS), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    environment = {**os.environ, "PYTHONPATH": ":".join(os.path.abspath(path) for path in paths)}
    command = [sys.executable, "-m", KEEPER, MARK, lab, "keeper", digest(topology)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment, cwd="/", start_new_session=True
    ) as keeper:
        with contextlib.suppress(BrokenPipeError):  # it ended before it read; why, it has said
            keeper.stdin.write(json.dumps(topology))
            keeper.stdin.close()
        line = keeper.stdout.readline()
        answer = json.loads(line) if line.startswith("{") else {"error": _last_words(keeper.stderr.read())}
    problem = answer.get("error") or _not_seen(lab, topology)
    if problem:
        end(lab)
        raise LabError(f"the lab {lab} could not be made: {problem}")


def end(lab):
    """End a lab, if it runs; with its keeper the kernel ends all of it.

    :raises LabError: some of it is still there.
    """
    for process in processes(lab):
        if process.role == "keeper":
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
    if not wait_until_gone(lab):
        left = ", ".join(str(process.pid) for process in processes(lab))
        raise LabError(f"processes of the lab {lab} do not end: {left}")


def _not_seen(lab, topology, seconds=5):
    """Wait until the lab is seen: for a moment of execve(2) a process has no arguments. Return what is missing, or None."""
    deadline = time.monotonic() + seconds
    while (why := difference(lab, topology)) and time.monotonic() < deadline:
        time.sleep(0.001)
    return why


def _last_words(errors):
    lines = [line for line in errors.splitlines() if line.strip()]
    return lines[-1] if lines else "its keeper ended without a word"
