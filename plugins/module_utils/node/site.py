# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares a node, arranges it and keeps it over a reboot in one run of a module: to start another costs more than its work."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..engine.errors import FabricError, InputError
from ..engine.kind import PHASES
from ..persistence import install
from ..persistence.commit import OPTIONS, Commit
from ..specs.sets import arrange
from ..system import pending
from . import preparation

Result = Dict[str, Any]
# what the results of all three have
COMMON = ("changed", "commands", "diff", "remaining")


class _Unfinished(FabricError):
    """A step failed after those before it were done."""

    def __init__(self, failure: FabricError, done: Result, name: str):
        arranged = " (the node was arranged, only saving failed)" if name == "persisted" else ""
        super().__init__(f"{failure}{arranged}")
        self._facts = {**failure.facts(), **{name: value for name, value in done.items() if name not in COMMON}}
        self._facts["changed"] = done["changed"]

    def facts(self):
        return self._facts


def site(params: Dict[str, Any], check: bool) -> Result:
    """Return the result of arrange for ``params``, with those of prepare and persist as ``prepared`` and ``persisted``.

    What changes with a commit is saved when that is confirmed.

    :raises FabricError: a step failed; its facts hold what the steps before it did.
    """
    first = _checked(params, "prepare", preparation.OPTIONS)
    last = _checked(params, "persist", install.OPTIONS)
    options = _checked(params, "commit", OPTIONS)
    commit = Commit(options, last) if options else None
    begin = commit.begin if commit else None
    steps: List[Tuple[str, Callable[[], Result]]] = [("", lambda: arrange(params, check, begin))]
    if first is not None:
        steps.insert(0, ("prepared", lambda: preparation.prepare(first, check, params.get("phase"), commit)))
    if last is not None:
        steps.append(("persisted", lambda: install.persist(**last, check=check)))
    done: Result = {"changed": False, "commands": [], "diff": list}
    for name, step in steps:
        if name == "persisted" and not check and _is_unfinished(done, commit):
            break
        try:
            done = _joined(done, name, step())
        except FabricError as failure:
            raise _Unfinished(failure, done, name) from failure
    if not commit or check:
        return done
    return {**done, "pending": pending.read() is not None, "last_commit": _last()}


def _last() -> Optional[Dict[str, str]]:
    """Return how the last commit ended here: with that of the others a run sees which nodes disagree."""
    known = pending.history()
    return {"id": known[-1]["id"], "ended": known[-1]["ended"]} if known else None


def _is_unfinished(done: Result, commit: Optional[Commit]) -> bool:
    """Say whether the fabric is saved later: at the confirmation, or when its last phase is done."""
    return bool(done.get("remaining") or (commit and (done["changed"] or pending.read())))


def _checked(params, name, options):
    """Return the options of the module ``name``, as Ansible checks them; None: they were not given."""
    if params.get(name) is None:
        return None
    checked = ArgumentSpecValidator(options).validate(params[name])
    if checked.error_messages:
        raise InputError(name, "; ".join(checked.error_messages))
    return checked.validated_parameters


def _joined(done, name, result):
    """Return ``done`` with the ``result`` of a step: by itself, or below ``name``."""
    own = {field: value for field, value in result.items() if field not in COMMON}
    left = [*done.get("remaining", ()), *result.get("remaining", ())]
    return {
        **done,
        **({name: own} if name else own),
        **({"remaining": [phase for phase in PHASES if phase in left]} if left or "remaining" in result else {}),
        "changed": done["changed"] or result["changed"],
        "commands": done["commands"] + result.get("commands", []),
        "diff": lambda: _diff(done) + _diff(result),
    }


def _diff(result):
    diff = result.get("diff", [])
    return diff() if callable(diff) else diff
