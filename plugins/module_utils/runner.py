# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between AnsibleModule and the engine: options become wishes, an outcome becomes a result."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Callable, Dict, List

from ansible.module_utils.basic import AnsibleModule

from .engine.errors import FabricError, InputError
from .engine.kind import Kind
from .engine.resource import Wish
from .engine.session import Session, commands_of, diff_of
from .guard import guarded
from .kernel import namespaces
from .kernel.door import Kernel
from .kinds import fields
from .ownership import DEFAULT_OWNER, Ledger, exclusive

# what the collection's action plugin says of earlier tasks in check mode
PROMISED = {"promised": {"type": "list", "elements": "dict", "default": []}}

COMMON = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "netns": {"type": "str"},
    "purge": {"type": "bool", "default": False},
    "adopt": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": DEFAULT_OWNER},
    **PROMISED,
}


@dataclass(frozen=True)
class Part:
    """What one module is: options for one object, ``config`` for a list of the same, and the kinds behind them.

    :param options: argument spec of one object; the first of ``required`` is the one that names it.
    :param required: options without which an entry makes no sense, whatever its state.
    :param kinds: the Kind objects that it needs: its own first, then what they stand on and what falls with them.
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
        if self.netns:
            entry["netns"] = {"type": "str"}
        return {"type": "list", "elements": "dict", "options": entry}

    def argument_spec(self):
        common = {name: spec for name, spec in COMMON.items() if self.netns or name != "netns"}
        return {**self.options, **common, "config": self.list_spec()}

    def run(self):
        """Be the module."""
        main = self.required[0]
        module = AnsibleModule(
            self.argument_spec(),
            supports_check_mode=True,
            mutually_exclusive=[[main, "config"]],
            required_one_of=[[main, "config"]],
        )
        guarded(module, lambda: self.perform(module.params, module.check_mode))

    def perform(self, params, check):
        """Return the module's result for ``params``."""
        wishes = wishes_of(params, self)
        purge = _purge(params, self.purges) if params["purge"] else None
        return execute(self.kinds, wishes, check, params["promised"], purge, params["adopt"])


def execute(kinds, wishes, check=False, promised=(), purge=None, adopt=False, refuse_plan=None):
    """Run ``wishes`` through the engine and return the module's result."""
    kinds = {kind.name: kind for kind in kinds}
    if check:
        return _session(kinds, wishes, True, promised, purge, adopt, refuse_plan)
    with exclusive():
        return _session(kinds, wishes, False, (), purge, adopt, refuse_plan)


def _session(kinds, wishes, check, promised, *options):
    gc.disable()  # thousands of objects, none of them in a cycle, and soon the process ends
    try:
        return namespaces.as_guest(lambda: _as_guest(kinds, wishes, check, promised, *options))
    finally:
        gc.enable()


def _as_guest(kinds, wishes, check, promised, purge, adopt, refuse_plan):
    kernel = Kernel(Ledger())
    try:
        outcome = Session(kinds, kernel, promised).run(wishes, check, adopt, purge, purge is not None, refuse_plan)
    finally:
        kernel.close()
    return _result(outcome, kinds)


def _result(outcome, kinds):
    commands = commands_of(outcome.plan, kinds)
    diff = partial(_diff, outcome.plan, kinds, commands)  # made where somebody looks at it
    result = {"changed": outcome.changed, "commands": commands, "stats": outcome.stats, "diff": diff}
    if outcome.promises:
        result["_promises"] = outcome.promises
    reasons = [
        f"{kinds[step.resource.kind].describe(step.resource)} is {step.reason}"
        for step in outcome.plan.steps
        if step.reason
    ]
    return {**result, "reasons": reasons} if reasons else result


def _diff(plan, kinds, commands):
    """Return what Ansible shows with ``--diff``: before, after, and the commands."""
    before, after = diff_of(plan, kinds)
    diff = [{"before": before, "after": after}]
    if commands:
        diff.append({"prepared": "by hand:\n" + "".join(f"  {command}\n" for command in commands)})
    return diff


def wishes_of(params, part):
    """Return the wishes of all entries; every fault in them is told together."""
    entries = params["config"]
    listed = (
        [(f"config[{number}].", entry) for number, entry in enumerate(entries)]
        if entries is not None
        else [("", {name: params[name] for name in part.options})]
    )
    listed = [(part, option, entry) for option, entry in listed]
    return wishes_in(listed, params["owner"], params["state"], params.get("netns"))


def wishes_in(listed, owner, usual_state="present", usual_netns=None, place=""):
    """Return the wishes of ``(part, where it is written, entry)``; every fault in them is told together.

    :param usual_state: where an entry does not say it, as ``usual_netns``.
    :param place: where ``owner`` is written.
    """
    owner = _owner(owner, place)
    wishes, faults = [], []
    for part, option, entry in listed:
        state = entry.get("state") or usual_state
        try:
            if part.netns:
                entry["netns"] = reference(entry.get("netns") or usual_netns, "netns")
            wishes += [
                Wish(part.by_name[resource.kind].claimed(resource, owner), state == "present", option)
                for resource in part.resources({**entry, "state": state})
            ]
        except InputError as fault:
            faults.append(InputError(option + fault.option, fault.problem))
    refuse(faults)
    return wishes


def _purge(params, purges):
    """Return what tells whether an observed resource is in the reach of ``purge``."""
    where = reference(params.get("netns"), "netns") if params.get("netns") else None

    def in_reach(resource):
        return resource.owner == params["owner"] and (where is None or resource.netns == where) and purges(resource)

    return in_reach


def reference(text, option):
    """Return the reference of a namespace that a user named by name, path or pid; "" is the node's own.

    :raises InputError: it can be none of these, or no such process is there.
    """
    if not text:
        return ""
    if text.isdigit():
        if not namespaces.identity(f"/proc/{text}/ns/net"):
            raise InputError(option, f"there is no process {text}")
        text = f"/proc/{text}/ns/net"
    if "/" not in text:
        return fields.netns_name(text, option)
    found = namespaces.identity(text)
    if not found:
        raise InputError(option, f"there is no network namespace at {text}")
    if found == namespaces.identity(""):
        return ""
    return next((name for name, identity in namespaces.named().items() if identity == found), text)


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
