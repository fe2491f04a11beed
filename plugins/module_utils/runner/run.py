# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between AnsibleModule and the engine: options become desired, an outcome becomes a result."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Callable, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ..engine.errors import FabricError, InputError
from ..engine.kind import Kind
from ..engine.plan import ADOPT
from ..engine.resource import Desired
from ..engine.session import Session, commands_of, diff_of
from ..kernel import namespaces
from ..kernel.kernel import Kernel
from ..kinds import fields
from ..kinds.registry import in_play
from ..ownership import DEFAULT_OWNER, Ledger
from ..system.lock import exclusive
from .exits import guarded

# what the collection's action plugin says of earlier tasks in check mode
PROMISED = {"promised": {"type": "list", "elements": "dict", "default": []}}

# the ways to say which namespace is meant; one of them at a time
NETNS = {"netns": {"type": "str"}, "pid": {"type": "int"}}
COMMON = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **NETNS,
    "purge": {"type": "bool", "default": False},
    "adopt": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": DEFAULT_OWNER},
    **PROMISED,
}


@dataclass(frozen=True)
class Spec:
    """What one module is: options for one object, ``config`` for a list of the same, and the kinds behind them.

    :param options: argument spec of one object; the first of ``required`` is the one that names it.
    :param required: options without which an entry makes no sense, whatever its state.
    :param kinds: the Kind objects of what it makes; what these stand on and what ends with them follows from their ties.
    :param resources: takes one entry's options and returns the desired resources, without their owner.
    :param purges: tells of an observed resource whether it is of the sort that this module makes.
    :param netns: whether the objects live in a namespace (a namespace itself does not).
    """

    options: Dict[str, dict]
    required: List[str]
    kinds: List[Kind]
    resources: Callable
    purges: Callable
    netns: bool = True

    @cached_property
    def by_name(self):
        """Return its kinds by their names."""
        return {kind.name: kind for kind in self.kinds}

    def list_spec(self):
        """Return the argument spec of an option that lists such objects."""
        entry = {
            name: dict(spec, required=True) if name in self.required else dict(spec)
            for name, spec in self.options.items()
        }
        entry["state"] = {"type": "str", "choices": ["present", "absent"]}
        listed = {"type": "list", "elements": "dict", "options": entry}
        return {**listed, "options": {**entry, **NETNS}, "mutually_exclusive": [list(NETNS)]} if self.netns else listed

    def argument_spec(self):
        common = {name: spec for name, spec in COMMON.items() if self.netns or name not in NETNS}
        return {**self.options, **common, "config": self.list_spec()}

    def run(self):
        """Be the module."""
        main = self.required[0]
        module = AnsibleModule(
            self.argument_spec(),
            supports_check_mode=True,
            mutually_exclusive=[[main, "config"], *([list(NETNS)] if self.netns else [])],
            required_one_of=[[main, "config"]],
        )
        guarded(module, lambda: self.perform(module.params, module.check_mode))

    def perform(self, params, check):
        """Return the module's result for ``params``."""
        desired = desired_of(params, self)
        purge = _purge(params, self.purges) if params["purge"] else None
        return execute(self.kinds, desired, check, params["promised"], purge, params["adopt"], yields=of_no_set)


def of_no_set(owner):
    """Say whether an object's set is unknown, so that any may take it: what a run that was killed left."""
    return not owner


def execute(kinds, desired, check=False, promised=(), purge=None, adopt=False, *, refuse_plan=None, yields=None):
    """Run ``desired`` through the engine and return the module's result.

    :param kinds: those that the desired and ``purge`` are about.
    """
    options = purge, adopt, refuse_plan, yields
    if check:
        return _session(kinds, desired, True, promised, options)
    with exclusive():
        return _session(kinds, desired, False, (), options)


def _session(kinds, desired, check, promised, options):
    gc.disable()  # thousands of objects, none of them in a cycle, and soon the process ends
    try:
        return namespaces.in_worker_thread(lambda: _in_worker_thread(kinds, desired, check, promised, options))
    finally:
        gc.enable()


def _in_worker_thread(kinds, desired, check, promised, options):
    purge, adopt, refuse_plan, yields = options
    kernel = Kernel(Ledger(rebuild=adopt))
    try:
        kinds, bases = in_play(kinds)
        session = Session(kinds, kernel, promised, bases)
        outcome = session.run(desired, check, adopt, purge, purge is not None, refuse_plan, yields)
    finally:
        kernel.close()
    return _result(outcome, kinds)


