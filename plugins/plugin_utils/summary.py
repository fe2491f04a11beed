# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of a run in one line, and diffs ordered by the numbers in names. Pure Python."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List

VERBS = {
    "made": "make",
    "renamed": "rename",
    "changed": "change",
    "removed": "remove",
    "adopted": "adopt",
    "released": "release",
}


def summary_of(stats: Dict[str, Any], check: bool = False) -> str:
    """Return what a run did to a node, in one line; "" where it changed nothing.

    :param stats: what a module of the engine returned.
    :param check: the run only planned.
    """
    counts = stats.get("counts") or {}
    if not counts:
        return ""
    parts = [f"{f'would {VERBS[verb]}' if check else verb} {_listed(counts[verb])}" for verb in VERBS if verb in counts]
    return "; ".join(parts) + ("" if check else f" in {stats['seconds']:.1f} s")


def _listed(nouns):
    return ", ".join(counted(number, noun) for noun, number in nouns.items())


def counted(number: int, noun: str) -> str:
    """Return ``number`` with its noun: 1 address, 52 addresses, 2,500 pairs."""
    if number != 1:
        noun = noun[:-1] + "ies" if noun.endswith("ry") else noun + ("es" if noun.endswith("ss") else "s")
    return f"{number:,} {noun}"


def in_order(diff: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Return a module's diff with objects as text, in the order of the numbers in their names: .2 before .19."""
    return [
        {side: _text(value) if isinstance(value, dict) else value for side, value in entry.items()} for entry in diff
    ]


def _text(objects):
    return json.dumps(_sorted(objects), indent=4, ensure_ascii=False) + "\n" if objects else ""


def _sorted(value):
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=_by_number)}
    return value


def _by_number(text):
    # words stand at even places and numbers at odd ones: no two of different type are compared
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", text))]


def without_objects(arguments: Dict[str, Any]) -> Dict[str, Any]:
    """Return a module's arguments with the number of its objects for the objects themselves."""
    return {name: _number(value) for name, value in arguments.items()}


def _number(value):
    if isinstance(value, dict):
        return without_objects(value)
    if not isinstance(value, list) or not any(isinstance(entry, dict) for entry in value):
        return value
    return counted(len(value), "object")
