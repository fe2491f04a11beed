# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What make prints when it cannot go on: at once, once, and with what to do. scripts/fresh tries the rest on fresh systems."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import BECOME

ROOT = Path(__file__).absolute().parents[2]


@pytest.fixture
def clone(tmp_path):
    """Return a folder with what decides before anything is installed, within everybody's reach."""
    for name in ("scripts", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return tmp_path


def make(folder, *words, become=()):
    found = subprocess.run(
        [*become, "make", "--no-print-directory", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    return found.returncode, found.stdout + found.stderr


@pytest.mark.parametrize("target", ["test", "unit", "bench", "test-vms"])
def test_what_needs_root_is_refused_before_anything_is_installed(clone, target):
    code, said = make(clone, target, become=BECOME)
    assert code and "needs root: sudo make" in said and "installing with" not in said
    assert not (clone / ".venv").exists()


@pytest.mark.skipif(
    shutil.which("sudo") is not None, reason="this machine has sudo, with which setup installs by itself"
)
def test_who_is_not_root_is_given_a_line_to_paste(clone):
    setup = clone / "scripts" / "setup"
    text = setup.read_text(encoding="utf-8")
    assert text.count('programs="ip:iproute2 ') == 1
    setup.write_text(text.replace('programs="ip:iproute2 ', 'programs="nodenet-not-there:a-package '), encoding="utf-8")
    code, said = make(clone, "demo", become=BECOME)
    (line,) = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    assert code and line.startswith("apt-get update && apt-get install --yes --no-install-recommends a-package")
    assert not set(line) & set("'\"\\$") and "installing with" not in said
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize("target", ["demo", "demo-down", "vms"])
def test_an_example_that_is_not_there_is_refused_with_those_that_are(clone, target):
    code, said = make(clone, target, "EXAMPLE=nonsense")
    assert code and "there is no example 'nonsense'; there are: calico-routed " in said
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize(
    "settings, used",
    [
        ({"LC_ALL": "C"}, "C.UTF-8"),
        ({"LANG": "xx_YY.UTF-8"}, "C.UTF-8"),  # never generated
        ({}, "C.UTF-8"),
        ({"LC_ALL": "C.utf8"}, "C.utf8"),
    ],
)
def test_a_locale_that_ansible_starts_in_is_set_where_there_is_none(settings, used):
    script = f". {ROOT}/scripts/environment; ansible --version >/dev/null && echo $LC_ALL"
    path = f"{ROOT}/.venv/bin:{os.environ['PATH']}"
    found = subprocess.run(
        ["sh", "-ec", script], env={"PATH": path, **settings}, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, f"{used}\n"), found.stderr


def test_ansible_does_not_start_in_a_locale_that_is_not_there():
    environment = {"PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}", "LC_ALL": "xx_YY.UTF-8"}
    assert subprocess.run(["ansible", "--version"], env=environment, capture_output=True, check=False).returncode


def test_what_the_kernel_of_this_machine_lacks_is_said_once_and_where_the_example_runs():
    lacks = subprocess.run(
        ["unshare", "--net", "ip", "link", "add", "probe0", "type", "ipip", "local", "192.0.2.1"], check=False
    ).returncode
    code, said = make(ROOT, "demo", "EXAMPLE=ipip")
    if lacks:
        assert code and len(re.findall("kernel lacks IPIP", said)) == 1 and "make vms EXAMPLE=ipip" in said
    else:
        assert not code and "pairs answer" in said
    code, said = make(ROOT, "demo-down", "EXAMPLE=ipip")
    assert not code and ("there is no lab" in said) == bool(lacks)
