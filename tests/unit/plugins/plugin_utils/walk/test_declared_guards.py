# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guards and policy as the inventory declares them: proof, drift, and who is asked; packets are in tests/kernel and tests/site."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.nft_table import values_of
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import described
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.nft_tables import expressions, table_objects
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.role_sets import role_sets
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import declared_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.proof.pairs import prove, prove_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.expectations import Expectations
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.matrix import pairs
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.policy import Policy
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.table import as_text
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.drift import FOREIGN, MISSING, drift
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.fabric import Fabric
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.state import Underlay, node_state
from fabrics import model_of, nodes

EXAMPLES = sorted((Path(__file__).parents[5] / "examples").glob("*/hosts.yml"))
RULES = [{"from": "web", "to": "db", "protocol": "tcp", "port": "5432-5433"}, {"from": "db", "to": "log"}]


def guarded(path):
    """Return the model of an example with guards, and with groups of its endpoints in turn."""
    group = yaml.safe_load(path.read_text(encoding="utf-8"))["fabric"]
    hosts = {name: {**group.get("vars", {}), **own} for name, own in group["hosts"].items()}
    names = [one["name"] for own in hosts.values() for one in own.get("fabric_endpoints", ())]
    groups = {"web": names[::3], "db": names[1::3], "log": names[2::3]}
    policy = {"fabric_guard": True, "fabric_groups": groups, "fabric_policy": RULES}
    return fabric_model({name: {**own, **policy} for name, own in hosts.items()})


def many(count, **changed):
    """Return the model of nodes with two endpoints each, one of web and one of db."""
    hosts = nodes(count, fabric_guard=True, **changed)
    names = [[one["name"] for one in own["fabric_endpoints"]] for own in hosts.values()]
    groups = {"web": sorted({one[0] for one in names}), "db": sorted({one[1] for one in names}), "log": []}
    return model_of({name: {**own, "fabric_groups": groups, "fabric_policy": RULES} for name, own in hosts.items()})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_declared_tables_are_listed_as_they_are_described_and_hold_what_is_promised(path):
    model = guarded(path)
    for name in model["nodes"]:
        tables = described(role_sets(node_model(model, name)), ["nft_table"])
        assert {one.key.name for one in tables} == {"nodenet_guard", "nodenet_policy"}
        assert all(values_of(table_objects(one)) == one.values for one in tables)
    found = prove(model)
    assert [(one.question, one.reason) for one in found.faults] == [] and found.reach == found.pairs > 0


def test_what_no_rule_of_a_table_says_is_not_understood():
    with pytest.raises(ValueError, match="not understood: 'queue'"):
        list(expressions("ip saddr 10.0.0.1 queue"))


def test_of_many_nodes_few_stand_for_all_with_groups_too():
    few, all_ = (found(many(7)) for found in (prove, lambda model: prove_states(model, declared_states(model))))
    assert (few.pairs, few.reach, few.must_not) == (all_.pairs, all_.reach, all_.must_not)
    assert few.walked < all_.walked and not few.faults + all_.faults


def without(states, change):
    """Change each set or rule of the tables by ``change``, which returns what is left of it."""
    for state in states.values():
        listed = state["namespaces"][""]["nftables"]
        listed[:] = [one for one in map(change, listed) if one is not None]
    return states


def opened(one):
    """Let the policy's last rules be gone."""
    return None if "rule" in one and one["rule"]["chain"].startswith("from_") else one


def forgotten(one):
    """Let the guard know no endpoint's IPv4 address."""
    name = one.get("set", {}).get("name")
    return {"set": {**one["set"], "elem": []}} if name in ("ipv4", "own4") else one


@pytest.mark.parametrize(
    "change, must, reason", [(opened, "must not", "it arrives"), (forgotten, "must", "nobody answers ARP")]
)
def test_what_a_guard_lacks_is_a_fault_of_the_proof(change, must, reason):
    model = many(2)
    found = prove_states(model, without(declared_states(model), change)).faults
    assert found and {one.question.must for one in found} == {must} and any(reason in one.reason for one in found)


