# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands before every module of the engine, as meta/runtime.yml says: in check mode, what a task would have made is
promised to the next, and fabric_info shows it.

A promise lives on the controller, in the temporary folder of this run of Ansible, which Ansible itself removes at its
end: nothing is written on the node, and nothing outlives the run.
"""

from __future__ import annotations

import hashlib
import json
import os

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()
# objects of one task; a run over more says with -v what it is about
MANY = 100


class ActionModule(ActionBase):
    """Runs the module of the same name."""

    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        asked = sum(len(value) for value in arguments.values() if isinstance(value, list))
        path = self._promises(task_vars or {})
        if self._task.check_mode:
            arguments["promised"] = _read(path)
        if asked > MANY:
            display.v(f"{self._task.action}: {asked} objects to observe, plan and apply", host=_host(task_vars))
        wrap_async = self._task.async_val and not self._connection.has_native_async
        result.update(
            self._execute_module(
                module_name=self._task.resolved_action or self._task.action,
                module_args=arguments,
                task_vars=task_vars,
                wrap_async=wrap_async,
            )
        )
        stats = result.get("stats") or {}
        if stats and max(asked, stats["observed"]) > MANY:
            display.v(f"{self._task.action}: {_told(stats)}", host=_host(task_vars))
        made = result.pop("_promises", None)
        if made:
            _write(path, arguments["promised"] + made)
        result.get("invocation", {}).get("module_args", {}).pop("promised", None)
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _promises(self, task_vars):
        """Return the file for the promises of the node that this task acts on."""
        host = str(self._task.delegate_to or task_vars.get("inventory_hostname", ""))
        return os.path.join(C.DEFAULT_LOCAL_TMP, f"nodenet-promised-{hashlib.sha256(host.encode()).hexdigest()[:16]}")


def _host(task_vars):
    return str((task_vars or {}).get("inventory_hostname", ""))


def _told(stats):
    """Return what a person reads of a long run's stages."""
    counted = {"observe": f"{stats['observed']} observed", "plan": "planned", "apply": f"{stats['changed']} changed"}
    return ", ".join(f"{counted[stage]} in {seconds:.2f} s" for stage, seconds in stats["stages"].items())


def _read(path):
    try:
        with open(path, encoding="utf-8") as source:
            return json.load(source)
    except FileNotFoundError:
        return []


def _write(path, promises):
    with open(path, "w", encoding="utf-8") as target:
        json.dump(promises, target)
