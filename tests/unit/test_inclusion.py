# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/inclusion.md calls met, where no tool of Ansible's looks."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).absolute().parents[2]
PLUGINS = ROOT / "plugins"
MODULES = sorted((PLUGINS / "modules").glob("*.py"))
FILTERS = sorted((PLUGINS / "filter").glob("*.yml"))
OTHERS = [*sorted((PLUGINS / "lookup").glob("*.py")), *sorted((PLUGINS / "connection").glob("*.py"))]
# those of ansible-core that are in use here, and plugin_utils (collection requirements, "Modules & Plugins")
KNOWN = {"action", "connection", "doc_fragments", "filter", "lookup", "module_utils", "modules", "plugin_utils"}


def blocks(path):
    """Return DOCUMENTATION, EXAMPLES and RETURN of a module or plugin, as far as it has them."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yml":
        return yaml.safe_load(text)
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.targets[0].id.isupper():
            found[node.targets[0].id] = yaml.safe_load(node.value.value)
    return found


def option_sets(options):
    yield options
    for option in options.values():
        yield from option_sets(option.get("suboptions", {}))


@pytest.mark.parametrize("path", [*MODULES, *FILTERS, *OTHERS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_is_documented_with_examples_and_the_version_of_the_collection(path):
    found = blocks(path)
    # a connection is chosen, not called
    assert "EXAMPLES" in found or path.parent.name == "connection"
    assert "RETURN" in found or path.parent.name == "connection"
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["DOCUMENTATION"]["version_added"])


# a commit is neither made nor removed by its module
STATES = {"commit": {"present", "absent", "pending", "extended", "confirmed", "cancelled"}}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_changes_or_reads_and_says_so(path):
    documented = blocks(path)["DOCUMENTATION"]
    for options in option_sets(documented.get("options", {})):
        assert set(options.get("state", {}).get("choices", [])) <= STATES.get(path.stem, {"present", "absent"})
    if path.stem.endswith("_info"):
        assert "nodenet.fabric.attributes.reads" in documented["extends_documentation_fragment"]
        assert "state" not in documented.get("options", {})


def test_plugins_are_of_known_sorts():
    assert {path.name for path in PLUGINS.iterdir() if path.is_dir() and path.name != "__pycache__"} == KNOWN


def test_nothing_outside_the_four_folders_is_read_by_what_users_call():
    """A collection works with everything deleted but for meta, plugins, roles and playbooks."""
    outside = re.compile(r"\b(docs|examples|scripts|tests|bench|changelogs)/[\w.]")
    for folder in ("plugins", "roles", "playbooks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix not in {".py", ".yml", ".j2"}:
                continue
            code = re.sub(r'(?s)""".*?"""|#[^\n]*', "", path.read_text(encoding="utf-8"))
            assert not outside.search(code), f"{path.relative_to(ROOT)}: {outside.search(code)[0]}"


def test_galaxy_yml_has_tags_and_no_dependency():
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert galaxy["tags"] and galaxy["dependencies"] == {}


def test_ansible_test_is_told_to_ignore_nothing():
    assert not list(ROOT.glob("tests/sanity/ignore*.txt"))


def test_each_line_of_the_table_has_a_state_and_names_files_that_exist():
    text = (ROOT / "docs" / "inclusion.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    states = [state.strip() for _requirement, state, _by in rows if state.strip() != "state"]
    assert len(states) > 30 and all(re.match(r"(met|\*\*open\*\*)", state) for state in states)
    for path in re.findall(r"`((?:\.github|tests|scripts|docs|meta)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
