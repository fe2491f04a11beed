# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of Docker, Podman and CNI on the node's bridge: their life, and the containers that the engines connect."""

import json
from pathlib import Path

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import (
    Conflict,
    FabricError,
    InputError,
    KernelError,
    MissingSoftware,
)
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import commit, snapshot
from ansible_collections.nodenet.fabric.plugins.module_utils.system import engines as asked
from ansible_collections.nodenet.fabric.plugins.module_utils.system import programs
from ansible_collections.nodenet.fabric.plugins.modules import arrange as module
from engines import cni, docker, engines, podman  # noqa: F401 pylint: disable=unused-import

V4 = {"subnet": "10.9.0.0/24", "gateway": "10.9.0.1", "range": "10.9.0.128/25"}
V6 = {"subnet": "fd09::/64", "gateway": "fd09::1", "range": "fd09::8000:0/97"}
V7 = {"subnet": "10.7.0.0/24"}
OTHER = {"mtu": 1300}
BRIDGE = {"name": "br0", "mtu": 1400, "mac": "02:00:00:00:00:01", "side": "node"}
NODAD = {"nodad": True}


@pytest.fixture(params=["docker", "podman", "cni"])
def engine(request):
    """An engine, on a node whose bridge has the gateway's addresses; an endpoint ``ns1`` is on the bridge, too."""
    found = request.getfixturevalue(request.param)
    found.node.task("bridge", **BRIDGE)
    found.node.task(
        "address", config=[{"dev": "br0", "address": "10.9.0.1/24"}, NODAD | {"dev": "br0", "address": "fd09::1/64"}]
    )
    found.node.task("netns", name="ns1", ipv6=True)
    found.node.task("veth", name="v-ns1", master="br0", mtu=1400, peer={"name": "eth0", "netns": "ns1", "mtu": 1400})
    of_ns1 = [{"dev": "eth0", "address": "10.9.0.2/24"}, NODAD | {"dev": "eth0", "address": "fd09::2/64"}]
    found.node.task("address", netns="ns1", config=of_ns1)
    return found


def described(engine, **more):
    return {"name": "fabric", "engine": engine.name, "bridge": "br0", "mtu": 1400, "subnets": [V4], **more}


def network(engine, check=False, **more):
    return engine.node.task("container_network", _check=check, **described(engine, **more))


def arrange(lists, commit=None):
    """Declare a set that has ``lists`` and nothing else."""
    given = ArgumentSpecValidator(module.ARGUMENTS).validate({"owner": "docker", "purge": True, "adopt": True, **lists})
    assert not given.error_messages
    return module.perform({**given.validated_parameters, "commit": commit}, False)


def absent(engine, **more):
    return engine.node.task("container_network", name="fabric", engine=engine.name, state="absent", **more)


# --- life ---


def test_a_network_is_planned_made_made_anew_and_removed(engine):
    planned = network(engine, check=True)
    assert planned["changed"] and engine.networks() == []
    made = network(engine)
    assert made["commands"] == planned["commands"] and engine.networks() == ["fabric"]
    assert not network(engine)["changed"] and not network(engine, check=True)["changed"]
    anew = network(engine, **OTHER)
    assert anew["reasons"] == [f"{engine.name} network 'fabric' is made anew, cannot be changed in place: mtu"]
    assert not network(engine, **OTHER)["changed"] and network(engine, check=True)["changed"]
    assert absent(engine)["changed"] and engine.networks() == [] and not absent(engine)["changed"]
    assert "br0" in engine.node.sh("ip -br link show br0")


def test_the_commands_by_hand_make_the_same(engine):
    commands = network(engine, check=True, subnets=[V4, V6])["commands"]
    for command in commands:
        engine.node.sh(command)
    assert not network(engine, subnets=[V4, V6])["changed"]
    for command in engine.node.task(
        "container_network", _check=True, name="fabric", engine=engine.name, state="absent"
    )["commands"]:
        engine.node.sh(command)
    assert engine.networks() == []


def test_a_network_comes_after_its_bridge_and_goes_before_it(engine):
    other = {"name": "fabric", "engine": engine.name, "bridge": "br7", "mtu": 1400, "subnets": [V7]}
    with pytest.raises(InputError, match="bridge: there is no interface 'br7'"):
        engine.node.task("container_network", **other)
    lists = {"bridge": [{"name": "br7"}], "container_network": [other]}
    made = arrange(lists)
    assert "br7" in made["commands"][0] and not arrange(lists)["changed"]
    gone = arrange({"bridge": [], "container_network": []})
    assert "br7" in gone["commands"][-1] and engine.networks() == []


# --- containers ---


