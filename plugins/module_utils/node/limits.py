# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of the machine's kernel, raised by the engine: what they were is kept, and given back with all that is ours."""

from __future__ import annotations

from ..ownership import Ledger
from .settings import neighbor_tables

OWNER = "prepare"


def raised(facts, expected, check):
    """Have the neighbor tables hold the node's endpoints; return what the engine says of it, {} where nothing is to be done."""
    wanted = neighbor_tables(facts, expected)
    low = [name for name, value in wanted.items() if facts.sysctls[name] != value]
    if not low and not any(mark["owner"] == OWNER for mark in Ledger().marks.values()):
        return {}
    # thousands of lines that few nodes have a use for
    from ..engine.resource import Desired, Resource  # noqa: PLC0415
    from ..runner.run import execute  # noqa: PLC0415
    from ..specs.forwarding import SPEC  # noqa: PLC0415

    desired = [Desired(Resource("sysctl", ("", name), {"value": value}, OWNER)) for name, value in wanted.items()]
    result = execute(SPEC.kinds, desired, check, purge=lambda resource: resource.owner == OWNER)
    return {**result, "told": [_told(facts, name, wanted[name], expected) for name in low if name.endswith("3")]}


def _told(facts, name, value, expected):
    return (
        f"{name} is raised from {facts.sysctls[name]} to {value}: the machine's neighbor table holds the entries of"
        f" {expected.endpoints} endpoints; teardown gives it back"
    )
