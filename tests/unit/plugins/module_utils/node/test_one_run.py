# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of arrange with the options of prepare and persist: their order, their results, and what a failure leaves of these."""

from __future__ import annotations

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError, InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.node import site as tested

NOTHING = {"prepare": None, "persist": None}


@pytest.fixture
def ran(monkeypatch):
    """The steps as they run; one in ``fails`` fails."""
    done, fails = [], set()

    def step(name, result):
        def act(*_words, **_options):
            done.append(name)
            if name in fails:
                raise FabricError(f"{name} failed")
            return dict(result)

        return act

    monkeypatch.setattr(tested.preparation, "prepare", step("prepare", {"changed": False, "findings": ["strict"]}))
    arranged = {"changed": True, "commands": ["ip netns add red"], "stats": {"changed": 1}, "diff": lambda: ["objects"]}
    monkeypatch.setattr(tested, "arrange", step("arrange", arranged))
    monkeypatch.setattr(tested.install, "persist", step("persist", {"changed": False, "files": [], "diff": ["file"]}))
    return done, fails


def test_all_three_run_in_order_and_have_one_result(ran):
    result = tested.site({"prepare": {}, "persist": {"repair": True}}, False)
    assert ran[0] == ["prepare", "arrange", "persist"]
    assert result.pop("diff")() == ["objects", "file"]
    assert result == {
        "changed": True,
        "commands": ["ip netns add red"],
        "stats": {"changed": 1},
        "prepared": {"findings": ["strict"]},
        "persisted": {"files": []},
    }


def test_what_is_not_asked_for_does_not_run(ran):
    assert "persisted" not in tested.site({**NOTHING, "prepare": {}}, False)
    assert "prepared" not in tested.site({**NOTHING, "persist": {}}, False)
    assert ran[0] == ["prepare", "arrange", "arrange", "persist"]


def test_what_prepare_takes_away_in_the_last_phase_is_left_to_do(ran, monkeypatch):
    found = {"changed": True, "remaining": ["contract"]}
    monkeypatch.setattr(
        tested.preparation, "prepare", lambda _options, _check, phase, _commit: {**found, "files": [phase]}
    )
    result = tested.site({**NOTHING, "prepare": {}, "phase": "expand"}, False)
    assert result["remaining"] == ["contract"] and result["prepared"] == {"files": ["expand"]}
    monkeypatch.setattr(tested, "arrange", lambda *_words: {"changed": False, "remaining": ["switch", "contract"]})
    assert tested.site({**NOTHING, "prepare": {}, "phase": "expand"}, False)["remaining"] == ["switch", "contract"]
    found["remaining"] = []
    monkeypatch.setattr(tested, "arrange", lambda *_words: {"changed": False, "remaining": []})
    assert tested.site({**NOTHING, "prepare": {}, "phase": "expand"}, False)["remaining"] == []


@pytest.mark.parametrize(
    "step, before, changed",
    [("prepare", [], False), ("arrange", ["prepare"], False), ("persist", ["prepare", "arrange"], True)],
)
def test_a_failure_ends_the_run_and_says_what_was_done_before(ran, step, before, changed):
    ran[1].add(step)
    also = r" \(the node was arranged, only saving failed\)" if step == "persist" else ""
    with pytest.raises(FabricError, match=f"^{step} failed{also}$") as failure:
        tested.site({"prepare": {}, "persist": {}}, False)
    assert ran[0] == [*before, step]
    assert failure.value.facts()["changed"] is changed
    assert ("prepared" in failure.value.facts()) is ("prepare" in before)


COMMIT = {"id": "one", "timeout": 60, "holder": ""}


@pytest.mark.parametrize("arranged, saved", [({"remaining": []}, True), ({"remaining": ["switch"]}, False)])
def test_without_a_commit_the_fabric_is_saved_by_the_run_that_leaves_nothing_to_do(ran, monkeypatch, arranged, saved):
    monkeypatch.setattr(tested, "arrange", lambda *_words: {"changed": True, **arranged})
    tested.site({**NOTHING, "persist": {}}, False)
    assert (ran[0] == ["persist"]) is saved


@pytest.mark.parametrize(
    "changed, waiting, check, saved",
    [(False, None, False, True), (True, None, False, False), (False, "one", False, False), (True, None, True, True)],
)
def test_with_a_commit_a_change_is_saved_by_the_confirmation(ran, monkeypatch, changed, waiting, check, saved):
    monkeypatch.setattr(tested, "arrange", lambda *_words: {"changed": changed})
    monkeypatch.setattr(tested.pending, "read", lambda: waiting)
    tested.site({**NOTHING, "persist": {}, "commit": COMMIT}, check)
    assert (ran[0] == ["persist"]) is saved


@pytest.mark.parametrize("name", ["prepare", "persist", "commit"])
def test_options_are_checked_before_anything_runs(ran, name):
    with pytest.raises(InputError, match=f"^{name}: .*colour"):
        tested.site({**NOTHING, name: {"colour": "red"}}, False)
    assert ran[0] == []
