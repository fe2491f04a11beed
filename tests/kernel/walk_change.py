# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change by chance to a small fabric, and to what in it."""

from __future__ import annotations

import random
from typing import Callable, List, NamedTuple

from walk_fabrics import UPLINK, Fabric


class Change(NamedTuple):
    """Commands in a namespace, and those that take them back before the namespace is mended."""

    netns: str
    lines: List[str]
    undo: List[str]


Maker = Callable[[Fabric, random.Random], Change]


def node(fabric: Fabric, chance: random.Random) -> str:
    """Return a namespace that forwards."""
    return chance.choice([*fabric.nodes, *fabric.nodes, UPLINK])


def device(fabric: Fabric, chance: random.Random, netns: str) -> str:
    """Return a device of a namespace."""
    devices = [line.split()[3] for line in fabric.lines[netns] if line.startswith("link set dev") and " up" in line]
    return chance.choice(devices)
