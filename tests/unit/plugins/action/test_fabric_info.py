# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin runs the module that the task names, whatever name ansible-core gives to the task's action."""

from types import SimpleNamespace

import pytest
from ansible_collections.nodenet.fabric.plugins.action.fabric_info import ActionModule


def plugin(action, resolved):
    """Return the plugin for a task; ``resolved`` is its resolved_action: the plugin's name before ansible-core 2.19."""
    task = SimpleNamespace(action=action, resolved_action=resolved, args={}, async_val=0, check_mode=False)
    task.delegate_to = None
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    templar = SimpleNamespace(template=lambda value: value)
    return ActionModule(task, connection, None, None, templar, None)


@pytest.fixture(params=["nodenet.fabric.fabric_info", None, "same"])
def resolved(request):
    return lambda name: f"nodenet.fabric.{name}" if request.param == "same" else request.param


# "netns": by the keyword `collections`
@pytest.mark.parametrize("action", ["nodenet.fabric.netns", "netns", "nodenet.fabric.fabric_info"])
def test_the_module_is_the_one_that_the_task_names(monkeypatch, action, resolved):
    ran = []
    tested = plugin(action, resolved("netns"))
    monkeypatch.setattr(tested, "_execute_module", lambda **asked: ran.append(asked["module_name"]) or {})
    monkeypatch.setattr(tested, "_remove_tmp_path", lambda _path: None)
    tested._perform({"name": "never"}, {})
    assert ran == [action]


@pytest.mark.parametrize("name, waits", [("arrange", True), ("netns", False), ("fabric_info", False)])
@pytest.mark.parametrize("prefix", ["nodenet.fabric.", ""])
def test_only_arrange_waits_for_others(prefix, name, waits, resolved):
    tested = plugin(prefix + name, resolved(name))
    assert tested._waits({}, {"fabric_queue": True}) is waits
    assert tested._waits({}, {"fabric_queue": False}) is False
