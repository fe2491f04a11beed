# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our engine in one process, with undo, verification and true commands, as modules run it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Dict, List

from . import measure

MODULES = "ansible_collections.nodenet.fabric.plugins.modules."
RUNNER = "ansible_collections.nodenet.fabric.plugins.module_utils.runner."
SUMMED = ("observed", "changed", "sockets", "sends", "requests")


@dataclass
class Task:
    """A task as a role has it: a module, its list, and the options beside it."""

    module: str
    config: List[Dict[str, Any]]
    options: Dict[str, Any]

    @property
    def spec(self):
        return import_module(MODULES + self.module).SPEC

    def checked(self):
        """Return the spec and its parameters, checked as Ansible checks them."""
        from ansible.module_utils.common.arg_spec import ArgumentSpecValidator  # noqa: PLC0415 - counted as an import

        given = {"promised": [], "config": self.config, **self.options}
        found = ArgumentSpecValidator(self.spec.argument_spec()).validate(given)
        if found.error_messages:
            raise measure.Failed(f"{self.module}: {'; '.join(found.error_messages)}")
        return self.spec, found.validated_parameters


def task(module, config, **options):
    return Task(module, list(config), options)


def session(checked):
    """Run everything that the tasks say in one session of the engine; return its stats."""
    options, run = import_module(RUNNER + "options"), import_module(RUNNER + "run")
    desired, kinds = [], {}
    for spec, parameters in checked:
        desired += options.desired_of(parameters, spec)
        kinds.update({kind.name: kind for kind in spec.kinds})
    return _summed([run.execute(list(kinds.values()), desired)])


def _summed(results):
    return {
        "tasks": len(results),
        "commands": sum(len(result["commands"]) for result in results),
        **{name: sum(result["stats"][name] for result in results) for name in SUMMED},
    }


class Inline:
    """The piece of work that runs ``tasks`` in a process that has imported everything and has their options checked.

    Ansible does that before a module begins, as others have their scripts written.
    """

    def __init__(self, way, tasks):
        self.way = way
        self.tasks = tasks

    def begin(self):
        self.checked = [one.checked() for one in self.tasks]
        import_module(RUNNER + "run")

    def __call__(self):
        return self.way(self.checked)


def fresh(way, tasks, folder, name):
    """Return the piece of work that runs ``tasks`` in a process that begins with its imports."""
    path = os.path.join(folder, name + ".json")
    with open(path, "w", encoding="utf-8") as target:
        json.dump([[one.module, one.config, one.options] for one in tasks], target)
    return measure.program(sys.executable, "-m", "bench.ours", way.__name__, path)


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as source:
        globals()[sys.argv[1]]([Task(*entry).checked() for entry in json.load(source)])
