# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pyroute2 that is there, without its import, which takes a tenth of a second."""

from __future__ import annotations

import glob
import os
import re
from importlib.util import find_spec

FLOOR = "0.7.2"


def problem():
    """Return what is wrong with the pyroute2 that is there, or None."""
    there = version()
    if there is None:
        return "there is none"
    # "0.9.7", or "0.7.2.post1" of a distribution: the first three numbers say it
    found = tuple(int(part) for part in there.split(".")[:3] if part.isdigit())
    return None if found >= tuple(int(part) for part in FLOOR.split(".")) else f"this is pyroute2 {there}"


def version():
    """Return the version of pyroute2, or None where there is none.

    Its import takes a tenth of a second, and that of importlib.metadata as much: the folder of its metadata carries it.
    """
    found = find_spec("pyroute2")
    if found is None or not found.origin:
        return None
    beside = os.path.dirname(os.path.dirname(found.origin))
    metadata = sorted(glob.glob(glob.escape(beside) + "/pyroute2-*-info")) or [""]
    named = re.search(r"/pyroute2-([^-/]+?)(-py[\d.]+)?\.(dist|egg)-info$", metadata[-1])
    return named[1] if named else _version_in_metadata()


def _version_in_metadata():
    from importlib import metadata  # noqa: PLC0415 - seldom needed, and slow to load

    try:
        return metadata.version("pyroute2")
    except metadata.PackageNotFoundError:
        return None
