# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a node: one run of the engine at a time, with a deadline, and an error that names the holder.

It is flock(2) on the folder of marks. Whoever can open a file can lock it: the folder is root's alone (0700).
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import Iterator

from ..engine.errors import FabricError
from .files import make_directory

STATE_DIR = "/run/nodenet"
PRIVATE = 0o700
PATIENCE = 60.0
POLL_SECONDS = 0.02


@contextmanager
def exclusive(directory: str = STATE_DIR, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of this node while the block runs; an empty ``directory`` is removed afterwards.

    :raises FabricError: another run did not end within ``patience`` seconds.
    """
    handle = _locked(directory, time.monotonic() + patience, patience)
    try:
        yield
    finally:
        with suppress(OSError):
            os.rmdir(directory)
        os.close(handle)


def _locked(directory, deadline, patience):
    while True:
        handle = _opened(directory)
        if handle is None:
            continue
        if _taken(handle):
            # the run that held the lock may have removed the directory: then this lock is on one that no other run opens
            with suppress(FileNotFoundError):
                if os.stat(directory).st_ino == os.fstat(handle).st_ino:
                    return handle
            os.close(handle)
            continue
        holder = _holder(handle)
        os.close(handle)
        if time.monotonic() > deadline:
            raise FabricError(
                f"another run on this node holds the lock on {directory} for {patience:.0f} s: {holder}."
                " Wait for it or end it, then run this again"
            )
        time.sleep(POLL_SECONDS)


def _opened(directory):
    """Open the folder, made if there is none and closed to others; return its descriptor, None: it was removed meanwhile."""
    make_directory(directory, PRIVATE)
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    found = os.fstat(handle)
    if found.st_uid != os.geteuid():
        os.close(handle)
        raise FabricError(f"{directory} belongs to the user {found.st_uid}: remove it, then run this again")
    if stat.S_IMODE(found.st_mode) != PRIVATE:
        os.fchmod(handle, PRIVATE)
    return handle


def _taken(handle):
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle):
    """Return the process that holds the lock, as /proc/locks says (proc_locks(5))."""
    found = os.fstat(handle)
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with suppress(OSError), open("/proc/locks", encoding="ascii") as source:
        for line in source:
            words = line.split()
            if words[1] == "FLOCK" and words[5] == place:
                return f"process {words[4]} ({_command(words[4])})"
    return "a process that is not seen from here"


def _command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as source:
            words = source.read(200).replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        words = ""
    return words or "of another PID namespace"
