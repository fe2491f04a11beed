# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cost against size, drawn: one panel for each family and phase, both axes logarithmic."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot

from .report import OURS, medians

PANELS = [
    ("endpoints", "create", "Endpoints: made"),
    ("endpoints", "again", "Endpoints: nothing to do"),
    ("endpoints", "delete", "Endpoints: removed"),
    ("peers", "add", "Peers: added"),
    ("controller", "one node", "Controller: one node out of so many"),
    ("lab", "all nodes", "Lab: all of so many nodes"),
]


def draw(whole, path):
    """Write ``path``.svg and ``path``.png."""
    found = medians(whole)
    panels = [panel for panel in PANELS if panel[:2] in found]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, grid = pyplot.subplots(rows, columns, figsize=(5 * columns, 4 * rows), squeeze=False)
    for axes, panel in zip(grid.flat, panels):
        _panel(axes, panel[2], found[panel[:2]])
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.tight_layout()
    mpl.rcParams["svg.hashsalt"] = "bench"  # the same file from the same figures
    for kind in ("svg", "png"):
        figure.savefig(f"{path}.{kind}", metadata={"Date": None} if kind == "svg" else None)


def _panel(axes, title, contestants):
    for name, sizes in contestants.items():
        points = sorted(sizes)
        style = {"linewidth": 2.5} if name in (OURS, "site") else {"linestyle": "--"}
        axes.plot(points, [sizes[size]["gone"] for size in points], marker="o", markersize=3, label=name, **style)
    axes.set(title=title, xscale="log", yscale="log", xlabel="number", ylabel="seconds, until all is done")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
