# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a fault into a lab, and mends it, on the controller."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils.faults import NoSuchFault, chosen, every, listed
from ..plugin_utils.lab.lesson import LessonError, lines_of, mend, noted, put_in
from ..plugin_utils.lab.topology import lab_name
from ..plugin_utils.reader import model_of

CONNECTION = "nodenet.fabric.lab"
HELP = "help"
OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "required": True},
    "fault": {"type": "str"},
    "node": {"type": "str"},
    "seed": {"type": "str"},
}


class ActionModule(ActionBase):
    """Chooses a fault from the model of the fabric, and enters one node of the lab."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(OPTIONS)
        model = model_of(task_vars)
        try:
            if options["fault"] == HELP:
                return {**result, "changed": False, "lines": listed(list(every(model))).splitlines()}
            lab = _lab(task_vars, model)
            note = noted(lab, model["nodes"])
            if options["state"] == "present":
                return {**result, **self._break(lab, note, chosen(model, *map(options.get, ("fault", "node", "seed"))))}
            return {**result, **self._mend(lab, note)}
        except (LessonError, NoSuchFault) as failure:
            raise AnsibleActionFail(str(failure)) from failure

    def _break(self, lab, note, broken):
        if note:
            raise LessonError(
                f"a fault is in the lab {lab} already. Find it; nodenet.fabric.mend says which it was, and repairs it."
            )
        if not self._task.check_mode:
            put_in(lab, broken)
        verb = "would be put into" if self._task.check_mode else "is in"
        return {"changed": True, "lab": lab, "lines": [f"One fault {verb} the lab {lab}.", *_SEARCH]}

    def _mend(self, lab, note):
        if not note:
            return {"changed": False, "lab": lab, "lines": [f"No fault of a lesson is in the lab {lab}."]}
        if not self._task.check_mode:
            mend(lab, note)
        found = {name: note[name] for name in ("fault", "title", "node", "entry", "question", "lesson", "notices")}
        return {"changed": True, "lab": lab, "lines": lines_of(note), **found}


_SEARCH = (
    "nodenet.fabric.verify asks all pairs, nodenet.fabric.walk follows one packet (walk_from, walk_to);",
    "nodenet.fabric.mend says which fault it was, repairs it, and verifies the fabric.",
)


def _lab(task_vars, model):
    """Return the lab that the nodes are of.

    :raises LessonError: some are no nodes of a lab.
    """
    hostvars = task_vars["hostvars"]
    others = {node: hostvars[node].get("ansible_connection", "ssh") for node in model["nodes"]}
    others = {node: connection for node, connection in others.items() if connection != CONNECTION}
    if others:
        named = ", ".join(f"{node} ({connection})" for node, connection in others.items())
        raise LessonError(
            f"only nodes of a lab are broken, those with ansible_connection {CONNECTION}, and these are others: {named}."
            " Use an inventory that has a lab.yml beside it, as the examples have, and start it with nodenet.fabric.lab_up."
        )
    first = hostvars[next(iter(model["nodes"]))]
    return lab_name(first.get("fabric_lab"), first.get("inventory_dir"), task_vars.get("ansible_inventory_sources"))
