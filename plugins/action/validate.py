# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the whole inventory on the controller, and returns the model that the roles read."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from ..plugin_utils.reader import GROUP, InventoryError, read


class ActionModule(ActionBase):
    """Reads the hosts' variables; no node is asked anything."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            {"group": {"type": "str", "default": GROUP}, "return_inventory": {"type": "bool", "default": True}}
        )
        try:
            model, warnings = read(task_vars, options["group"])
        except InventoryError as failure:
            return {**result, "failed": True, "faults": failure.faults, "msg": failure.message}
        returned = {"fabric_inventory": model} if options["return_inventory"] else {}
        return {**result, "changed": False, **returned, "warnings": warnings}
