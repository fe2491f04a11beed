# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container engines are asked for their containers; each error says what to do."""

import os
import re

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError, MissingSoftware
from ansible_collections.nodenet.fabric.plugins.module_utils.system import engines as asked
from ansible_collections.nodenet.fabric.plugins.module_utils.system import programs
from engines import docker, engines, podman  # noqa: F401 pylint: disable=unused-import


@pytest.fixture(params=["docker", "podman"])
def engine(request):
    return request.getfixturevalue(request.param)


def test_a_running_container_has_the_pid_of_its_namespace(engine):
    engine.start("web")
    pid = asked.pid_of(engine.name, "web")
    assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    # the same as inside
    inode = re.search(r"\d+", os.readlink(f"/proc/{pid}/ns/net"))[0]
    assert f"net:[{inode}]" in engine.inside("web", "busybox readlink /proc/self/ns/net")


def test_a_container_that_is_not_there_or_does_not_run_is_told(engine):
    with pytest.raises(FabricError, match=f"{engine.name} has no container 'web' on this node: start it"):
        asked.pid_of(engine.name, "web")
    engine.start("web")
    engine("stop --time 0 web")
    with pytest.raises(FabricError, match=f"does not run on this node: start it .{engine.name} start web"):
        asked.pid_of(engine.name, "web")


def test_a_container_in_the_nodes_own_namespace_is_refused(engine):
    engine.start("web", network="host")
    with pytest.raises(FabricError, match="shares the node's own network namespace"):
        asked.pid_of(engine.name, "web")


def test_the_names_of_the_fabric_can_be_mounted(engine):
    """As the page of engines says; both engines write the file by themselves otherwise."""
    engine.node.sh("mkdir -p /etc/nodenet && echo 127.0.0.1 ns246.vm2 ns246 >/etc/nodenet/hosts")
    more = "-v /etc/nodenet/hosts:/etc/hosts:ro --cap-add NET_RAW"
    engine.start("web", more=more)
    engine.inside("web", "ping -c 1 -W 2 ns246.vm2")
    engine.start("other", more="--cap-add NET_RAW")
    engine.inside("other", "ping -c 1 -W 2 ns246.vm2", fails=True)


def test_the_containers_of_a_network_are_those_attached_to_it(engine):
    engine("network create --subnet 10.9.0.0/24 blue")
    engine("network create --subnet 10.9.1.0/24 blues")
    web = engine.start("web", network="blue", more="--ip 10.9.0.9")
    engine.start("old", network="blue")
    engine("stop --time 0 old")
    engine.start("other", network="blues")
    pid = asked.pid_of(engine.name, "web")
    found = asked.containers(engine.name, "blue")
    assert [one.name for one in found] == ["old", "web"]
    assert found[1] == asked.Container(engine.name, "web", web, pid, ("10.9.0.9",)) and found[0].pid == 0
    assert asked.containers(engine.name, "none-such") == []


def test_versions_are_the_programs_own(podman, docker):  # noqa: F811
    assert asked.version("docker") == docker("version --format {{.Server.Version}}")
    assert asked.version("podman") == podman("version --format {{.Client.Version}}")
    assert asked.numbers(asked.version("netavark")) >= (1, 4)


def test_a_daemon_that_does_not_run_is_told(docker):  # noqa: F811
    assert asked.version("docker")
    docker.daemon.stop()
    with pytest.raises(FabricError, match="daemon does not answer on /run/docker.sock.*systemctl start docker"):
        asked.pid_of("docker", "web")
    docker.daemon.start()


@pytest.mark.parametrize(
    ("engine", "package"),
    [("docker", "docker.io"), ("podman", "podman"), ("lxc", "lxc"), ("nspawn", "systemd-container")],
)
def test_an_engine_that_is_not_installed_is_told_with_its_package(node, monkeypatch, engine, package):
    monkeypatch.setattr(programs, "PATH", "/nonexistent")
    assert asked.missing(engine) == package
    with pytest.raises(MissingSoftware, match=f"{engine} is not installed on this node: apt-get install {package}"):
        asked.pid_of(engine, "web")


def test_what_host_local_has_handed_out_says_who_is_attached(engines):  # noqa: F811
    assert asked.containers("cni", "blue") == []
    engines.sh("mkdir -p /var/lib/cni/networks/blue && cd /var/lib/cni/networks/blue && touch lock")
    engines.sh(
        r"cd /var/lib/cni/networks/blue && printf 'abc\r\neth0' | tee 10.9.0.9 fd09::9 && echo 10.9.0.9 >last_reserved_ip.0"
    )
    assert asked.containers("cni", "blue") == [asked.Container("cni", "abc", "abc", 0, ("10.9.0.9", "fd09::9"))]
