# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commit that is pending: its file, what a person reads of it, and how the switch is armed."""

import os
import sys

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.system import deadman, pending
from ansible_collections.nodenet.fabric.plugins.module_utils.system.reconcile import File


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Nothing of this machine is read or written."""
    names = {
        "STATE_DIR": "run",
        "FOLDER": "run/pending",
        "PROGRAM": "run/pending/program",
        "HISTORY": "run/commits.json",
    }
    for name, place in {**names, "KEPT": "etc/pending.json", "INSTALLED": "sbin/nodenet-fabric"}.items():
        monkeypatch.setattr(pending, name, str(tmp_path / place))
    return tmp_path


@pytest.mark.parametrize("id", ["", "../up", ".hidden", "a.timer", "a/b", "a b", "ü", "x" * 65])
def test_an_id_is_the_name_of_a_file(id):
    with pytest.raises(InputError, match="is not an id"):
        pending.new(id, "", 1, None)


def test_a_commit_has_a_second_at_least():
    with pytest.raises(InputError, match=r"^commit.timeout: 0 is not a number of seconds"):
        pending.new("a", "", 0, None)


def test_it_is_read_as_it_was_written_and_by_root_alone(folder):
    one = pending.new("20261128-040512-3f9a", "me@here", 60, {"state": "present", "repair": False})
    one.keep({"/etc/a": File(b"\xff", 0o600), "/etc/b": None}, [["first"]], [["last"]])
    one.planned.append(["link", ["", "v0"]])
    one.write()
    assert pending.read() == one and one.kept() == {"/etc/a": File(b"\xff", 0o600), "/etc/b": None}
    assert os.stat(one.path).st_mode & 0o777 == 0o600 and os.stat(folder / "run" / "pending").st_mode & 0o777 == 0o700
    pending.end(one, pending.CONFIRMED, [])
    assert pending.read() is None and os.listdir(folder / "run") == ["commits.json"]
    assert pending.ended(one.id)["ended"] == "confirmed" and pending.ended("another") is None


def test_what_was_kept_first_stays():
    one = pending.new("a", "", 60, None)
    one.keep({"/etc/a": File(b"old")}, [["stop"]], [["reload"]])
    one.keep({"/etc/a": File(b"newer"), "/etc/b": None}, [["stop"]], [["reload"], ["other"]])
    assert one.kept() == {"/etc/a": File(b"old"), "/etc/b": None}
    assert (one.first, one.last) == ([["stop"]], [["reload"], ["other"]])


def test_only_the_last_few_are_remembered():
    for number in range(pending.REMEMBERED + 2):
        pending.end(pending.new(f"c{number}", "", 60, None), pending.CANCELLED, ["a thing is missing"])
    pending.end(pending.new("c5", "", 60, None), pending.EXPIRED, [])
    found = [entry["id"] for entry in pending.history()]
    assert len(found) == pending.REMEMBERED and "c1" not in found and found[-1] == "c5" and found.count("c5") == 1


def test_a_refusal_says_who_holds_it_and_what_to_do(folder):
    pending.new("c1", "me@here", 60, None).write()
    pending.refuse_others("c1")
    with pytest.raises(
        pending.CommitPending, match=r"commit c1 of me@here .* \(on the node: python3 .*/program confirm"
    ):
        pending.refuse_others()
    (folder / "sbin").mkdir()
    (folder / "sbin" / "nodenet-fabric").touch()
    with pytest.raises(
        pending.CommitPending, match=r"undone in \d+ s .* \(on the node: nodenet-fabric confirm \| cancel\)"
    ):
        pending.refuse_others("another")


def test_more_time_counts_from_now():
    one = pending.new("a", "", 1, None)
    assert 0 < one.seconds_left <= 1 and not one.overdue
    one.deadline -= 5
    assert one.overdue and one.seconds_left == 0
    one.extend(30)
    assert 29 < one.seconds_left <= 30 and one.extended and one.timeout == 30
    one.extend(10)
    assert one.seconds_left > 29


@pytest.fixture
def ran(monkeypatch):
    """The programs that were started."""
    found = []
    for name in ("run", "run_or_fail", "run_detached"):
        monkeypatch.setattr(deadman, name, found.append)
    return found


def test_on_a_machine_the_switch_is_a_transient_timer(ran, monkeypatch):
    monkeypatch.setattr(deadman, "has_systemd", lambda: True)
    deadman.arm("c1", 60, "/run/program")
    (words,) = ran
    assert words[0] == "systemd-run" and "--collect" in words
    assert "--unit=nodenet-commit-c1" in words and "--on-active=60s" in words
    assert words[-5:] == [sys.executable, "-I", "/run/program", "expire", "c1"]
    deadman.disarm("c1")
    assert ran[1] == ["systemctl", "stop", "nodenet-commit-c1.timer", "nodenet-commit-c1.service"]
    monkeypatch.setattr(deadman, "_cgroup", lambda: "0::/system.slice/nodenet-commit-c1.service\n")
    deadman.disarm("c1")  # the switch itself
    assert ran[2] == ["systemctl", "stop", "nodenet-commit-c1.timer"]


def test_elsewhere_it_is_a_process_that_waits(ran, monkeypatch):
    monkeypatch.setattr(deadman, "has_systemd", lambda: False)
    deadman.arm("c1", 60, "/run/program")
    assert ran[0][-6:] == ["60", sys.executable, "-I", "/run/program", "expire", "c1"]
    assert not deadman.is_armed("c1")
