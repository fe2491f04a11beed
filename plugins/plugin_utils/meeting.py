# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of one task, one for each node, decide one thing together, in one moment.

Ansible starts them one after the other. If it is killed half-way, those that it has started must not act as if all had been:
each waits until all are there. What the first of them writes is the decision, and all of them go by it.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from typing import Sequence

from .queue import exclusively, folder, notes_of

YES, NO = "yes", "no"
PAUSE = 0.01


def agreed(name: str, host: str, hosts: Sequence[str], agrees: bool, wait: float) -> bool:
    """Wait until the processes of all ``hosts`` are there, ``wait`` seconds at most; say whether all of them go ahead.

    :param agrees: whether this one would; what it knows, the others know too.
    :param wait: 0: they cannot all be there, as Ansible runs fewer at a time; the first decides for all.
    """
    notes_of(f"meeting-{name}", host).add([{"host": host}])
    deadline = time.monotonic() + wait
    while True:
        decided = _decided(name)
        if decided:
            return decided == YES
        if not agrees or _is_orphan():
            return _decide(name, NO) == YES
        if not wait or _there(name) >= len(hosts):
            return _decide(name, YES) == YES
        if time.monotonic() > deadline:
            return _decide(name, NO) == YES
        time.sleep(PAUSE)


def is_last(name: str, host: str, hosts: Sequence[str]) -> bool:
    """Say whether ``host`` is the last of ``hosts`` that comes here."""
    with exclusively("commit"):
        notes_of(f"meeting-{name}", host).add([{"host": host}])
        return _there(name) == len(hosts)


def _there(name):
    begin = f"nodenet-meeting-{name}-"
    return sum(entry.startswith(begin) for entry in os.listdir(folder()))


def _path(name):
    return os.path.join(folder(), f"nodenet-meeting.{name}")


def _decided(name):
    try:
        with open(_path(name), encoding="utf-8") as source:
            return source.read()
    except FileNotFoundError:
        return ""


def _decide(name, decision):
    """Write the decision, unless there is one; return that which holds."""
    with exclusively("commit"):
        if not _decided(name):
            with open(f"{_path(name)}.new", "w", encoding="utf-8") as target:
                target.write(decision)
            os.replace(f"{_path(name)}.new", _path(name))
        return _decided(name)


def _is_orphan():
    """Say whether Ansible, which started this process, has ended."""
    parent = multiprocessing.parent_process()
    return parent is not None and os.getppid() != parent.pid
