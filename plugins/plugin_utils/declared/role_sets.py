# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles declare for one node, read from their own task files, as ``site`` queues it. No node and no Ansible is needed.

A role is not known here by its name: a new backend or attachment is declared by its task file like any other.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Tuple

import yaml
from jinja2 import Environment, StrictUndefined, meta

from ..templated import filled
from ..values.checks import boolean

ROLES = Path(__file__).absolute().parents[3] / "roles"
ARRANGE = "nodenet.fabric.arrange"
# the options of arrange that say how it acts, and nothing of what is declared
HOW = ("adopt", "keep_addresses", "keys")
Values = Dict[str, Any]

JINJA = Environment(undefined=StrictUndefined, autoescape=False)  # nosec B701: what comes out is data, and no page
JINJA.filters["nodenet.fabric.each"] = lambda items, template: [filled(template, item) for item in items]
JINJA.filters["bool"] = boolean


def role_sets(view: Values) -> List[Values]:
    """Return the sets that the roles declare for a node, each as the module arrange takes one in its option ``sets``.

    :param view: what the roles need of the node (see :func:`node.node_model`).
    :raises ValueError: a role has a task that is not one of arrange.
    """
    parts = [*view["arrangement"], {"role": "nat", "tasks": "main"}]
    return [one for part in parts for one in _of_role(part["role"], part["tasks"], view)]


def _of_role(role: str, tasks: str, view: Values) -> List[Values]:
    defaults, listed = _files(role, tasks)
    found: List[Values] = []
    for task in listed:
        if ARRANGE not in task:
            raise ValueError(f"roles/{role}/tasks/{tasks}.yml: the task {task.get('name')!r} is not one of {ARRANGE}")
        wanted = {name: value for name, value in task[ARRANGE].items() if name not in HOW}
        declared = _Variables({**defaults, **task.get("vars", {})}, view).templated(wanted)
        others = declared.pop("sets", [])
        found += [declared, *others]
    return found


@cache
def _files(role: str, tasks: str) -> Tuple[Values, List[Values]]:
    folder = ROLES / role
    defaults = yaml.safe_load((folder / "defaults" / "main.yml").read_text(encoding="utf-8")) or {}
    return defaults, yaml.safe_load((folder / "tasks" / f"{tasks}.yml").read_text(encoding="utf-8"))


class _Variables:
    """The variables of a task, templated when they are asked for, as Ansible does it."""

    def __init__(self, raw: Values, view: Values) -> None:
        self._raw = raw
        self._found: Values = {"lookup": lambda _plugin, part: view[part]}

    def templated(self, value: Any) -> Any:
        """Return ``value`` with its templates filled in."""
        if isinstance(value, dict):
            return {key: self.templated(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.templated(one) for one in value]
        if not (isinstance(value, str) and "{{" in value):
            return value
        evaluate, names = _compiled(value)
        return evaluate({name: self._of(name) for name in names if name in self._raw or name in self._found})

    def _of(self, name: str) -> Any:
        if name not in self._found:
            self._found[name] = self.templated(self._raw[name])
        return self._found[name]


@cache
def _compiled(text: str) -> Tuple[Callable[[Mapping[str, Any]], Any], FrozenSet[str]]:
    """Return what evaluates a template, and the names of the variables in it; a template that is one expression gives its value."""
    whole = text.strip()
    names = frozenset(meta.find_undeclared_variables(JINJA.parse(whole)))
    inner = whole[2:-2]
    if whole.startswith("{{") and whole.endswith("}}") and "}}" not in inner:
        return JINJA.compile_expression(inner.strip(), undefined_to_none=False), names
    return JINJA.from_string(whole).render, names
