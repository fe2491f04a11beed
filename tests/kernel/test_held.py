# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace that a process holds: to take its name away does not end it, nor the interfaces in it."""

import errno
import os
import subprocess
import time

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine import apply
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import KernelError
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import namespaces
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import commit
from ansible_collections.nodenet.fabric.plugins.modules import arrange as module
from commits import arrange, options
from snapshot import differences

BRIDGE = [{"name": "br", "mac": "02:00:00:00:00:01", "addrgenmode": "none"}]
ONE, TWO = "10.0.0.1/24", "10.0.0.2/24"


def endpoints(*names):
    """Return the options of arrange for a bridge with one endpoint of each name."""
    return {
        "bridge": BRIDGE,
        "netns": [{"name": name, "ipv6": False} for name in names],
        "veth": [
            {"name": f"v{name}", "master": "br", "addrgenmode": "none", "peer": {"name": "eth0", "netns": name}}
            for name in names
        ],
        "address": [
            {"dev": "br", "address": ONE},
            *(
                {"netns": name, "dev": "eth0", "address": f"10.0.0.{number + 2}/24"}
                for number, name in enumerate(names)
            ),
        ],
    }


@pytest.fixture
def held(node):
    """A bridge with the endpoints a and b; a process runs in b. Return its pid."""
    arrange(endpoints("a", "b"))
    process = subprocess.Popen(["ip", "netns", "exec", "b", "sleep", "600"])
    own, until = os.stat("/proc/self/ns/net").st_ino, time.monotonic() + 5
    while os.stat(f"/proc/{process.pid}/ns/net").st_ino == own:
        assert time.monotonic() < until
        time.sleep(0.01)
    yield process.pid
    process.kill()
    process.wait()


def inside(pid, command):
    return subprocess.run(
        ["nsenter", "-t", str(pid), "-n", *command.split()], capture_output=True, text=True, check=True
    ).stdout


def links(pid):
    return {line.split(":")[1].split("@")[0].strip() for line in inside(pid, "ip -o link").splitlines()}


def test_an_endpoint_whose_namespace_a_process_holds_leaves_a_bridge_that_stays(node, held):
    result = arrange(endpoints("a"))
    assert "ip link del vb" in result["commands"] and "ip netns del b" in result["commands"]
    assert result["commands"].index("ip link del vb") < result["commands"].index("ip netns del b")
    assert not any("va" in command for command in result["commands"])
    assert any(f"{held} (sleep)" in warning for warning in result["warnings"])
    assert links(held) == {"lo"} and os.path.exists(f"/proc/{held}")
    assert "vb" not in node.sh("ip link") and "va" in node.sh("ip link")
    assert os.listdir("/run/netns") == ["a"]
    assert not arrange(endpoints("a"))["changed"]


def test_an_endpoint_whose_namespace_nothing_holds_takes_its_interfaces_along(node):
    """The twin: no request for what ends by itself."""
    arrange(endpoints("a", "b"))
    result = arrange(endpoints("a"))
    assert [command for command in result["commands"] if "b" in command] == ["ip netns del b"]
    assert "warnings" not in result and "vb" not in node.sh("ip link")


def test_check_mode_plans_the_same_and_the_commands_do_it_by_hand(node, held):
    planned = module.perform(options(endpoints("a")), True)["commands"]
    assert "b" in node.sh("ip netns list")
    for command in planned:
        node.sh(command)
    assert not arrange(endpoints("a"))["changed"] and links(held) == {"lo"}


def test_what_a_failure_undoes_is_the_same_namespace_with_the_process_in_it(node, held, monkeypatch):
    """The last request does what it should, and fails: all before it is undone, too."""
    before, was, delete = node.snapshot(), os.stat("/run/netns/b").st_ino, namespaces.delete

    def fails(name):
        delete(name)
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(namespaces, "delete", fails)
    with pytest.raises(KernelError, match="as it was before.$") as failure:
        arrange(endpoints("a"))
    assert "cut off" not in str(failure.value)
    monkeypatch.undo()
    assert os.stat("/run/netns/b").st_ino == was == os.stat(f"/proc/{held}/ns/net").st_ino
    assert differences(before, node.snapshot()) == []
    assert not arrange(endpoints("a", "b"))["changed"]


def test_a_commit_that_is_cancelled_gives_the_namespace_its_name_back(node, held):
    before, was = node.snapshot(), os.stat("/run/netns/b").st_ino
    arrange(endpoints("a"), id="c1")
    assert links(held) == {"lo"}
    commit.cancel("c1")
    assert os.stat("/run/netns/b").st_ino == was == os.stat(f"/proc/{held}/ns/net").st_ino
    assert differences(before, node.snapshot()) == []


def test_a_namespace_that_something_else_holds_loses_its_interfaces_too(node, monkeypatch):
    """A mount elsewhere, which no process shows."""
    arrange(endpoints("a", "b"))
    node.sh("touch /run/other && mount --bind /run/netns/b /run/other")
    monkeypatch.setattr(apply, "SETTLE_SECONDS", 0.3)
    arrange(endpoints("a"))
    assert "vb" not in node.sh("ip link") and node.sh("nsenter --net=/run/other ip -o link").count("\n") == 1
    assert not arrange(endpoints("a"))["changed"]


def test_removing_all_of_it_leaves_the_process(node, held):
    arrange({name: [] for name in endpoints()})
    assert node.sh("ip netns list") == "" and "vb" not in node.sh("ip link")
    assert links(held) == {"lo"}
