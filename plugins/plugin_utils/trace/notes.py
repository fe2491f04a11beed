# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of a walk leave for later ones, in the temporary folder of this run of Ansible."""

from __future__ import annotations

import json
import os
import secrets
from typing import Any, Callable, Dict, List

from ..queue import all_notes, exclusively, folder, notes_of

Plain = Dict[str, Any]
# the ports that no program is given by the kernel (net.ipv4.ip_local_port_range ends at 60999)
PORTS = range(61000, 65536)


def add(sort: str, node: str, entry: Plain) -> None:
    """Leave ``entry`` about ``node``."""
    notes_of(f"walk-{sort}", node).add([entry])


def all_of(sort: str) -> List[Plain]:
    """Return the entries of one sort about all nodes."""
    return [entry for entries in all_notes(f"walk-{sort}") for entry in entries]


def once(name: str, make: Callable[[], Plain]) -> Plain:
    """Return what the first process of the run that asks for ``name`` made."""
    path = os.path.join(folder(), f"nodenet-walk.{name}")
    with exclusively("walk"):
        if not os.path.exists(path):
            with open(f"{path}.new", "w", encoding="utf-8") as target:
                json.dump(make(), target)
            os.replace(f"{path}.new", path)
        with open(path, encoding="utf-8") as source:
            return json.load(source)


def mark() -> Plain:
    """Return the mark of this run's packets, as the module capture takes it."""
    return once("mark", lambda: {"token": secrets.token_hex(8), "port": secrets.choice(PORTS)})
