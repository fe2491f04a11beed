# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All or nothing, whatever fails: a sample of the points at which a run may fail or be killed (``make faults`` is all)."""

from __future__ import annotations

import os
import signal
import subprocess
import threading

import injector
import pytest
import trials
from ansible_collections.nodenet.fabric.plugins.module_utils import ownership
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError, KernelError
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import nft
from ansible_collections.nodenet.fabric.plugins.module_utils.system import files, lock
from ansible_collections.nodenet.fabric.plugins.modules import sweep

# about a minute
SAMPLE = 60
STATE = "/run/nodenet/state.json"


def test_a_fault_anywhere_leaves_the_old_or_the_new_and_the_next_run_converges(private_mounts):
    wrong = {}
    for one in trials.sample(trials.planned(), SAMPLE):
        found = trials.trial(*one)
        if found:
            wrong[one] = found
    assert wrong == {}


def test_a_fault_that_is_not_mended_is_seen(private_mounts, monkeypatch):
    """The twin: without the undo, what a refused request leaves is reported."""
    monkeypatch.setattr(trials.arrange.__globals__["execute"].__globals__["Session"], "_taken_back", lambda *_words: [])
    case = trials.CASES[0]
    last = max(number for number, sort in enumerate(trials.reference(case)[3]) if sort == "request")
    assert "said as before falsely" in trials.trial(case, injector.ONCE, last)


def test_a_namespace_that_the_undo_gives_back_is_ours_and_the_error_says_what_it_is(node, monkeypatch):
    node.task("netns", config=[{"name": "a"}, {"name": "b"}])
    delete, ended = trials.forked.__globals__["injector"].namespaces.delete, []

    def refuse_the_second(name):
        ended.append(name)
        if len(ended) == 2:
            raise OSError(16, os.strerror(16))
        delete(name)

    monkeypatch.setattr(injector.namespaces, "delete", refuse_the_second)
    with pytest.raises(
        KernelError, match="as it was before; network namespace '.' was made anew: what ran in it is cut off"
    ):
        node.task("netns", config=[], purge=True)
    monkeypatch.setattr(injector.namespaces, "delete", delete)
    assert not node.task("netns", config=[{"name": "a"}, {"name": "b"}])["changed"]
    sweep.perform({"except_sets": [], "promised": []}, False)
    assert os.listdir("/run/netns") == []


def test_marks_that_cannot_be_read_are_a_sentence_with_the_remedy(node):
    node.task("netns", name="red")
    with open(STATE, "r+", encoding="utf-8") as target:
        target.truncate(20)
    with pytest.raises(FabricError, match="state.json .*cannot be read.*fabric_adopt=true"):
        node.task("netns", name="red")
    with pytest.raises(FabricError, match="cannot be read.*fabric_adopt=true"):
        sweep.perform({"except_sets": [], "promised": []}, False)
    assert node.task("netns", name="red", adopt=True)["changed"]
    assert not node.task("netns", name="red")["changed"]
    sweep.perform({"except_sets": [], "promised": []}, False)
    assert not node.sh("ip netns list")


def test_marks_that_were_deleted_are_found_again_with_adopt(node):
    node.task("netns", name="red")
    node.task("veth", name="a", peer={"name": "b", "netns": "red"})
    os.unlink(STATE)
    with pytest.raises(FabricError, match="adopt: true"):
        node.task("netns", name="red")
    node.task("netns", name="red", adopt=True)
    sweep.perform({"except_sets": [], "promised": []}, False)
    assert not node.sh("ip netns list") and "a@" not in node.sh("ip -br link")


def test_what_nft_says_is_what_is_told(node, monkeypatch):
    said = "netlink: Error: cache initialization failed: Cannot allocate memory"
    monkeypatch.setattr(nft, "_run", lambda *_words: subprocess.CompletedProcess([], 1, "", said))
    with pytest.raises(FabricError, match="Cannot allocate memory.*nothing was changed"):
        node.task("masquerade", source="10.0.0.0/24")


def test_nobody_else_can_hold_the_lock(node):
    with lock.exclusive():
        assert os.stat(lock.STATE_DIR).st_mode & 0o777 == 0o700
        found = subprocess.run(
            ["setpriv", "--reuid", "65534", "--clear-groups", "flock", "-n", lock.STATE_DIR, "true"],
            capture_output=True,
            check=False,
        )
        assert found.returncode != 0 and b"ermission" in found.stderr


def test_who_holds_the_lock_too_long_is_named(node):
    refused = pytest.raises(FabricError, match=f"holds the lock .*process {os.getpid()} ")
    with lock.exclusive(), refused, lock.exclusive(patience=0.1):
        pass


def test_a_lock_that_is_given_back_in_time_is_waited_for(node):
    taken = []

    def second():
        with lock.exclusive(patience=20):
            taken.append(True)

    with lock.exclusive():
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        assert not taken
    waiting.join()
    assert taken and not os.path.exists(lock.STATE_DIR)


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_modes_do_not_depend_on_the_umask(node, tmp_path, umask):
    before = os.umask(umask)
    try:
        node.task("netns", name="red")
        files.write(str(tmp_path / "etc" / "unit"), "text")
    finally:
        os.umask(before)
    modes = {
        "/run/nodenet": 0o700,
        STATE: 0o600,
        "/run/netns": 0o755,
        tmp_path / "etc": 0o755,
        tmp_path / "etc" / "unit": 0o644,
    }
    assert {path: os.stat(path).st_mode & 0o777 for path in modes} == modes


def test_what_is_planted_in_the_place_of_a_new_file_is_not_followed(node, tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "file"
    victim.write_text("theirs")
    os.symlink(victim, f"{path}.new")
    files.write(str(path), "ours")
    assert victim.read_text() == "theirs" and path.read_text() == "ours" and not path.is_symlink()
    os.mkdir("/run/theirs")
    os.symlink("/run/theirs", "/run/nodenet")
    with pytest.raises((FabricError, OSError)):
        node.task("netns", name="red")
    assert os.listdir("/run/theirs") == []


def test_a_name_that_a_killed_run_left_goes(node):
    node.task("netns", name="blue")
    child = os.fork()
    if child == 0:
        injector.namespaces._mount = lambda *_words: os.kill(os.getpid(), signal.SIGKILL)
        injector.namespaces.prepare = lambda: None
        node.task("netns", name="red")
        os._exit(0)
    os.waitpid(child, 0)
    assert "red" in os.listdir("/run/netns") and ownership.Ledger().owner(("netns", ("red",)))
    sweep.perform({"except_sets": [], "promised": []}, False)
    assert os.listdir("/run/netns") == [] and not os.path.exists("/run/nodenet")