def fabric_of(states):
    return Fabric([node_state(state) for state in states.values()], Underlay([]))


def altered(one):
    """Change a set, a chain's hook, and a rule, each once."""
    if one.get("set", {}).get("name") == "peers4":
        return {"set": {**one["set"], "elem": ["192.0.2.9", *one["set"]["elem"][1:]]}}
    if one.get("chain", {}).get("name") == "forward" and one["chain"]["table"] == "nodenet_policy":
        return {"chain": {**one["chain"], "policy": "drop"}}
    if one.get("rule", {}).get("chain") == "known" and one["rule"]["table"] == "nodenet_guard":
        return {"rule": {**one["rule"], "expr": [{"accept": None}]}}
    return one


def test_a_guard_that_is_altered_is_drift_with_the_commands_that_mend_it():
    model = many(2)
    wanted = fabric_of(declared_states(model))
    assert drift(wanted, wanted) == []
    found = drift(fabric_of(without(declared_states(model), altered)), wanted)
    of_first = {(one.word, one.entry.remove or one.entry.command) for one in found if one.node == "n1"}
    rule = "add rule bridge nodenet_guard known iifname . ether saddr != @macs drop"
    chain = "add chain inet nodenet_policy forward { type filter hook forward priority -5; policy accept; }"
    peer = model["nodes"]["n1"]["fabric_node_address"]
    for word, part in (
        (MISSING, rule),
        (MISSING, chain),
        (MISSING, f"add element inet nodenet_guard peers4 {{ {peer} }}"),
        (FOREIGN, "delete element inet nodenet_guard peers4 { 192.0.2.9 }"),
        (FOREIGN, "delete rule bridge nodenet_guard known handle"),
    ):
        assert any(one == word and part in text for one, text in of_first), part
    unguarded = fabric_of(declared_states(model_of(nodes(2))))
    assert {one.entry.remove for one in drift(wanted, unguarded) if one.node == "n1"} >= {
        "nft 'delete table inet nodenet_guard'"
    }


def test_who_is_cut_must_be_silent():
    model = many(2)
    expected = Expectations(model)
    probes = expected.probes_from("n1")
    cut = {(one["name"], target["name"]) for one in expected.cut_from("n1") for target in one["targets"]}
    assert cut and len(cut) < sum(len(one["targets"]) for one in probes)
    silent = [
        {"targets": [{"ttl": one["ttl"] or 64 if one["must"] else None} for one in probe["targets"]]}
        for probe in probes
    ]
    speaking = [{"targets": [{"ttl": one["ttl"] or 64} for one in probe["targets"]]} for probe in probes]
    right, wrong = (pairs("n1", probes, answers) for answers in (silent, speaking))
    assert all(one.ok for one in right)
    assert {(one.source, one.target) for one in wrong if not one.ok} == cut
    assert f"{len(cut)} of {len(cut)} that fabric_policy cuts do not" in as_text(right, expected.labels())
    assert f"0 of {len(cut)} that fabric_policy cuts do not" in as_text(wrong, expected.labels())


def test_a_policy_is_of_groups_protocols_and_ports():
    policy = Policy(
        {"fabric_groups": {"web": ["w"], "db": ["d"], "log": ["l"]}, "fabric_policy": RULES},
    )
    assert policy.allows("w", "d", "tcp", 5433) and not policy.allows("w", "d", "tcp", 5434)
    assert not policy.allows("w", "d", "udp", 5433) and not policy.allows("d", "w", "tcp", 5433)
    assert policy.allows("d", "l", "udp", 53) and policy.allows("d", "l") and not policy.allows("w", "d")
    assert policy.allows("w", "free") and policy.allows("free", "d")
    assert set(policy.ports("w", "d")) == {("tcp", 5432), ("tcp", 5433), ("tcp", 9)} and not list(
        policy.ports("w", "w")
    )
