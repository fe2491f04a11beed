# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks by WireGuard: allowed IPs choose the peer on the way out, and check the source on the way in."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import declared_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.proof.classes import quotient
from ansible_collections.nodenet.fabric.plugins.plugin_utils.proof.pairs import prove
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.compare import differences
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.drift import drift
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.fabric import Fabric
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.packet import headers
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.state import Underlay, node_state
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.walker import walk
from test_declared import fabric_model, model_of

OTHER_KEY = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="


@pytest.fixture(scope="module")
def model():
    return model_of("wireguard")


@pytest.fixture
def states(model):
    return copy.deepcopy(declared_states(model))


def device(states, node):
    return next(link for link in states[node]["namespaces"][""]["links"] if link["type"] == "wireguard")


def walked(model, states, to="ns246", **question):
    underlay = Underlay(model["fabric"]["fabric_underlay"])
    return walk([node_state(one) for one in states.values()], underlay, {"from": "ns245", "to": to, **question})


@pytest.mark.parametrize("target", ["ns246", "fd46::2"])
def test_a_packet_is_encrypted_for_the_peer_whose_subnet_it_goes_to(model, states, target):
    found = walked(model, states, target)
    assert found.verdict == "delivered" and found.forward.mtu == found.reverse.mtu == 1440
    (hop,) = [hop for hop in found.forward.hops if hop.action == "encapsulate"]
    assert (hop.entry.kind, hop.entry.owner) == ("wireguard_peer", "wireguard")
    assert hop.entry.text.endswith("endpoint 192.168.33.246:51820 allowed-ips 10.246.0.0/24,fd46::/64")
    assert [one["type"] for one in headers(hop.packet)][:3] == ["ipv4", "udp", "wireguard"]
    inside = [hop for hop in found.forward.hops if hop.packet is not None and hop.packet.seal is not None]
    assert {hop.device for hop in inside if hop.action in ("out", "in")} == {"underlay0"}


def test_the_size_on_the_wire_is_that_of_the_padded_message(model, states):
    (hop,) = [hop for hop in walked(model, states).forward.hops if hop.action == "encapsulate"]
    # 84 bytes are padded to 96: 16 of header, 16 of tag, 8 of UDP, 20 of IPv4
    assert hop.packet.ip.size == 96 + 32 + 8 + 20


def alter(states, node, **values):
    device(states, node).update(values)


def alter_peer(states, node, **values):
    device(states, node)["peers"][0].update(values)


BROKEN = [
    (lambda all_: alter(all_, "vm1", peers=[]), "no peer of wgfab1 has 10.246.0.2 among its allowed IPs"),
    (lambda all_: alter_peer(all_, "vm1", allowed_ips=["10.247.0.0/24"]), "no peer of wgfab1 has 10.246.0.2"),
    (lambda all_: alter_peer(all_, "vm1", endpoint=""), "has no endpoint"),
    (lambda all_: alter(all_, "vm1", public_key=""), "wgfab1 has no private key"),
    (
        lambda all_: alter_peer(all_, "vm1", endpoint="192.168.33.246:4000"),
        "no WireGuard device of this namespace listens on port 4000",
    ),
    (lambda all_: alter(all_, "vm2", listen_port=4000), "no WireGuard device of this namespace listens on port 51820"),
    (lambda all_: alter(all_, "vm2", up=False, running=False), "no WireGuard device of this namespace listens"),
    (lambda all_: alter(all_, "vm2", public_key=OTHER_KEY), "and wgfab1 has another"),
    (lambda all_: alter(all_, "vm2", peers=[]), "wgfab1 has no peer with the public key"),
    (
        lambda all_: alter_peer(all_, "vm2", allowed_ips=["10.247.0.0/24"]),
        "the source 10.245.0.2 is not among the allowed IPs",
    ),
    (lambda all_: alter_peer(all_, "vm2", preshared_key="0" * 32), "different preshared keys"),
]


