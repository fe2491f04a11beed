# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether systemd runs the node, and what it runs there."""

from __future__ import annotations

import glob
import os

from .programs import run

# systemd.unit(5), "Unit File Load Path": what is enabled is a link in one of these
WANTED = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")


def has_systemd():
    """Say whether systemd runs the node (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def is_on(unit):
    """Say whether ``unit``, a daemon, runs or is enabled. Its control group and its links say so: no process is started."""
    groups = (f"/sys/fs/cgroup/{tree}system.slice/{unit}" for tree in ("", "systemd/"))
    return any(os.path.isdir(group) for group in groups) or is_enabled(unit)


def is_enabled(unit):
    """Say whether ``unit`` is started at boot."""
    return any(glob.glob(f"{folder}/*.wants/{unit}") for folder in WANTED)


def is_active(unit, or_starts=False):
    """Say whether ``unit`` is active, as systemctl(1) says; with ``or_starts`` one that is about to be counts, too."""
    found = run(["systemctl", "is-active", unit])
    return found.returncode == 0 or (or_starts and found.stdout.strip() == "activating")