@pytest.mark.parametrize("subnets", [[V4], [V4, V6]], ids=["ipv4", "dual-stack"])
def test_a_container_gets_an_address_of_the_range_and_reaches_the_endpoint(engine, subnets):
    assert not engine.starts("early"), "there is no network yet"
    network(engine, subnets=subnets)
    engine.start("web", "fabric")
    assert 128 <= int(engine.address("web").split(".")[3]) < 255 and engine.address("web").startswith("10.9.0.")
    assert "mtu 1400" in engine.inside("web", "ip link show dev eth0")
    assert "default via 10.9.0.1 dev eth0" in engine.inside("web", "ip route")
    engine.inside("web", "ping -c 1 -W 2 10.9.0.2")
    assert engine.node.ping("ns1", engine.address("web")) == 64
    if len(subnets) > 1:
        engine.inside("web", "ping -6 -c 1 -W 2 fd09::2")
    engine.end("web")
    # whatever the engine did to the bridge, it is as it was declared
    assert not engine.node.task("bridge", **BRIDGE)["changed"] and not network(engine, subnets=subnets)["changed"]


def test_a_network_with_containers_is_neither_removed_nor_made_anew(engine):
    network(engine)
    engine.start("web", "fabric")
    words = f"{engine.name} network 'fabric' cannot be removed, or made anew, while containers are attached: {engine.called('web')}"
    for change in (
        lambda: absent(engine),
        lambda: network(engine, **OTHER),
        lambda: network(engine, check=True, **OTHER),
    ):
        with pytest.raises(Conflict, match=words):
            change()
    assert not network(engine)["changed"]
    engine.end("web")
    assert absent(engine)["changed"] and engine.networks() == []


def test_a_stopped_container_holds_its_network(engine):
    if engine.name == "cni":
        pytest.skip("what CNI calls a container is its namespace: there are no stopped ones")
    network(engine)
    engine.start("web", "fabric")
    engine("stop --time 0 web")
    with pytest.raises(Conflict, match="containers are attached: web"):
        absent(engine)
    engine("start web")
    assert engine.node.ping("", engine.address("web")) == 64


# --- what others made ---


def test_a_foreign_network_is_left_alone_and_adopted_if_asked(engine):
    engine.make_foreign("fabric")
    before = engine.detail("fabric")
    for change in (lambda: network(engine), lambda: absent(engine)):
        with pytest.raises(Conflict, match=f"{engine.name} network 'fabric' exists and does not belong to the fabric"):
            change()
    assert engine.detail("fabric") == before
    assert network(engine, adopt=True)["changed"] and not network(engine)["changed"]


def test_a_failure_makes_a_foreign_network_again(engine):
    engine.make_foreign("fabric")
    before = engine.detail("fabric")
    common = {"bridge": "br0", "mtu": 1400, "engine": engine.name, "subnets": [V4]}
    # the daemon refuses two of one subnet; where a file is written, a folder is in the way
    for path in ("/etc/containers/networks/zz.json.new", "/etc/cni/net.d/10-nodenet-zz.conflist.new"):
        Path(path).mkdir(parents=True)
    with pytest.raises(KernelError, match="create .* network 'zz'.*the node is as it was before"):
        engine.node.task(
            "container_network", adopt=True, config=[{**common, "name": name} for name in ("fabric", "zz")]
        )
    assert engine.detail("fabric") == before
    assert network(engine, adopt=True)["changed"]


def test_a_network_that_was_changed_by_hand_is_made_anew(engine):
    network(engine)
    engine.edit("fabric")
    found = network(engine)
    assert found["changed"] and not network(engine)["changed"]
    assert "changed it by hand" in found["reasons"][0] or "made anew" in found["reasons"][0]


def test_another_network_of_the_engine_stays(engine):
    engine.make_foreign("blue")
    network(engine)
    engine.node.task("container_network", config=[], purge=True)
    assert engine.networks() == ["blue"]


# --- what lasts, and what is undone ---


def test_a_network_is_not_saved_and_neither_restored_nor_purged_at_boot(engine):
    network(engine)
    saved = snapshot.save("/run/saved.json")
    assert "link" in {one.kind for one in saved} and "container_network" not in {one.kind for one in saved}
    assert snapshot.differences(saved) == ([], [], [])
    snapshot.restore("/run/saved.json", force=True)
    assert engine.networks() == ["fabric"]
    absent(engine)
    snapshot.restore("/run/saved.json", force=True)
    assert engine.networks() == []


@pytest.mark.parametrize("there", [False, True], ids=["made", "made-anew"])
def test_a_commit_that_is_not_confirmed_undoes_a_network(engine, there):
    if there:
        network(engine)
    before = engine.detail("fabric") if there else None
    lists = {"bridge": [{"name": "br0", "mtu": 1300}], "container_network": [described(engine, **OTHER)]}
    arrange(lists, commit={"id": "one", "timeout": 60, "holder": "me@here"})
    assert not network(engine, check=True, owner="docker", **OTHER)["changed"]
    done = commit.cancel("one")
    assert done["left"] == [] and (engine.detail("fabric") if there else None) == before
    assert engine.networks() == (["fabric"] if there else [])
    assert "mtu 1400" in engine.node.sh("ip link show br0")


