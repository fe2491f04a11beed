# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that has booted since its commit began is as it was before: its answer confirms nothing."""

from types import SimpleNamespace

import pytest
from ansible_collections.nodenet.fabric.plugins.action import commit as tested

PENDING = {"id": "20261128-1", "holder": "root@one", "since": "now", "seconds_left": 9, "extended": True}


@pytest.fixture
def plugin(monkeypatch):
    """The plugin at the end of a run that has changed the node, and what it notes."""
    noted = []
    task = SimpleNamespace(action="nodenet.fabric.commit", args={}, async_val=0, check_mode=False, delegate_to=None)
    made = tested.ActionModule(task, None, None, None, None, None)
    made._node = "vm2"
    made._noted = SimpleNamespace(is_pending=True, commit={"id": "20261128-1", "timeout": 120})
    progress = tested.progress
    monkeypatch.setattr(progress, "failed", list)
    monkeypatch.setattr(progress, "note", lambda _name, **facts: noted.append(facts))
    monkeypatch.setattr(
        progress, "note_failure", lambda _name, _phase, reason, **facts: noted.append({"reason": reason, **facts})
    )
    return made, noted


def answers(monkeypatch, plugin, **result):
    monkeypatch.setattr(plugin, "_module", lambda _arguments, _task_vars: {"ended": None, "commit": None, **result})


def test_more_time_is_given_only_to_what_is_pending(plugin, monkeypatch):
    made, noted = plugin
    answers(monkeypatch, made, changed=True, commit=PENDING)
    assert not made._extend({}).get("failed") and noted == []
    answers(monkeypatch, made, changed=False)
    result = made._extend({})
    assert result["failed"] and "20261128-1 is not pending on this node any more" in result["msg"]
    assert [note["reason"] for note in noted] == [result["msg"]]


def test_what_is_not_pending_is_in_doubt_where_others_confirm(plugin, monkeypatch):
    made, noted = plugin
    answers(monkeypatch, made, changed=True, ended="confirmed")
    assert not made._confirm({}).get("failed")
    answers(monkeypatch, made, changed=False, ended="confirmed")
    assert not made._confirm({}).get("failed") and noted == [{"ended": "confirmed"}] * 2
    answers(monkeypatch, made, changed=False)
    assert made._confirm({})["failed"] and noted[-1]["ended"] == "doubt"
