# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs that do not answer, as few lines as say it: one for each pair of nodes between which many are silent. Pure Python."""

from __future__ import annotations

from .expectations import itself

# so many silent pairs between the same two nodes are named one by one
FEW = 3
MOST_LINES = 50


def silent_lines(pairs):
    """Return lines that say which of ``pairs`` do not answer."""
    families = {":" in pair.address for pair in pairs}
    lines = []
    for (source, target, six), group in _together(_groups(pairs)).items():
        silent = [pair for pair in group if pair.asked and not pair.ok]
        if len(silent) <= FEW:
            lines += [pair.told() for pair in silent]
        else:
            way = f"{source} -> {target}" + (f" (IPv{6 if six else 4})" if len(families) > 1 else "")
            lines.append(f"{way}: {_number(len(silent), len(group))} silent{_reasons(silent)}")
    hidden = len(lines) - MOST_LINES
    return lines[:MOST_LINES] + ([f"… and {hidden:,} more lines like these"] if hidden > 0 else [])


def nodes_of_silence(pairs):
    """Return the nodes on which a packet of a silent pair, or its answer, may have been lost; of those outside none."""
    silent = [pair for pair in pairs if pair.asked and not pair.ok]
    return {pair.node for pair in silent} | {pair.where.rpartition(" itself")[0] or pair.where for pair in silent}


def _groups(pairs):
    """Return (who asks, who is asked, whether by IPv6) -> pairs; who is a node's endpoints, or the node itself."""
    found = {}
    for pair in pairs:
        found.setdefault((pair.asker, pair.where, ":" in pair.address), []).append(pair)
    return found


def _together(groups):
    """Return ``groups`` with what a node asks itself among what its endpoints ask, where all of both is silent for one reason."""
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
    """Return what the kernel or a router said, if it said the same of all."""
    said = {pair.fault() for pair in silent}
    return f" ({said.pop()})" if len(said) == 1 and said != {"no answer"} else ""
