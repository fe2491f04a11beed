# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts together what the nodes found, prints who reaches whom, and fails if somebody does not."""

from __future__ import annotations

import json
from pathlib import Path

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.color import stringc
from ansible.utils.display import Display

from ..plugin_utils.matrix import as_data, as_text, inside_of, outside_of, pairs, questions

display = Display()
MOST_NAMED = 50


class ActionModule(ActionBase):
    """Reads what each node registered; no node is asked anything."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            {
                "inventory": {"type": "dict", "required": True},
                "register": {"type": "str", "required": True},
                "format": {"type": "str", "choices": ["text", "json"], "default": "text"},
                "output": {"type": "path"},
            }
        )
        model, registered = self._task.args["inventory"], options["register"]
        found = [
            pair
            for host in task_vars["ansible_play_hosts_all"]
            for pair in pairs(questions(model, host), _answers(task_vars["hostvars"][host].get(registered)))
        ]
        data = as_data(found)
        _show(found, data, [address for _name, address in inside_of(model) + outside_of(model)], options)
        missing = [pair.told() for pair in found if not pair.ok]
        if missing:
            more = [f"… and {len(missing) - MOST_NAMED} more"] if len(missing) > MOST_NAMED else []
            told = "\n".join(f"  - {line}" for line in [*missing[:MOST_NAMED], *more])
            return {**result, "failed": True, "msg": f"{len(missing)} of {len(found)} pairs do not answer:\n{told}"}
        return {**result, "changed": False, "msg": f"all {len(found)} pairs answer", **data}


def _answers(registered):
    return registered.get("answers") if registered else None


def _show(found, data, order, options):
    text = json.dumps(data, indent=1) if options["format"] == "json" else as_text(found, order, _paint)
    if options["output"]:
        Path(options["output"]).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    display.display(text)


def _paint(text, colour):
    """Ansible's own rules say whether there are colours: a terminal, ANSIBLE_NOCOLOR, ANSIBLE_FORCE_COLOR."""
    return stringc(text, {"green": C.COLOR_OK, "red": C.COLOR_ERROR}[colour])
