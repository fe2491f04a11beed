# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change in three phases, confirmed on all nodes or undone on all: one lab, in which each test leaves plain routes."""

import os
import re
import signal
import subprocess

import pytest
from conftest import ROOT, arranged, recap
from snapshot import differences

NODES = ("vm1", "vm2")
VXLAN = ("-e", "fabric_backend=vxlan")
ID = r"\d{8}-\d{6}-[0-9a-f]{4}"
# what a person's firewall may have: plain routes work with it, VXLAN does not
NO_VXLAN = """
nft add table ip theirs
nft 'add chain ip theirs in { type filter hook input priority 0; }'
nft add rule ip theirs in udp dport 8472 drop
"""


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    with arranged(tmp_path_factory.mktemp("commit") / "host-gw") as made:
        yield made


@pytest.fixture
def before(one):
    """The nodes' state, which must not differ after the test."""
    found = one.snapshots(NODES)
    yield found
    assert differences(found, one.snapshots(NODES)) == []
    assert pending(one) == []


def pending(one, nodes=NODES):
    return [word for node in nodes for word in one.on(node, "ls /run/nodenet/pending 2>/dev/null || true").split()]


def interrupted(one, begin, act, *arguments):
    """Run site, and ``act(process)`` once a line of its output begins with ``begin``; return its code and output."""
    with subprocess.Popen(one.command("site", *arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        lines = []
        try:
            for line in running.stdout:
                lines.append(line)
                if line.startswith(begin):
                    act(running)
                    break
            lines.append(running.stdout.read())
        finally:
            running.kill()  # it has ended, or this test failed
    return running.returncode, "".join(lines)


def test_a_change_says_its_phases_is_confirmed_and_leaves_nothing_pending(one, before):
    planned = one.play("site", "--check", "--diff", *VXLAN)
    assert re.search("^by hand, expand:\n(  .*\n)*  ip link add name vxlan1", planned, re.M)
    assert re.search("^by hand, switch:\n(  .*\n)*  ip route replace 172.246.0.0/24", planned, re.M)
    assert re.search(r"^PLAY \[Switch: would change \d+ objects on 2 nodes\]", planned, re.M)
    phases = r"expand: \d+ objects on 2 nodes; switch: \d+ objects on 2 nodes"
    assert re.search(rf"^PLAY \[Nothing to confirm, check mode: {phases}", planned, re.M)

    printed = one.play("site", *VXLAN)
    assert re.search(r"^PLAY \[Switch: \d+ objects on 2 nodes\]", printed, re.M)
    assert re.search(rf"^commit {ID} confirmed on 2 nodes: {phases}", printed, re.M)
    assert pending(one) == [] and "pairs answer" in one.play("verify", *VXLAN)

    back = one.play("site", "-e", "fabric_serial=1")
    plays = ["Check", "Ask", "Prove", *["Expand"] * 2, *["Switch"] * 2, *["Contract"] * 2, "Ask", "Confirm"]
    assert re.findall(r"^PLAY \[(\w+)", back, re.M) == plays
    again = one.play("site")
    assert "PLAY [Nothing to confirm: no node needs a change]" in again and "Ask every node" not in again
    assert all(counts["changed"] == 0 for counts in recap(again).values())


def test_without_a_timeout_nothing_is_ever_pending(one, before):
    printed = one.play("site", *VXLAN, "-e", "fabric_confirm_timeout=0")
    assert re.search(r"PLAY \[Nothing to confirm, without a commit: expand: \d+ objects on 2 nodes; switch: ", printed)
    assert one.ping("vm1", "ns245", "172.246.0.2") == 62
    one.play("site", "-e", "fabric_confirm_timeout=0")


def test_a_node_that_fails_in_a_later_phase_has_the_change_undone_on_all(one, before):
    # somebody puts something else in the place of the new way on one node, between the phases
    def replace(_run):
        one.on("vm2", "ip link del vxlan1; ip link add vxlan1 type bridge")

    code, printed = interrupted(one, "PLAY [Switch", replace, *VXLAN, "-e", "fabric_serial=1")
    one.inside("vm2", "ip link del vxlan1")
    assert code == 2 and re.search(rf"^commit {ID} undone on 2 nodes: vm2 failed in switch$", printed, re.M), printed
    assert re.search(r"PLAY \[Contract: left out, as vm2 failed in switch\]", printed)
    assert [counts["failed"] for counts in recap(printed).values()] == [0, 1]


def test_what_is_in_the_way_of_one_node_leaves_all_as_they_were(one, before):
    one.on("vm2", "ip link add vxlan1 type bridge")
    printed = one.play("site", *VXLAN, fails=True)
    assert "interface 'vxlan1' exists and does not belong to the fabric" in printed
    assert re.search(rf"^commit {ID} undone on 1 node: vm2 failed in expand$", printed, re.M), printed
    one.on("vm2", "ip link del vxlan1")


def test_a_change_that_silences_pairs_is_undone_and_names_them(one, before):
    one.on("vm2", NO_VXLAN)
    printed = one.play("site", *VXLAN, "-e", "fabric_verify_change=true", fails=True)
    assert "pairs that answered before the change are silent after it" in printed
    assert "ns245 -> ns246 (172.246.0.2): no answer" in printed
    assert re.search(rf"^commit {ID} undone on 2 nodes: vm1 failed in verify, vm2 failed in verify$", printed, re.M), (
        printed
    )
    assert one.ping("vm1", "ns245", "172.246.0.2") == 62
    # nobody asks: it is confirmed, and the pairs are silent
    assert "confirmed on 2 nodes" in one.play("site", *VXLAN)
    assert one.ping("vm1", "ns245", "172.246.0.2") is None
    one.play("site", "-e", "fabric_verify_change=true")  # what did not answer before need not answer after it
    one.on("vm2", "nft delete table ip theirs")


def kill(running):
    os.kill(running.pid, signal.SIGKILL)


def killed_before_the_end(one):
    """Leave a change pending on both nodes, whose controller has ended; return its id."""
    code, printed = interrupted(one, "PLAY [Confirm", kill, *VXLAN)
    assert code == -signal.SIGKILL and "confirmed on" not in printed
    (name,) = set(re.findall(rf"PLAY \[Confirm the commit ({ID})\]", printed))
    assert pending(one).count(f"{name}.json") == 2
    return name


def test_another_run_is_refused_while_a_change_is_pending_and_cancel_undoes_it_at_once(one, before):
    name = killed_before_the_end(one)
    printed = one.play("site", fails=True)
    assert re.search(rf"commit {name} of \S+@\S+ is pending on this node since \S+", " ".join(printed.split()))
    assert "nodenet.fabric.cancel" in printed
    assert "is pending on this node" in " ".join(one.play("teardown", "--limit", "vm1", fails=True).split())
    assert pending(one).count(f"{name}.json") == 2
    printed = one.play("cancel", "-e", f"fabric_commit={name}")
    assert re.search(r"^vm1: cancelled: \d+ objects$", printed, re.M), printed
    assert "vm2: no commit is pending" in one.play("cancel")


def test_a_change_whose_controller_has_ended_can_be_confirmed_by_hand(one, before):
    name = killed_before_the_end(one)
    printed = one.play("confirm")
    assert re.search(rf"^vm1: commit {name} of .* is pending since .*: it is undone in \d+ s", printed, re.M), printed
    assert re.search(r"^vm2: confirmed: \d+ objects$", printed, re.M), printed
    assert pending(one) == [] and "pairs answer" in one.play("verify", *VXLAN)
    one.play("site")


def test_a_node_that_is_lost_in_between_has_the_others_back_as_they_were(one):
    state = one.snapshot("vm1")
    code, printed = interrupted(
        one, "PLAY [Switch", lambda _run: os.kill(one.holder("vm2"), signal.SIGKILL), *VXLAN, "-e", "fabric_serial=1"
    )
    assert code == 4 and "vm2 was unreachable in switch" in printed, printed
    assert re.search(rf"^commit {ID} undone on 1 node: vm2 was unreachable in switch$", printed, re.M), printed
    assert re.search(
        rf"^commit {ID} in doubt on vm2: unless it is confirmed there, it is undone within 120 s$", printed, re.M
    )
    assert differences(state, one.snapshot("vm1")) == [] and pending(one, ["vm1"]) == []
    counts = recap(printed)
    assert counts["vm1"]["failed"] == 0 and counts["vm2"]["unreachable"] == 1
