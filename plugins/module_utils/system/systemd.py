# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether systemd runs the node, and which units are enabled or active."""

from __future__ import annotations

import glob
import os
from typing import List, Optional

from .programs import run

# systemd.unit(5), "Unit File Load Path": the administrator's units, and all folders in which a link enables one
UNITS = "/etc/systemd/system"
TMPFILES = "/etc/tmpfiles.d"  # tmpfiles.d(5)
FOLDERS = (UNITS, "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")


def has_systemd() -> bool:
    """Say whether systemd runs the node (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def is_on(unit: str) -> bool:
    """Say whether ``unit``, a daemon, runs or is enabled. Its control group and its links say so: no process is started."""
    groups = (f"/sys/fs/cgroup/{tree}system.slice/{unit}" for tree in ("", "systemd/"))
    return any(os.path.isdir(group) for group in groups) or is_enabled(unit)


def is_enabled(unit: str) -> bool:
    """Say whether ``unit`` is started at boot."""
    return any(glob.glob(f"{folder}/*.wants/{unit}") for folder in FOLDERS)


def is_active(unit: str, or_starts: bool = False) -> bool:
    """Say whether ``unit`` is active, as systemctl(1) says; with ``or_starts`` one that is about to be counts, too."""
    found = run(["systemctl", "is-active", unit])
    return found.returncode == 0 or (or_starts and found.stdout.strip() == "activating")


def main_pid(unit: str) -> Optional[int]:
    """Return the PID of the main process of a service that runs, or None."""
    text = run(["systemctl", "show", "--property=MainPID", "--value", unit]).stdout.strip()
    return int(text) if text.isdecimal() and int(text) else None


def failure_of(words: List[str]) -> Optional[str]:
    """Run one of systemd's programs; return a sentence if it did not succeed, or None."""
    try:
        found = run(words)
    except OSError as failure:
        return f"{' '.join(words)}: {failure.strerror}"
    return f"{' '.join(words)}: {found.stderr.strip()}" if found.returncode else None
