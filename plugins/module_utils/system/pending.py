# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commit of this node that waits for its confirmation, and how the last ones ended: files below /run, as the kernel's state.

A commit is a change that is undone by itself unless it is confirmed in time. There is at most one.
"""

from __future__ import annotations

import json
import os
import re
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Dict, List, Optional

from ..engine.errors import FabricError, InputError
from . import keys
from .files import FILE, fsync_directory, make_directory, write
from .lock import PRIVATE, STATE_DIR, exclusive
from .reconcile import File, Files
from .systemd import has_systemd

FOLDER = f"{STATE_DIR}/pending"
PROGRAM = f"{FOLDER}/nodenet-fabric"
INSTALLED = "/usr/local/sbin/nodenet-fabric"
HISTORY = f"{STATE_DIR}/commits.json"
# the files of a commit as they were, on the disk: what is below /run ends with the kernel's state, and they do not
KEPT = "/etc/nodenet/pending.json"
# how many of those that ended are remembered
REMEMBERED = 8
CONFIRMED, CANCELLED, EXPIRED = "confirmed", "cancelled", "expired"


class CommitPending(FabricError):
    """Another commit waits for its confirmation; nothing was changed."""


# the fields in that file
OUTLIVING = ("id", "holder", "since", "timeout", "deadline", "files", "first", "last")


@dataclass
class Pending:
    """A commit that waits for its confirmation.

    :param holder: who began it, for a person.
    :param since: when, by the wall clock.
    :param deadline: when it is undone, in seconds of CLOCK_BOOTTIME (clock_gettime(2)), which no one sets.
    :param planned: the refs of all objects that it touched, and ``before``: what was there before, both as JSON has them.
    :param marks: the text of the file of marks before; None: there was none.
    :param files: the files that it touched, as they were before, see :meth:`keep`.
    :param first: commands to run before these are restored, and ``last``: after that.
    :param persist: options of the module persist, which runs with the confirmation; None: it does not run.
    """

    id: str
    holder: str
    since: str
    timeout: int
    deadline: float
    extended: bool = False
    persist: Optional[Dict[str, Any]] = None
    planned: List[Any] = field(default_factory=list)
    before: List[Dict[str, Any]] = field(default_factory=list)
    marks: Optional[str] = None
    files: Dict[str, Any] = field(default_factory=dict)
    first: List[List[str]] = field(default_factory=list)
    last: List[List[str]] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Return the file that holds it."""
        return f"{FOLDER}/{self.id}.json"

    @property
    def seconds_left(self) -> float:
        """Return the seconds until it is undone."""
        return max(0.0, self.deadline - now())

    @property
    def overdue(self) -> bool:
        """Say whether its time has passed."""
        return self.deadline <= now()

    def extend(self, timeout: int) -> None:
        """Give it ``timeout`` seconds from now, and not less than it has: the switch wakes no earlier than it was armed for."""
        self.timeout, self.extended = timeout, True
        self.renew()

    def renew(self) -> None:
        """Let its time begin again: whoever may confirm it has just been here."""
        self.deadline = max(self.deadline, now() + self.timeout)

    def keep(self, before: Files, first: List[List[str]], last: List[List[str]]) -> None:
        """Remember files as they are before a change, and the commands by which others notice that they are restored."""
        plain = {path: file and [b64encode(file.content).decode(), file.mode] for path, file in before.items()}
        self.files = {**plain, **self.files}
        self.first += [command for command in first if command not in self.first]
        self.last += [command for command in last if command not in self.last]

    def write_files(self) -> None:
        """Write the files as they were where they outlive a power cut, which ends all else of the commit.

        :raises OSError: they cannot be written.
        """
        if has_systemd():  # the nodes of a lab share the machine's folder, and have no such files
            kept = {name: vars(self)[name] for name in OUTLIVING}
            write(KEPT, json.dumps({"commit": kept, "saved": _saved()}), 0o600)

    def kept(self) -> Files:
        """Return the files as they were before."""
        return {path: file and File(b64decode(file[0]), file[1]) for path, file in self.files.items()}

    def write(self) -> None:
        """Write it, for root alone to read.

        :raises FabricError: it cannot be written.
        """
        try:
            make_folder()
            write(self.path, json.dumps(vars(self)), 0o600, durable=False)
        except OSError as failure:
            raise FabricError(f"{self.path} cannot be written: {failure.strerror} (nothing was changed)") from failure

    def described(self) -> str:
        """Return what a person must know of it."""
        return (
            f"commit {self.id} of {self.holder or 'an unknown holder'} is pending on this node since {self.since}:"
            f" it is undone in {self.seconds_left:.0f} s unless it is confirmed"
        )

    def refusal(self) -> CommitPending:
        """Return the error for any other run that would change something."""
        return CommitPending(
            f"{self.described()}. Wait, or run the playbook nodenet.fabric.confirm or nodenet.fabric.cancel"
            f" (on the node: {by_hand()} confirm | cancel)"
        )


