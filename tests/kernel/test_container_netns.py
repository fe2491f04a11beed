# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container of Docker or Podman that was started without a network, as an endpoint; the engines are real."""

import os

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import cli, snapshot
from ansible_collections.nodenet.fabric.plugins.module_utils.system.engines import pid_of
from commits import arrange
from engines import docker, engines, podman  # noqa: F401 pylint: disable=unused-import

NAMES = ("podman", "docker")
RAW = "--cap-add NET_RAW"  # to ping; Docker has it by itself


@pytest.fixture(params=NAMES)
def engine(request):
    return request.getfixturevalue(request.param)


def endpoint(engine, name="web"):
    return {
        "bridge": [{"name": "br"}],
        "netns": [{"name": "web", "ipv6": False, "inherit": False, "container": {"engine": engine.name, "name": name}}],
        "veth": [{"name": "vweb", "master": "br", "peer": {"name": "eth0", "netns": "web"}}],
        "address": [{"dev": "br", "address": "10.0.0.1/24"}, {"netns": "web", "dev": "eth0", "address": "10.0.0.2/24"}],
        "route": [{"netns": "web", "prefix": "default", "via": "10.0.0.1"}],
    }


NOTHING = {"bridge": [], "netns": [], "veth": [], "address": [], "route": []}


def own(engine):
    """Return whether the name is that of the container's namespace."""
    return os.stat("/run/netns/web").st_ino == os.stat(f"/proc/{pid_of(engine.name, 'web')}/ns/net").st_ino


def test_a_container_is_plugged_in_and_unplugged_and_lives_on(node, engine):
    engine.start("web", more=RAW)
    engine.inside("web", "ping -c 1 -W 1 10.0.0.1", fails=True)
    result = arrange(endpoint(engine))
    assert f"ip netns attach web {pid_of(engine.name, 'web')}" in result["commands"]
    assert engine.inside("web", "ping -c 1 -W 1 10.0.0.1") and node.ping("", "10.0.0.2") == 64 and own(engine)
    assert not arrange(endpoint(engine))["changed"]
    arrange(NOTHING)
    assert "eth0" not in engine.inside("web", "ip address") and "127.0.0.1" in engine.inside("web", "ip address")
    engine.inside("web", "ping -c 1 -W 1 10.0.0.1", fails=True)
    assert not os.path.exists("/run/netns/web")


def test_a_container_that_was_started_again_is_plugged_in_again(node, engine):
    engine.start("web", more=RAW)
    arrange(endpoint(engine))
    engine("restart --time 0 web")
    engine.inside("web", "ping -c 1 -W 1 10.0.0.1", fails=True)
    result = arrange(endpoint(engine))
    words = f"{engine.name} container 'web' has another one now"
    assert any(words in reason for reason in result["reasons"])
    assert engine.inside("web", "ping -c 1 -W 1 10.0.0.1") and node.ping("", "10.0.0.2") == 64 and own(engine)
    assert not arrange(endpoint(engine))["changed"]


def test_a_container_that_does_not_run_is_refused_and_left_out_by_a_restore(node, engine, tmp_path, capsys):
    path = str(tmp_path / "saved.json")
    with pytest.raises(InputError, match=f"container: {engine.name} has no container 'web' on this node: start it"):
        arrange(endpoint(engine))
    engine.start("host", network="host")
    with pytest.raises(InputError, match="shares the node's own network namespace"):
        arrange(endpoint(engine, "host"))
    engine.start("web", more=RAW)
    arrange(endpoint(engine))
    snapshot.save(path)
    engine("stop --time 0 web")
    with pytest.raises(InputError, match=f"{engine.name} container 'web' does not run"):
        arrange(endpoint(engine))
    assert cli.main(["restore", "--file", path]) == 0
    assert f"'web' is left out: {engine.name} container 'web' does not run" in capsys.readouterr().err
    engine("start web")
    assert cli.main(["diff", "--file", path]) == 1
    assert cli.main(["restore", "--file", path]) == 0 and own(engine)
    assert engine.inside("web", "ping -c 1 -W 1 10.0.0.1") and cli.main(["diff", "--file", path]) == 0
    engine("stop --time 0 web")
    arrange(NOTHING)  # to remove it nobody need run
    assert not os.path.exists("/run/netns/web") and "vweb" not in node.sh("ip link")
