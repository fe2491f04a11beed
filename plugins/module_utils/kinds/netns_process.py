# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace that is a process's or a container's: how it is written down, and which one it is now.

Written down it is ``podman:NAME``, the same each time the container is started, or ``pid:PID:START:BOOT``, which only one process
ever is: its number, when it started (clock ticks after boot, proc_pid_stat(5)), and which boot that was.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Optional, Tuple

from ..engine.errors import FabricError, InputError
from ..kernel import namespaces
from ..kernel.namespaces import Identity

BOOT = "/proc/sys/kernel/random/boot_id"
START = 22  # of the fields in proc_pid_stat(5)


def of_pid(pid: int) -> str:
    """Return how the process ``pid`` is written down.

    :raises InputError: there is no such process.
    """
    started = _started(pid)
    if started is None:
        raise InputError("pid", f"there is no process {pid} on this node: start it, or correct its number")
    return f"pid:{pid}:{started}"


def of_container(engine: str, name: str) -> str:
    """Return how a container is written down.

    :raises InputError: it can have no such name.
    """
    if not name or not all(character.isalnum() or character in "_.-" for character in name):
        raise InputError("container.name", f"{name!r} is no name: letters, digits, '_', '.' and '-'")
    return f"{engine}:{name}"


def described(process: str) -> str:
    """Return the words for a process or container that was written down."""
    sort, name = process.split(":")[:2]
    return f"process {name}" if sort == "pid" else f"{sort} container {name!r}"


def resolved(process: str) -> Tuple[int, Identity]:
    """Return (pid, the network namespace that it has now).

    :raises InputError: it does not run, or it has no network namespace of its own.
    """
    sort, name = process.split(":")[:2]
    option = "pid" if sort == "pid" else "container"
    if sort == "pid":
        pid = int(name)
        if f"pid:{pid}:{_started(pid)}" != process:
            raise InputError("pid", f"process {pid} has ended: start it again, and give its new number")
    else:
        from ..system import engines  # noqa: PLC0415 - most runs have no container

        try:
            pid = engines.pid_of(sort, name)
        except FabricError as failure:
            raise InputError("container", str(failure)) from failure
    found = namespaces.identity(f"/proc/{pid}/ns/net")
    if found is None:
        raise InputError(option, f"{described(process)} has ended: start it again")
    if found == namespaces.identity(""):
        raise InputError(
            option,
            f"{described(process)} is in the node's own network namespace (network host): start it in one of its own",
        )
    return pid, found


def _started(pid: int) -> Optional[str]:
    """Return ``START:BOOT`` of a process, or None: there is none."""
    with suppress(OSError):
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as source:
            # the name of the program is in parentheses and may have some
            fields = source.read().rpartition(")")[2].split()
        with open(BOOT, encoding="utf-8") as source:
            return f"{fields[START - 3]}:{source.read().strip()}"
    return None
