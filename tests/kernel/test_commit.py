# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that is undone unless it is confirmed: the node is exactly as before, with its marks and files."""

import os
import re
import subprocess
import sys
import time

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import cli, commit
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import snapshot as snapshot_of_fabric
from ansible_collections.nodenet.fabric.plugins.module_utils.system import deadman, pending, reconcile
from ansible_collections.nodenet.fabric.plugins.module_utils.system.reconcile import File
from ansible_collections.nodenet.fabric.plugins.modules import sweep
from commits import MARKS, NEW, OLD, arrange, everything, same, waited
from snapshot import differences


def test_a_cancelled_change_is_undone_exactly(arranged):
    before = everything(arranged)
    assert arrange(NEW, "c1")["changed"]
    assert "blue" in arranged.sh("ip netns list")
    assert commit.report()["commit"]["id"] == "c1" and deadman.is_armed("c1")
    done = commit.cancel("c1")
    assert done["changed"] and done["ended"] == "cancelled" and done["left"] == []
    assert "network namespace 'blue' removed" in done["undone"]
    assert same(before, arranged)
    assert not deadman.is_armed("c1") and sorted(os.listdir("/run/nodenet")) == ["commits.json", "state.json"]


def test_without_a_commit_a_change_stays(arranged):
    arrange(NEW)
    time.sleep(1.5)
    assert "blue" in arranged.sh("ip netns list") and not arrange(NEW)["changed"]
    assert not os.path.exists(pending.FOLDER) and not os.path.exists(pending.HISTORY)


def test_a_change_that_nobody_confirms_is_undone_in_time(arranged):
    before = everything(arranged)
    since = time.monotonic()
    arrange(NEW, "c2", timeout=2)
    waited(lambda: pending.ended("c2"), 20)
    assert 2 <= time.monotonic() - since < 20
    assert pending.ended("c2")["ended"] == "expired" and pending.ended("c2")["left"] == []
    assert same(before, arranged) and not os.path.exists(pending.FOLDER)
    waited(lambda: not deadman.is_armed("c2"), 10)
    with pytest.raises(FabricError, match="commit c2 was not confirmed in time and was undone on this node at"):
        commit.confirm("c2")
    with pytest.raises(FabricError, match="was not confirmed in time .*nothing was changed"):
        arrange(NEW, "c2")
    assert "blue" not in arranged.sh("ip netns list")


def test_a_confirmed_change_stays_and_nothing_of_the_commit_is_left(arranged):
    arrange(NEW, "c3", timeout=3)
    assert commit.confirm("c3")["changed"]
    assert not deadman.is_armed("c3") and sorted(os.listdir("/run/nodenet")) == ["commits.json", "state.json"]
    time.sleep(3.2)
    assert not arrange(NEW)["changed"]
    again = commit.confirm("c3")
    assert not again["changed"] and again["ended"] == "confirmed"
    assert not arrange(NEW, "c4")["changed"] and not commit.confirm("c4")["changed"]  # it never began here
    assert not commit.cancel("c3")["changed"] and not arrange(NEW)["changed"]
    sweep.perform({"except_sets": [], "promised": []}, False)
    assert not os.path.exists("/run/nodenet")


def lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("end", [commit.confirm, commit.cancel])
def test_nothing_of_the_switch_outlives_the_commit(arranged, end):
    arrange(NEW, "c17")
    group = os.getpgid(int(arranged.sh("pgrep -f -o 'expire c17$'")))
    assert lives(group)
    end("c17")
    waited(lambda: not lives(group), 10)


def test_a_switch_has_ended_when_it_is_disarmed_on_a_busy_machine(node, tmp_path):
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _core in range(2 * os.cpu_count())]
    try:
        for _attempt in range(5):
            deadman.arm("c19", 60, tmp_path / "program")
            waited(lambda: deadman.is_armed("c19"), 10)
            for pid in node.sh("pgrep -f 'expire c19$'").split():
                os.sched_setscheduler(int(pid), os.SCHED_IDLE, os.sched_param(0))  # it gets its turn late
            deadman.disarm("c19")
            assert not deadman.is_armed("c19")
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_by_hand_with_the_program_beside_the_commit(arranged):
    arrange(NEW, "c18")
    program = f"cd / && env -u PYTHONPATH python3 {pending.PROGRAM}"
    assert "commit c18 of me@here is pending" in arranged.sh(f"{program} pending")
    printed = arranged.sh(f"{program} cancel c18")
    assert "network namespace 'blue' removed" in printed and "commit c18 was cancelled and undone" in printed
    assert not arrange(OLD)["changed"]


