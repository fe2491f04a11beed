# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend wireguard: keys known from the inventory alone, secrets in no model, and nothing that leaves in the clear."""

from __future__ import annotations

import base64
import json
from functools import partial

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.phases import CONTRACT, EXPAND, SWITCH, phases_of
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.plan import make_plan
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Desired
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.route import RouteKey
from ansible_collections.nodenet.fabric.plugins.module_utils.specs import lost_peers
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import described
from ansible_collections.nodenet.fabric.plugins.module_utils.system import keys as named
from ansible_collections.nodenet.fabric.plugins.module_utils.system import x25519
from ansible_collections.nodenet.fabric.plugins.plugin_utils import keys
from ansible_collections.nodenet.fabric.plugins.plugin_utils.backends import backend_of, peers_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.backends import wireguard as of_wireguard
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.role_sets import role_sets
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of, warnings_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model

SECRET = "a secret of the tests, of more than 32 characters"
SECRETS = {"fabric_wireguard_secret": SECRET}
OWN = base64.b64encode(bytes(range(32))).decode()


def hosts(count=3, secret=SECRET, **everywhere):
    given = {"fabric_backend": "wireguard", **({"fabric_wireguard_secret": secret} if secret else {}), **everywhere}
    return {
        f"vm{number}": {
            "fabric_node_address": f"192.168.{30 + number}.5",
            "fabric_node_subnet": f"10.24{number}.0.0/24",
            "fabric_node_subnet6": f"fd4{number}::/64",
            "fabric_endpoints": [{"name": f"ns{number}"}],
            **given,
        }
        for number in range(1, count + 1)
    }


def part(given, name="vm1", secrets=None):
    assert faults_of(given) == []
    return node_model(fabric_model(given), name, SECRETS if secrets is None else secrets)["wireguard"]


def test_a_device_has_all_peers_with_their_subnets():
    found = part(hosts())
    assert (found["name"], found["port"], found["mtu"]) == ("wgfab1", 51820, 1440)
    assert found["addresses"] == ["10.241.0.0/32", "fd41::/128"]
    assert [(one["name"], one["endpoint"], one["allowed_ips"]) for one in found["peers"]] == [
        ("vm2", "192.168.32.5:51820", ["10.242.0.0/24", "fd42::/64"]),
        ("vm3", "192.168.33.5:51820", ["10.243.0.0/24", "fd43::/64"]),
    ]
    assert [one["subnet"] for one in found["routes"]] == ["10.242.0.0/24", "fd42::/64", "10.243.0.0/24", "fd43::/64"]


def test_over_ipv6_it_takes_80_bytes_and_endpoints_have_brackets():
    given = hosts(2)
    for number, values in enumerate(given.values(), 1):
        del values["fabric_node_address"]
        values["fabric_node_address6"] = f"2001:db8:{number}::5"
    found = part(given)
    assert found["mtu"] == 1420
    assert [one["endpoint"] for one in found["peers"]] == ["[2001:db8:2::5]:51820"]


def test_every_public_key_is_that_of_the_key_that_its_node_gets():
    given = hosts()
    model = fabric_model(given)
    for name in given:
        (private,) = backend_of(model["fabric"]).keys(peers_of(model, name, SECRETS))["private"]
        public = named.encoded(x25519.public_of(named.decoded(private)))
        assert public == part(given, name)["public_key"]
        others = [one for other in given if other != name for one in part(given, other)["peers"]]
        assert {one["public_key"] for one in others if one["name"] == name} == {public}


def test_both_nodes_of_a_pair_have_its_preshared_key_and_no_other_has():
    given = hosts(fabric_wireguard_preshared=True)
    model = fabric_model(given)
    held = {
        name: {
            named.digest_of(named.decoded(key))
            for key in backend_of(model["fabric"]).keys(peers_of(model, name, SECRETS))["preshared"]
        }
        for name in given
    }
    for name in given:
        digests = {one["name"]: one["preshared"] for one in part(given, name)["peers"]}
        assert set(digests.values()) == held[name] and len(held[name]) == 2
        for other, digest in digests.items():
            assert [one for one in given if digest in held[one]] == sorted([name, other])
    # without the secret nobody knows their names, and what is there stays
    assert {one["preshared"] for one in part(given, secrets={})["peers"]} == {None}
    assert {one["preshared"] for one in part(hosts())["peers"]} == {""}


