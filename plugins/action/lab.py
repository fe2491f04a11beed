# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and ends labs, on the controller."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils.faults import faults_of
from ..plugin_utils.lab.processes import MARK, entering, keeper_of, processes, wait_until_gone
from ..plugin_utils.lab.topology import digest, lab_name, topology_of
from .validate import fabric_variables

COLLECTIONS = Path(__file__).absolute().parent.parent.parent.parent.parent.parent
KEEPER = "ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.keeper"


class ActionModule(ActionBase):
    """Compares the lab that runs, if any, with what the inventory says."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            {
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "name": {"type": "str"},
                "group": {"type": "str", "default": "fabric"},
            }
        )
        lab = lab_name(task_vars.get("inventory_dir"), options["name"] or task_vars.get("fabric_lab"))
        if options["state"] == "absent":
            return {**result, **self._down(lab)}
        hosts = fabric_variables(task_vars, options["group"])
        faults = [fault for fault in faults_of(hosts) if not fault.startswith("fabric_backend host_gw needs")]
        if faults:  # an unreachable peer is the business of site, which says so
            raise AnsibleActionFail("The inventory has faults:\n" + "\n".join(f"  - {fault}" for fault in faults))
        return {**result, **self._up(lab, topology_of(hosts))}

    def _up(self, lab, topology):
        keeper, wanted = keeper_of(lab), digest(topology)
        anew = keeper is not None and keeper.name != wanted
        changed = keeper is None or anew
        if changed and not self._task.check_mode:
            self._down(lab)
            start(lab, topology)
        said = f"the lab {lab} was made anew, as the inventory has changed" if anew else f"the lab {lab} runs"
        found = {process.name: process.pid for process in processes(lab) if process.role == "host"}
        return {
            "changed": changed,
            "lab": lab,
            "msg": said,
            "enter": {name: " ".join(entering(found[name])) for name in topology["hosts"] if name in found},
        }

    def _down(self, lab):
        keeper = keeper_of(lab)
        if keeper is not None and not self._task.check_mode:
            os.kill(keeper.pid, signal.SIGKILL)
            if not wait_until_gone(lab):
                raise AnsibleActionFail(
                    f"processes of the lab {lab} do not end: {[process.pid for process in processes(lab)]}"
                )
        return {
            "changed": keeper is not None,
            "lab": lab,
            "msg": f"the lab {lab} is gone" if keeper else f"there is no lab {lab}",
        }


def start(lab, topology):
    """Start the keeper of a lab and wait until its network stands.

    :raises AnsibleActionFail: it could not be made; nothing of it is left.
    """
    environment = {**os.environ, "PYTHONPATH": str(COLLECTIONS)}
    command = [sys.executable, "-m", KEEPER, MARK, lab, "keeper", digest(topology)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    ) as keeper:
        keeper.stdin.write(json.dumps(topology))
        keeper.stdin.close()
        line = keeper.stdout.readline()
        answer = (
            json.loads(line) if line else {"error": keeper.stderr.read().strip() or "its keeper ended without a word"}
        )
    if "error" in answer:
        wait_until_gone(lab)
        raise AnsibleActionFail(f"the lab {lab} could not be made: {answer['error']}")
