# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module commit on a node. At the end of site's run it extends the run's commit over a new connection, and then
confirms it if all nodes have answered, else cancels it: all nodes do one or all do the other.
"""

from __future__ import annotations

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils import progress
from ..plugin_utils.meeting import agreed, is_last
from ..plugin_utils.patience import at_most
from ..plugin_utils.summary import counted

display = Display()
# seconds that Ansible may take to start a process for each node
START = 30
# seconds that a node may take to answer
LEAST = 10


class ActionModule(ActionBase):
    """Runs the module of the same name; without an id, for the run of site that has noted its phases."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        self._node = str(self._task.delegate_to or task_vars.get("inventory_hostname", ""))
        self._noted = progress.node(self._node)
        arguments = dict(self._task.args)
        steps = {"extended": self._extend, "confirmed": self._end}
        if self._noted.is_open and not arguments.get("id") and arguments.get("state") in steps:
            return {**result, **steps[arguments["state"]](task_vars)}
        result.update(self._module(arguments, task_vars))
        if not result.get("failed"):
            self._print(_described(result, str(arguments.get("state") or "pending")))
        return result

    def _module(self, arguments, task_vars):
        """Run the module over a new connection: an old one may stay where a new one is refused."""
        if arguments.get("state") != "confirmed" and hasattr(self._connection, "reset"):
            self._connection.reset()
        return self._execute_module(module_name=self._task.action, module_args=arguments, task_vars=task_vars)

    def _of_run(self, state, task_vars, **more):
        timeout = self._noted.commit["timeout"]
        # all others wait for one that is asked for more time, and half of theirs is left; at the end nobody waits
        seconds = max(LEAST, timeout // 2) if state == "extended" else timeout + START
        silent = AnsibleConnectionFailure(f"no answer in {seconds} s")
        with at_most(seconds, silent):
            return self._module({"state": state, "id": self._noted.commit["id"], **more}, task_vars)

    # before the end

    def _extend(self, task_vars):
        """Ask the node for more time; note whether it answered."""
        bad = progress.failed()
        if bad or not self._noted.is_pending:
            return {"changed": False, "skipped": True, "msg": progress.which(bad)}
        try:
            result = self._of_run("extended", task_vars, timeout=self._noted.commit["timeout"])
        except Exception as failure:  # whatever it is, the change is not to be confirmed elsewhere
            progress.note_failure(self._node, "confirm", failure, isinstance(failure, AnsibleConnectionFailure))
            raise
        if not result.get("failed") and not result.get("commit"):
            result = {**result, **self._lost()}
        if result.get("failed"):
            progress.note_failure(self._node, "confirm", result.get("msg", ""))
        return {**result, "changed": False}

    def _lost(self):
        """Return the failure of a node that knows nothing of the commit that began there: what is below /run ends with a boot."""
        return {
            "failed": True,
            "msg": f"commit {self._noted.commit['id']} is not pending on this node any more: it has booted since and is as before",
        }

    # the end

    def _end(self, task_vars):
        """Confirm or cancel, as all nodes do; fail if this one has failed."""
        hosts = list(task_vars.get("ansible_play_hosts") or [self._node])
        bad = progress.failed()
        forks = int(context.CLIARGS.get("forks") or C.DEFAULT_FORKS)
        wait = START if forks >= len(hosts) else 0
        confirmed = agreed("confirm", self._node, hosts, not bad, wait)
        try:
            return self._confirm(task_vars) if confirmed else self._cancel(task_vars, bad)
        finally:
            self._finish(hosts)

    def _confirm(self, task_vars):
        try:
            result = self._of_run("confirmed", task_vars)
        except Exception as failure:
            unreachable = isinstance(failure, AnsibleConnectionFailure)
            progress.note_failure(self._node, "confirm", failure, unreachable, ended="doubt")
            raise
        if not result.get("failed") and result.get("ended") != "confirmed":
            result = {**result, **self._lost()}
        if result.get("failed"):
            progress.note_failure(self._node, "confirm", result.get("msg", ""), ended="doubt")
            return result
        progress.note(self._node, ended="confirmed")
        return {**result, "changed": False}  # the phases have said what changed

    def _cancel(self, task_vars, bad):
        own = f"{self._noted.failure()}: {self._noted.reason}" if self._noted.failed else ""
        said = {"failed": bool(own), "msg": own or f"the change is undone: {progress.which(bad) or progress.HALF_WAY}"}
        if not self._noted.is_pending:
            return {"changed": False, **said}
        try:
            result = self._of_run("cancelled", task_vars)
        except AnsibleConnectionFailure as failure:
            progress.note(self._node, ended="doubt")
            seconds = self._noted.commit["timeout"]
            raise AnsibleConnectionFailure(f"{own or failure}; it undoes the change within {seconds} s") from failure
        if result.get("failed"):
            progress.note(self._node, ended="doubt")
            return {**result, "msg": "; ".join(filter(None, [own, result.get("msg")]))}
        progress.note(self._node, ended="cancelled" if result.get("ended") in ("cancelled", "expired") else "")
        self._print(_left(result))
        return {**result, **said}

    def _finish(self, hosts):
        """Print what became of the change, once all nodes are through."""
        if not is_last("end", self._node, hosts):
            return
        _display(progress.report(progress.nodes()))
        progress.forget()

    def _print(self, lines):
        _display(f"{self._node}: {line}" for line in lines)


def _display(lines):
    if "json" not in C.DEFAULT_STDOUT_CALLBACK:  # whose output is one document
        for line in lines:
            display.display(line)


def _described(result, state):
    """Return what a person reads of what is pending, or of how it ended."""
    commit = result.get("commit")
    if commit:
        more = f"it is undone in {commit['seconds_left']} s unless it is confirmed"
        return [f"commit {commit['id']} of {commit['holder']} is pending since {commit['since']}: {more}"]
    if not result.get("changed"):
        return ["no commit is pending"]
    return [f"{state}: {counted(result.get('objects', 0), 'object')}", *_left(result)]


def _left(result):
    return [f"could not be undone: {sentence}" for sentence in result.get("left") or ()]
