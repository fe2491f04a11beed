# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was removed stays removed: a saved file that is older than the last change is not restored over it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils import ownership
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import cli, snapshot
from ansible_collections.nodenet.fabric.plugins.module_utils.system.lock import exclusive
from ansible_collections.nodenet.fabric.plugins.modules import sweep


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The usual file, in a folder of the test's own."""
    path = str(tmp_path / "etc" / "fabric.json")
    for module in (snapshot, ownership):
        monkeypatch.setattr(module, "FILE", path)
    return path


def site(node, *names):
    """What a run of ``site`` leaves: these namespaces and no other, and with them their veths."""
    node.task("netns", config=[{"name": name, "ipv6": False} for name in names], purge=True)
    ends = [{"name": f"v-{name}", "addrgenmode": "none", "peer": {"name": "eth0", "netns": name}} for name in names]
    node.task("veth", config=ends, purge=True)


def restore(file, *words):
    return cli.main(["restore", "--file", file, *words])


def names(node):
    return {line.split()[0] for line in node.sh("ip netns list").splitlines()}


def test_between_a_change_and_its_save_nothing_comes_back(node, file, capsys):
    site(node, "a", "b")
    snapshot.save(file)
    site(node, "b", "c")
    before = node.snapshot()
    assert restore(file) == 3
    assert "older than the last change" in capsys.readouterr().err
    assert node.snapshot() == before
    assert restore(file, "--check") == 3
    snapshot.save(file)
    node.sh("ip netns del c")
    assert restore(file) == 0
    assert names(node) == {"b", "c"}


def test_what_somebody_else_took_away_comes_back_while_nothing_of_ours_changed(node, file):
    site(node, "a")
    snapshot.save(file)
    site(node, "a")  # a run that changes nothing
    node.sh("ip link del v-a")
    assert restore(file) == 0
    assert node.json("ip -j link show v-a")
    node.sh("ip link del v-a")  # and again, after a repair
    assert restore(file) == 0


def test_after_a_teardown_nothing_comes_back_and_after_a_reboot_all_of_the_file(node, file):
    site(node, "a")
    snapshot.save(file)
    sweep.perform({"except_sets": [], "promised": []}, False)
    assert restore(file) == 3
    assert names(node) == set()
    node.sh("rm -r /run/nodenet")  # the node boots before the file was removed
    assert restore(file) == 0
    assert names(node) == {"a"}
    sweep.perform({"except_sets": [], "promised": []}, False)
    os.unlink(file)
    ownership.Ledger().save()  # as persist does when it takes the file away
    assert not os.path.exists("/run/nodenet/state.json")


def test_to_go_back_is_possible_and_whole(node, file, tmp_path):
    older = str(tmp_path / "older.json")
    site(node, "a", "b")
    snapshot.save(older)
    before = node.snapshot()
    site(node, "b", "c")
    snapshot.save(file)
    assert restore(older) == 0  # a file that is named is what is meant
    assert node.snapshot() == before
    assert restore(file) == 3
    assert restore(file, "--force") == 0
    assert names(node) == {"b", "c"}


@pytest.mark.parametrize("attempt", range(5))
def test_beside_a_run_that_changes_the_end_is_one_of_both(node, file, tmp_path, attempt):
    """Restoring an older file and a change at once: the node ends as the one or the other says, never between."""
    older = str(tmp_path / "older.json")
    site(node, "a", "b")
    snapshot.save(older)
    command = f"import sys; from {cli.__name__} import main; sys.exit(main(['restore', '--file', {older!r}]))"
    beside = subprocess.Popen([sys.executable, "-c", command])
    node.task("netns", config=[{"name": "b"}, {"name": "c"}], purge=True)
    assert beside.wait() == 0
    assert names(node) in ({"a", "b"}, {"b", "c"})


def test_the_file_is_read_when_nobody_changes_it_any_more(node, file):
    site(node, "a")
    snapshot.save(file)
    ended = []
    with exclusive():
        waiting = threading.Thread(target=lambda: ended.append(restore(file)))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        with open(file, "w", encoding="utf-8") as target:
            target.write(snapshot.as_text([]))
    waiting.join()
    assert ended == [3]  # what it read is not what was there when it began to wait
