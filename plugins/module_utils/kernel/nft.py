# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft(8), the program: netfilter's own parser and its JSON, in the namespace that is asked for."""

from __future__ import annotations

import json
import os
import subprocess

from ..engine.errors import MissingSoftware
from . import namespaces

# Those that a non-login shell of an ordinary user leaves out.
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def list_table(netns, table):
    """Return what ``nft -j list table inet TABLE`` says (libnftables-json(5)), or [] where there is no such table."""
    found = _run(netns, ["-j", "list", "table", "inet", table])
    if found.returncode == 0:
        return json.loads(found.stdout)["nftables"]
    if "No such file or directory" in found.stderr:
        return []
    raise OSError(found.returncode, _last_line(found.stderr))


def load(netns, script):
    """Load ``script`` in one transaction: all of it or nothing.

    :raises OSError: nft refused it.
    """
    found = _run(netns, ["-f", "-"], script)
    if found.returncode != 0:
        raise OSError(found.returncode, _last_line(found.stderr))


def _run(netns, arguments, text=None):
    def inside():
        return subprocess.run(
            ["nft", *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": PATH, "LC_ALL": "C"},
        )

    try:
        return namespaces.inside(netns, inside)
    except FileNotFoundError as failure:
        if failure.filename == "nft":
            raise MissingSoftware(
                "the program nft is missing on this node: install the package nftables"
                " (the role nodenet.fabric.prepare does)"
            ) from failure
        raise


def _last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "rror" in line), lines[-1] if lines else "nft failed")
