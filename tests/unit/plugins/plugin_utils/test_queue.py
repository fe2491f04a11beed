# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks queue becomes the arguments of one."""

import os
import stat

import pytest
from ansible import constants as C
from ansible_collections.nodenet.fabric.plugins.plugin_utils.queue import applied, promises, queue


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))


def entry(module, name, **arguments):
    return {"task": name, "role": True, "module": module, "arguments": arguments}


def test_what_is_queued_for_a_node_is_taken_once_and_by_that_node_alone():
    queue("a").add([{"number": 1}, {"number": 2}])
    queue("a").add([{"number": 3}])
    queue("b").add([{"number": 4}])
    promises("a").add([{"number": 5}])
    assert queue("a").taken() == [{"number": 1}, {"number": 2}, {"number": 3}]
    assert queue("a").taken() == [] and queue("b").read() == [{"number": 4}] and promises("a").read() == [{"number": 5}]


def test_nobody_else_can_read_what_is_queued(tmp_path):
    before = os.umask(0)
    try:
        queue("a").add([{"arguments": {"keys": {"private": ["secret"]}}}])
    finally:
        os.umask(before)
    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and "secret" in path.read_text(encoding="utf-8")


def test_each_set_keeps_the_name_of_its_task():
    own = {"apply_queued": True, "sets": [{"owner": "mine", "netns": []}]}
    arguments, places = applied(
        own,
        [
            entry("arrange", "bridge", owner="bridge", purge=True, netns=[], sets=[{"owner": "forwarding"}]),
            entry("arrange", "several", owner="unused", sets=[{"owner": "a"}, {"owner": "b"}], adopt="yes"),
            entry("arrange", "empty", owner="gone", purge=True),
        ],
    )
    assert [one["owner"] for one in arguments["sets"]] == ["mine", "bridge", "forwarding", "a", "b", "gone"]
    assert list(places.values()) == ["bridge", "bridge", "several", "several", "empty"]
    assert list(places) == [f"sets[{number}]" for number in range(1, 6)]
    assert arguments["adopt"] is True and own == {"apply_queued": True, "sets": [{"owner": "mine", "netns": []}]}


def test_keys_of_several_tasks_are_those_of_the_one_that_applies_them():
    own = {"apply_queued": True, "keys": {"private": ["a"]}}
    several = [
        entry("arrange", "one", owner="one", keys={"private": ["b"], "preshared": ["c"]}, wireguard=[]),
        entry("arrange", "two", owner="two", keys={"preshared": ["d"]}, wireguard_peer=[]),
    ]
    arguments, _places = applied(own, several)
    assert arguments["keys"] == {"private": ["a", "b"], "preshared": ["c", "d"]}
    assert [sorted(one) for one in arguments["sets"]] == [["owner", "wireguard"], ["owner", "wireguard_peer"]]
    assert own["keys"] == {"private": ["a"]}


def test_what_a_node_needs_is_checked_in_the_same_run():
    arguments, places = applied({"adopt": False}, [entry("prepare", "needs", features=["veth"], install=["nftables"])])
    assert arguments == {"adopt": False, "sets": [], "prepare": {"features": ["veth"], "install": ["nftables"]}}
    assert places == {}
