# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of the lessons as a list; tests/site/test_lessons.py puts each of them into a lab."""

import re

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.faults import FAULTS, NoSuchFault, chosen, every
from ansible_collections.nodenet.fabric.plugins.plugin_utils.faults.fault import ANSWERED, EFFECTS
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.expectations import Expectations
from rendered import ROOT, variables_of

EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir())
MODELS = {example: fabric_model(variables_of(example)) for example in EXAMPLES}
EVERY = [(example, broken) for example in EXAMPLES for broken in every(MODELS[example])]
# the programs whose language a person types these in
PROGRAMS = ("ip", "bridge", "sysctl", "nft")
KINDS = {"route", "neighbor", "fdb", "link", "address", "sysctl", "nat", "nft", "rule"}


def programs(command):
    """Return the program that a command runs, in whatever namespace."""
    return command[4] if command[:3] == ("ip", "netns", "exec") else command[0]


def test_there_are_many_and_each_applies_to_an_example():
    assert len(FAULTS) >= 40
    assert {broken.fault.name for _example, broken in EVERY} == set(FAULTS)


def test_each_example_has_some():
    assert {example for example, _broken in EVERY} == set(EXAMPLES)


@pytest.mark.parametrize("name", FAULTS)
def test_the_texts_of_a_fault_are_whole(name):
    one = FAULTS[name]
    assert one.name == name and re.fullmatch("[a-z0-9-]+", name)
    assert one.effect in EFFECTS and (one.ping or one.effect == ANSWERED)
    assert not one.title.endswith(".") and len(one.title) < 80
    for text in (one.notices, one.lesson):
        assert text.endswith(".") and "  " not in text


def test_titles_and_lessons_differ():
    for texts in ([one.title for one in FAULTS.values()], [one.lesson for one in FAULTS.values()]):
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(("example", "broken"), EVERY, ids=lambda value: getattr(value, "node", value))
def test_a_case_is_well_formed(example, broken):
    model, case = MODELS[example], broken.case
    assert case.commands and case.undo and case.commands != case.undo
    for command in (*case.commands, *case.undo):
        assert programs(command) in PROGRAMS and all(command) and "None" not in command
    labels = Expectations(model).labels()
    assert case.question.source in labels and case.question.target in labels
    assert case.question.source != case.question.target
    assert case.entry.node in model["nodes"] and case.entry.kind in KINDS


def test_no_two_faults_do_the_same_to_a_node():
    for example in EXAMPLES:
        found = [(broken.node, broken.case.commands) for where, broken in EVERY if where == example]
        assert len(set(found)) == len(found)


def test_those_that_still_answer_a_ping_are_among_them():
    quiet = {one.name for one in FAULTS.values() if one.ping}
    assert {"learning-on", "dnat-too-wide", "mtu-too-large", "masquerade-inside", "route-by-another-peer"} <= quiet


def test_a_fault_needs_what_it_is_about():
    found = {example: {broken.fault.name for broken in every(MODELS[example])} for example in EXAMPLES}
    assert "no-fdb-entry" in found["vxlan"] - found["host-gw"]
    assert "proxy-arp-off" in found["calico-routed"] - found["docker-bridge"]
    assert "no-forwarding-ipv6" in found["dual-stack"] - found["host-gw"]
    assert "no-published-port" in found["red-blue-bridge"] - found["docker-bridge"]
    assert "onlink-across-a-router" in found["ipip"] - found["host-gw"]
    # with a default route the gateway is covered anyway
    assert "no-covering-route" in found["host-veth"] - found["calico-routed"]
    without = fabric_model(variables_of("docker-bridge", fabric_masquerade=False))
    assert "no-masquerade" in found["docker-bridge"] - {broken.fault.name for broken in every(without)}


def test_a_container_whose_namespace_is_not_known_is_left_alone():
    hosts = variables_of("host-gw")
    hosts["vm1"]["fabric_endpoints"] = [{"name": "c1", "address": "172.245.0.2", "container": "docker:c1"}]
    assert {broken.node for broken in every(fabric_model(hosts))} <= {"vm2"}


def test_the_rules_that_are_restored_are_those_of_the_plan():
    recorded = (ROOT / "docs" / "site" / "recorded" / "red-blue-bridge.txt").read_text(encoding="utf-8")
    rules = [command[1] for name in ("no-masquerade", "no-published-port") for command in of("red-blue-bridge", name)]
    assert len(rules) == 7 and all(f"nft '{rule}'\n" in recorded for rule in rules)


def of(example, name):
    return next(broken for where, broken in EVERY if where == example and broken.fault.name == name).case.undo


def test_a_vtep_is_restored_as_the_plan_makes_it():
    recorded = (ROOT / "docs" / "site" / "recorded" / "vxlan.txt").read_text(encoding="utf-8")
    lines = [" ".join(command).replace("sysctl -eqw", "sysctl -qw") for command in of("vxlan", "wrong-vni")]
    plan = [line for line in recorded.splitlines() if " vxlan1" in line or ".vxlan1." in line]
    missing = [line for line in plan if line.replace("route add", "route replace") not in lines]
    assert missing == []


# --- which one is put in ---


def test_one_is_chosen_by_its_name_and_node():
    broken = chosen(MODELS["vxlan"], "wrong-vni", "vm2")
    assert (broken.fault.name, broken.node) == ("wrong-vni", "vm2")


def test_a_seed_chooses_the_same_always_and_seeds_choose_others():
    first = [chosen(MODELS["vxlan"], seed=str(seed)) for seed in range(60)]
    again = [chosen(MODELS["vxlan"], seed=str(seed)) for seed in range(60)]
    assert [one.case for one in first] == [one.case for one in again]
    assert len({one.fault.name for one in first}) > 15 and {one.node for one in first} == {"vm1", "vm2"}


def test_without_a_seed_it_is_left_to_chance():
    assert len({chosen(MODELS["vxlan"]).fault.name for _time in range(60)}) > 5


@pytest.mark.parametrize(
    ("name", "node", "says"),
    [
        ("no-such", None, "there is no fault 'no-such'. Faults of this fabric:\n  no-default-route "),
        ("no-masquerade", None, "the fault no-masquerade has no meaning in this fabric. Faults of this fabric:\n"),
        ("blackhole", "vm9", "break_node: the fabric has no node 'vm9': it has vm1, vm2"),
        ("strict-rp-filter", "vm1", "the fault strict-rp-filter has no meaning on vm1 in this fabric."),
    ],
)
def test_what_does_not_exist_is_refused(name, node, says):
    with pytest.raises(NoSuchFault) as refused:
        chosen(MODELS["vxlan"], name, node)
    assert str(refused.value).startswith(says)
