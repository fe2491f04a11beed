# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``site`` has the module arrange make on a node of an example: roles and inventory as they are, without a playbook."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.nodenet.fabric.plugins.filter.fabric import FilterModule
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reader import part_of
from jinja2 import meta
from jinja2.nativetypes import NativeEnvironment

ROOT = Path(__file__).parent.parent
JINJA = NativeEnvironment()
JINJA.filters["bool"] = boolean
JINJA.filters.update({f"nodenet.fabric.{name}": function for name, function in FilterModule().filters().items()})


def variables_of(example, **changed):
    """Return host -> its fabric_* variables of an example; ``changed`` are laid over those of the group."""
    group = yaml.safe_load((ROOT / "examples" / example / "hosts.yml").read_text(encoding="utf-8"))["fabric"]
    return {name: {**group.get("vars", {}), **own, **changed} for name, own in group["hosts"].items()}


def arranged(hosts, name=None):
    """Return the parameters with which ``site`` has arrange act on the node ``name``, the first one by default."""
    faults = faults_of(hosts)
    assert not faults, faults
    node = node_model(fabric_model(hosts), name or next(iter(hosts)))
    parts = [*node["arrangement"], {"role": "nat", "tasks": "main"}]
    sets = [one for part in parts for one in _declared(part["role"], part["tasks"], node)]
    return {
        "sets": sets,
        "remove_sets_except": node["owners"],
        "remove_sets_among": node["all_owners"],
        "peer_sets": node["backends"],
    }


def _declared(role, tasks, node):
    """Return the arguments of those tasks of a role that are arrange's."""
    folder = ROOT / "roles" / role
    defaults = yaml.safe_load((folder / "defaults" / "main.yml").read_text(encoding="utf-8")) or {}
    found = []
    for task in yaml.safe_load((folder / "tasks" / f"{tasks}.yml").read_text(encoding="utf-8")):
        given = {"fabric_node": node, "lookup": lambda _plugin, part: part_of(node, part)}
        variables = {**defaults, **task.get("vars", {}), **given}
        if "nodenet.fabric.arrange" in task:
            declared = _templated(task["nodenet.fabric.arrange"], variables)
            declared.pop("adopt", None)  # of all tasks together
            others = declared.pop("sets", [])
            found += [declared, *others]
    return found


def _templated(value, variables):
    """Return ``value`` with its templates filled in, and those in the variables that they name."""
    if isinstance(value, dict):
        return {key: _templated(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_templated(item, variables) for item in value]
    if not isinstance(value, str) or "{{" not in value:
        return value
    names = meta.find_undeclared_variables(JINJA.parse(value))
    known = {name: _templated(variables[name], variables) for name in names & variables.keys()}
    return JINJA.from_string(value).render(known)
