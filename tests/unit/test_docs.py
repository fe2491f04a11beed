# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation site, as far as it can be tested without building it: scripts/docs builds it."""

import ast
import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).absolute().parents[2]
BLOB, RAW = "https://github.com/nodenet/fabric/blob/main/", "https://raw.githubusercontent.com/nodenet/fabric/main/"


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


def sentences():
    """Return every text of the plugins' code, with … for what is filled in."""
    found = []
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def test_troubleshooting_quotes_what_is_printed():
    page = (ROOT / "docs" / "site" / "troubleshooting.rst").read_text(encoding="utf-8")
    quoted = re.findall(r"^``([^`]+)``$", page, re.M)
    assert len(quoted) > 20
    printed = sentences()
    strange = [quote for quote in quoted if not any(_says(text, quote) for text in printed)]
    assert not strange, "the code prints nothing like this"


def _says(text, quote):
    """Say whether ``text`` has the words between the gaps of ``quote``, in order."""
    words = [re.escape(part.strip()) for part in quote.split("…") if part.strip()]
    return re.search(".*".join(words), text, re.S) is not None


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples").iterdir()))
def test_a_drawing_shows_every_host_and_address_of_its_inventory(example):
    module = builder("topology")
    drawn = module["draw"](ROOT / "examples" / example)
    kept = (ROOT / "docs" / "site" / "examples" / f"{example}.svg").read_text(encoding="utf-8")
    assert kept == drawn, "run: python3 scripts/docs/topology.py"
    for name, values in module["hosts_of"](ROOT / "examples" / example).items():
        endpoints = [value for one in values.get("fabric_endpoints", []) for value in (one["name"], one["address"])]
        outside = [one["address"] for one in values.get("fabric_outside", [])]
        for text in [name, values["fabric_node_address"], *endpoints, *outside]:
            assert re.search(rf"[> ]{re.escape(text)}<", drawn), text


def test_every_example_has_a_page_in_the_index():
    pages = {path.stem for path in (ROOT / "docs" / "site" / "examples").glob("*.rst")} - {"index"}
    assert pages == {path.name for path in (ROOT / "examples").iterdir()}


def test_the_readme_works_on_galaxy_and_leads_to_what_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 180
    links = re.findall(r"\]\(([^)]+)\)", text)
    here = [re.fullmatch(f"({BLOB}|{RAW})(.*)", link) for link in links]
    assert all(here) and len(here) > 20, "links of the README are absolute, and lead to the repository"
    assert [match[2] for match in here if not (ROOT / match[2]).exists()] == []


def test_links_from_the_site_to_the_repository_lead_to_what_is_there():
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "site").rglob("*.rst")]
    found = [path for page in pages for path in re.findall(r"nodenet/fabric/(?:blob|tree)/main/([^>\s]+)", page)]
    assert len(found) > 20 and [path for path in found if not (ROOT / path).exists()] == []
