# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node is said to have and to lack."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils import requirements
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import netlink


def test_the_oldest_pyroute2_is_the_one_that_the_engine_takes():
    assert requirements.PYROUTE2_FLOOR == netlink.PYROUTE2_FLOOR


@pytest.mark.parametrize(
    "metadata, problem",
    [
        ("pyroute2-0.9.7.dist-info", None),
        ("pyroute2-0.7.2.egg-info", None),
        ("pyroute2-0.7.2-py3.11.egg-info", None),
        ("pyroute2-0.5.14.egg-info", "this is pyroute2 0.5.14"),
        (None, "there is none"),
    ],
)
def test_its_version_is_read_without_its_import(tmp_path, monkeypatch, metadata, problem):
    if metadata:
        (tmp_path / metadata).mkdir()
        (tmp_path / "pyroute2").mkdir()
        (tmp_path / "pyroute2" / "__init__.py").write_text("raise AssertionError", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for name in [name for name in sys.modules if name.split(".")[0] == "pyroute2"]:
        monkeypatch.delitem(sys.modules, name)
    assert requirements.pyroute2_problem() == problem


def test_each_link_that_ip_could_not_make_is_told_with_what_it_said(monkeypatch):
    said = (
        "RTNETLINK answers: Operation not supported\nCommand failed -:1\n"
        "Error: Unknown device type.\nMore of it\nCommand failed -:3\n"
    )
    monkeypatch.setattr(requirements, "_run", lambda command, lines=None: SimpleNamespace(stderr=said, returncode=1))
    assert requirements._links(["vlan_filtering", "veth", "ipip"]) == {
        "vlan_filtering": "RTNETLINK answers: Operation not supported",
        "ipip": "Error: Unknown device type.",
    }


def test_a_program_that_is_missing_is_no_fault_of_the_kernel(monkeypatch):
    monkeypatch.setattr(requirements, "PATH", "/nonexistent")
    assert requirements._links(["veth"]) == {}
    assert len(requirements.missing_software()) == 2
