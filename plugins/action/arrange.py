# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of the engine for a task: arrange and, as meta/runtime.yml says, all others that plan. In check mode it hands
what a task would have made to the next task. Where ``fabric_queue`` is true, tasks of prepare, arrange and persist only
queue what they declare, and one task of arrange applies all of it in one run of the module.
"""

from __future__ import annotations

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils import progress
from ..plugin_utils.keys import misplaced
from ..plugin_utils.patience import at_most
from ..plugin_utils.queue import applied, declared, promises, queue
from ..plugin_utils.summary import in_order, summary_of, without_objects
from ..plugin_utils.templated import plain

display = Display()
# seconds that a node may look at itself before it begins a commit
BEFORE = 30
# objects of one task; a run over more says with -v what it is about
MANY = 100
QUEUED = ("arrange", "prepare", "persist")
# modules that do not plan objects
WITHOUT_OBJECTS = ("prepare", "persist")
# a task with one of these acts at once
AT_ONCE = ("apply_queued", "remove_sets_except", "remove_sets_among")
# lists of something else than objects
NO_OBJECTS = (*AT_ONCE, "sets", "keep_addresses", "peer_sets")


class ActionModule(ActionBase):
    """Runs the module of the same name, or queues what the task declares for one that applies several tasks."""

    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        self._node = str(self._task.delegate_to or task_vars.get("inventory_hostname", ""))
        arguments = dict(self._task.args)
        for secret in misplaced(arguments) if self._module == "arrange" else ():
            raise AnsibleActionFail(f"{secret}: a secret here would be logged: give it in the option keys of arrange")
        if self._is_queued(arguments, task_vars):
            return {**result, **self._queue(arguments, task_vars)}
        phase = str(arguments.get("phase") or "") if self._applies_queued() else ""
        if phase:
            return {**result, **self._in_phase(phase, arguments, task_vars)}
        return {**result, **self._apply(*self._taken(arguments, task_vars), task_vars)}

    def _taken(self, arguments, task_vars):
        """Return ``arguments`` with what is queued, the name of each set's task, and whether an inventory says them."""
        if not self._applies_queued():
            return arguments, {}, _of_ours(task_vars)
        queued = queue(self._node).taken()
        return (*applied(arguments, queued), _of_ours(task_vars) or any(one["role"] for one in queued))

    def _apply(self, arguments, places, by_inventory, task_vars):
        """Run the module; return its result, in which a failure is said in the words of whoever declared the objects."""
        result = self._installing(arguments, task_vars)
        if result.get("failed"):
            result.update(_named(result, places, by_inventory))
        return result

    # one phase of a change

    def _in_phase(self, phase, arguments, task_vars):
        """Do one phase, and note how it went; return the result."""
        batch = task_vars.get("ansible_play_batch") or ()
        elsewhere = [node for node in progress.failed() if node.name not in batch]
        taken = self._taken_in(phase, arguments, task_vars)
        if elsewhere:
            return {"changed": False, "skipped": True, "msg": f"left as it is: {progress.which(elsewhere)}"}
        try:
            result = self._apply(*taken, task_vars)
        except Exception as failure:  # whatever it is, the other nodes are not to go on without this one
            unreachable = isinstance(failure, AnsibleConnectionFailure)
            progress.note_failure(self._node, phase, failure, unreachable, touched=True)
            raise
        self._note(phase, result)
        return result

    def _taken_in(self, phase, arguments, task_vars):
        """Return what :meth:`_taken` does: the later phases are about all that the first one has taken."""
        kept = declared(self._node)
        if phase == progress.PHASES[0]:
            progress.begin(self._node)
            kept.taken()
            options = dict(arguments.pop("commit", None) or {})
            if int(options.get("timeout") or 0):
                arguments["commit"] = progress.commit_of_run(int(options["timeout"]))
            progress.note(self._node, commit=arguments.get("commit", {}))
            taken = self._taken(arguments, task_vars)
            kept.add([[plain(taken[0]), *taken[1:]]])
            return taken
        for earlier, places, by_inventory in kept.read():
            return {**earlier, "phase": phase}, places, by_inventory
        return self._taken(arguments, task_vars)

    def _note(self, phase, result):
        """Note what a phase did on the node."""
        if result.get("failed"):
            progress.note_failure(self._node, phase, result.get("msg", ""), touched=True)
            return
        objects = {name: one["objects"] for name, one in (result.get("phases") or {}).items()}
        checked = self._task.check_mode
        progress.note(
            self._node,
            objects=objects,
            remaining=[] if checked else result.get("remaining") or [],
            # what changed without beginning a commit, such as packages, is not to be confirmed
            touched=bool(result.get("pending", result.get("changed"))) and not checked,
            last=result.get("last_commit") or {},
        )

    @property
    def _module(self):
        return self._task.action.rpartition(".")[2]

    def _applies_queued(self):
        return boolean(self._task.args.get("apply_queued", False), strict=False)

    def _is_queued(self, arguments, task_vars):
        """Say whether the task only queues what it declares."""
        queues = boolean(self._templar.template(task_vars.get("fabric_queue", False)), strict=False)
        at_once = self._task.async_val or any(word in arguments for word in AT_ONCE)
        return queues and self._module in QUEUED and not at_once

    def _queue(self, arguments, task_vars):
        """Queue what the task declares; return its result."""
        entry = {"node": self._node, "task": self._task.get_name(), "role": _of_ours(task_vars), "module": self._module}
        queue(self._node).add([{**entry, "arguments": plain(arguments)}])
        return {
            "changed": False,
            "msg": f"{_asked(arguments)} objects queued, applied together with those of other tasks",
        }

    # the module

    def _installing(self, arguments, task_vars):
        """Run the module, and again once a program that the node lacks is installed; return its result."""
        result = self._perform(arguments, task_vars)
        options = arguments if self._module == "prepare" else arguments.get("prepare") or {}
        packages = options.get("install")
        if not (packages and result.get("missing_software")):
            return result
        installed = self._install(packages, task_vars)
        if installed.get("failed"):
            return installed
        self._print([f"installed {', '.join(packages)}"])
        return {**self._perform(arguments, task_vars), "changed": True}

    def _install(self, packages, task_vars):
        """Install ``packages`` as a task of its own would; return its result."""
        task = self._task.copy()
        task.action, task.args = "ansible.builtin.package", {"name": packages, "state": "present"}
        action = self._shared_loader_obj.action_loader.get(
            task.action,
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return action.run(task_vars=task_vars)

    def _perform(self, arguments, task_vars):
        """Run the module and return its result."""
        asked = _asked(arguments)
        # One task in check mode within a real run is about what is really there, and what it would do nobody has done.
        promising = self._task.check_mode and bool(context.CLIARGS.get("check")) and self._module not in WITHOUT_OBJECTS
        if promising:
            arguments = {**arguments, "promised": promises(self._node).read()}
        if asked > MANY:
            display.v(f"{self._task.action}: {asked} objects to observe, plan and apply", host=self._node)
        wrap_async = self._task.async_val and not self._connection.has_native_async
        seconds = _patience(arguments)
        with at_most(seconds, AnsibleConnectionFailure(f"no answer in {seconds} s")):
            result = self._execute_module(
                # not resolved_action: before ansible-core 2.19 that is this plugin, to which meta/runtime.yml leads
                module_name=self._task.action,
                module_args=arguments,
                task_vars=task_vars,
                wrap_async=wrap_async,
            )
        stats = result.get("stats") or {}
        if stats and max(asked, stats["observed"]) > MANY:
            display.v(f"{self._task.action}: {_described(stats)}", host=self._node)
        made = result.pop("_promises", None)
        if made and promising:
            promises(self._node).add(made)
        result.get("invocation", {}).get("module_args", {}).pop("promised", None)
        self._show(asked, result)
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _show(self, asked, result):
        """Print what a whole node's run found and did, and leave in ``result`` what somebody may look for."""
        found = result if self._module == "prepare" else result.get("prepared") or {}
        self._print((found.get("configured", []) if found.get("files") else []) + (found.get("findings") or []))
        summary = summary_of(result.get("stats") or {}, self._task.check_mode)
        if summary and (self._module == "sweep" or self._applies_queued()):
            self._print([summary])
        if result.get("diff"):
            result["diff"] = in_order(result["diff"])
        if asked > MANY and display.verbosity == 0 and "module_args" in result.get("invocation", {}):
            result["invocation"]["module_args"] = without_objects(result["invocation"]["module_args"])

    def _print(self, lines):
        for line in lines:
            if "json" not in C.DEFAULT_STDOUT_CALLBACK:  # whose output is one document
                display.display(f"{self._node}: {line}")


def _patience(arguments):
    """Return the seconds that a node may take, 0: any time. What it has changed after its commit began is undone by then."""
    commit = arguments.get("commit")
    return int(commit["timeout"]) + BEFORE if commit and "phase" in arguments else 0


def _asked(arguments):
    """Return how many objects the arguments are about, those of sets too."""
    count = sum(len(value) for name, value in arguments.items() if isinstance(value, list) and name not in NO_OBJECTS)
    return count + sum(_asked(one) for one in arguments.get("sets") or () if isinstance(one, dict))


def _named(failed, places, by_inventory):
    """Return what of a failure is said otherwise: with the task that declared each set which it names, and, where a person has
    an inventory and no options of modules, with the variable that stands for one.

    :param places: ``sets[0]`` -> the name of its task.
    """
    message, conflicts = str(failed.get("msg", "")), list(failed.get("conflicts", ()))
    names = [f"{place} is of the task {name!r}" for place, name in places.items() if place in message]
    texts = ["; ".join([message, *names]), *conflicts]
    if by_inventory:
        texts = [text.replace("(adopt: ", "(fabric_adopt: ") for text in texts]
    if texts == [message, *conflicts]:
        return {}
    # newer ansible-core prints what the module said from here, beside the message
    failed.pop("exception", None)
    return {"msg": texts[0], **({"conflicts": texts[1:]} if conflicts else {})}


def _of_ours(task_vars):
    """Say whether the task is of a role of the collection: then its options are set by variables of the inventory."""
    return str(task_vars.get("ansible_role_name") or "").startswith("nodenet.fabric.")


def _described(stats):
    """Return what a person reads of a long run's stages."""
    counted = {"observe": f"{stats['observed']} observed", "plan": "planned", "apply": f"{stats['changed']} changed"}
    return ", ".join(f"{counted[stage]} in {seconds:.2f} s" for stage, seconds in stats["stages"].items())
