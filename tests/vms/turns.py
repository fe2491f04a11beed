# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order files of tests run where the time is too short for all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List

DAY = 24 * 3600


def seen(path: Path) -> Dict[str, float]:
    """Return the id of a test -> when it was last run, in seconds since the epoch."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(path: Path, test: str, now: float) -> None:
    """Note that ``test`` was run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**seen(path), test: int(now)}, indent=1), encoding="utf-8")


def longest_unseen_first(files: Dict[str, List[str]], times: Dict[str, float], now: float) -> List[str]:
    """Return the ``files`` in order: first those with a test that was not run for longest.

    So it is not always the end of the alphabet that is left out. On a machine that remembers no run, another file is the first
    each day.

    :param files: file -> the ids of its tests.
    :param times: as :func:`seen` returns it.
    """
    names = sorted(files)
    first = int(now // DAY) % len(names) if names else 0
    return sorted(names[first:] + names[:first], key=lambda name: min(times.get(one, 0) for one in files[name]))
