# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of guards and of policy as objects: made, changed, mended, undone, restored, removed; packets are in test_attacks.py."""

from __future__ import annotations

import json

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.apply import Applier
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError, KernelError
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import snapshot

GUARD = {
    "name": "guard",
    "endpoints": [
        {"interface": "veth-a", "mac": "02:00:00:00:00:0a", "addresses": ["10.1.0.2", "fd01::2"], "bridge": "br0"},
        {"interface": "veth-b", "mac": "02:00:00:00:00:0b", "addresses": ["10.1.0.3", "::1:2"], "bridge": "br0"},
        {"interface": "veth-c.1", "mac": "02:00:00:00:00:0c", "addresses": ["10.1.0.4", "fd01::4"]},
    ],
    "bridge": {"name": "br0", "addresses": ["10.1.0.1", "fe80::1"], "subnets": ["10.1.0.0/24", "fd01::/64"]},
    "interfaces": ["br1"],
    "tunnel_ports": [8472],
    "tunnel_vnis": [1, 2**24 - 1],
    "tunnel_protocols": [4, 41],
    "peers": ["192.0.2.1", "192.0.2.2", "fd02::1"],
    "tunnels": ["vxlan1"],
    "subnets": ["10.1.0.0/24", "10.2.0.0/24", "fd01::/64"],
    "direct": ["10.3.0.0/24"],
    "expose": ["198.51.100.7", "198.51.100.128/25"],
}
POLICY = {
    "name": "policy",
    "groups": [
        {"name": "web", "addresses": ["10.1.0.2", "fd01::2", "10.1.0.5"]},
        {"name": "db", "addresses": ["10.1.0.3", "fd01::3"]},
        {"name": "none", "addresses": []},
    ],
    "rules": [
        {"from": "web", "to": "db", "protocol": "tcp", "port": "5432"},
        {"from": "web", "to": "db", "protocol": "tcp", "port": "5430-5440"},
        {"from": "web", "to": "db", "protocol": "icmp"},
        {"from": "db", "to": "none"},
        {"from": "db", "to": "web", "protocol": "udp"},
    ],
    # this machine's kernel may have no nf_conntrack_bridge
    "bridge": False,
}
CASES = {"guard": GUARD, "policy": POLICY}


def rules(node):
    return node.sh("nft list ruleset")


@pytest.mark.parametrize("module", CASES)
def test_tables_are_made_as_planned_and_a_second_run_changes_nothing(node, module):
    planned = node.task(module, _check=True, **CASES[module])
    assert planned["changed"] and not rules(node)
    made = node.task(module, **CASES[module])
    assert made["commands"] == planned["commands"]
    there = rules(node)
    assert there
    again = node.task(module, **CASES[module])
    assert not again["changed"] and not again["commands"]
    # by hand
    node.task(module, name=CASES[module]["name"], state="absent")
    assert not rules(node)
    for command in made["commands"]:
        node.sh(command)
    assert rules(node) == there
    assert node.task(module, **CASES[module])["commands"] == []


def without(case, name, number):
    return {**case, name: [one for place, one in enumerate(case[name]) if place != number]}


