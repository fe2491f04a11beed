# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module prepare, alone or as the first part of arrange."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, Optional

from ..engine.errors import InputError
from ..engine.kind import CONTRACT, EXPAND, SWITCH
from ..reachability.encapsulation import Encapsulation
from ..system import pending
from ..system.reconcile import diff
from . import expected, limits, requirements
from .coexistence import registry as coexistence
from .coexistence.manager import Ours
from .examination.checks import examined

LISTED = {"type": "list", "elements": "str", "default": []}
OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "features": {**LISTED, "choices": requirements.FEATURES, "default": ["netns", "veth", "bridge"]},
    "install": LISTED,
    "coexist_with": {"type": "list", "elements": "str", "choices": list(coexistence.MANAGERS)},
    **dict.fromkeys(("interfaces", "tunnels", "prefixes", "remotes"), LISTED),
    "encapsulation": {"type": "str"},
    "expected": {"type": "dict", "options": expected.OPTIONS},
}


def prepare(params: Dict[str, Any], check: bool, phase: Optional[str] = None, commit: Any = None) -> Dict[str, Any]:
    """Return the module's result for ``params``.

    :param phase: of a change; before the last one, other managers accept what the fabric was, too.
    :param commit: the Commit with which the changes are undone; None: they are final.
    :raises FabricError: the node lacks a requirement, or differs from the inventory.
    """
    present = params["state"] == "present"
    wire = params["encapsulation"]
    encapsulation = Encapsulation.parse(wire, "encapsulation") if wire else None
    ours = Ours(*(params[name] for name in ("interfaces", "tunnels", "prefixes", "remotes")), encapsulation)
    _check(ours)
    is_first = phase in (None, EXPAND)
    found = requirements.check(params["features"]) if present and is_first else {}
    looks = not present or params["coexist_with"] is not None
    files, configured = coexistence.wanted(params["coexist_with"], ours) if present and looks else ({}, {})
    raised = {}
    if present and is_first and params["expected"]:
        given = {**params["expected"], "interfaces": ours.interfaces, "encapsulation": wire}
        wanted = expected.Expected(**given, handled=list(configured))
        facts, found["findings"] = examined(wanted)
        raised = limits.raised(facts, wanted, check, commit.begin if commit else None) if wanted.machine else {}
    until = coexistence.widened(files) if looks and phase in (EXPAND, SWITCH) else files
    sentences = list(configured.values()) if is_first else []
    result = {"changed": False, **found, **_coexistence(until, sentences, check, commit)} if looks else {**found}
    if until != files:
        result["remaining"] = [CONTRACT]
    return _with_limits(result, raised)


def _coexistence(files, configured, check, commit):
    """Write and remove the files of network managers; return that part of the result."""
    differing = coexistence.differing(files)
    if differing and not check:
        if commit:
            commit.keep_files(differing, *coexistence.way_back(files, differing))
        else:
            pending.refuse_others()
        coexistence.apply(files, differing)
    return {
        "changed": bool(differing),
        "configured": configured,
        "files": sorted(differing),
        "diff": diff(differing, files),
    }


def _with_limits(result, raised):
    """Return ``result`` with the engine's result for the limits of the kernel's tables."""
    if not raised:
        return {"changed": False, **result}
    files = result.get("diff", [])
    return {
        **result,
        "changed": result.get("changed", False) or raised["changed"],
        "commands": raised["commands"],
        "diff": lambda: files + raised["diff"](),
        "findings": result["findings"] + raised["findings"],
    }


def _check(ours):
    """Refuse values that would break the syntax of a configuration file.

    :raises InputError: with the option.
    """
    for option in ("interfaces", "tunnels"):
        for name in getattr(ours, option):
            if not re.fullmatch(r"[^\s/;=!\"']{1,15}", name):
                raise InputError(option, f"{name!r} is neither the name of an interface nor a pattern of names")
    for option, parse in (("prefixes", ipaddress.ip_network), ("remotes", ipaddress.ip_address)):
        for text in getattr(ours, option):
            try:
                parse(text)
            except ValueError as failure:
                raise InputError(option, str(failure)) from failure
