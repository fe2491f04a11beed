# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation says of the inventory's variables is what the code reads."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.entries import ENTRIES, LINK_KEYS
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.variables import DEFAULTS, FABRIC_WIDE, VARIABLES

ROOT = Path(__file__).resolve().parents[5]
SCRIPT = importlib.util.spec_from_file_location("document", ROOT / "scripts" / "document_variables.py")
document = importlib.util.module_from_spec(SCRIPT)
SCRIPT.loader.exec_module(document)
KNOWN = document.variables()
# set by the playbooks themselves
INTERNAL = {"fabric_checked", "fabric_node", "fabric_queue"}


def test_every_variable_is_documented_and_no_other():
    assert set(KNOWN) == set(VARIABLES) - INTERNAL


def test_defaults_are_those_of_the_code():
    for name, default in DEFAULTS.items():
        assert KNOWN[name].get("default") == default, name


@pytest.mark.parametrize("name", ENTRIES)
def test_entries_have_the_keys_of_the_code(name):
    keys, needed, _example = ENTRIES[name]
    options = KNOWN[name]["options"]
    assert set(options) == set(keys)
    assert {key for key, option in options.items() if option.get("required")} == set(needed)
    for end in {"a", "b"} & set(keys):
        assert set(options[end]["options"]) == set(LINK_KEYS)


def test_types_are_those_of_the_code():
    assert {name: one["type"] for name, one in KNOWN.items()} == {name: one.type for name, one in VARIABLES.items()}


def test_what_is_one_for_the_whole_fabric_is_said_to_be():
    assert {name for name, one in KNOWN.items() if one["of"] == "fabric"} == set(FABRIC_WIDE)


def test_pages_and_argument_specs_are_up_to_date():
    for path, text in document.written().items():
        assert path.read_text(encoding="utf-8") == text, f"run python3 scripts/document_variables.py: {path}"


@pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir()))
def test_a_role_specifies_what_its_defaults_set(role):
    spec = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    specified = {name for entry in spec["argument_specs"].values() for name in entry["options"]}
    defaults = set(yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text(encoding="utf-8")))
    assert defaults <= specified
    assert {name for name in specified - defaults if not name.startswith("fabric_")} == set()