def test_the_next_epoch_has_another_device_port_and_keys():
    old, new = part(hosts()), part(hosts(fabric_wireguard_epoch=2))
    assert (new["name"], new["port"]) == ("wgfab2", 51821)
    assert {one["public_key"] for one in old["peers"]}.isdisjoint({one["public_key"] for one in new["peers"]})
    assert part(hosts(fabric_wireguard_epoch=3))["port"] == 51820
    other = part(hosts(fabric_wireguard_port=4000))
    assert (other["name"], other["port"]) == ("wgfab1-4000", 4000)
    assert other["public_key"] == old["public_key"]


def test_no_secret_is_in_a_model_and_no_key_in_what_roles_read():
    given = hosts(fabric_wireguard_preshared=True)
    model = fabric_model(given)
    view = node_model(model, "vm1", SECRETS)
    private = [keys.private_key(SECRET, name, 1) for name in given]
    preshared = [keys.preshared_key(SECRET, "vm1", name, 1) for name in given]
    text = json.dumps([model, view, role_sets(view)])
    for secret in [SECRET, *private, *preshared]:
        assert secret not in text
    # the same look finds what is there
    assert part(given)["public_key"] in text


def test_its_faults_do_not_show_the_secret():
    given = hosts()
    given["vm2"]["fabric_wireguard_secret"] = SECRET + "!"
    (fault,) = faults_of(given)
    assert (
        fault
        == "vm2: fabric_wireguard_secret is another than on vm1: the whole fabric has one value, set it for the group."
    )
    for wrong, text in (
        ("short", "fabric_wireguard_secret has 5 characters"),
        ([SECRET], "fabric_wireguard_secret is not text"),
    ):
        (fault,) = faults_of(hosts(secret=wrong))
        assert fault.startswith(f"vm1, vm2, vm3: {text}") and "short" not in fault and SECRET not in fault


def test_a_peer_without_a_key_is_refused_by_name():
    given = hosts(secret=None)
    given["vm1"]["fabric_wireguard_public_key"] = OWN
    (fault,) = faults_of(given)
    assert fault.startswith(
        "vm2, vm3: fabric_wireguard_public_key is missing: set fabric_wireguard_secret for the group"
    )


@pytest.mark.parametrize(
    ("everywhere", "text"),
    [
        ({"fabric_wireguard_public_key": "abc"}, "fabric_wireguard_public_key is 'abc', not a public key"),
        ({"fabric_wireguard_public_key": OWN}, "vm2, vm3: fabric_wireguard_public_key " + OWN + " is also that of vm1"),
        ({"fabric_wireguard_epoch": 0}, "fabric_wireguard_epoch is 0"),
        ({"fabric_mtu": 1441}, "fabric_mtu is 1441, and with wireguard at most 1440 bytes fit"),
        ({"fabric_publish": [{"protocol": "udp", "port": 51821, "endpoint": "ns1"}]}, "fabric_wireguard_port"),
    ],
)
def test_its_other_faults_are_found(everywhere, text):
    assert any(text in fault for fault in faults_of(hosts(**everywhere))), faults_of(hosts(**everywhere))


def test_preshared_keys_need_the_secret():
    given = hosts(1, secret=None, fabric_wireguard_public_key=OWN, fabric_wireguard_preshared=True)
    (fault,) = faults_of(given)
    assert "fabric_wireguard_preshared derives a key for each pair of nodes from fabric_wireguard_secret" in fault


def test_without_the_library_the_fault_says_what_to_install(monkeypatch):
    def missing(_private):
        raise keys.KeyFault("WireGuard's keys need the Python library cryptography on the controller")

    monkeypatch.setattr(of_wireguard, "public_key", missing)
    assert faults_of(hosts()) == ["WireGuard's keys need the Python library cryptography on the controller."]


def test_a_key_of_a_nodes_own_stays_there():
    given = hosts()
    given["vm1"]["fabric_wireguard_public_key"] = OWN
    model = fabric_model(given)
    assert part(given)["public_key"] == OWN
    assert [one["public_key"] for one in part(given, "vm2")["peers"] if one["name"] == "vm1"] == [OWN]
    assert backend_of(model["fabric"]).keys(peers_of(model, "vm1", SECRETS)) == {"private": [], "preshared": []}
    assert len(backend_of(model["fabric"]).keys(peers_of(model, "vm2", SECRETS))["private"]) == 1