def test_an_extended_commit_has_more_time(arranged):
    arrange(NEW, "c5", timeout=3)
    assert commit.extend("c5", 5)["commit"]["extended"]
    time.sleep(3.2)
    assert commit.report()["commit"]["id"] == "c5" and deadman.is_armed("c5")
    waited(lambda: pending.ended("c5"), 20)
    waited(lambda: not deadman.is_armed("c5"), 10)


def test_a_pending_commit_refuses_every_other_change(arranged, capsys):
    arrange(NEW, "c6")
    refusal = "commit c6 of me@here is pending on this node since .*Wait, or run the playbook nodenet.fabric.confirm"
    for change in (
        lambda: arranged.task("route", prefix="10.6.0.0/24", via="192.0.2.6"),
        lambda: arrange(OLD),
        lambda: arrange(OLD, "other"),
        lambda: sweep.perform({"except_sets": [], "promised": []}, False),
        snapshot_of_fabric.save,
        lambda: snapshot_of_fabric.restore("/dev/null"),
    ):
        with pytest.raises(FabricError, match=refusal):
            change()
    assert cli.main(["restore", "--file", "/dev/null"]) == 3 and "commit c6" in capsys.readouterr().err
    checked = arranged.task("route", _check=True, prefix="10.6.0.0/24", via="192.0.2.6")
    assert re.search(f"^without --check this is refused now: {refusal}", checked["warnings"][0])
    # what changes nothing is not refused
    assert not arrange(NEW)["changed"] and not arrange(NEW, "other")["changed"]
    assert arrange(NEW, "c6")["changed"] is False and commit.report()["commit"]["id"] == "c6"
    assert cli.main(["pending"]) == 0 and "commit c6 of me@here is pending" in capsys.readouterr().out
    assert cli.main(["confirm", "c6"]) == 0
    assert "commit c6 was confirmed on this node at" in capsys.readouterr().out
    assert "warnings" not in arranged.task("route", _check=True, prefix="10.6.0.0/24", via="192.0.2.6")
    assert arranged.task("route", prefix="10.6.0.0/24", via="192.0.2.6")["changed"]


@pytest.mark.parametrize("done", [1, 2, 3])
def test_the_phases_of_one_commit_are_undone_together(arranged, done):
    before = everything(arranged)
    for phase in ("expand", "switch", "contract")[:done]:
        left = arrange(NEW, "c7", phase=phase)["remaining"]
    assert len(left) == 3 - done
    assert cli.main(["cancel"]) == 0
    assert same(before, arranged)


def test_each_task_of_a_commit_has_the_whole_time(arranged):
    arrange({**OLD, "masquerade": []}, "c5", timeout=60)
    first = pending.read().deadline
    arrange(NEW, "c5", timeout=60)
    assert pending.read().deadline > first
    assert commit.cancel("c5")["changed"]


def test_a_commit_whose_switch_is_gone_is_undone_by_the_next_run(arranged):
    before = everything(arranged)
    arrange(NEW, "c8", timeout=3)
    deadman.disarm("c8")
    time.sleep(3.1)
    assert "blue" in arranged.sh("ip netns list")
    assert arranged.task("route", prefix="10.6.0.0/24", via="192.0.2.6")["changed"]
    assert pending.ended("c8")["ended"] == "expired"
    arranged.task("route", prefix="10.6.0.0/24", via="192.0.2.6", state="absent")
    assert same(before, arranged)


