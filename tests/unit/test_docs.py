# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation site, as far as it can be tested without building it: scripts/docs builds it."""

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).absolute().parents[2]


@pytest.fixture(autouse=True)
def _path(monkeypatch):
    """The builder's modules stand beside each other."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts" / "docs"), *sys.path])


def builder(name):
    """Return the names of one module of the builder."""
    return runpy.run_path(str(ROOT / "scripts" / "docs" / f"{name}.py"))


@pytest.mark.parametrize(
    "link, is_broken",
    [
        ("b.html", False),
        ("b.html#there", False),
        ("#here", False),
        ("picture.svg", False),
        ("https://example.com/x#y", False),
        ("c.html", True),
        ("b.html#not-there", True),
        ("#not-here", True),
        ("other.svg", True),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path, link, is_broken):
    (tmp_path / "a.html").write_text(f'<h1 id="here"></h1><a href="{link}">x</a>', encoding="utf-8")
    (tmp_path / "b.html").write_text('<h1 id="there"></h1>', encoding="utf-8")
    (tmp_path / "picture.svg").write_text("<svg/>", encoding="utf-8")
    assert builder("links")["broken"](tmp_path) == ([f"a.html: {link}"] if is_broken else [])


def test_the_page_of_variables_has_each_of_them_and_each_key():
    module = builder("variables")
    page = module["page"]()
    for name, one in module["source"].variables().items():
        assert f"\n{name}\n{'~' * len(name)}\n" in page
        assert all(f"``{key}``" in page for key in one.get("options", {}))
