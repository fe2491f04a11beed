# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From lab_up to lab_down: what a lab becomes when the inventory changes or one of its processes ends, and what is left."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import MARK, Entrance, Process, processes
from conftest import NOBODY, User, entries, node

TWO = {"n1": node(1), "n2": node(2)}
SORTS = ("net", "mnt", "pid", "uts")


def namespaces(pids):
    """Return the namespaces, other than our own, that processes are in."""
    found = set()
    for pid in pids:
        for sort in SORTS:
            try:
                found.add(os.readlink(f"/proc/{pid}/ns/{sort}"))
            except OSError:
                continue
    return found - {os.readlink(f"/proc/self/ns/{sort}") for sort in SORTS}


def all_pids():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def surroundings(user):
    """Return what a lab might leave behind beside processes."""
    commands = ("ip -o link | cut -d: -f2", "ip netns list", "cat /proc/self/mounts", f"ls -A /run /tmp {user.home}")
    shown = [
        subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout for command in commands
    ]
    return [re.sub(r"\S*(ansible|pytest|bash)\S*\n", "", text) for text in shown]  # of others, and Ansible's own folder


def gone(lab, inside):
    """Say whether nothing of a lab is left, waiting a little for what the kernel does afterwards."""
    for _attempt in range(200):
        if not entries(lab) and not inside & namespaces(all_pids()):
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def lab(inventories):
    return inventories("life", TWO)


@pytest.fixture
def roots(roots_inventories):
    return roots_inventories("life", TWO)


def keeper(name):
    return next(pid for pid, words in entries(name).items() if "keeper" in words)


def test_down_leaves_nothing(lab):
    before = surroundings(lab.user)
    found = lab.up()
    assert found["changed"] and "was started: n1, n2" in found["msg"]
    lab.sh("n1", "ip netns add left; ip link add left type bridge; (sleep 1000 >/dev/null 2>&1 &)")
    inside = namespaces(all_pids()) & namespaces(entries(found["lab"]))
    assert len(inside) >= 3 * len(SORTS)
    assert lab.down()["changed"]
    assert gone(found["lab"], inside)
    assert surroundings(lab.user) == before
    assert lab.down() == {"changed": False, "lab": found["lab"], "msg": f"there is no lab {found['lab']}"}


def test_what_a_node_writes_below_etc_is_its_own(lab):
    """In folders that the machine has, and in new ones; the other node, the machine and the next lab do not see it."""
    lab.up()
    folders = ("netns/red", "systemd/system/web.service.d", "tmpfiles.d", "nodenet", "cni/net.d", "containers/networks")
    for folder in folders:
        lab.sh(
            "n1",
            f"mkdir -p /etc/{folder} && echo ours >/etc/{folder}/nodenet-test && cat /etc/hosts /etc/{folder}/nodenet-test",
        )
        assert lab.sh("n1", f"cat /etc/{folder}/nodenet-test") == "ours\n"
        assert lab.attempt("n2", f"test -e /etc/{folder}/nodenet-test").returncode == 1
        assert not Path(f"/etc/{folder}/nodenet-test").exists()
    assert lab.sh("n1", "ls /etc/systemd/system").split() == sorted(
        {*os.listdir("/etc/systemd/system"), "web.service.d"}
    )
    lab.down()
    lab.up()
    assert lab.attempt("n1", "test -e /etc/nodenet/nodenet-test").returncode == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_keeper_leaves_nothing(lab, number):
    before, found = surroundings(lab.user), lab.up()
    inside = namespaces(entries(found["lab"]))
    os.kill(keeper(found["lab"]), number)
    assert gone(found["lab"], inside)
    assert surroundings(lab.user) == before


def test_check_mode_only_tells(roots):
    found = roots.up("--check")
    assert found["changed"] and "would be started" in found["msg"] and not entries(found["lab"])
    roots.up()
    found = roots.down("--check")
    assert found["changed"] and "would be ended" in found["msg"] and entries(found["lab"])


def test_another_inventory_makes_the_lab_anew(roots):
    first = roots.up()
    assert not roots.up()["changed"]
    roots.write({**TWO, "n3": node(3)})
    second = roots.up()
    assert second["changed"] and "was made anew, as the inventory has changed: n1, n2, n3" in second["msg"]
    assert not set(first["enter"].values()) & set(second["enter"].values())
    assert roots.ping("n1", "192.168.32.3") == 64


