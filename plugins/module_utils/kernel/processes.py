# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes and the network namespaces that they are in (proc(5))."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Collection, Dict, List

from .namespaces import Identity, identity


def holding(wanted: Collection[Identity]) -> Dict[Identity, List[int]]:
    """Return identity -> the pids of the processes in that network namespace, of those of ``wanted`` that have any.

    One look at each process, however many namespaces are asked for. A process that this one may not look at is not seen.
    """
    found: Dict[Identity, List[int]] = {}
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        there = identity(f"/proc/{pid}/ns/net")
        if there in wanted and there is not None:
            found.setdefault(there, []).append(pid)
    return found


def program_of(pid: int) -> str:
    """Return the name of the program of a process, or "?": it has ended."""
    with suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as source:
        return source.read().strip()
    return "?"
