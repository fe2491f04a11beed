# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nodes' phases leave for the other nodes: who has something left, who failed, and what is confirmed together."""

import multiprocessing
import os
import time

import pytest
from ansible import constants as C
from ansible import context
from ansible.module_utils.common.collections import ImmutableDict
from ansible_collections.nodenet.fabric.plugins.lookup.phase import LookupModule
from ansible_collections.nodenet.fabric.plugins.plugin_utils import progress
from ansible_collections.nodenet.fabric.plugins.plugin_utils.meeting import agreed, is_last
from ansible_collections.nodenet.fabric.plugins.plugin_utils.patience import at_most
from ansible_collections.nodenet.fabric.plugins.plugin_utils.queue import declared, queue

COMMIT = {"id": "20261128-040512-3f9a", "timeout": 120, "holder": "root@controller"}
NODES = {"groups": {"fabric": ["vm2", "vm1", "vm3"]}}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict())
    return tmp_path


def left(name, title=False):
    lookup = LookupModule()
    lookup._load_name = "nodenet.fabric.phase"
    lookup.set_options = lambda **_options: None
    lookup.get_option = lambda _name: title
    found = lookup.run([name], NODES)
    return found[0] if title else found


def expanded(name, *remaining, switch=0, **more):
    progress.begin(name)
    objects = {"expand": 3, "switch": switch, "contract": 1}
    progress.note(name, commit=COMMIT, objects=objects, remaining=list(remaining), touched=True)
    if more:
        progress.note(name, **more)


def test_a_phase_is_for_the_nodes_that_have_something_left_in_the_order_of_the_inventory():
    expanded("vm1", "switch", "contract", switch=2)
    expanded("vm2", "switch", switch=1)
    expanded("vm3")
    assert left("switch") == ["vm2", "vm1"] and left("contract") == ["vm1"] and left("end") == ["vm2", "vm1", "vm3"]
    assert left("switch", title=True) == "Switch: 3 objects on 2 nodes"
    progress.note("vm1", remaining=["contract"])
    progress.note("vm2", remaining=[])
    assert left("switch") == [] and left("contract") == ["vm1"]
    assert left("end", title=True) == "Confirm the commit 20261128-040512-3f9a"


def test_no_phase_follows_where_a_node_has_failed_and_the_end_is_for_all_that_may_have_changed():
    expanded("vm1", "switch", switch=2)
    progress.begin("vm2")
    progress.note("vm2", commit=COMMIT)
    progress.note_failure("vm2", "expand", "no route to host", unreachable=True, touched=True)
    progress.note_failure("vm2", "confirm", "again")
    progress.note("vm3", commit=COMMIT)  # nothing to do there
    assert left("switch") == left("contract") == [] and left("end") == ["vm2", "vm1"]
    assert left("switch", title=True) == "Switch: left out, as vm2 was unreachable in expand"
    assert left("end", title=True) == "Cancel the commit 20261128-040512-3f9a: vm2 was unreachable in expand"
    assert progress.node("vm2").reason == "no route to host"


def test_a_node_whose_queue_nobody_applied_has_failed():
    expanded("vm1", "switch", switch=2)
    assert left("switch") == ["vm1"]
    queue("vm2").add([{"node": "vm2", "module": "arrange", "arguments": {}}])
    assert left("switch") == [] and [node.name for node in progress.failed()] == ["vm2"]
    queue("vm2").taken()
    assert left("switch") == ["vm1"]


def test_a_run_that_changes_nothing_and_one_without_a_commit_have_nothing_to_confirm():
    progress.note("vm1", commit=COMMIT, objects={"expand": 0, "switch": 0, "contract": 0})
    assert left("end") == [] and left("end", title=True) == "Nothing to confirm: no node needs a change"
    progress.begin("vm1")
    progress.note("vm1", objects={"expand": 1, "switch": 0, "contract": 4}, touched=True)
    title = "Nothing to confirm, without a commit: expand: 1 object on 1 node; contract: 4 objects on 1 node"
    assert left("end") == [] and left("end", title=True) == title


