# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the whole inventory on the controller, and returns the model that the roles read."""

from __future__ import annotations

import json

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ..plugin_utils.faults import faults_of, warnings_of
from ..plugin_utils.inventory import compact
from ..plugin_utils.plain import plain

# what the playbooks themselves set
REGISTERED = ("fabric_checked", "fabric_node", "fabric_together")


class ActionModule(ActionBase):
    """Reads the hosts' variables; no node is asked anything."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec({"group": {"type": "str", "default": "fabric"}})
        hosts = fabric_variables(task_vars, options["group"])
        faults = faults_of(hosts)
        if faults:
            told = "\n".join(f"  - {fault}" for fault in faults)
            count = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
            return {**result, "failed": True, "faults": faults, "msg": f"The inventory has {count}:\n{told}"}
        return {**result, "changed": False, "fabric_inventory": compact(hosts), "warnings": warnings_of(hosts)}


def fabric_variables(task_vars, group):
    """Return host -> its fabric_* variables, templated, as plain data, for every host of ``group``, limited or not.

    :raises AnsibleActionFail: some cannot be templated; all that cannot are named.
    """
    found, faults = {}, []
    for host in task_vars["groups"].get(group, []):
        variables = task_vars["hostvars"][host]
        own = found[str(host)] = {}
        for name in variables:
            if name.startswith("fabric_") and name not in REGISTERED:
                try:
                    own[str(name)] = plain(variables[name])
                except AnsibleError as failure:
                    faults.append(f"  - {host}: {name} cannot be read: {failure}")
    if faults:
        raise AnsibleActionFail("The inventory has variables that cannot be read:\n" + "\n".join(faults))
    # newer ansible-core tags what it reads; what has been text between is plain
    return json.loads(json.dumps(found))
