# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of the code may import which, and how large a file and a function may be."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name

ROOT = Path(__file__).absolute().parents[2]
PLUGINS = ROOT / "plugins"
PREFIX = "ansible_collections.nodenet.fabric.plugins."
FILES = sorted(PLUGINS.rglob("*.py"))

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def rooms_of_the_page(heading):
    """Return the rooms in the table below a heading, in order; each imports only from those above it."""
    section = PAGE.partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.M)


MODULE_UTILS = rooms_of_the_page("On the node: `plugins/module_utils`")
PLUGIN_UTILS = rooms_of_the_page("On the controller: `plugins/plugin_utils`")
PYTHON = [*FILES, *(path for folder in ("bench", "scripts", "tests") for path in sorted((ROOT / folder).rglob("*.py")))]
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 320, 45


def name_of(path):
    parts = path.relative_to(PLUGINS).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path) for path in FILES}


def imports(path):
    """Return the names of the collection's own files that one imports, at its top and within its functions."""
    package = name_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            start = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
        elif (node.module or "").startswith(PREFIX):
            start = node.module[len(PREFIX) :]
        else:
            continue
        found |= {f"{start}.{one.name}" if f"{start}.{one.name}" in NAMES else start for one in node.names}
    return found


IMPORTS = {name_of(path): imports(path) for path in FILES}


def rooms(wing):
    """Return room -> the other rooms of the same wing (``module_utils``, ``plugin_utils``) that it imports."""
    found = {}
    for name, imported in IMPORTS.items():
        if name.startswith(f"{wing}."):
            room = name.split(".")[1]
            others = {one.split(".")[1] for one in imported if one.startswith(f"{wing}.")}
            found.setdefault(room, set()).update(others - {room})
    return found


# --- imports ---


def test_every_import_is_understood():
    assert set().union(*IMPORTS.values()) <= NAMES and len(IMPORTS["module_utils.engine.plan"]) > 3


def test_no_files_import_each_other_in_a_circle():
    TopologicalSorter(IMPORTS).prepare()


def test_module_utils_has_at_most_ten_rooms():
    assert set(rooms("module_utils")) == set(MODULE_UTILS) and len(MODULE_UTILS) <= 10


def test_the_page_names_the_rooms_of_plugin_utils():
    assert set(rooms("plugin_utils")) == set(PLUGIN_UTILS)


@pytest.mark.parametrize(
    ("wing", "room"),
    [*(("module_utils", room) for room in MODULE_UTILS), *(("plugin_utils", room) for room in PLUGIN_UTILS)],
)
def test_a_room_imports_only_from_rooms_above_it_in_the_table(wing, room):
    order = {"module_utils": MODULE_UTILS, "plugin_utils": PLUGIN_UTILS}[wing]
    assert rooms(wing)[room] <= set(order[: order.index(room)])


def test_few_files_of_the_controller_import_ansible():
    folder = PLUGINS / "plugin_utils"
    found = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if re.search(r"^ *(from|import) ansible[. ]", path.read_text(encoding="utf-8"), re.M)
    }
    assert found == set(re.findall(r"`([\w/]+\.py)`", re.search(r"Only (.*) import Ansible's own code", PAGE)[1]))


def test_module_utils_import_nothing_that_only_the_controller_has():
    for name, imported in IMPORTS.items():
        if name.startswith(("module_utils.", "modules.")):
            assert all(one.startswith("module_utils.") for one in imported), name


def test_a_planner_knows_no_kernel():
    outside = {one for name in IMPORTS if name.startswith("module_utils.engine.") for one in IMPORTS[name]}
    assert all(one.startswith("module_utils.engine.") for one in outside)


# --- drawings ---


def test_the_drawing_of_the_ties_has_those_that_the_kinds_declare():
    drawing = (ROOT / "docs" / "ties.svg").read_text(encoding="utf-8")
    arrows = re.findall(r'class="line( gives)?[^"]*" data-tie="(\w+) (\w+)"', drawing)
    kinds = by_name()
    assert set(re.findall(r'id="kind-(\w+)"', drawing)) == set(kinds) - {"netns"}
    # that all lie in a namespace is the frame around them
    drawn = {(kind, to) for gives, kind, to in arrows if not gives}
    assert drawn == {(name, to) for name, kind in kinds.items() for to in kind.tied_to if to != "netns"}
    given = {(kind, to) for gives, kind, to in arrows if gives}
    assert given == {(name, to) for name, kind in kinds.items() for to in kind.provided}
    # but for the networks of engines, which are the node's
    lying = {name for name, kind in kinds.items() if "netns" in kind.tied_to}
    assert lying == set(kinds) - {"netns", "container_network"}


def test_the_page_shows_drawings_that_exist():
    shown = re.findall(r"!\[[^]]+\]\((\S+)\)", PAGE)
    assert shown == ["task.svg", "ties.svg"] and all((ROOT / "docs" / name).exists() for name in shown)


# --- sizes ---


def code_lines(path):
    """Return how many lines a file has; of a module, those of its documentation, which options make long, do not count."""
    text = path.read_text(encoding="utf-8")
    documentation = 0
    if path.parent.name == "modules":
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign) and node.targets[0].id in {"DOCUMENTATION", "EXAMPLES", "RETURN"}:
                documentation += node.end_lineno - node.lineno + 1
    return len(text.splitlines()) - documentation


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_can_be_read_at_once(path):
    assert code_lines(path) <= MOST_LINES


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_can_be_read_at_once(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < MOST_LINES_OF_A_FUNCTION, node.name
