# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What container networks are for engines newer than a distribution's: Docker from 28.2 on, netavark from 1.14 on."""

import ipaddress

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Resource, differing
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds import (
    network_docker,
    network_parts,
    network_podman,
)
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.container_network import ContainerNetwork, NetworkKey
from ansible_collections.nodenet.fabric.plugins.module_utils.system import engines

GIVEN = {
    "bridge": "br0",
    "mtu": 1450,
    "subnets": (("10.9.0.0/24", "10.9.0.1", "10.9.0.128/25"), ("fd09::/64", "fd09::1", "")),
    "trusted_interfaces": ("vxlan.1", "tun0"),
    "trusted_addresses": ("127.0.0.1",),
}


def of(version, monkeypatch):
    """Return the desired values on a node with that version of the engine."""
    monkeypatch.setattr(engines, "version", lambda _engine: version)
    monkeypatch.setattr(engines, "require", lambda _engine: None)
    desired = Resource("container_network", NetworkKey("", "docker", "fabric"), GIVEN)
    return ContainerNetwork().claimed(desired, "docker")


def read_back(body):
    """Return a network as ``GET /networks`` has it: what was sent, with an id."""
    return {**body, "Id": "0" * 64, "Created": "2026-01-01T00:00:00Z", "Scope": "local", "Attachable": False}


@pytest.mark.parametrize(
    ("version", "trusted"), [("20.10.24+dfsg1", None), ("28.1.1", None), ("28.2.0", True), ("29.0.0", True)]
)
def test_docker_trusts_tunnels_and_uplinks_from_the_version_on_that_can(monkeypatch, version, trusted):
    desired = of(version, monkeypatch)
    options = network_docker.body("fabric", desired.values)["Options"]
    # the loopback has the address that stands for the uplink's
    expected = "lo:tun0:vxlan.1" if trusted else None
    assert options.get(network_docker.TRUSTED) == expected
    assert options[network_docker.MASQUERADE] == "false"
    command = network_docker.creation("fabric", desired.values)[0]
    assert (f"--opt={network_docker.TRUSTED}=lo:tun0:vxlan.1" in command) == bool(trusted)
    monkeypatch.setattr(
        network_docker.docker, "ask", lambda *_words: [read_back(network_docker.body("fabric", desired.values))]
    )
    found = Resource(desired.kind, desired.key, network_docker.networks()["fabric"])
    assert differing(desired, found) == []


def test_docker_that_was_upgraded_gets_the_network_anew(monkeypatch):
    old, new = of("20.10.24", monkeypatch), of("28.3.0", monkeypatch)
    monkeypatch.setattr(
        network_docker.docker, "ask", lambda *_words: [read_back(network_docker.body("fabric", old.values))]
    )
    found = Resource(old.kind, old.key, network_docker.networks()["fabric"])
    assert differing(new, found) == ["trusted"] and "trusted" in ContainerNetwork().fixed


def test_an_address_that_no_interface_has_is_no_uplink():
    assert network_docker.holders(["192.0.2.77"]) == [] and network_docker.holders([]) == []
    assert network_docker.holders(["127.0.0.1", "192.0.2.77"]) == ["lo"]


@pytest.mark.parametrize(
    ("version", "mode"), [("1.4.0", ""), ("1.13.1", ""), ("1.14.0", "unmanaged"), ("2.0.0", "unmanaged")]
)
def test_netavark_leaves_the_bridge_alone_from_the_version_on_that_can(monkeypatch, tmp_path, version, mode):
    monkeypatch.setattr(engines, "version", lambda _engine: version)
    monkeypatch.setattr(network_podman, "STORAGE", str(tmp_path / "none"))
    monkeypatch.setattr(network_podman, "FOLDER", str(tmp_path))
    values = {**network_podman.settled(GIVEN), "owner": "podman", "intact": True}
    written = network_podman.document("fabric", values)
    assert written["options"] == {"mtu": "1450", **({"mode": mode} if mode else {})}
    network_parts.put(str(tmp_path / "fabric.json"), written, None)
    assert network_podman.networks() == {"fabric": values}


@pytest.mark.parametrize(
    ("subnet", "part", "first", "last"),
    [
        ("10.9.0.0/24", "10.9.0.128/25", "10.9.0.128", "10.9.0.254"),
        ("10.9.0.0/24", "10.9.0.0/25", "10.9.0.1", "10.9.0.127"),
        ("10.9.0.0/24", "10.9.0.64/26", "10.9.0.64", "10.9.0.127"),
        ("10.9.0.0/24", "10.9.0.0/24", "10.9.0.1", "10.9.0.254"),
        ("10.9.0.0/24", "10.9.0.7/32", "10.9.0.7", "10.9.0.7"),
        ("fd09::/64", "fd09::/64", "fd09::1", "fd09::ffff:ffff:ffff:ffff"),
        ("fd09::/64", "fd09::8000:0/97", "fd09::8000:0", "fd09::ffff:ffff"),
    ],
)
def test_a_range_has_the_addresses_that_a_container_can_have_and_is_read_back(subnet, part, first, last):
    assert network_parts.bounds(subnet, part) == (first, last)
    assert network_parts.part_of(subnet, first, last) == part


def test_every_part_of_a_subnet_is_read_back_as_it_is_desired():
    whole = ipaddress.ip_network("10.9.0.0/28")
    for length in range(28, 33):
        for part in whole.subnets(new_prefix=length):
            desired = network_parts.settled({"subnets": ((str(whole), "", str(part)),)})["subnets"][0][2]
            bounds = network_parts.bounds(str(whole), str(part))
            assert network_parts.bounds(str(whole), desired) == bounds
            assert network_parts.part_of(str(whole), *bounds) == desired


def test_a_range_that_is_no_prefix_differs_from_each():
    assert network_parts.part_of("10.9.0.0/24", "10.9.0.100", "10.9.0.110") == "10.9.0.100-10.9.0.110"
    assert network_parts.part_of("10.9.0.0/24", "", "") == ""
