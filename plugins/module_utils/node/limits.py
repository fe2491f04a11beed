# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of the machine's kernel: the engine raises them, records their old values, and restores them with the rest."""

from __future__ import annotations

from typing import Any, Dict

from ..ownership import Ledger
from .expected import FAMILIES, Expected
from .facts.model import Facts

OWNER = "prepare"


def raised(facts: Facts, expected: Expected, check: bool, begin: Any = None) -> Dict[str, Any]:
    """Raise the limits of the neighbor tables for the node's endpoints; return the engine's result, {} if none is needed.

    :param begin: see :class:`Session`.
    """
    wanted = neighbor_tables(facts, expected)
    low = [name for name, value in wanted.items() if facts.sysctls[name] != value]
    if not wanted and not any(mark["owner"] == OWNER for mark in Ledger().marks.values()):
        return {}
    # thousands of lines, which few nodes need
    from ..engine.resource import Desired, Resource  # noqa: PLC0415
    from ..kinds.sysctl import SysctlKey  # noqa: PLC0415
    from ..runner.run import execute  # noqa: PLC0415
    from ..specs.forwarding import SPEC  # noqa: PLC0415

    desired = [
        Desired(Resource("sysctl", SysctlKey("", name), {"value": value}, OWNER)) for name, value in wanted.items()
    ]
    result = execute(SPEC.kinds, desired, check, purge=lambda resource: resource.owner == OWNER, begin=begin)
    findings = [_finding(facts, name, wanted[name], expected) for name in low if name.endswith("3")]
    return {**result, "findings": findings}


def _finding(facts, name, value, expected):
    return (
        f"{name} is raised from {facts.sysctls[name]} to {value}, for the neighbor entries of"
        f" {expected.endpoints} endpoints; teardown restores it"
    )


def neighbor_tables(facts: Facts, expected: Expected) -> Dict[str, str]:
    """Return name -> value of the limits for this many endpoints, {} for few; a higher present value stays.

    Both ends of an endpoint's link learn each other, and all namespaces of a machine share one table, whose entries beyond
    gc_thresh3 are refused (neigh_alloc in net/core/neighbour.c).
    """
    needed = 1024
    while needed < 8 * expected.endpoints:
        needed *= 2
    wanted = {}
    for version in expected.versions if needed > 2048 else ():
        for number, share in ((1, 4), (2, 2), (3, 1)):
            name = f"net.{FAMILIES[version]}.neigh.default.gc_thresh{number}"
            if facts.sysctls.get(name, "").isdecimal():
                wanted[name] = str(max(needed // share, int(facts.sysctls[name])))
    return wanted
