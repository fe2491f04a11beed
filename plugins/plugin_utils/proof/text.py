# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads of a proof. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from ..summary import counted
from .pairs import Fault, Proof
from .promises import ENDS, NOT

# so many faults have a line each
MOST_LINES = 20


def proof_lines(found: Proof, where: str = "") -> List[str]:
    """Return what was proven, in a line, and a line for each sort of fault.

    :param where: of what state, such as "by the inventory alone".
    """
    reach = "all reach" if found.reach == found.pairs else f"{found.reach:,} reach"
    away = sum(fault.times for fault in found.faults if fault.question.must in (NOT, ENDS))
    apart = f"{counted(found.must_not, 'packet')} that must not arrive: {f'{away:,} do' if away else 'none does'}"
    more = f"; {counted(found.unproven, 'pair')} not proven" if found.unproven else ""
    head = f"{where + ': ' if where else ''}{counted(found.pairs, 'pair')}: {reach}; {apart}{more}"
    return [head, *(f"  - {line}" for line in fault_lines(found.faults))]


def fault_lines(faults: Sequence[Fault]) -> List[str]:
    """Return a line for each sort of fault: those with one reason and one entry are one line, with how many pairs they are."""
    sorts: Dict[Tuple[Any, ...], List[Fault]] = {}
    for fault in faults:
        hop = fault.hop
        place = (hop.node, hop.netns, hop.entry and hop.entry.text) if hop else ()
        sorts.setdefault((fault.question.must, fault.reason, place), []).append(fault)
    lines = [_line(some) for some in sorts.values()]
    hidden = len(lines) - MOST_LINES
    return lines[:MOST_LINES] + ([f"… and {hidden:,} more lines like these"] if hidden > 0 else [])


def _line(faults: Sequence[Fault]) -> str:
    first, pairs = faults[0], sum(fault.times for fault in faults)
    one, hop = first.question, first.hop
    path = f"{one.source} -> {one.target}" + (f" ({one.address})" if one.address else "")
    entry = ""
    if hop is not None:
        at = f"{hop.node}, {hop.netns}" if hop.netns else hop.node
        entry = f" [{at}: {hop.entry.text}]" if hop.entry else f" [{at}]"
    return f"{path}: {first.reason}{entry}" + (f"; and {counted(pairs - 1, 'pair')} like it" if pairs > 1 else "")
