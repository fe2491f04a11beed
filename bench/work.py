# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every family needs to do a piece of work and to see that it was done."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import Callable, Optional

from . import measure
from .places import SCRATCH


@dataclass
class Phase:
    """One thing to measure, and the proof that it was done."""

    name: str
    work: Callable
    check: Callable
    gone: Optional[Callable] = None


def shell(command):
    """Run a command that must succeed."""
    found = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise measure.Failed(f"{command}: {found.stdout}{found.stderr}")
    return found.stdout


def write(name, lines):
    """Write a file of the sandbox, and return its path."""
    path = os.path.join(SCRATCH, name)
    with open(path, "w", encoding="utf-8") as target:
        target.writelines(f"{line}\n" for line in lines)
    return path
