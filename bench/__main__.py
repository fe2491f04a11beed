# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark: everything in one go, interleaved, each round in a sandbox of its own. ``make bench`` calls it.

The sizes are a person's choice: see --help, or the variables of ``make bench``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib import import_module

from . import report, sandbox
from .measure import Failed
from .places import add_programs

# Those that would take most of the time are left out beyond these sizes.
LARGEST = {
    ("endpoints", "engine, with its import"): 500,
    ("endpoints", "site"): 100,
    ("endpoints", "Ansible script"): 100,
    ("endpoints", "ip -batch, tuned"): 500,
    ("endpoints", "shell of ip"): 500,
    ("endpoints", "CNI bridge"): 100,
    ("endpoints", "Ansible loops"): 0,
    ("peers", "engine, with its import"): 1000,
}
# Two sizes of its own, from which larger ones are reckoned: at 100 it would take minutes.
OWN = {("endpoints", "Ansible loops"): (1, 4)}
FAMILIES = {
    "endpoints": "10 100 500 1000",
    "peers": "10 100 1000 5000",
    "controller": "100 1000 5000",
    "lab": "2 4 50",
    "proof": "10 100 1000 2000",
    "datapath": "2",
    "changes": "2",
}
# What is a count and takes minutes is done in the first round alone.
ONCE = ("changes",)


def main():
    add_programs()
    options = parsed()
    samples = []
    for number in range(options.rounds):
        for family, contestant, size in runs(options):
            if number and family in ONCE:
                continue
            print(f"round {number + 1}: {family}, {contestant}, {size}", file=sys.stderr, flush=True)
            samples += one(family, contestant, size)
    whole = {"machine": machine(), "rounds": options.rounds, "samples": samples}
    if options.json:
        with open(options.json, "w", encoding="utf-8") as target:
            json.dump(whole, target, indent=1)
    print(report.text(whole))
    if options.plot:
        import_module("bench.plot").draw(whole, options.plot)  # only here: it needs matplotlib


def parsed():
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    for family, sizes in FAMILIES.items():
        parser.add_argument(f"--{family}", default=sizes, help=f"sizes, {sizes!r}; '' leaves the family out")
    parser.add_argument("--contestants", default="", help="only these, with semicolons between them")
    parser.add_argument("--json", help="file for all samples")
    parser.add_argument("--plot", help="files for the plot, without .svg and .png")
    return parser.parse_args()


def runs(options):
    """Yield family, contestant and size of one round, so that contestants of one size follow each other."""
    chosen = [name.strip() for name in options.contestants.split(";") if name.strip()]
    for family in FAMILIES:
        names = list(import_module(f"bench.{family}").CONTESTANTS)
        for size in (int(word) for word in getattr(options, family).split()):
            for name in names:
                if (not chosen or name in chosen) and size <= LARGEST.get((family, name), size):
                    yield family, name, size
        for (own_family, name), sizes in OWN.items():
            if own_family == family and getattr(options, family) and (not chosen or name in chosen):
                for size in sizes:
                    yield family, name, size


def one(family, contestant, size):
    """Return the samples of one round as plain data; a contestant that fails has none, and is named."""
    started = time.monotonic()
    try:
        found = sandbox.run(family, contestant, size)
    except (Failed, subprocess.TimeoutExpired) as failure:
        print(f"  FAILED: {failure}", file=sys.stderr)
        return []
    print(f"  {time.monotonic() - started:.1f} s", file=sys.stderr)
    return [
        {"family": family, "contestant": contestant, "size": size, "phase": phase, **sample}
        for phase, sample in found.items()
    ]


def machine():
    """Return what a reader needs to know of the machine."""
    return {
        "kernel": platform.release().partition("-")[0],
        "processors": os.cpu_count(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