def test_all_nodes_of_a_run_have_one_commit_and_the_next_run_has_another():
    first = progress.commit_of_run(120)
    assert progress.commit_of_run(120) == first and first["timeout"] == 120 and "@" in first["holder"]
    expanded("vm1")
    declared("vm1").add([[{}, {}, False]])
    agreed("confirm", "vm1", ["vm1"], True, 0)
    progress.forget()
    assert progress.nodes() == {} and declared("vm1").read() == []
    assert progress.commit_of_run(120)["id"] != first["id"]
    assert not agreed("confirm", "vm1", ["vm1"], False, 0)


def test_the_report_names_what_was_confirmed_undone_and_is_in_doubt():
    expanded("vm1", ended="confirmed")
    expanded("vm2", ended="confirmed")
    line = (
        "commit 20261128-040512-3f9a confirmed on 2 nodes: expand: 6 objects on 2 nodes; contract: 2 objects on 2 nodes"
    )
    assert progress.report(progress.nodes()) == [line]
    progress.note("vm2", ended="doubt")
    assert progress.report(progress.nodes())[1] == (
        "commit 20261128-040512-3f9a in doubt on vm2: unless it is confirmed there, it is undone within 120 s"
    )
    for name in ("vm1", "vm2"):
        progress.note(name, ended="cancelled")
    progress.note_failure("vm2", "switch", "no")
    assert progress.report(progress.nodes()) == ["commit 20261128-040512-3f9a undone on 2 nodes: vm2 failed in switch"]


def test_nodes_that_disagree_about_an_earlier_commit_are_named():
    for name, how in {"vm1": "confirmed", "vm2": "expired", "vm3": "confirmed"}.items():
        expanded(name, last={"id": "20261128-030000-aaaa", "ended": how})
    (sentence,) = progress.disagreements(progress.nodes())
    assert sentence.startswith("the commit 20261128-030000-aaaa was confirmed on vm1, vm3, and undone on vm2: ")
    expanded("vm2", last={"id": "20261128-031000-bbbb", "ended": "cancelled"})
    assert progress.disagreements(progress.nodes()) == []


def test_a_node_that_does_not_answer_is_not_waited_for():
    start = time.monotonic()
    with pytest.raises(ConnectionError, match="no answer"), at_most(0.2, ConnectionError("no answer")):
        time.sleep(10)
    assert time.monotonic() - start < 5
    with at_most(0.2, ConnectionError("no answer")):
        pass
    time.sleep(0.3)


# --- the decision ---


def decisions(folder, hosts, wait, agrees=True, parent=None):
    """Return host -> what a process of its own decides, for the first of ``hosts`` that are started."""
    forked = multiprocessing.get_context("fork")
    answers = forked.Queue()

    def work(host):
        answers.put((host, agreed("confirm", host, ["a", "b", "c"], agrees, wait)))

    workers = [forked.Process(target=work, args=(host,)) for host in hosts]
    for worker in workers:
        worker.start()
    found = dict(answers.get(timeout=10) for _worker in workers)
    for worker in workers:
        worker.join()
    return found


def test_all_go_ahead_once_all_are_there(folder):
    assert decisions(folder, ["a", "b", "c"], 5) == {"a": True, "b": True, "c": True}


def test_none_goes_ahead_if_one_is_missing_also_if_it_comes_later(folder):
    assert decisions(folder, ["a", "b"], 0.2) == {"a": False, "b": False}
    assert decisions(folder, ["c"], 5) == {"c": False}


def test_where_fewer_run_at_a_time_the_first_decides_for_all(folder):
    assert decisions(folder, ["a"], 0) == {"a": True}
    assert decisions(folder, ["b", "c"], 0, agrees=False) == {"b": True, "c": True}


def test_whoever_lost_ansible_meanwhile_does_not_go_ahead(folder):
    forked = multiprocessing.get_context("fork")
    answers = forked.Queue()

    def work():
        answers.put(agreed("confirm", "a", ["a", "b"], True, 30))

    def ansible():
        forked.Process(target=work).start()
        while not any(name.startswith("nodenet-meeting-") for name in os.listdir(folder)):
            time.sleep(0.01)
        os._exit(1)

    forked.Process(target=ansible).start()
    assert answers.get(timeout=10) is False


def test_one_is_the_last():
    assert [is_last("end", host, ["a", "b"]) for host in ("a", "b")] == [False, True]
