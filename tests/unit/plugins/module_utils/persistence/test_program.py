# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program nodenet-fabric depends on its sources alone."""

import io
import os
import pkgutil
import subprocess
import sys
import zipfile
from importlib import import_module
from modulefinder import ModuleFinder

import pytest
from ansible_collections.nodenet.fabric.plugins import module_utils
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import program

ALONE = f"import sys; from {program.__name__} import program; sys.stdout.buffer.write(program())"


def test_the_same_bytes_come_of_a_process_that_has_loaded_all_and_of_a_fresh_one():
    names = [one.name for one in pkgutil.walk_packages(module_utils.__path__, module_utils.__name__ + ".")]
    assert len(names) > 50
    for name in names:
        import_module(name)
    fresh = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, check=True)
    assert fresh.stdout == program.program()


def test_it_has_what_it_imports_and_nothing_else(tmp_path):
    archive = zipfile.ZipFile(io.BytesIO(program.program()))
    archive.extractall(tmp_path)
    there = {name[:-3].replace("/", ".").replace(".__init__", "") for name in archive.namelist()}
    finder = ModuleFinder([str(tmp_path)])
    finder.run_script(str(tmp_path / "__main__.py"))
    ours = {name for name in finder.modules if name.split(".")[0] in ("nodenet_fabric", "__main__")}
    assert ours == there
    assert f"nodenet_fabric.{program.MAIN}" in there and "nodenet_fabric.node.site" not in there


@pytest.mark.parametrize("module", ["persistence.cli", "kernel.netlink"])
def test_it_starts_without_the_collection(tmp_path, module):
    """A module that is left out is missed."""
    archive = zipfile.ZipFile(io.BytesIO(program.program()))
    archive.extractall(tmp_path)
    start = [sys.executable, str(tmp_path), "--help"]
    away = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    assert subprocess.run(start, capture_output=True, check=False, cwd="/", env=away).returncode == 0
    (tmp_path / "nodenet_fabric" / (module.replace(".", "/") + ".py")).unlink()
    assert subprocess.run(start, capture_output=True, check=False, cwd="/", env=away).returncode != 0


@pytest.mark.parametrize("packed", [True, False])
def test_the_program_builds_itself(tmp_path, packed):
    """A commit that is confirmed by hand installs it."""
    first = tmp_path / "nodenet-fabric"
    first.write_bytes(program.program(packed=packed))
    build = f"import sys; sys.path.insert(0, {str(first)!r}); from nodenet_fabric.persistence.program import program"
    words = [sys.executable, "-I", "-c", f"{build}; sys.stdout.buffer.write(program())"]
    assert subprocess.run(words, capture_output=True, check=True, cwd="/").stdout == program.program()
