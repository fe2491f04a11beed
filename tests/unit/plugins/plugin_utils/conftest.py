# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much work something is, without a clock; and the controller's code with a toy backend or attachment in its list."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import pytest

HOUSE = "ansible_collections.nodenet.fabric.plugins.plugin_utils"
TOYS = Path(__file__).parent / "toys"
sys.path.insert(0, str(Path(__file__).absolute().parents[3]))  # drawn.py


@pytest.fixture
def calls():
    """Return a function that counts how many calls of Python's and of C's functions another function makes."""

    def counted(function):
        count = 0

        def note(_frame, event, _argument):
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(note)
        try:
            function()
        finally:
            sys.setprofile(None)
        return count

    return counted


@pytest.fixture
def house_with(monkeypatch):
    """Return a function that loads the controller's code anew, with a toy in a list of it, and returns its modules by name.

    ``house_with("backends", "BACKENDS")`` puts the class Toy of toys/toy_backend.py in BACKENDS of the room backends.
    """
    for name in [name for name in sys.modules if name.startswith(HOUSE)]:
        monkeypatch.delitem(sys.modules, name)

    def house(room, listed):
        spec = importlib.util.spec_from_file_location(f"toy_{room}", TOYS / f"toy_{room[:-1]}.py")
        toy = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(toy)
        getattr(importlib.import_module(f"{HOUSE}.{room}"), listed)["toy"] = toy.Toy()
        return lambda name: importlib.import_module(f"{HOUSE}.{name}")

    yield house
    for name in [name for name in sys.modules if name.startswith(HOUSE)]:
        del sys.modules[name]
