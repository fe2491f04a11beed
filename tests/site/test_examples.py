# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of every module, as ansible-doc shows them, run as they stand."""

import json
import subprocess
from functools import cache

import pytest
import yaml
from conftest import PLAYER, ROOT

# These act on the inventory and run on the controller.
ON_THE_INVENTORY = ("validate", "matrix", "lab", "lesson", "prove", "report", "walk")
# This is about the machine's own boot: the VM lab runs it.
ON_A_MACHINE = ("persist",)
# This is about container engines: tests/kernel runs it.
WITH_ENGINES = ("container_network",)
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
HERE = [module for module in MODULES if module not in ON_THE_INVENTORY + ON_A_MACHINE + WITH_ENGINES]


@cache
def documentation():
    """Return module -> its documentation, as ansible-doc shows it."""
    command = ["ansible-doc", "-j", *(f"nodenet.fabric.{module}" for module in MODULES)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(found.stdout)


def examples(module):
    """Return the tasks of a module's examples."""
    return yaml.safe_load(documentation()[f"nodenet.fabric.{module}"]["examples"])


def told_to_others(task):
    """Say whether a task is about the machine's own files, those of other programs, or about containers of the machine."""
    options = task.get("nodenet.fabric.prepare") or {}
    container = (task.get("nodenet.fabric.netns") or {}).get("container")
    engines = (task.get("nodenet.fabric.sweep") or {}).get("engines")
    return bool(container or engines) or "coexist_with" in options or options.get("state") == "absent"


def playbook(path, hosts, tasks):
    interpreter = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    play = {"name": "Run the examples", "hosts": hosts, "gather_facts": False, "tasks": tasks}
    if hosts == "localhost":
        play.update(connection="local", vars=interpreter)
    path.write_text(yaml.safe_dump([play]), encoding="utf-8")
    return path


@pytest.mark.parametrize("module", HERE)
def test_the_examples_of_a_module_run_as_they_stand(tmp_path, module):
    tasks = [task for task in examples(module) if not told_to_others(task)]
    path = playbook(tmp_path / "examples.yml", "localhost", tasks)
    found = PLAYER.run(["-i", "localhost,", str(path)], ROOT, sandbox=True)
    assert found.returncode == 0, found.stdout + found.stderr
    if "ignored=1" in found.stdout:  # the examples ask for it themselves
        print(f"{module}: this kernel lacks what it makes: its examples run to their end and change nothing")
        return
    assert "changed=0" not in found.stdout or module in ("capture", "fabric_info", "probe", "prepare", "sweep")


def test_the_examples_that_act_on_an_inventory_run_as_they_stand(fabric, tmp_path):
    one = fabric("docker-bridge", up=False)
    lab = examples("lab")
    one.play(str(playbook(tmp_path / "up.yml", "fabric", lab[:1])))
    one.play("site")
    one.play(
        str(playbook(tmp_path / "matrix.yml", "fabric", examples("validate") + examples("matrix") + examples("walk")))
    )
    one.play(str(playbook(tmp_path / "lesson.yml", "fabric", examples("lesson"))))
    one.play(str(playbook(tmp_path / "down.yml", "fabric", lab[1:])))
