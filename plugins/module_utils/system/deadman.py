# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dead man's switch of a commit: it undoes the change unless somebody who can still reach this node confirms it.

A transient timer of systemd where that runs the node, a process that waits elsewhere. Both outlive the connection that armed
them, wait by a clock that nobody sets, and then run ``nodenet-fabric expire ID``, which reads the deadline again.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from typing import List, Set

from .programs import run, run_detached, run_or_fail
from .systemd import has_systemd

# the last words of each process of a switch are those of the program: by them it is found
WAIT = 'sleep "$1"; shift; exec "$@"'
# a process that is killed is there until the kernel gives it a turn to end
ATTEMPTS, PAUSE_SECONDS = 100, 0.02


def arm(id: str, seconds: float, program: str) -> None:
    """Have ``program expire id`` run in ``seconds``.

    :raises FabricError: the switch cannot be armed.
    """
    command = [sys.executable, "-I", program, "expire", id]
    if has_systemd():
        run_or_fail(
            [
                *("systemd-run", "--quiet", "--collect", f"--unit={_unit(id)}"),
                f"--description=Undo the commit {id} of nodenet.fabric unless it is confirmed",
                *(f"--on-active={seconds:g}s", "--timer-property=AccuracySec=100ms"),
                *command,
            ]
        )
    else:
        run_detached(["/bin/sh", "-c", WAIT, "nodenet-commit", f"{seconds:g}", *command])


def disarm(id: str) -> None:
    """End the switch of the commit ``id``; the process that calls this may be it, and goes on."""
    if has_systemd():
        own = f"{_unit(id)}.service" in _cgroup()
        units = [f"{_unit(id)}.timer", *([] if own else [f"{_unit(id)}.service"])]
        run(["systemctl", "stop", *units])  # what has elapsed is gone, and systemctl says so
        return
    for _attempt in range(ATTEMPTS):
        groups = _groups(id) - {os.getpgrp()}
        for group in groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        if not groups:
            return
        time.sleep(PAUSE_SECONDS)


def is_armed(id: str) -> bool:
    """Say whether the commit ``id`` has a switch."""
    if has_systemd():
        return any(
            run(["systemctl", "is-active", f"{_unit(id)}.{sort}"]).returncode == 0 for sort in ("timer", "service")
        )
    return bool(_groups(id))


def _unit(id: str) -> str:
    return f"nodenet-commit-{id}"


def _cgroup() -> str:
    with suppress(OSError), open("/proc/self/cgroup", encoding="ascii") as source:
        return source.read()
    return ""


def _groups(id: str) -> Set[int]:
    """Return the process groups of this node's switch; another node of the same commit may be seen from here."""
    last: List[bytes] = [b"expire", id.encode(), b""]
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as source:
                if source.read().split(b"\0")[-3:] == last and _network(name) == _network("thread-self"):
                    found.add(os.getpgid(int(name)))
    return found


def _network(process: str) -> str:
    return os.readlink(f"/proc/{process}/ns/net")
