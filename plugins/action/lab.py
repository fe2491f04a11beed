# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and ends labs, on the controller."""

from __future__ import annotations

import shutil

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils.inventory.validation import faults_of
from ..plugin_utils.lab.control import LabError, alone, difference, end, start
from ..plugin_utils.lab.processes import PATH, by_hand, hosts_of, keeper_of, processes
from ..plugin_utils.lab.topology import lab_name, topology_of
from ..plugin_utils.reader import fabric_variables

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str"},
    "group": {"type": "str", "default": "fabric"},
}


class ActionModule(ActionBase):
    """Compares the lab that runs, if any, with what the inventory says."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(OPTIONS)
        lab = options["name"] or _name(task_vars, options["group"])
        try:
            topology = _topology(task_vars, options["group"]) if options["state"] == "present" else None
            with alone(lab):
                return {**result, "lab": lab, **(self._up(lab, topology) if topology else self._down(lab))}
        except (LabError, ValueError) as failure:
            raise AnsibleActionFail(str(failure)) from failure

    def _up(self, lab, topology):
        before, why = keeper_of(lab), difference(lab, topology)
        if why and not self._task.check_mode:
            end(lab)
            start(lab, topology)
        verb = "would be" if self._task.check_mode else "was"
        message = "runs" if not why else f"{verb} made anew, as {why}" if before else f"{verb} started"
        found = hosts_of(lab)
        enter = {name: " ".join(by_hand(found[name])) for name in topology["hosts"] if name in found}
        return {
            "changed": bool(why),
            "msg": f"the lab {lab} {message}: {', '.join(topology['hosts'])}",
            "hosts": list(topology["hosts"]),
            "enter": enter,
            "look": _look(topology, enter),
        }

    def _down(self, lab):
        found = processes(lab)
        if found and not self._task.check_mode:
            end(lab)
        message = f"there is no lab {lab}"
        if found:
            message = f"the lab {lab} {'would be ended' if self._task.check_mode else 'is gone'}"
        return {"changed": bool(found), "msg": message}


def _name(task_vars, group):
    """Return the name of the lab, which the hosts must agree on: each finds its lab by it."""
    hostvars = task_vars["hostvars"]
    hosts = task_vars["groups"].get(group, []) or [task_vars["inventory_hostname"]]
    names = {
        lab_name(hostvars[host].get("fabric_lab"), hostvars[host].get("inventory_dir"), _sources(task_vars)): str(host)
        for host in hosts
    }
    if len(names) > 1:
        hosts = ", ".join(f"{name} ({host})" for name, host in names.items())
        raise AnsibleActionFail(f"the hosts are of several labs: {hosts}; set fabric_lab for the group {group}")
    return next(iter(names))


def _sources(task_vars):
    return task_vars.get("ansible_inventory_sources")


def _topology(task_vars, group):
    hosts = fabric_variables(task_vars, group)
    # that a backend cannot work behind a router is for site to say: the lab is the place to see it
    faults = faults_of(hosts, reachability=False)
    if faults:
        raise AnsibleActionFail("The inventory has faults:\n" + "\n".join(f"  - {fault}" for fault in faults))
    return topology_of(hosts)


def _look(topology, enter):
    """Return a command line that shows a node from inside, with the full path for a user whose PATH has no ip(8)."""
    node = next(iter(topology["hosts"]))
    return f"{enter[node]} {shutil.which('ip', path=PATH) or 'ip'} -br a" if node in enter else None