def test_an_undo_does_not_wait_for_a_daemon_that_does_not_run(docker):  # noqa: F811
    docker.node.task("bridge", name="br0", mtu=1400)
    lists = {"bridge": [{"name": "br0", "mtu": 1300}], "container_network": [described(docker)]}
    arrange(lists, commit={"id": "one", "timeout": 60, "holder": "me@here"})
    docker.daemon.stop()
    done = commit.cancel("one")
    (left,) = done["left"]
    assert left.startswith("docker network 'fabric' is as the commit left it: docker's daemon does not ")
    assert "mtu 1400" in docker.node.sh("ip link show br0")
    # a run that is about other objects does not ask for it
    assert docker.node.task("bridge", name="br0", mtu=1350)["changed"]
    docker.daemon.start()
    assert docker.networks() == ["fabric"]
    assert absent(docker, owner="docker")["changed"]


# --- an engine that is not there, or not as it must be ---


@pytest.mark.parametrize(
    ("name", "package"), [("docker", "docker.io"), ("podman", "podman"), ("cni", "containernetworking-plugins")]
)
def test_an_engine_that_is_not_installed_is_an_error_unless_it_is_optional(engines, monkeypatch, name, package):  # noqa: F811
    monkeypatch.setattr(programs, "PATH", "/nonexistent")
    monkeypatch.setitem(asked.SOFTWARE, "cni", (("/nonexistent/bridge",), package))
    engines.task("bridge", name="br0")
    wanted = {"name": "fabric", "engine": name, "bridge": "br0", "mtu": 1400, "subnets": [V4]}
    with pytest.raises(MissingSoftware, match=f"{name} is not installed on this node: apt-get install {package}"):
        engines.task("container_network", **wanted)
    left_out = engines.task("container_network", **wanted, optional=True)
    assert not left_out["changed"]
    assert left_out["warnings"] == [
        f"{name} is not installed on this node, and was left out: apt-get install {package}"
    ]
    assert arrange({"container_network": [{**wanted, "optional": True}]})["warnings"] == left_out["warnings"]
    assert not engines.task("container_network", name="fabric", engine=name, state="absent")["changed"]


def test_podman_chooses_netavark_before_cni_has_a_network(podman, cni):  # noqa: F811
    podman.node.task("bridge", name="br0", mtu=1400)
    network(cni)
    assert podman("info --format {{.Host.NetworkBackend}}") == "netavark"
    network(podman, subnets=[V4 | {"range": "10.9.0.64/26"}])
    assert podman.starts("web")


def test_podman_that_has_chosen_cni_is_refused(podman):  # noqa: F811
    if asked.numbers(asked.version("podman")) >= (5,):
        pytest.skip("Podman from 5.0 on has netavark alone")
    podman.node.task("bridge", name="br0", mtu=1400)
    Path("/etc/cni/net.d").mkdir(exist_ok=True)
    for name in ("one", "two"):
        plugin = {"type": "bridge", "bridge": "cni7", "ipam": {"type": "host-local", "subnet": "10.11.0.0/24"}}
        content = {"cniVersion": "0.4.0", "name": name, "plugins": [plugin]}
        Path(f"/etc/cni/net.d/50-{name}.conflist").write_text(json.dumps(content))
    with pytest.raises(FabricError, match="podman makes its networks by cni .*write network_backend"):
        network(podman)
    assert not Path("/etc/containers/networks").exists()
    Path("/etc/containers/containers.conf").write_text('[network]\nnetwork_backend = "netavark"\n')
    assert network(podman)["changed"]


# --- bad input ---


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "a/b"}, "name: 'a/b' is not a name of a network"),
        ({"name": "host"}, "name: 'host' means something else to podman"),
        ({"mtu": 20}, "mtu: 20 is out of range"),
        ({"mtu": None}, "mtu: required"),
        ({"bridge": None}, "bridge: required"),
        ({"engine": None}, "engine: required"),
        ({"subnets": []}, "subnets: required"),
        ({"subnets": [V4, V4]}, "subnets: give one subnet of IPv4 and one of IPv6 at most"),
        ({"subnets": [V4 | {"gateway": "10.8.0.1"}]}, r"subnets\[0\].gateway: 10.8.0.1 is outside of the subnet"),
        ({"subnets": [V4 | {"range": "10.8.0.0/25"}]}, r"subnets\[0\].range: 10.8.0.0/25 is outside of the subnet"),
        ({"subnets": [V4 | {"range": "10.9.0.0/23"}]}, r"subnets\[0\].range: .* host bits|outside"),
        ({"engine": "docker", "subnets": [V6]}, "subnets: docker needs one of IPv4"),
        ({"trusted_addresses": ["10.0.0.300"]}, "trusted_addresses: '10.0.0.300' is not an"),
    ],
)
def test_bad_input_is_refused(node, wrong, message):
    wanted = {"name": "fabric", "engine": "podman", "bridge": "br0", "mtu": 1400, "subnets": [V4], **wrong}
    with pytest.raises(InputError, match=message):
        node.task("container_network", **{name: value for name, value in wanted.items() if value is not None})
