# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Medians and ratios of all rounds, as tables."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

MEASURES = ("wall", "gone", "user", "system", "busy", "memory")
# against whom each family's others are held
OURS = "engine"


def medians(whole):
    """Return (family, phase) -> contestant -> size -> measure -> median over the rounds."""
    collected = defaultdict(list)
    for sample in whole["samples"]:
        collected[sample["family"], sample["phase"], sample["contestant"], sample["size"]].append(sample)
    found = {}
    for (family, phase, contestant, size), samples in collected.items():
        of_size = found.setdefault((family, phase), {}).setdefault(contestant, {})
        of_size[size] = {name: median(sample[name] for sample in samples) for name in MEASURES}
    return found


def text(whole):
    """Return all tables, in Markdown."""
    told = [
        f"{whole['rounds']} rounds, medians; kernel {whole['machine']['kernel']}, "
        f"{whole['machine']['processors']} processors"
    ]
    for (family, phase), contestants in medians(whole).items():
        told.append(f"\n### {family}: {phase}\n")
        told += _table(contestants)
    return "\n".join(told)


def _table(contestants):
    """Return the lines of a table: for each contestant and size its measures, and ours as a share of it."""
    columns = ["", "size", "wall ms", "until gone ms", "user ms", "system ms", "machine busy ms", "peak MiB"]
    yield _row([*columns, f"{OURS} / this, wall", "busy"])
    yield _row(["---"] + ["---:"] * (len(columns) + 1))
    for size in sorted({size for sizes in contestants.values() for size in sizes}):
        for name, sizes in contestants.items():
            if size in sizes:
                yield _row([name, size, *_cells(sizes[size]), *_shares(contestants, size, sizes[size])])


def _cells(found):
    return [f"{found[name] * 1000:,.0f}" for name in MEASURES[:-1]] + [f"{found['memory'] / 1024:.0f}"]


def _shares(contestants, size, found):
    ours = contestants.get(OURS, {}).get(size)
    return [f"{ours[name] / found[name]:.2f}" if ours and found[name] else "" for name in ("gone", "busy")]


def _row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
