# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the whole inventory on the controller, and returns the model that the roles read."""

from __future__ import annotations

import json
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..plugin_utils.faults import faults_of, warnings_of
from ..plugin_utils.inventory import compact, roles_of

ROLES = Path(__file__).parent.parent.parent / "roles"


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
        model = compact(hosts) if not faults else None
        faults += _without_role(model) if model else []
        if faults:
            told = "\n".join(f"  - {fault}" for fault in faults)
            return {**result, "failed": True, "faults": faults, "msg": f"The inventory has {len(faults)} fault(s):\n{told}"}
        return {**result, "changed": False, "fabric_inventory": model, "warnings": warnings_of(hosts)}


def fabric_variables(task_vars, group):
    """Return host -> its fabric_* variables, templated, as plain data, for every host of ``group``, limited or not."""
    hostvars = task_vars["hostvars"]
    found = {}
    for host in task_vars["groups"].get(group, []):
        variables = hostvars[host]
        own = {name: variables[name] for name in variables if name.startswith("fabric_") and name not in REGISTERED}
        try:
            found[str(host)] = json.loads(json.dumps(own, default=_plain))
        except TypeError as failure:
            raise AnsibleError(f"{host}: a fabric_* variable holds what is neither text, number, list nor mapping: {failure}") from failure
    return found


# what the playbooks themselves set
REGISTERED = ("fabric_checked", "fabric_node", "fabric_probed")


def _plain(value):
    """Return what json does not know as what it is: a lazy list, a lazy mapping, a tagged string."""
    if hasattr(value, "items"):
        return dict(value.items())
    if isinstance(value, str):
        return str(value)
    return list(value)


def _without_role(model):
    missing = {role for values in model["nodes"].values() for role in roles_of(model["fabric"], values) if not (ROLES / role).is_dir()}
    return [f"There is no role {role} in this version of nodenet.fabric." for role in sorted(missing)]
