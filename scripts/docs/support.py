# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of what is tested, from the scripts that test it."""

import re
import runpy
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1]
NAMES = {"bookworm": "Debian 12", "trixie": "Debian 13", "jammy": "Ubuntu 22.04", "noble": "Ubuntu 24.04"}


def tables():
    """Return file name -> the table in it."""
    return {"cores.txt": _cores(), "distributions.txt": _distributions()}


def _cores():
    cores = runpy.run_path(str(SCRIPTS / "cores.py"))["CORES"]
    minors = sorted({minor for supported in cores.values() for minor in supported})
    rows = [[core, *("yes" if minor in supported else "–" for minor in minors)] for core, supported in cores.items()]
    return _table(["ansible-core", *(f"Python 3.{minor}" for minor in minors)], rows)


def _distributions():
    """The suites of scripts/fresh, and that of the virtual machines."""
    suites = re.search(r"\|\| suites=\((.*)\)", (SCRIPTS / "fresh").read_text(encoding="utf-8"))[1].split()
    machines = re.search(r'^SUITE = "(.*)"', (SCRIPTS / "vm_lab" / "image.py").read_text(encoding="utf-8"), re.M)[1]
    rows = [
        [NAMES[suite], "``make fresh``" + (", virtual machines (``make test-vms``)" if suite == machines else "")]
        for suite in suites
    ]
    return _table(["distribution", "tested by"], rows)


def _table(head, rows):
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [head, *rows]:
        lines += [f"   {'* -' if place == 0 else '  -'} {cell}" for place, cell in enumerate(row)]
    return "\n".join(lines) + "\n"