CHANGES = {
    "an endpoint less": ("guard", without(GUARD, "endpoints", 0)),
    "a routed endpoint less": ("guard", without(GUARD, "endpoints", 2)),
    "another peer": ("guard", {**GUARD, "peers": ["192.0.2.1", "192.0.2.9"]}),
    "a prefix that contains another": ("guard", {**GUARD, "subnets": ["10.0.0.0/8", "fd01::/48"]}),
    "open to all": ("guard", {**GUARD, "expose": ["0.0.0.0/0"]}),
    "metadata": ("guard", {**GUARD, "metadata": True}),
    "another VNI": ("guard", {**GUARD, "tunnel_vnis": [2]}),
    "another port": ("policy", {**POLICY, "rules": [{"from": "web", "to": "db", "protocol": "tcp", "port": "1-9"}]}),
    "a group less": ("policy", {**without(POLICY, "groups", 2), "rules": POLICY["rules"][:3]}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_does_what_its_commands_do_and_its_undo_restores_all(node, change, monkeypatch):
    module, options = CHANGES[change]
    node.task(module, **CASES[module])
    before = rules(node)

    def fail(*_words):
        raise RuntimeError("made to fail")

    with monkeypatch.context() as patch:
        patch.setattr(Applier, "_verify", fail)
        with pytest.raises(KernelError, match="made to fail.*as it was before"):
            node.task(module, **options)
    assert in_order(rules(node)) == in_order(before)
    changed = node.task(module, **options)
    after = rules(node)
    assert after != before and not node.task(module, **options)["changed"]
    node.task(module, **CASES[module])
    assert in_order(rules(node)) == in_order(before)
    for command in changed["commands"]:
        node.sh(command)
    assert in_order(rules(node)) == in_order(after)


def in_order(text):
    """The rules, with each set in one order."""
    return sorted(word.strip(",") for word in text.split())


def test_only_elements_move_where_only_they_differ(node):
    node.task("guard", **GUARD)
    commands = node.task("guard", **without(GUARD, "endpoints", 0))["commands"]
    assert commands and all(one.startswith("nft 'delete element bridge nodenet_guard ") for one in commands)
    assert "nft 'delete element bridge nodenet_guard ipv4 { \"veth-a\" . 02:00:00:00:00:0a . 10.1.0.2 }'" in commands


DRIFTS = [
    "delete table bridge nodenet_guard",
    "flush chain bridge nodenet_guard endpoint",
    "flush set inet nodenet_guard peers4",
    "add element inet nodenet_guard peers4 { 203.0.113.9 }",
    "insert rule inet nodenet_guard input accept",
    "add rule inet nodenet_guard entering counter accept",
    "add chain inet nodenet_guard extra",
    "add set inet nodenet_guard extra { type ipv4_addr; }",
    "add chain inet nodenet_guard forward { policy drop; }",
]


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_seen_and_mended(node, drift):
    node.task("guard", **GUARD)
    before = rules(node)
    node.sh(f"nft '{drift}'")
    assert rules(node) != before
    assert node.task("guard", _check=True, **GUARD)["changed"]
    node.task("guard", **GUARD)
    assert in_order(rules(node)) == in_order(before)


def test_what_was_saved_is_restored(node, own_etc):
    for module, options in CASES.items():
        node.task(module, **options)
    before = rules(node)
    snapshot.save()
    for table in ("bridge nodenet_guard", "inet nodenet_guard", "inet nodenet_policy"):
        node.sh(f"nft delete table {table}")
    assert not rules(node)
    snapshot.restore()
    assert in_order(rules(node)) == in_order(before)


def test_guards_are_restored_before_any_endpoint_has_an_interface(node, own_etc, monkeypatch):
    node.task("guard", **GUARD)
    node.task("netns", config=[{"name": "a"}])
    node.task("veth", config=[{"name": "veth-a", "peer": {"name": "eth0", "netns": "a"}}])
    snapshot.save()
    node.sh(
        "ip link del veth-a; ip netns del a; nft delete table bridge nodenet_guard; nft delete table inet nodenet_guard"
    )
    sent, submit = [], Applier._submit

    def seen(self, batch):
        before = "veth-a" in node.sh("ip -o link show"), "nodenet_guard" in rules(node)
        submit(self, batch)
        sent.append((before, ("veth-a" in node.sh("ip -o link show"), "nodenet_guard" in rules(node))))

    monkeypatch.setattr(Applier, "_submit", seen)
    snapshot.restore()
    states = [state for pair in sent for state in pair]
    assert states[-1] == (True, True) and (False, True) in states and (True, False) not in states


def test_rules_do_not_grow_with_endpoints(node):
    def many(count):
        endpoints = [
            {
                "interface": f"veth-{number}",
                "mac": f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}",
                "addresses": [f"10.1.{number >> 8}.{number & 255}"],
                "bridge": "br0",
            }
            for number in range(1, count + 1)
        ]
        node.task("guard", **{**GUARD, "endpoints": endpoints})
        return json.loads(node.sh("nft -j list ruleset"))["nftables"]

    few, more = many(2), many(1500)
    assert [len([one for one in found if "rule" in one]) for found in (few, more)] == [61, 61]


def test_what_cannot_be_is_refused_by_name(node):
    for module, options, message in (
        ("guard", {"name": "fabric"}, "name"),
        ("guard", {"name": "guard", "peers": ["224.0.0.1"]}, "peers"),
        (
            "guard",
            {"name": "guard", "endpoints": [{"interface": "a", "mac": "ff:ff:ff:ff:ff:ff"}]},
            r"endpoints\[0\].mac",
        ),
        ("policy", {**POLICY, "rules": [{"from": "web", "to": "nobody"}]}, r"rules\[0\].to.*nobody.*web, db"),
        ("policy", {**POLICY, "rules": [{"from": "web", "to": "db", "port": "80"}]}, "tcp or udp"),
        ("policy", {**POLICY, "groups": [{"name": n, "addresses": ["10.1.0.2"]} for n in ("a", "b")]}, "one group"),
    ):
        with pytest.raises(InputError, match=message):
            node.task(module, **options)
    assert not rules(node)