def test_a_lab_that_has_lost_a_node_is_made_anew(roots):
    roots.up()
    os.kill(int(roots.enter["n2"][2]), signal.SIGKILL)
    found = roots.up()
    assert found["changed"] and "as n2 had ended" in found["msg"]
    assert roots.ping("n1", "192.168.32.2") == 64


def test_two_at_once_make_one_lab(roots):
    command = [roots.user.python, "-m", "ansible", "playbook", "-i", str(roots.folder), "nodenet.fabric.lab_up"]
    both = [
        subprocess.Popen(command, env=roots.user.environment, stdout=subprocess.PIPE, text=True) for _one in range(2)
    ]
    reported = [one.communicate()[0] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert sorted("changed=1" in text for text in reported) == [False, True]
    assert sum("keeper" in words for words in entries(roots.up()["lab"]).values()) == 1


def test_a_name_of_ones_own(roots):
    roots.write(TWO, fabric_lab="named-by-me")
    assert roots.up()["lab"] == "named-by-me"
    assert roots.playbook("nodenet.fabric.lab_down").returncode == 0
    assert not entries("named-by-me")


def test_a_broken_inventory_starts_nothing(roots):
    roots.write({"n1": node(1), "n2": node(2, fabric_node_address="192.168.32.1")})
    assert "192.168.32.1 is also the address of n1" in roots.up(fails=True)["msg"]
    assert roots.down()["msg"].startswith("there is no lab")


def test_fifty_nodes(roots):
    roots.write({f"n{number}": node(number) for number in range(1, 51)})
    roots.up()
    assert roots.ping("n1", "192.168.32.50") == 64


# Run a command as an ordinary user, below a limit: the limits are a user namespace's own, the machine's stay as they are.
CONFINE = f"""
import ctypes, os, sys
asked, ready = os.pipe(), os.pipe()
child = os.fork()
if child:
    os.read(asked[0], 1)
    for sort in ("uid", "gid"):
        with open(f"/proc/{{child}}/{{sort}}_map", "w") as target:
            target.write("0 0 {NOBODY + 1}")
    os.write(ready[1], b"x")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
assert ctypes.CDLL(None).unshare(0x10000000) == 0
os.write(asked[1], b"x")
os.read(ready[0], 1)
with open(f"/proc/sys/user/{{sys.argv[1]}}", "w") as target:
    target.write("0")
os.execvp(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def confined(request, roots):
    """The same inventory, used by an ordinary user of a machine that forbids some namespaces."""
    home = roots.user.home / "ordinary"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    kept, roots.user = roots.user, User(NOBODY, home)
    try:
        if not roots.user.python:
            pytest.skip("the ordinary user can run no Python that has ansible-core")
        roots.user.words = [sys.executable, "-c", CONFINE, request.param, *roots.user.words]
        yield request.param, roots
    finally:
        roots.user = kept
        shutil.rmtree(home)


@pytest.mark.parametrize("confined", ["max_user_namespaces", "max_net_namespaces"], indirect=True)
def test_a_machine_that_forbids_it_is_told_by_the_setting(confined):
    limit, lab = confined
    reported = lab.up(fails=True)["msg"]
    assert f"an ordinary user may make no namespaces on this machine, as user.{limit} is 0" in reported
    assert f"sudo sysctl user.{limit}=10000" in reported
    assert "\n" not in reported


def test_a_lab_needs_no_pyroute2(roots, tmp_path):
    (tmp_path / "pyroute2.py").write_text("raise AssertionError('imported')\n", encoding="utf-8")
    paths = f"{tmp_path}:{roots.user.environment['PYTHONPATH']}"
    roots.down()
    assert roots.up(env={"PYTHONPATH": paths})["changed"]


def test_what_only_looks_like_a_lab_is_not_entered():
    """A process in the machine's own network is never a node, and neither is one that has ended."""
    words = ["sh", "-c", "while :; do sleep 1000 & wait; done", MARK, "looks", "host", "n1"]
    with subprocess.Popen(words) as process:
        try:
            while MARK.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
                time.sleep(0.01)
            assert processes("looks") == []
            with pytest.raises(OSError):
                Entrance(Process(process.pid, "looks", "host", "n1"))
        finally:
            subprocess.run(["pkill", "-P", str(process.pid)], check=False)
            process.kill()
