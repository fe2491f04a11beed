# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of the fabric, on the controller, from what the nodes registered and from the inventory."""

from __future__ import annotations

import os
from datetime import datetime, timezone

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils.report.build import counts_of, fabric_of, nodes_of_segments
from ..plugin_utils.report.page import render, same
from ..plugin_utils.report.pairs import MOST_PAIRS
from ..plugin_utils.summary import counted
from ..plugin_utils.templated import plain
from ..plugin_utils.walk import mermaid

OPTIONS = {
    "inventory": {"type": "dict", "required": True},
    "register": {"type": "str"},
    "path": {"type": "path"},
    "format": {"type": "str", "choices": ["html", "mermaid"], "default": "html"},
    "title": {"type": "str"},
    "pairs": {"type": "int", "default": MOST_PAIRS},
}

display = Display()


class ActionModule(ActionBase):
    """Reads what each node registered; no node is asked anything."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(OPTIONS)
        if options["pairs"] < 1:
            raise AnsibleActionFail(f"pairs is {options['pairs']}: at least one pair must be walked")
        model = plain(self._task.args["inventory"])
        observed, unreachable = _registered(model, task_vars, options["register"])
        fabric = fabric_of(model, observed, unreachable, options["title"] or _title(task_vars), options["pairs"])
        now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        if observed:
            made = f"Observed on {len(observed)} of {counted(len(model['nodes']), 'node')}, {now}."
        else:
            made = f"What the inventory says, {now}; no node was asked."
        # not below the folder of the playbook, which is the collection's own: where ansible-playbook is called
        given = options["path"] or ("fabric.html" if options["format"] == "html" else "fabric.mmd")
        path = os.path.abspath(os.path.expanduser(given))
        if options["format"] == "mermaid":
            text = mermaid.topology(fabric.states, nodes_of_segments(fabric))
        else:
            text = render(fabric._replace(made=made))
        changed = self._write(path, text)
        found = counts_of(fabric)
        said = _said(found, path)
        if "json" not in C.DEFAULT_STDOUT_CALLBACK:  # whose output is one document
            display.display(said)
        return {**result, "changed": changed, "path": path, "size": len(text.encode()), **found, "msg": said}

    def _write(self, path, text):
        """Write the page unless the file shows the same fabric; return whether it is another.

        :raises AnsibleActionFail: the file cannot be written.
        """
        try:
            with open(path, encoding="utf-8") as file:
                if same(file.read(), text):
                    return False
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as failure:
            raise AnsibleActionFail(f"path: {path} is there and cannot be read as a report: {failure}") from failure
        if not self._task.check_mode:
            try:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            except OSError as failure:
                raise AnsibleActionFail(
                    f"path: {path} cannot be written ({failure}): name a file in a folder that is there, report_file=/tmp/fabric.html"
                ) from failure
        return True


def _registered(model, task_vars, name):
    """Return (node -> its state, node -> why it has none) of what the nodes registered; ({}, {}) if none was asked."""
    observed, unreachable = {}, {}
    for node in model["nodes"] if name else ():
        # as it was registered: what a module returned is no template, and may be large
        registered = task_vars["hostvars"].raw_get(node).get(name) if node in task_vars["hostvars"] else None
        if registered and registered.get("network"):
            observed[node] = {"node": node, **plain(registered["network"])}
        elif registered is None:
            unreachable[node] = "it was left out of this run"
        elif not registered.get("skipped"):
            unreachable[node] = str(registered.get("msg") or "the module returned nothing").strip()
    return observed, unreachable


def _title(task_vars):
    folder = os.path.basename(task_vars.get("inventory_dir") or "")
    return f"Fabric {folder}".strip()


def _said(found, path):
    parts = [f"{found['reach']:,} of {found['promised']:,} promised pairs reach each other"]
    if found["walked"] < found["pairs"]:
        parts.append(f"{found['walked']:,} of {found['pairs']:,} pairs were walked")
    if found["drift"]:
        parts.append(f"drift in {found['drift']:,} places")
    return f"{', '.join(parts)}: {path}"
