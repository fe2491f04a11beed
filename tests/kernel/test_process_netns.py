# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An endpoint that is a running process's network namespace: plugged in, plugged in again, and unplugged."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import Conflict, InputError, KernelError
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import namespaces
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import cli, commit, snapshot
from ansible_collections.nodenet.fabric.plugins.modules import arrange as module
from commits import arrange, options
from snapshot import differences

BRIDGE = {"name": "br", "mac": "02:00:00:00:00:01", "addrgenmode": "none"}


def in_its_own_namespace(process):
    """Wait until ``process`` is in a namespace of its own and return it."""
    own, until = os.stat("/proc/self/ns/net").st_ino, time.monotonic() + 5
    while os.stat(f"/proc/{process.pid}/ns/net").st_ino == own:
        assert time.monotonic() < until
        time.sleep(0.01)
    return process


@pytest.fixture
def processes():
    """A function that starts a process in a namespace of its own and returns it; all are ended afterwards."""
    started = []

    def start():
        started.append(subprocess.Popen(["unshare", "-n", "sleep", "600"]))
        return in_its_own_namespace(started[-1])

    yield start
    for process in started:
        process.kill()
        process.wait()


def inside(process, command):
    found = subprocess.run(
        ["nsenter", "-t", str(process.pid), "-n", *command.split()], capture_output=True, text=True, check=True
    )
    return found.stdout


def links(process):
    return {line.split(":")[1].split("@")[0].strip() for line in inside(process, "ip -o link").splitlines()}


def fabric(**whose):
    """Return the options of arrange for a bridge with an endpoint that is ``whose``."""
    return {
        "bridge": [BRIDGE],
        "netns": [{"name": "web", "inherit": False, "ipv6": False, **whose}],
        "veth": [
            {
                "name": "vweb",
                "mac": "02:00:00:00:00:02",
                "master": "br",
                "addrgenmode": "none",
                "peer": {"name": "eth0", "netns": "web", "mac": "02:00:00:00:00:03"},
            }
        ],
        "address": [{"dev": "br", "address": "10.0.0.1/24"}, {"netns": "web", "dev": "eth0", "address": "10.0.0.2/24"}],
        "route": [{"netns": "web", "prefix": "default", "via": "10.0.0.1"}],
    }


NOTHING = {name: [] for name in fabric()}


def same_namespace(process, name="web"):
    return os.stat(f"/run/netns/{name}").st_ino == os.stat(f"/proc/{process.pid}/ns/net").st_ino


def test_a_process_is_an_endpoint(node, processes):
    """Its twin: before, and after it was unplugged, it does not answer."""
    process = processes()
    inside(process, "ip link add own type bridge")
    assert not node.ping("", "10.0.0.2")
    result = arrange(fabric(pid=process.pid))
    assert f"ip netns attach web {process.pid}" in result["commands"]
    assert same_namespace(process) and node.ping("", "10.0.0.2") == 64
    assert links(process) == {"lo", "own", "eth0"}
    assert not arrange(fabric(pid=process.pid))["changed"]
    gone = arrange(NOTHING)
    assert "ip link del vweb" in gone["commands"] and "ip netns del web" in gone["commands"] and "warnings" not in gone
    assert os.listdir("/run/netns") == [] and links(process) == {"lo", "own"} and process.poll() is None
    assert not node.ping("", "10.0.0.2")


def test_what_check_mode_plans_is_the_same_by_hand(node, processes):
    process, other = processes(), processes()
    planned = module.perform(options(fabric(pid=process.pid)), True)
    assert planned["changed"] and links(process) == {"lo"} and not os.path.exists("/run/netns/web")
    for command in planned["commands"]:
        node.sh(command)
    assert same_namespace(process) and node.ping("", "10.0.0.2") == 64
    number = os.stat("/run/netns/web").st_ino
    arrange(fabric(pid=process.pid), adopt=True)
    assert os.stat("/run/netns/web").st_ino == number and not arrange(fabric(pid=process.pid))["changed"]
    planned = module.perform(options(fabric(pid=other.pid)), True)
    for command in planned["commands"]:
        node.sh(command)
    assert same_namespace(other) and node.ping("", "10.0.0.2") == 64 and links(process) == {"lo"}


def test_its_own_interfaces_and_settings_stay(node, processes):
    process = processes()
    inside(process, "ip link set lo up")
    inside(process, "ip link add own type bridge")
    inside(process, "ip link set own up")
    inside(process, "ip address add 198.51.100.1/24 dev own")
    inside(process, "sysctl -qw net.ipv4.ip_forward=1")
    for lo in (True, False):
        arrange({**fabric(), "netns": [{"name": "web", "pid": process.pid, "lo": lo, "ipv6": False, "inherit": False}]})
    listed = inside(process, "ip address")
    assert "198.51.100.1/24" in listed and "LOOPBACK,UP" in listed and "inet6 fe80" in listed
    assert inside(process, "sysctl -n net.ipv4.ip_forward").strip() == "1"
    arrange(NOTHING)
    assert "198.51.100.1/24" in inside(process, "ip address") and "LOOPBACK,UP" in inside(process, "ip address")


