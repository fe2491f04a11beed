# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of the pyroute2 that is there."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import pyroute2


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
    assert pyroute2.problem() == problem
