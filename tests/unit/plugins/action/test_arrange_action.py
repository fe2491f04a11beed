# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin runs the module that the task names, whatever name ansible-core gives to the task's action."""

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.nodenet.fabric.plugins.action.arrange import ActionModule
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from ansible_collections.nodenet.fabric.plugins.plugin_utils.keys import SECRETS


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
    tested._node = "vm1"
    tested._perform({"name": "never"}, {})
    assert ran == [action]


@pytest.mark.parametrize(
    "name, queues", [("arrange", True), ("prepare", True), ("persist", True), ("netns", False), ("fabric_info", False)]
)
@pytest.mark.parametrize("prefix", ["nodenet.fabric.", ""])
def test_only_prepare_arrange_and_persist_are_queued(prefix, name, queues, resolved):
    tested = plugin(prefix + name, resolved(name))
    assert tested._is_queued({}, {"fabric_queue": True}) is queues
    assert tested._is_queued({"sets": []}, {"fabric_queue": True}) is queues
    assert tested._is_queued({"remove_sets_except": []}, {"fabric_queue": True}) is False
    assert tested._is_queued({}, {"fabric_queue": False}) is False


@pytest.mark.parametrize(
    "arguments, place",
    [
        ({"wireguard": [{"name": "wg0"}, {"private_key": "hidden"}]}, r"wireguard\[1\].private_key"),
        (
            {"sets": [{}, {"wireguard_peer": [{"preshared_key": "hidden"}]}]},
            r"sets\[1\].wireguard_peer\[0\].preshared_key",
        ),
    ],
)
def test_a_secret_where_it_would_be_logged_is_refused_before_it_is_sent(monkeypatch, arguments, place):
    tested = plugin("nodenet.fabric.arrange", None)
    tested._task.args = arguments
    monkeypatch.setattr(tested, "_execute_module", lambda **_asked: pytest.fail("sent"))
    monkeypatch.setattr(ActionBase, "run", lambda *_words: {})
    with pytest.raises(AnsibleActionFail, match=place) as refused:
        tested.run(task_vars={})
    assert "hidden" not in str(refused.value)
    assert {name: secret for name, spec in SPECS.items() for secret in spec.secrets} == SECRETS


LACKS = {"failed": True, "msg": "this node lacks the program nft", "missing_software": ["the program nft"]}


@pytest.mark.parametrize(
    "packages, installed, runs, ends",
    [
        (["nftables"], {"changed": True}, [LACKS, {}], {"changed": True}),
        (["nftables"], {"failed": True, "msg": "no mirror"}, [LACKS], {"failed": True, "msg": "no mirror"}),
        ([], None, [LACKS], LACKS),
        (["nftables"], None, [{"failed": True, "msg": "a conflict"}], {"failed": True, "msg": "a conflict"}),
    ],
    ids=["installed, and run again", "cannot be installed", "nothing to install", "nothing is missing"],
)
@pytest.mark.parametrize("name", ["prepare", "arrange"])
def test_what_a_node_lacks_is_installed_once(monkeypatch, name, packages, installed, runs, ends):
    tested = plugin(f"nodenet.fabric.{name}", None)
    tested._node, answers = "vm1", iter(runs)
    monkeypatch.setattr(tested, "_perform", lambda _arguments, _vars: dict(next(answers)))
    monkeypatch.setattr(tested, "_install", lambda asked, _vars: asked == packages and installed)
    options = {"install": packages}
    assert tested._installing(options if name == "prepare" else {"prepare": options}, {}) == ends
    assert next(answers, None) is None