def test_peers_on_one_l2_are_in_the_clear_with_cross_subnet_and_a_warning_says_so():
    given = hosts(fabric_cross_subnet=True, fabric_underlay=["192.168.0.0/16"])
    for values in given.values():
        del values["fabric_node_subnet6"]
    assert part(given)["peers"] == []
    assert any("are not encrypted" in text for text in warnings_of(given))
    assert not any("encrypted" in text for text in warnings_of(hosts()))


# what a node gets of it, in which phase


def declared(given, name="vm1"):
    sets = role_sets(node_model(fabric_model(given), name, SECRETS))
    return [one for one in described(sets, by_name()) if one.owner in ("wireguard", "host_gw")]


# what the kernel shows of a route that was made without
SHOWN = {"via": None, "onlink": False, "src": None, "mtu": None, "lock": False, "dev": None}


def change(before, after):
    """Return what there is, what is desired, and what plans the way, as make_plan takes them."""
    there = {one.ref: one.merged({**SHOWN, **one.values}) if one.kind == "route" else one for one in before}
    gone = there.keys() - {one.ref for one in after}
    return there, [Desired(one, True, "") for one in after], lambda one: one.ref in gone


def phases(before, after):
    there, desired, purge = change(before, after)
    return {one.name: one.plan for one in phases_of(by_name(), there, desired, partial(make_plan, by_name()), purge)}


def touched(plan):
    return {step.resource.ref: step for step in plan.steps}


def blackholes(found):
    return {one.ref for one in found if one.kind == "route" and one.values["type"] == "blackhole"}


def test_each_subnet_has_a_blackhole_behind_its_route():
    found = declared(hosts())
    assert {ref[1].prefix for ref in blackholes(found)} == {"10.242.0.0/24", "fd42::/64", "10.243.0.0/24", "fd43::/64"}
    routes = {one.key: one.values["dev"] for one in found if one.kind == "route" and one.values["type"] == "unicast"}
    for _kind, key in blackholes(found):
        own = RouteKey("", key.table, key.prefix, 1024 if ":" in key.prefix else 0)
        assert routes[own] == "wgfab1" and key.metric > own.metric


def test_what_drops_is_made_before_and_ends_after_what_encrypts():
    plain = hosts(3, secret=None, fabric_backend="host_gw", fabric_underlay=["192.168.0.0/16"])
    for number, values in enumerate(plain.values(), 1):
        values["fabric_node_address6"] = f"2001:db8::{number}"
    old, new = declared(plain), declared(hosts())
    there = phases(old, new)
    assert blackholes(new) <= touched(there[EXPAND]).keys()
    assert {ref[0] for ref in touched(there[EXPAND])} >= {"link", "wireguard", "wireguard_peer"}
    assert {ref[0] for ref in touched(there[SWITCH])} == {"route"}
    back = phases(new, old)
    assert blackholes(new) <= touched(back[CONTRACT]).keys()
    assert {ref[0] for ref in touched(back[SWITCH])} == {"route"}


def test_rotation_has_both_devices_until_contract():
    there = phases(declared(hosts()), declared(hosts(fabric_wireguard_epoch=2)))
    made, moved, gone = (touched(there[name]) for name in (EXPAND, SWITCH, CONTRACT))
    names = [{ref[1].name for ref in one if ref[0] == "link"} for one in (made, gone)]
    assert names == [{"wgfab2"}, {"wgfab1"}]
    assert [tuple(step.fields) for step in moved.values()] == [("dev",)] * 4
    assert not blackholes(declared(hosts())) & (made.keys() | moved.keys() | gone.keys())


def test_a_peer_that_is_no_more_is_named_by_its_address():
    there, desired, purge = change(declared(hosts(3)), declared(hosts(2)))
    plan = make_plan(by_name(), there, desired, purge=purge)
    (sentence,) = lost_peers.warnings(plan, desired, ["wireguard"])
    assert sentence.startswith("10.243.0.0/24, fd43::/64 by way of 192.168.33.5 belongs to no peer any more")
