# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves on the controller that all pairs of the fabric reach each other as promised, and no others."""

from __future__ import annotations

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.color import stringc
from ansible.utils.display import Display

from ..module_utils.engine.kind import CONTRACT
from ..plugin_utils.proof.changes import NOW, observed_objects, of_change
from ..plugin_utils.proof.pairs import prove, prove_states
from ..plugin_utils.proof.text import fault_lines, proof_lines
from ..plugin_utils.reachability.expectations import Expectations
from ..plugin_utils.reachability.matrix import pairs
from ..plugin_utils.reader import GROUP, InventoryError, model_of
from ..plugin_utils.summary import counted

display = Display()
# so many are named
MOST_CUT = 10
LOST = "the change loses pairs that reach each other now"
FAILED = "the plan does not carry what the inventory promises"


class ActionModule(ActionBase):
    """Reads the inventory, and what each node registered; no node is asked anything."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            {
                "group": {"type": "str", "default": GROUP},
                "source": {"type": "str", "choices": ["declared", "observed"], "default": "declared"},
                "register": {"type": "str"},
                "phases": {"type": "bool", "default": False},
                "cut": {"type": "str"},
            },
            required_if=[("source", "observed", ["register"]), ("phases", True, ["register"])],
        )
        try:
            model = model_of(task_vars, options["group"])
        except InventoryError as failure:
            return {**result, "failed": True, "faults": failure.faults, "msg": failure.message}
        if options["source"] == "declared" and not options["phases"]:
            return {**result, **_result(prove(model), "by the inventory alone")}
        found = {
            name: task_vars["hostvars"][name].get(options["register"]) or {}
            for name in model["nodes"]
            if name in task_vars["hostvars"]
        }
        wanted = "objects" if options["phases"] else "network"
        states = {name: one[wanted] for name, one in found.items() if one.get(wanted) is not None}
        missing = [name for name in model["nodes"] if name not in states]
        if options["phases"]:
            cut = _cut(model, task_vars["hostvars"], options["cut"])
            return {**result, **_by_phase(model, found, missing), "cut": cut}
        if not states:
            return {**result, "failed": True, "msg": f"no node has registered its network in {options['register']}"}
        warnings = [f"{', '.join(missing)}: not observed, and no packet from or to there was proven"] if missing else []
        proven = _result(
            prove_states(model, {name: {**state, "node": name} for name, state in states.items()}),
            f"as observed on {counted(len(states), 'node')}",
        )
        return {**result, **proven, "warnings": warnings}


def _result(found, where):
    """Print what was proven, and return the result of the task."""
    lines, plain = proof_lines(found, where), found.plain()
    if not found.faults:
        _print(lines, [])
        return {"changed": False, **plain}
    _print(lines[:1], found.faults)
    del plain["matrix"]  # the message says what of it matters
    return {"changed": False, **plain, "failed": True, "msg": "\n".join([f"{FAILED}:", *lines[1:]])}


def _cut(model, hostvars, register):
    """Print which pairs answer now and the policy will cut, and return them."""
    found = []
    for node in model["nodes"] if register else ():
        answered = (hostvars.raw_get(node) if node in hostvars else {}).get(register) or {}
        probes = Expectations(model).cut_from(node)
        found += [pair for pair in pairs(node, probes, answered.get("answers")) if pair.ttl is not None]
    lines = [f"{one.source} -> {one.target} ({one.address})" for one in found]
    more = f" and {len(lines) - MOST_CUT:,} more" if len(lines) > MOST_CUT else ""
    if lines:
        head = f"fabric_policy cuts {counted(len(lines), 'pair')} that {'answers' if len(lines) == 1 else 'answer'} now"
        _print([f"{head}: {', '.join(lines[:MOST_CUT])}{more}"], lines)
    return [{"from": one.source, "to": one.target, "address": one.address} for one in found]


def _by_phase(model, found, missing):
    """Return the result of a task that proves each phase of a change."""
    if missing:
        message = f"not asked: {', '.join(missing)}; the phases of the change are not proven"
        _print([message], [])
        return {"changed": False, "skipped": True, "msg": message}
    phases, faults, warnings = {}, [], []
    observed = {name: observed_objects(one["objects"], one.get("network")) for name, one in found.items()}
    for name, proof, lost in of_change(model, observed):
        kept = phases.setdefault(name, {"pairs": proof.pairs, "reach": proof.reach, "lost": []})
        kept["reach"] = min(kept["reach"], proof.reach)
        kept["lost"] += [one.plain() for one in lost]
        faults += [f"{name}: {line}" for line in fault_lines(lost)]
        if name == CONTRACT:  # what does not reach now, and will not
            also = [one for one in proof.faults if one not in lost]
            warnings = [f"at the end of the change: {line}" for line in fault_lines(also)]
    ways = counted(phases[NOW]["reach"], "pair")
    if faults:
        _print([f"the change: {ways} reach now, and not all of them in each phase"], faults)
        return {"changed": False, "failed": True, "msg": "\n".join([f"{LOST}:", *(f"  - {line}" for line in faults)])}
    end = f"{phases[CONTRACT]['reach']:,} of {counted(phases[CONTRACT]['pairs'], 'pair')} will at its end"
    _print([f"the change: {ways} reach now, and in each phase; {end}"], warnings)
    return {"changed": False, "phases": phases, "warnings": warnings}


def _print(lines, faults):
    if "json" not in C.DEFAULT_STDOUT_CALLBACK:  # whose output is one document
        for line in lines:
            display.display(stringc(line, C.COLOR_ERROR if faults else C.COLOR_OK))