def test_what_others_have_is_restored_only_where_the_commit_touched_it(arranged):
    arranged.sh("ip link add mine address 02:00:00:00:00:06 type bridge && ip route add 10.5.0.0/24 dev br0")
    arranged.sh("sysctl -qw net.ipv4.conf.eth9.rp_filter=1")
    before = everything(arranged)
    arranged.sh("ip link add away type bridge")
    adopted = {"bridge": [{"name": "mine", "mac": "02:00:00:00:00:05", "addrgenmode": "none"}]}
    rest = {name: [] for name in OLD if name not in adopted}
    arrange({**adopted, **rest, "proxy_arp": [{"interface": "eth9"}]}, "c9", adopt=True)
    assert "10.5.0.0" not in arranged.sh("ip route")
    arranged.sh("ip link del away && ip link add theirs type bridge")
    done = commit.cancel("c9")
    assert done["left"] == [] and any("was made anew: what ran in it is cut off" in one for one in done["undone"])
    assert "10.5.0.0/24 dev br0" in arranged.sh("ip route")
    arranged.sh("ip link del theirs && ! ip link show away")
    assert differences(before[0], arranged.snapshot()) == []


def test_what_cannot_be_restored_is_said_and_the_rest_is_restored(arranged):
    arrange({**OLD, "route": OLD["route"][:1], "masquerade": []}, "c10")
    arranged.sh("ip link del eth9")
    done = commit.cancel("c10")
    assert done["left"] and all("10.9.0.0/24" in one for one in done["left"])
    assert commit.report()["left"] == done["left"] and "could not be undone: " in commit.sentence(pending.history()[-1])
    assert "10.0.0.0/24" in arranged.sh("nft list ruleset")


def test_a_commit_that_makes_unreadable_marks_anew_is_undone_without_them(arranged):
    before = arranged.snapshot()
    with open(MARKS, "w", encoding="utf-8") as target:
        target.write("{")
    arrange(NEW, "c16", adopt=True)
    assert commit.cancel("c16")["left"] == []
    assert differences(before, arranged.snapshot()) == []


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Changes two files with a commit; returns what they were, and a file that is made when they are restored."""
    for name in ("KEPT", "FILE"):
        monkeypatch.setattr(pending, name, str(tmp_path / "etc" / name))
    monkeypatch.setattr(pending, "has_systemd", lambda: True)
    old, new = str(tmp_path / "old"), str(tmp_path / "new")
    reconcile.write_all({old: File(b"before\xff", 0o600)})
    before, change = reconcile.observed([old, new]), {old: File(b"after"), new: File(b"after")}

    def changed(id):
        read = str(tmp_path / "read")
        options = {"id": id, "timeout": 60, "holder": ""}
        commit.Commit(options).keep_files(before, [["false"]], [["touch", read]])
        reconcile.write_all(change)
        return lambda: reconcile.observed(change) == before and os.path.exists(read)

    return changed


def test_files_are_restored_too(arranged, files):
    before = everything(arranged)
    restored = files("c11")
    arrange(NEW, "c11")
    assert not restored() and os.path.exists(pending.KEPT)
    assert commit.cancel("c11")["left"] == []
    assert restored() and same(before, arranged) and not os.path.exists(os.path.dirname(pending.KEPT))


@pytest.mark.parametrize("confirmed", [False, True])
def test_files_are_restored_after_a_power_cut(arranged, files, confirmed):
    restored = files("c14")
    arrange(NEW, "c14")
    if confirmed:  # cut right after the fabric was saved
        reconcile.write_all({pending.FILE: File(b"new")})
    deadman.disarm("c14")
    arranged.sh("rm -r /run/nodenet")
    arrange(NEW, adopt=True)
    assert restored() is not confirmed and not os.path.exists(pending.KEPT)


def test_a_commit_that_cannot_arm_its_switch_changes_nothing(arranged, monkeypatch):

    def fails(*words):
        raise FabricError("no processes")

    monkeypatch.setattr(deadman, "arm", fails)
    with pytest.raises(FabricError, match="the commit c12 cannot begin: no processes .nothing was changed"):
        arrange(NEW, "c12")
    assert not arrange(OLD)["changed"] and os.listdir("/run/nodenet") == ["state.json"]


def test_a_run_that_changes_nothing_costs_nothing(arranged, monkeypatch):
    monkeypatch.setattr(commit, "program", None)
    costs = ("observed", "sockets", "sends", "requests")
    without, found = (arrange(OLD, id)["stats"] for id in (None, "c13"))
    assert [found[name] for name in costs] == [without[name] for name in costs]
    assert os.listdir("/run/nodenet") == ["state.json"]
