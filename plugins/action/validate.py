# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the whole inventory on the controller, and returns the model that the roles read."""

from __future__ import annotations

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils.reader import GROUP, InventoryError, read

display = Display()
REFUSED = "The plan does not carry what the inventory promises:"


class ActionModule(ActionBase):
    """Reads the hosts' variables; no node is asked anything."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            {
                "group": {"type": "str", "default": GROUP},
                "return_inventory": {"type": "bool", "default": True},
                "proof": {"type": "bool", "default": False},
            }
        )
        try:
            model, warnings = read(task_vars, options["group"])
        except InventoryError as failure:
            return {**result, "failed": True, "faults": failure.faults, "msg": failure.message}
        faults = _proven(model) if options["proof"] else []
        if faults:
            return {
                **result,
                "failed": True,
                "faults": faults,
                "msg": "\n".join([REFUSED, *(f"  - {one}" for one in faults)]),
            }
        returned = {"fabric_inventory": model} if options["return_inventory"] else {}
        return {**result, "changed": False, **returned, "warnings": warnings}


def _proven(model):
    """Print what the plan will carry, and return a line for each sort of pair that does not hold."""
    # here, as most runs need none of it
    from ..plugin_utils.proof.pairs import prove  # noqa: PLC0415
    from ..plugin_utils.proof.text import fault_lines, proof_lines  # noqa: PLC0415

    found = prove(model)
    if "json" not in C.DEFAULT_STDOUT_CALLBACK:  # whose output is one document
        display.display(proof_lines(found, "the plan")[0])
    return fault_lines(found.faults)