def test_ipv6_of_an_endpoint_does_not_reach_its_other_interfaces(node, processes):
    process = processes()
    inside(process, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
    inside(process, "ip link add own type bridge")
    arrange({**fabric(), "netns": [{"name": "web", "pid": process.pid, "ipv6": True}]})
    names = ("eth0", "lo", "own")
    found = [inside(process, f"sysctl -n net.ipv6.conf.{name}.disable_ipv6").strip() for name in names]
    assert found == ["0", "0", "1"]
    assert not arrange({**fabric(), "netns": [{"name": "web", "pid": process.pid, "ipv6": True}]})["changed"]


@pytest.mark.parametrize("ended", [True, False])
def test_another_process_takes_its_place(node, processes, ended):
    first, second = processes(), processes()
    arrange(fabric(pid=first.pid))
    inside(second, "ip link add own type bridge")
    if ended:
        first.kill()
        first.wait()
    assert not same_namespace(second)
    result = arrange(fabric(pid=second.pid))
    assert any(f"it is to be that of process {second.pid}" in reason for reason in result["reasons"])
    assert same_namespace(second) and node.ping("", "10.0.0.2") == 64 and links(second) == {"lo", "own", "eth0"}
    assert ended or links(first) == {"lo"}
    assert not arrange(fabric(pid=second.pid))["changed"]


def test_a_namespace_of_its_own_becomes_one_of_a_process_and_back(node, processes):
    process = processes()
    arrange(fabric())
    assert node.ping("", "10.0.0.2") == 64 and not same_namespace(process)
    arrange(fabric(pid=process.pid))
    assert node.ping("", "10.0.0.2") == 64 and same_namespace(process)
    arrange(fabric())
    assert node.ping("", "10.0.0.2") == 64 and not same_namespace(process) and links(process) == {"lo"}
    assert not arrange(fabric())["changed"]


def test_what_cannot_be_an_endpoint_is_refused_before_anything_is_touched(node, processes):
    process = processes()
    process.kill()
    process.wait()
    before = node.snapshot()
    for whose, problem in (
        ({"pid": process.pid}, rf"netns\[0\]\.pid: there is no process {process.pid}"),
        ({"pid": os.getpid()}, "the node's own network namespace"),
        ({"container": {"engine": "lxc", "name": "no such"}}, "is no name"),
        ({"pid": 1, "container": {"engine": "lxc", "name": "c"}}, "leave one of them out"),
    ):
        with pytest.raises(InputError, match=problem):
            arrange(fabric(**whose))
    assert differences(before, node.snapshot()) == []


def test_a_name_that_others_gave_is_left_alone(node, processes):
    process = processes()
    namespaces.attach("web", process.pid)
    with pytest.raises(Conflict):
        node.task("netns", name="web", pid=process.pid)
    assert node.task("netns", name="web", pid=process.pid, adopt=True)["changed"]
    assert not node.task("netns", name="web", pid=process.pid)["changed"] and same_namespace(process)


def test_a_failure_is_undone(node, processes, monkeypatch):
    """The new process's namespace gets its name, and then fails; the old one has it again, with all that was in it."""
    first, second = processes(), processes()
    arrange(fabric(pid=first.pid))
    before, attach = node.snapshot(), namespaces.attach

    def fails(name, pid, wanted=None):
        attach(name, pid, wanted)
        if pid == second.pid:
            raise OSError(5, "input/output error")

    monkeypatch.setattr(namespaces, "attach", fails)
    with pytest.raises(KernelError, match="as it was before.$"):
        arrange(fabric(pid=second.pid))
    assert same_namespace(first) and differences(before, node.snapshot()) == []
    assert links(second) == {"lo"} and node.ping("", "10.0.0.2") == 64
    assert not arrange(fabric(pid=first.pid))["changed"]


@pytest.mark.parametrize("then", [fabric(), NOTHING], ids=["a namespace of its own", "nothing"])
def test_a_commit_that_is_cancelled_plugs_it_in_again(node, processes, then):
    process = processes()
    arrange(fabric(pid=process.pid))
    before = node.snapshot()
    arrange(then, id="c1")
    assert not os.path.exists("/run/netns/web") or not same_namespace(process)
    commit.cancel("c1")
    assert same_namespace(process) and differences(before, node.snapshot()) == []
    assert not arrange(fabric(pid=process.pid))["changed"] and node.ping("", "10.0.0.2") == 64


def test_a_commit_that_plugged_it_in_is_cancelled(node, processes):
    process = processes()
    before = node.snapshot()
    arrange(fabric(pid=process.pid), id="c1")
    assert links(process) == {"lo", "eth0"}
    commit.cancel("c1")
    assert differences(before, node.snapshot()) == [] and links(process) == {"lo"} and process.poll() is None


def reboot(node):
    """Take away what a reboot takes away, but for processes."""
    node.sh("ip link del dev vweb; ip link del dev br")
    for name in os.listdir("/run/netns"):
        node.sh(f"ip netns del {name}")
    os.unlink("/run/nodenet/state.json")


def test_a_saved_fabric_without_its_process_is_restored_but_for_that(node, processes, tmp_path, capsys):
    process, path = processes(), str(tmp_path / "saved.json")
    arrange(fabric(pid=process.pid))
    snapshot.save(path)
    text = Path(path).read_text(encoding="utf-8")
    assert f"pid:{process.pid}:" in text and "nsfs" not in text
    assert snapshot.differences(snapshot.read(path)) == ([], [], [])
    reboot(node)
    assert cli.main(["restore", "--file", path]) == 0 and "left out" not in capsys.readouterr().err
    assert same_namespace(process) and node.ping("", "10.0.0.2") == 64
    reboot(node)
    process.kill()
    process.wait()
    assert cli.main(["restore", "--file", path]) == 0
    assert f"'web' is left out: process {process.pid} has ended" in capsys.readouterr().err
    assert "10.0.0.1/24" in node.sh("ip address show br") and "vweb" not in node.sh("ip link")
    assert os.listdir("/run/netns") == []
    assert cli.main(["restore", "--file", path]) == 0  # again, as the timer does
    assert cli.main(["diff", "--file", path]) == 1
