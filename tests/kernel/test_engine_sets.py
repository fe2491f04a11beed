# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory gives an engine of a node, with the engine itself: its containers are on the fabric's bridge."""

import ipaddress
import json

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodenet.fabric.plugins.module_utils.system import engines as asked
from ansible_collections.nodenet.fabric.plugins.modules import arrange as module
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model
from engines import cni, docker, engines, podman  # noqa: F401 pylint: disable=unused-import

SUBNET, MAC = "10.5.0.0/24", "02:00:00:00:00:05"


def view(*names, **more):
    """Return the node's model, as the roles read it."""
    node = {"fabric_node_address": "192.0.2.1", "fabric_node_subnet": SUBNET, "fabric_engines": list(names), **more}
    return node_model(fabric_model({"n1": node}), "n1")


def arrange(names, **more):
    """Arrange the bridge, and what the inventory gives the engines, as the roles do."""
    model = view(*names, **more)
    bridge = {
        "owner": "bridge",
        "bridge": [{"name": "fabric0", "mac": MAC, "mtu": model["mtu"], "addrgenmode": "none", "side": "node"}],
        "address": [
            {"dev": "fabric0", "address": one["prefix"], "nodad": one["nodad"]} for one in model["bridge"]["gateways"]
        ],
    }
    sets = [{"owner": "nat", "masquerade": model["masquerade"]}]
    sets += [{"owner": name, "container_network": model["engines"][name]} for name in names]
    sets += [{"owner": "podman", "veth": model["engines"]["ports"]}] if "podman" in names else []
    given = {"sets": [{"purge": True, **one} for one in (bridge, *sets)], "remove_sets_except": []}
    found = ArgumentSpecValidator(module.ARGUMENTS).validate(given)
    assert not found.error_messages
    return module.perform(found.validated_parameters, False)


@pytest.fixture(params=["docker", "podman", "cni"])
def engine(request):
    return request.getfixturevalue(request.param)


def test_a_container_is_on_the_bridge_with_an_address_of_the_engines_range(engine):
    assert arrange([engine.name])["changed"] and not arrange([engine.name])["changed"]
    engine.start("web", "fabric")
    own = ipaddress.ip_address(engine.address("web"))
    assert own in ipaddress.ip_network(view(engine.name)["engines"][engine.name][0]["subnets"][0]["range"])
    assert engine.node.ping("", str(own)) == 64
    engine.end("web")
    assert not arrange([engine.name])["changed"]
    arrange([])
    assert not engine.starts("web")


def test_a_container_has_an_address_of_each_family(engine):
    """Of an IPv6 subnet engines get less than half, as Docker counts addresses in a word of 64 bits."""
    dual = {"fabric_node_address6": "fd00::1", "fabric_node_subnet6": "fd05::/64"}
    arrange([engine.name], **dual)
    engine.start("web", "fabric")
    shown = engine.inside("web", "ip -6 address show dev eth0 scope global")
    found = ipaddress.ip_interface(shown.partition("inet6 ")[2].split()[0])
    assert found.ip in ipaddress.ip_network("fd05:0:0:0:8000::/96") and found.network.prefixlen == 64
    engine.inside("web", "ping -6 -c 3 -W 2 fd05::1")  # a new address may still be tentative (RFC 4862)
    engine.end("web")


def bridge(node):
    """Return the MAC address of the bridge, or None: there is none."""
    found = [one for one in json.loads(node.sh("ip -j link")) if one["ifname"] == "fabric0"]
    return found[0]["address"] if found else None


def test_the_bridge_outlives_podmans_last_container(podman):  # noqa: F811
    arrange(["podman"])
    for _time in range(2):
        podman.start("web", "fabric")
        podman.end("web")
        assert bridge(podman.node) == MAC
    assert not arrange(["podman"])["changed"]
    podman.node.sh("ip link del fabric-keep")  # what the pair is for
    podman.start("web", "fabric")
    podman.end("web")
    if asked.numbers(asked.version("podman")) < (5, 4):  # netavark 1.14 came with it
        assert bridge(podman.node) is None
    assert arrange(["podman"])["changed"] and bridge(podman.node) == MAC


def test_two_engines_share_a_subnet_and_no_address(podman, cni):  # noqa: F811
    arrange(["podman", "cni"])
    podman.start("web", "fabric")
    cni.start("db")
    addresses = podman.address("web"), cni.address("db")
    ranges = [
        ipaddress.ip_network(view("podman", "cni")["engines"][name][0]["subnets"][0]["range"])
        for name in ("podman", "cni")
    ]
    assert [ipaddress.ip_address(own) in one for own, one in zip(addresses, ranges)] == [True, True]
    assert "open" in cni.inside("db", f"sh -c 'ping -c 1 -W 2 {addresses[0]} >/dev/null && echo open'")
    cni.end("db")
    podman.end("web")


@pytest.mark.parametrize("rule", ["as the inventory says", "without it"])
def test_without_masquerade_a_container_is_seen_outside_with_its_own_address(podman, rule):  # noqa: F811
    """Before 1.14 netavark masquerades what leaves a network."""
    node = podman.node
    arrange(["podman"], fabric_masquerade=False)
    assert not arrange(["podman"], fabric_masquerade=False)["changed"]
    node.sh("ip netns add out && ip link add up0 type veth peer name eth0 netns out && ip link set up0 up")
    node.sh("ip address add 192.0.2.1/24 dev up0 && ip -n out address add 192.0.2.9/24 dev eth0")
    node.sh(f"ip -n out link set eth0 up && ip -n out route add {SUBNET} via 192.0.2.1")
    node.sh("sysctl -w net.ipv4.ip_forward=1")
    if rule == "without it":
        node.sh("nft delete table inet nodenet_fabric")
    podman.start("web", "fabric")
    capture = "ip netns exec out timeout 5 tcpdump -n -l -i eth0 -c 1 'icmp[0] == 8' 2>/dev/null"
    found = node.sh(f"{capture} & sleep 0.5; podman exec web ping -c 2 -W 1 192.0.2.9 >/dev/null; wait")
    old = asked.numbers(asked.version("netavark")) < (1, 14)
    expected = "192.0.2.1" if old and rule == "without it" else podman.address("web")
    assert f" {expected} > 192.0.2.9" in found
    podman.end("web")
