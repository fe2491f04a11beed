# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare a node and arrange it in one run of a module: starting a second one costs more than what it does."""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..engine.errors import FabricError, InputError
from ..specs.sets import arrange
from .preparation import OPTIONS, prepare

# what both return
COMMON = ("changed", "commands", "diff")


class _NotArranged(FabricError):
    """The node was prepared, and could not be arranged."""

    def __init__(self, failure, facts):
        super().__init__(str(failure))
        self._facts = {**failure.facts(), **facts}

    def facts(self):
        return self._facts


def arrange_prepared(params, check):
    """Return the module's result for ``params``, with what was found of the node in ``prepared``.

    :raises FabricError: the node is not fit, and nothing was touched; or an error of :func:`arrange`.
    """
    checked = ArgumentSpecValidator(OPTIONS).validate(params["prepare"])
    if checked.error_messages:
        raise InputError("prepare", "; ".join(checked.error_messages))
    first = prepare(checked.validated_parameters, check)
    facts = {"prepared": {name: value for name, value in first.items() if name not in COMMON}}
    try:
        second = arrange(params, check)
    except FabricError as failure:
        raise _NotArranged(failure, {**facts, "changed": first["changed"]}) from failure
    return {
        **second,
        **facts,
        "changed": first["changed"] or second["changed"],
        "commands": first.get("commands", []) + second["commands"],
        "diff": lambda: _diff(first) + second["diff"](),
    }


def _diff(result):
    diff = result.get("diff", [])
    return diff() if callable(diff) else diff