@pytest.mark.parametrize(("change", "reason"), BROKEN, ids=[reason for _change, reason in BROKEN])
def test_what_does_not_fit_is_dropped_with_its_reason(model, states, change, reason):
    change(states)
    found = walked(model, states)
    assert found.forward.verdict == "dropped" and reason in found.forward.reason, found.forward.reason


def test_a_source_of_another_peers_is_dropped(model, states):
    peers = device(states, "vm2")["peers"]
    peers.append({"public_key": OTHER_KEY, "endpoint": "", "allowed_ips": ["10.245.0.2/32"], "owner": None})
    assert "is not among the allowed IPs of the peer that sends" in walked(model, states).forward.reason
    peers[-1]["allowed_ips"] = ["10.245.0.3/32"]
    assert walked(model, states).verdict == "delivered"


def test_without_the_device_nothing_leaves_in_the_clear(model, states):
    own = states["vm1"]["namespaces"][""]
    own["links"] = [link for link in own["links"] if link["type"] != "wireguard"]
    own["addresses"] = [one for one in own["addresses"] if one["dev"] != "wgfab1"]
    own["routes"] = [one for one in own["routes"] if one.get("dev") != "wgfab1"]
    for target in ("ns246", "fd46::2"):
        found = walked(model, states, target)
        assert found.forward.verdict == "dropped" and "is blackhole" in found.forward.reason
    # without the blackhole it does
    own["routes"] = [one for one in own["routes"] if one["type"] != "blackhole"]
    leaving = [hop for hop in walked(model, states).forward.hops if (hop.device, hop.action) == ("underlay0", "out")]
    assert [headers(hop.packet)[1]["dst"] for hop in leaving] == ["10.246.0.2"]


def test_what_is_encrypted_nobody_looks_for_on_the_wire(model, states):
    found = walked(model, states)
    seen = [
        {**hop.plain(), "direction": direction}
        for direction, way in found.ways
        for hop in way.hops
        if hop.action in ("in", "out") and hop.packet is not None and hop.packet.seal is None
    ]
    assert differences(found, captured=seen) == []
    assert differences(found, captured=[one for one in seen if one["device"] != "wgfab1"])


def test_a_peer_that_is_not_as_declared_is_named(model, states):
    declared = Fabric([node_state(one) for one in declared_states(model).values()])
    assert drift(Fabric([node_state(one) for one in states.values()]), declared) == []
    alter_peer(states, "vm1", allowed_ips=["10.247.0.0/24"])
    alter(states, "vm2", peers=[{"public_key": OTHER_KEY, "endpoint": "", "allowed_ips": [], "owner": None}])
    found = drift(Fabric([node_state(one) for one in states.values()]), declared)
    assert [(one.node, one.device, one.word, one.entry.kind) for one in found] == [
        ("vm1", "wgfab1", "altered", "wireguard_peer"),
        ("vm2", "wgfab1", "missing", "wireguard_peer"),
        ("vm2", "wgfab1", "foreign", "wireguard_peer"),
    ]


def test_every_pair_is_proven(model):
    assert prove(model).faults == []


def test_nodes_that_differ_in_their_keys_alone_are_of_one_sort():
    hosts = {
        f"n{number}": {
            "fabric_backend": "wireguard",
            "fabric_wireguard_secret": "a secret of the tests, of more than 32 characters",
            "fabric_node_address": f"192.0.2.{number}",
            "fabric_node_subnet": f"10.24.{number}.0/24",
            "fabric_endpoints": [{"name": f"e{number}"}],
        }
        for number in range(1, 31)
    }
    # the node that the others are compared with is a sort of its own
    assert len(set(quotient(fabric_model(hosts)).classes.values())) == 2
    hosts["n7"]["fabric_underlay_mtu"] = 1400
    assert len(set(quotient(fabric_model(hosts)).classes.values())) == 3
