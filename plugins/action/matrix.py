# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts together what the nodes found, prints who reaches whom, and fails if somebody does not."""

from __future__ import annotations

import json
from pathlib import Path as File

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.color import stringc
from ansible.utils.display import Display

from ..plugin_utils.matrix import Path, as_data, as_text, pairs, path_lines
from ..plugin_utils.questions import Everybody

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
        everybody = Everybody(self._task.args["inventory"])
        found, unasked, paths = [], {}, []
        for host in task_vars["ansible_play_hosts_all"]:
            # as it was registered: what a module returned is no template, and may be large
            registered = task_vars["hostvars"].raw_get(host).get(options["register"])
            answers, why = _answers(registered)
            found += pairs(host, everybody.asked_by(host), answers)
            if answers is None:
                unasked[host] = why
            elif registered.get("paths"):
                paths += [Path(host, *both) for both in zip(everybody.paths_from(host), registered["paths"])]
        data = as_data(found, unasked, paths)
        text = as_text(found, everybody.labels(), _paint)
        self._show("\n".join([text, *(_paint(line, "green") for line in path_lines(paths))]), data, options)
        astray = [fault for path in paths for fault in path.faults()]
        silent = _silent(found, unasked, astray)
        if silent:
            missing = data["asked"] - data["answered"]
            told = f"{missing} of {len(found)} pairs do not answer" if missing or unasked else "all pairs answer"
            told += f", {len(astray)} faults of the paths between nodes" if astray else ""
            return {**result, "failed": True, "msg": f"{told}:\n{silent}"}
        return {**result, "changed": False, "msg": f"all {len(found)} pairs answer", **data}

    def _show(self, text, data, options):
        # on one line, the one of the output that begins with a brace
        line = json.dumps(data, ensure_ascii=False)
        if options["output"]:
            path = File(self._loader.path_dwim(options["output"]))
            path.write_text(line + "\n", encoding="utf-8")
        display.display(line if options["format"] == "json" else text)


def _answers(registered):
    """Return (answers, None) of what a node registered, or (None, why there are none)."""
    if not registered:
        return None, "it took no part in the play"
    if "answers" in registered:
        return registered["answers"], None
    why = str(registered.get("msg") or "the probe returned nothing").strip()
    return None, ("unreachable: " if registered.get("unreachable") else "") + why


def _silent(found, unasked, astray):
    """Return a line for each node that could not be asked, each pair that does not answer, and each fault of a path."""
    lines = [f"{node} could not be asked: {why}" for node, why in unasked.items()]
    missing = [pair.told() for pair in found if pair.asked and not pair.ok] + astray
    lines += missing[:MOST_NAMED]
    if len(missing) > MOST_NAMED:
        lines.append(f"… and {len(missing) - MOST_NAMED} more")
    return "\n".join(f"  - {line}" for line in lines)


def _paint(text, colour):
    """Ansible's own rules say whether there are colours: a terminal, ANSIBLE_NOCOLOR, ANSIBLE_FORCE_COLOR."""
    return stringc(text, {"green": C.COLOR_OK, "red": C.COLOR_ERROR}[colour])
