# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lessons in the documentation: walks as they are computed, answers that are the right ones, each fault on its page.

NODENET_RECORD=1 writes the walks, docs/site/walks.
"""

import os
import re
import sys
from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import declared_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.faults import FAULTS, chosen
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.trace.plan import Asked, Walks
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.hop import DELIVERED, to_plain
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.terminal import PLAIN, render

ROOT = Path(__file__).absolute().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from rendered import variables_of  # noqa: E402  beside the folder of these tests

SITE = ROOT / "docs" / "site"
EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir())
WALK = re.compile(
    r"nodenet\.fabric\.walk -e walk_from=(\S+) -e walk_to=(\S+)(?: -e walk_family=(6))? -e walk_state=declared"
)
ANSWER = re.compile(r"<summary>Answer</summary>\n(.*?)\.\. raw:: html", re.S)


def page_of(example):
    return (SITE / "examples" / f"{example}.rst").read_text(encoding="utf-8")


def text_of(path):
    """Return a page as one line."""
    return " ".join(path.read_text(encoding="utf-8").split())


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_walk_of_a_page_is_the_one_that_is_printed(example):
    start, end, family = WALK.search(page_of(example)).groups()
    model = fabric_model(variables_of(example))
    asked = Asked(start, end, family=int(family) if family else None)
    (found,) = Walks(model, declared_states(model).values(), asked).predicted
    assert found.verdict == DELIVERED
    # both directions are on the screen; the page has the first
    printed = render(to_plain(found), style=PLAIN).partition("\n\nthe answer:")[0]
    kept, text = SITE / "walks" / f"{example}.txt", "\n".join(line.rstrip() for line in printed.splitlines()) + "\n"
    if os.environ.get("NODENET_RECORD"):
        kept.write_text(text, encoding="utf-8")
    assert kept.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_exercise_of_a_page_has_the_answer_of_its_seed(example):
    page = page_of(example)
    broken = chosen(fabric_model(variables_of(example)), seed=re.search(r"break_seed=(\d+)", page)[1])
    before, answer = page.partition("<summary>Answer</summary>")[0], ANSWER.search(page)[1]
    assert f"``{broken.fault.name}``" in answer and f"``{broken.fault.name}``" not in before
    question = broken.case.question
    asked = re.search(r"Exercise\n-+.*?nodenet\.fabric\.walk (.*?)(?:\s+#.*)?\n", page, re.S)[1]
    target = {
        entry["name"]: entry["address"] for entry in fabric_model(variables_of(example))["fabric"]["fabric_outside"]
    }
    targets = {question.target, target.get(question.target)}
    assert f"walk_from={question.source}" in asked and any(f"walk_to={name}" in asked for name in targets)
    for name, value in (("protocol", question.protocol), ("port", question.port), ("size", question.size)):
        assert value in (None, "icmp") or f"walk_{name}={value}" in asked


def test_the_page_of_lessons_has_each_fault_its_answer_folded():
    page = text_of(SITE / "lessons.rst")
    for one in FAULTS.values():
        notices, answer = page.find(one.notices), page.find(f"**{one.title}** (``{one.name}``). {one.lesson}")
        assert -1 < notices < answer, one.name
        assert page[notices:answer].count("</summary>") == 1 and "</details>" not in page[notices:answer]
    assert page.count("<details>") == page.count("</details>") == len(FAULTS)
