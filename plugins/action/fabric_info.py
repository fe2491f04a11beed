# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands before every module of the engine, as meta/runtime.yml says. In a run in check mode, what a task would have made is
promised to the next, and fabric_info shows it. Where ``fabric_queue`` is true, tasks of arrange tell what they are about,
and one at the end has all of it made in one run of the module.

Promises and what was told live on the controller, in the temporary folder of this run of Ansible, which Ansible itself removes
at its end: nothing is written on the node, and nothing outlives the run.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress

from ansible import constants as C
from ansible import context
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils.summary import in_order, summary_of, without_objects
from ..plugin_utils.templated import plain

display = Display()
# objects of one task; a run over more says with -v what it is about
MANY = 100
# a task with one of these acts at once
AT_ONCE = ("apply_queued", "sets", "remove_sets_except", "remove_sets_among")
# lists of something else than objects
NO_OBJECTS = (*AT_ONCE, "keep_addresses")


class ActionModule(ActionBase):
    """Runs the module of the same name, or has it wait for one that acts for several tasks."""

    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        arguments = dict(self._task.args)
        if self._waits(arguments, task_vars):
            return {**result, **self._tell(arguments, task_vars)}
        told = self._fetch(arguments, task_vars)
        result.update(self._perform(arguments, task_vars))
        if result.get("failed"):
            by_inventory = _of_ours(task_vars) or any(one["role"] for one in told.values())
            result.update(_told(result, {place: one["task"] for place, one in told.items()}, by_inventory))
        return result

    # tasks that are done together

    def _waits(self, arguments, task_vars):
        """Say whether the task only tells what it is about."""
        together = boolean(self._templar.template(task_vars.get("fabric_queue", False)), strict=False)
        at_once = self._task.async_val or any(word in arguments for word in AT_ONCE)
        return together and self._task.action.rpartition(".")[2] == "arrange" and not at_once

    def _tell(self, arguments, task_vars):
        """Write down what the task is about; return its result."""
        path = self._file("told", task_vars)
        told = {"task": self._task.get_name(), "role": _of_ours(task_vars)}
        _write(path, [*_read(path), {**told, "arguments": plain(arguments)}])
        return {"changed": False, "msg": f"{_asked(arguments)} objects told, made together with those of other tasks"}

    def _fetch(self, arguments, task_vars):
        """Move what earlier tasks told into ``arguments``; return what was told by the place that it has there."""
        if not boolean(arguments.get("apply_queued", False), strict=False):
            return {}
        path = self._file("told", task_vars)
        told = _read(path)
        with suppress(FileNotFoundError):
            os.unlink(path)
        sets = list(arguments.get("sets") or ())
        places = {len(sets) + number: one for number, one in enumerate(told)}
        adopting = [boolean(one["arguments"].pop("adopt", False), strict=False) for one in told]
        if any(adopting):
            arguments["adopt"] = True
        arguments["sets"] = sets + [one["arguments"] for one in told]
        return places

    # the module

    def _perform(self, arguments, task_vars):
        """Run the module and return its result."""
        asked = _asked(arguments)
        path = self._file("promised", task_vars)
        # One task in check mode within a real run is about what is really there, and what it would do nobody has done.
        promising = self._task.check_mode and bool(context.CLIARGS.get("check"))
        if promising:
            arguments["promised"] = _read(path)
        if asked > MANY:
            display.v(f"{self._task.action}: {asked} objects to observe, plan and apply", host=_host(task_vars))
        wrap_async = self._task.async_val and not self._connection.has_native_async
        result = self._execute_module(
            # not resolved_action: before ansible-core 2.19 that is this plugin, to which meta/runtime.yml leads
            module_name=self._task.action,
            module_args=arguments,
            task_vars=task_vars,
            wrap_async=wrap_async,
        )
        stats = result.get("stats") or {}
        if stats and max(asked, stats["observed"]) > MANY:
            display.v(f"{self._task.action}: {_described(stats)}", host=_host(task_vars))
        made = result.pop("_promises", None)
        if made and promising:
            _write(path, arguments["promised"] + made)
        result.get("invocation", {}).get("module_args", {}).pop("promised", None)
        self._show(asked, result, task_vars)
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _show(self, asked, result, task_vars):
        """Print what a whole node's run did, and leave in ``result`` what somebody may look for."""
        summary = summary_of(result.get("stats") or {}, self._task.check_mode)
        whole = self._task.action.rpartition(".")[2] == "sweep" or boolean(
            self._task.args.get("apply_queued", False), strict=False
        )
        if summary and whole and "json" not in C.DEFAULT_STDOUT_CALLBACK:
            display.display(f"{_host(task_vars)}: {summary}")
        if result.get("diff"):
            result["diff"] = in_order(result["diff"])
        if asked > MANY and display.verbosity == 0 and "module_args" in result.get("invocation", {}):
            result["invocation"]["module_args"] = without_objects(result["invocation"]["module_args"])

    def _file(self, what, task_vars):
        """Return the file for what is promised or told of the node that this task acts on."""
        return _path_of(what, str(self._task.delegate_to or task_vars.get("inventory_hostname", "")))


def kept_of(what, host):
    """Return what this run of Ansible has promised, or was told, of ``host``."""
    return _read(_path_of(what, host))


def _path_of(what, host):
    return os.path.join(C.DEFAULT_LOCAL_TMP, f"nodenet-{what}-{hashlib.sha256(host.encode()).hexdigest()[:16]}")


def _asked(arguments):
    """Return how many objects the arguments are about, those of sets too."""
    count = sum(len(value) for name, value in arguments.items() if isinstance(value, list) and name not in NO_OBJECTS)
    return count + sum(_asked(one) for one in arguments.get("sets") or () if isinstance(one, dict))


def _told(failed, tasks, by_inventory):
    """Return what of a failure is said otherwise: with the task that told each set which it names, and, where a person has
    an inventory and no options of modules, with the variable that stands for one.
    """
    message, conflicts = str(failed.get("msg", "")), list(failed.get("conflicts", ()))
    names = [
        f"sets[{number}] is of the task {name!r}" for number, name in tasks.items() if f"sets[{number}]" in message
    ]
    told = ["; ".join([message, *names]), *conflicts]
    if by_inventory:
        told = [text.replace("(adopt: ", "(fabric_adopt: ") for text in told]
    if told == [message, *conflicts]:
        return {}
    # newer ansible-core prints what the module said from here, beside the message
    failed.pop("exception", None)
    return {"msg": told[0], **({"conflicts": told[1:]} if conflicts else {})}


def _of_ours(task_vars):
    """Say whether the task is of a role of the collection: then its options are set by variables of the inventory."""
    return str(task_vars.get("ansible_role_name") or "").startswith("nodenet.fabric.")


def _host(task_vars):
    return str(task_vars.get("inventory_hostname", ""))


def _described(stats):
    """Return what a person reads of a long run's stages."""
    counted = {"observe": f"{stats['observed']} observed", "plan": "planned", "apply": f"{stats['changed']} changed"}
    return ", ".join(f"{counted[stage]} in {seconds:.2f} s" for stage, seconds in stats["stages"].items())


def _read(path):
    try:
        with open(path, encoding="utf-8") as source:
            return json.load(source)
    except FileNotFoundError:
        return []


def _write(path, content):
    with open(path, "w", encoding="utf-8") as target:
        json.dump(content, target)
