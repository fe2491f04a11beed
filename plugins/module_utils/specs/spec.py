# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of objects is made of: its options, the kinds behind them, and how they become resources."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence

from ansible.module_utils.basic import AnsibleModule

from ..engine.kind import Kind
from ..engine.resource import Resource
from ..runner.exits import guarded
from ..runner.options import COMMON, NETNS, desired_of, purge_of
from ..runner.run import execute

# the options of one object, by name, as Ansible checked them
Options = Dict[str, Any]


@dataclass(frozen=True)
class Spec:
    """One module: options for one object, ``config`` for a list of the same, and the kinds behind them.

    :param options: argument spec of one object; the first of ``required`` is the one that names it.
    :param required: options that every entry needs, whatever its state.
    :param kinds: the Kind objects of what it makes; what these stand on and what ends with them follows from their ties.
    :param resources: takes one entry's options and returns the desired resources, without their owner.
    :param purges: says of an observed resource whether it is of the sort that this module makes.
    :param netns: whether the objects live in a namespace (a namespace itself does not).
    :param described: the same as ``resources``, and looks at no node; None: ``resources`` looks at none either.
    :param secrets: options that hold a secret: arrange has them in its option keys, which nothing logs.
    :param warnings: takes one entry's options and returns warnings about it, a sentence each; None: there are never any.
    """

    options: Mapping[str, Any]
    required: List[str]
    kinds: List[Kind]
    resources: Callable[[Options], Iterable[Resource]]
    purges: Callable[[Resource], bool]
    netns: bool = True
    secrets: Sequence[str] = ()
    warnings: Optional[Callable[[Options], List[str]]] = None
    described: Optional[Callable[[Options], List[Resource]]] = None

    @cached_property
    def by_name(self) -> Dict[str, Kind]:
        """Return its kinds by their names."""
        return {kind.name: kind for kind in self.kinds}

    def list_spec(self, without: Sequence[str] = ()) -> Dict[str, Any]:
        """Return the argument spec of an option that lists such objects, ``without`` some of their options."""
        entry = {
            name: dict(spec, required=True) if name in self.required else dict(spec)
            for name, spec in self.options.items()
            if name not in without
        }
        entry["state"] = {"type": "str", "choices": ["present", "absent"]}
        listed = {"type": "list", "elements": "dict", "options": entry}
        return {**listed, "options": {**entry, **NETNS}, "mutually_exclusive": [list(NETNS)]} if self.netns else listed

    def argument_spec(self) -> Dict[str, Any]:
        """Return the module's argument spec."""
        common = {name: spec for name, spec in COMMON.items() if self.netns or name not in NETNS}
        return {**self.options, **common, "config": self.list_spec()}

    def run(self) -> None:
        """Be the module."""
        main = self.required[0]
        module = AnsibleModule(
            self.argument_spec(),
            supports_check_mode=True,
            mutually_exclusive=[[main, "config"], *([list(NETNS)] if self.netns else [])],
            required_one_of=[[main, "config"]],
        )
        guarded(module, lambda: self.perform(module.params, module.check_mode))

    def perform(self, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
        """Return the module's result for ``params``."""
        desired = desired_of(params, self)
        purge = purge_of(params, self.purges, self.netns) if params["purge"] else None
        result = execute(self.kinds, desired, check, params["promised"], purge, params["adopt"], yields=of_no_set)
        entries = params["config"] if params["config"] is not None else [params]
        found = [*result.get("warnings", []), *self.warnings_of(entries, params["state"])]
        return {**result, "warnings": found} if found else result

    def warnings_of(self, entries: Iterable[Options], state: str = "present") -> List[str]:
        """Return the warnings about all ``entries``.

        :param state: of an entry that has none.
        """
        warn = self.warnings
        states = ({**one, "state": one.get("state") or state} for one in entries) if warn else ()
        return [warning for one in states for warning in warn(one)] if warn else []


def of_no_set(owner: str) -> bool:
    """Say whether an object is of no known set, so that any may take it: what a run that was killed left."""
    return not owner
