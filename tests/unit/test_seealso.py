# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module, plugin and role names what goes with it, and what it names exists."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).absolute().parents[2]
PREFIX = "nodenet.fabric."
KINDS = ("lookup", "connection", "filter")
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def documentation(path):
    """Return the documentation of a module or plugin, from its Python or its YAML file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yml":
        return yaml.safe_load(text)["DOCUMENTATION"]
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "DOCUMENTATION":
            return yaml.safe_load(node.value.value)
    return None


def documented():
    """Return (kind, name) -> the entries of seealso."""
    found = {}
    for kind in ("modules", *KINDS):
        for path in sorted((ROOT / "plugins" / kind).iterdir()):
            if path.suffix in {".py", ".yml"} and documentation(path):
                found[kind, path.stem] = documentation(path).get("seealso", [])
    for role in ROLES:
        specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        found["role", role] = specs["argument_specs"]["main"].get("seealso", [])
    return found


SEEALSO = documented()


def target(entry):
    """Return what an entry names, as a key of SEEALSO; None for a page outside the collection."""
    if "module" in entry:
        return "modules", entry["module"].removeprefix(PREFIX)
    if "plugin" in entry:
        return entry["plugin_type"], entry["plugin"].removeprefix(PREFIX)
    if "ref" in entry:
        return "role", re.fullmatch(r"ansible_collections\.nodenet\.fabric\.(\w+)_role", entry["ref"])[1]
    return None


@pytest.mark.parametrize("kind, name", SEEALSO)
def test_it_names_something_else_that_exists(kind, name):
    targets = [target(entry) for entry in SEEALSO[kind, name]]
    inside = [one for one in targets if one]
    assert inside and set(inside) <= set(SEEALSO) - {(kind, name)} and len(set(inside)) == len(inside)


@pytest.mark.parametrize("kind, name", SEEALSO)
def test_it_describes_each_and_links_to_pages(kind, name):
    for entry in SEEALSO[kind, name]:
        assert entry["description"].endswith(".")
        assert target(entry) or (entry["name"] and entry["link"].startswith("https://"))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_names_the_modules_that_its_tasks_call(role):
    tasks = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "roles" / role / "tasks").glob("*.yml"))
    called = set(re.findall(r"^ +nodenet\.fabric\.(\w+):$", tasks, re.M))
    assert called <= {name for kind, name in map(target, SEEALSO["role", role]) if kind == "modules"}


def test_each_role_is_named_by_a_module():
    named = {target(entry) for (kind, _name), entries in SEEALSO.items() if kind == "modules" for entry in entries}
    assert {("role", role) for role in ROLES} <= named


def test_each_module_of_objects_names_a_page_of_its_commands():
    objects = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]["fabric"]
    for name in objects:
        assert any("link" in entry for entry in SEEALSO["modules", name]), name
