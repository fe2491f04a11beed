# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that the code had before its rooms were named in the field's words are gone, from the texts too."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).absolute().parents[2]
FOLDERS = ("bench", "docs", "examples", "meta", "molecule", "playbooks", "plugins", "roles", "scripts", "tests")
SUFFIXES = {".py", ".yml", ".yaml", ".md", ".rst", ".j2", ""}
# the old name: what it is now
OLD = {
    r"module_utils[./]parts\b|\bPARTS?\b": "specs, SPECS",
    r"\b[Ww]ish(es|ed)?\b": "desired",
    r"\btold\b": "declared, reported, configured, says",
    r"[Mm]eddler": "coexistence",
    r"\bdoor\b": "kernel/kernel.py",
    r"kernel[./]library\b": "kernel/pyroute2.py",
    r"\bas_guest\b": "in_worker_thread",
    r"\bmortal\b": "has_identity",
    r"\bfoundation\b": "ties",
    r"\bnode_view\b": "node_model",
    r"\bEverybody\b": "Expectations",
    r"\bkeep_names\b": "fsync_directory",
    r"\bfabric_together\b": "fabric_queue",
    r"\b(saved|shape|faults|view|questions|plain|echo|wire|everything|guard)\.py\b": "another file",
    r"^ +(prove|together|among):": "measure, apply_queued, remove_sets_among",
    r"\bO\((prove|together|keep|among)\)": "measure, apply_queued, remove_sets_except, remove_sets_among",
    r"\bis led to\b|\bare led to\b|\bis told of\b": "a verb with an actor",
}
FILES = [
    path
    for path in (*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")))
    # the decision about ties names what they replaced
    if path.is_file() and path.suffix in SUFFIXES and path.name not in {"test_old_names.py", "0007-ties.md"}
]


@pytest.mark.parametrize("old", OLD)
def test_an_old_name_is_gone(old):
    pattern = re.compile(old, re.M)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == [], f"it is now: {OLD[old]}"


def test_the_files_are_looked_at():
    assert len(FILES) > 400