def _result(outcome, kinds):
    commands = commands_of(outcome.plan, kinds)
    diff = partial(_diff, outcome.plan, kinds, commands)  # made where somebody looks at it
    result = {"changed": outcome.changed, "commands": commands, "stats": outcome.stats, "diff": diff}
    if outcome.promises:
        result["_promises"] = outcome.promises
    told = {"reasons": [], "warnings": list(outcome.warnings)}  # why something is made anew; what is left as it is
    for step in outcome.plan.steps:
        if step.reason:
            reason = f"{kinds[step.resource.kind].describe(step.resource)} is {step.reason}"
            told["warnings" if step.action == ADOPT else "reasons"].append(reason)
    return {**result, **{name: reasons for name, reasons in told.items() if reasons}}


def _diff(plan, kinds, commands):
    """Return what Ansible shows with ``--diff``: before, after, and the commands."""
    before, after = diff_of(plan, kinds)
    diff = [{"before": before, "after": after}]
    if commands:
        diff.append({"prepared": "by hand:\n" + "".join(f"  {command}\n" for command in commands)})
    return diff


def desired_of(params, spec):
    """Return the desired of all entries; every fault in them is told together."""
    entries = params["config"]
    listed = (
        [(f"config[{number}].", entry) for number, entry in enumerate(entries)]
        if entries is not None
        else [("", {name: params[name] for name in spec.options})]
    )
    listed = [(spec, option, entry) for option, entry in listed]
    return desired_in(listed, params["owner"], params["state"], params)


def desired_in(listed, owner, usual_state="present", usual=None, place=""):
    """Return the desired of ``(spec, where it is written, entry)``; every fault in them is told together.

    :param usual_state: where an entry does not say it; ``usual``: options that say the namespace where it does not.
    :param place: where ``owner`` is written.
    """
    owner = _owner(owner, place)
    desired, faults = [], []
    for spec, option, entry in listed:
        state = entry.get("state") or usual_state
        try:
            if spec.netns:
                entry["netns"] = reference(entry if says_netns(entry) else usual or {})
            desired += [
                Desired(spec.by_name[resource.kind].claimed(resource, owner), state == "present", option)
                for resource in spec.resources({**entry, "state": state})
            ]
        except InputError as fault:
            faults.append(InputError(option + fault.option, fault.problem))
    refuse(faults)
    return desired


def _purge(params, purges):
    """Return what tells whether an observed resource is in the reach of ``purge``."""
    where = reference(params) if says_netns(params) else None

    def in_reach(resource):
        return resource.owner == params["owner"] and (where is None or resource.netns == where) and purges(resource)

    return in_reach


def says_netns(options):
    """Say whether ``options`` name a namespace."""
    return options.get("pid") is not None or bool(options.get("netns"))


def reference(options, place=""):
    """Return the reference of the namespace that ``options`` say by a name or path, or by a pid; "" is the node's own.

    A name is always a name, one that is a number too.

    :param place: what stands before the names of the options in errors, such as ``peer.``.
    :raises InputError: it can be none, or no such process is there.
    """
    pid, text = options.get("pid"), options.get("netns")
    if pid is not None:
        return _by_path(f"/proc/{pid}/ns/net", f"{place}pid", f"there is no process {pid}")
    if not text or "/" not in text:
        return fields.netns_name(text, f"{place}netns") if text else ""
    return _by_path(
        text,
        f"{place}netns",
        f"there is no network namespace at {text}" if text.isprintable() else f"{text!r} is no path",
    )


def _by_path(path, option, otherwise):
    found = namespaces.identity(path) if path.isprintable() else None
    if not found:
        raise InputError(option, otherwise)
    if found == namespaces.identity(""):
        return ""
    return next((name for name, identity in namespaces.named().items() if identity == found), path)


def _owner(label, place):
    if not label or not all(character.isalnum() or character in "-_." for character in label) or len(label) > 64:
        raise InputError(f"{place}owner", f"{label!r} is not a label: 1 to 64 letters, digits, '-', '_' or '.'")
    return label


def refuse(faults):
    """Raise all of ``faults`` together, if there are any."""
    if faults:
        raise faults[0] if len(faults) == 1 else _Faults(faults)


class _Faults(FabricError):
    """Several faults of the input, told together."""

    def __init__(self, faults):
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = [text for fault in faults for text in getattr(fault, "faults", [str(fault)])]

    def facts(self):
        return {"faults": self.faults}
