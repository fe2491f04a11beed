# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the sets of the roles of every example as Ansible templates them: a process of its own, with Ansible's loader of plugins."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

ROOT = Path(__file__).parents[5]


def variables(example):
    """Return host -> all of its variables, as a task of it has them."""
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=[str(example / "hosts.yml")])
    manager = VariableManager(loader=loader, inventory=inventory)
    hostvars = HostVars(inventory=inventory, variable_manager=manager, loader=loader)
    return {host.name: {**manager.get_vars(host=host), "hostvars": hostvars} for host in inventory.get_hosts("fabric")}


def sets_of(known, how):
    """Return the sets of a host with the variables ``known``; ``how`` are options that declare nothing."""
    from ansible_collections.nodenet.fabric.plugins.plugin_utils.reader import node_of, read  # noqa: PLC0415 - after init_plugin_loader
    from ansible_collections.nodenet.fabric.plugins.plugin_utils.templated import plain  # noqa: PLC0415

    read(known)  # one process reads several inventories
    loader = DataLoader()
    # ansible-core 2.19 and later template only what comes from a place that says so
    trusts = "trusted_as_template" in inspect.signature(loader.load_from_file).parameters
    trusted = {"trusted_as_template": True} if trusts else {}
    found = []
    for part in [*node_of(known, known["inventory_hostname"])["arrangement"], {"role": "nat", "tasks": "main"}]:
        folder = ROOT / "roles" / part["role"]
        defaults = loader.load_from_file(str(folder / "defaults" / "main.yml"), **trusted) or {}
        for task in loader.load_from_file(str(folder / "tasks" / f"{part['tasks']}.yml"), **trusted):
            templar = Templar(loader=loader, variables={**defaults, **known, **task.get("vars", {})})
            arguments = plain(templar.template(task["nodenet.fabric.arrange"]))
            arguments = {name: value for name, value in arguments.items() if name not in how}
            others = arguments.pop("sets", [])
            found += [arguments, *others]
    return found


if __name__ == "__main__":
    init_plugin_loader()
    examples = sorted(path.parent for path in (ROOT / "examples").glob("*/hosts.yml"))
    print(
        json.dumps(
            {
                f"{example.name} {host}": sets_of(known, ("adopt", "keep_addresses", "keys"))
                for example in examples
                for host, known in variables(example).items()
            }
        )
    )
