# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines about silent pairs, few of them: one for each pair of nodes with many silent pairs. Pure Python."""

from __future__ import annotations

from typing import List, Sequence, Set

from .expectations import itself
from .matrix import Pair

# up to so many silent pairs between the same two nodes have a line each
FEW = 3
MOST_LINES = 50


def silent_lines(pairs: Sequence[Pair]) -> List[str]:
    """Return the lines about those of ``pairs`` that do not answer."""
    families = {":" in pair.address for pair in pairs}
    lines = []
    for (source, target, six), group in _merged(_groups(pairs)).items():
        silent = [pair for pair in group if pair.asked and not pair.ok]
        if len(silent) <= FEW:
            lines += [pair.line() for pair in silent]
        else:
            nodes = f"{source} -> {target}" + (f" (IPv{6 if six else 4})" if len(families) > 1 else "")
            lines.append(f"{nodes}: {_number(len(silent), len(group))} silent{_reasons(silent)}")
    hidden = len(lines) - MOST_LINES
    return lines[:MOST_LINES] + ([f"… and {hidden:,} more lines like these"] if hidden > 0 else [])


def nodes_of_silence(pairs: Sequence[Pair]) -> Set[str]:
    """Return the nodes that may have lost a packet of a silent pair, or its answer."""
    silent = [pair for pair in pairs if pair.asked and not pair.ok]
    return {pair.node for pair in silent} | {pair.where.rpartition(" itself")[0] or pair.where for pair in silent}


def _groups(pairs):
    """Return (source, target, whether IPv6) -> pairs; source and target are a node's endpoints, or a node itself."""
    found = {}
    for pair in pairs:
        found.setdefault((pair.asker, pair.where, ":" in pair.address), []).append(pair)
    return found


def _merged(groups):
    """Return ``groups`` with a node's own pairs among those of its endpoints, if all are silent for one reason."""
    found = dict(groups)
    for (source, target, six), group in groups.items():
        own = itself(source), target, six
        both = [*group, *groups.get(own, ())]
        silent = not any(pair.ok or not pair.asked for pair in both) and len({pair.fault() for pair in both}) == 1
        if silent and target != source and own in groups and len(group) > FEW:
            found[source, target, six] = both
            del found[own]
    return found


def _number(silent, asked):
    return f"all {asked:,}" if silent == asked else f"{silent:,} of {asked:,}"


def _reasons(silent):
    """Return the reason in parentheses, if all have the same one."""
    reasons = {pair.fault() for pair in silent}
    return f" ({reasons.pop()})" if len(reasons) == 1 and reasons != {"no answer"} else ""