def make_folder() -> None:
    """Make the folder of commits."""
    make_directory(STATE_DIR, PRIVATE)
    make_directory(FOLDER, PRIVATE)


def new(id: str, holder: str, timeout: int, persist: Optional[Dict[str, Any]]) -> Pending:
    """Return a commit that begins now.

    :raises InputError: the id cannot be the name of a file.
    """
    if not re.fullmatch(r"\w[\w-]{0,63}", id, re.ASCII):
        raise InputError("commit.id", f"{id!r} is not an id: 1 to 64 letters, digits, '-' or '_'")
    if timeout < 1:
        raise InputError("commit.timeout", f"{timeout} is not a number of seconds")
    return Pending(id, holder, wall_clock(), timeout, now() + timeout, persist=persist)


def now() -> float:
    """Return the seconds since boot, also those asleep."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wall_clock() -> str:
    """Return the time as ISO 8601 has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def by_hand() -> str:
    """Return how the program is called on this node."""
    return "nodenet-fabric" if os.path.exists(INSTALLED) else f"python3 {PROGRAM}"


def read() -> Optional[Pending]:
    """Return the commit that waits for its confirmation, or None.

    :raises FabricError: its file cannot be read.
    """
    try:
        names = sorted(name for name in os.listdir(FOLDER) if name.endswith(".json"))
    except FileNotFoundError:
        return None
    for path in (f"{FOLDER}/{name}" for name in names):
        try:
            with open(path, encoding="utf-8") as source:
                return Pending(**json.load(source))
        except FileNotFoundError:  # it ended meanwhile
            continue
        except (ValueError, TypeError) as failure:
            raise FabricError(
                f"{path} describes a commit and cannot be read ({failure}): remove it, then run site again"
            ) from failure
    return None


def interrupted() -> Optional[Pending]:
    """Return a commit that ended with a power cut, with the files that it changed; the kernel's state ended by itself.

    If the fabric was saved meanwhile, the commit was confirmed, and there is nothing to restore.
    """
    if not has_systemd() or not os.path.exists(KEPT) or read():
        return None
    try:
        with open(KEPT, encoding="utf-8") as source:
            data = json.load(source)
        found = Pending(**data["commit"])
        if data["saved"] == _saved():
            return found
        drop_files(found)
        return None
    except (OSError, ValueError, TypeError, KeyError) as failure:
        raise FabricError(f"{KEPT} cannot be read ({failure}): remove it, then run site again") from failure


def _saved() -> Optional[str]:
    """Return what distinguishes one saved fabric from another; None: none is saved."""
    with suppress(FileNotFoundError), open(FILE, "rb") as source:
        return sha256(source.read()).hexdigest()
    return None


def refuse_others(own: str = "") -> None:
    """Refuse a run that would change something while a commit waits for its confirmation.

    :param own: the id of the run's own commit.
    :raises CommitPending: another one is pending.
    """
    found = read()
    if found and found.id != own:
        raise found.refusal()


def history() -> List[Dict[str, Any]]:
    """Return how the last commits ended, the latest last; none if the file cannot be read."""
    with suppress(OSError, ValueError), open(HISTORY, encoding="utf-8") as source:
        return list(json.load(source))
    return []


def ended(id: str) -> Optional[Dict[str, Any]]:
    """Return how the commit ``id`` ended here, or None: it did not begin, or it is pending."""
    return next((entry for entry in history() if entry["id"] == id), None)


def end(found: Pending, how: str, left: List[str]) -> None:
    """Note how a commit ended; from then on nothing is pending.

    :param left: what could not be restored.
    """
    entry = {"id": found.id, "holder": found.holder, "ended": how, "when": wall_clock(), "left": left}
    known = [one for one in history() if one["id"] != found.id]
    write(HISTORY, json.dumps([*known, entry][-REMEMBERED:]), 0o600, durable=False)
    drop(found)
    keys.drop_unnamed()


def drop(found: Pending) -> None:
    """Let nothing be pending."""
    drop_files(found)
    with suppress(FileNotFoundError):
        os.unlink(found.path)
    tidy()


def drop_files(found: Pending) -> None:
    """Remove what :meth:`Pending.write_files` has written."""
    if found.files and has_systemd():
        with suppress(OSError):
            os.unlink(KEPT)
            fsync_directory(os.path.dirname(KEPT))
            os.rmdir(os.path.dirname(KEPT))


def tidy() -> None:
    """Remove what is left of a commit that has ended."""
    if read() is None:
        with suppress(FileNotFoundError):
            os.unlink(PROGRAM)
        with suppress(OSError):
            for name in os.listdir(FOLDER):  # what a killed run was writing
                if name.endswith(".new"):
                    os.unlink(f"{FOLDER}/{name}")
            os.rmdir(FOLDER)


def forget() -> None:
    """Forget how commits ended: nothing of the fabric is left on this node."""
    if os.path.exists(HISTORY):
        with exclusive(), suppress(FileNotFoundError):
            os.unlink(HISTORY)
