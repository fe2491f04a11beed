# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new kind of kernel object by the recipe of CONTRIBUTING.md: rules of policy routing (ip-rule(8))."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import Conflict, InputError, KernelError
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import Kind, Tie
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.request import Request
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.step import DELETE
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import messages
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.messages import NLM_F_CREATE, NLM_F_EXCL, Message
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds import registry
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.fields import AF_INET, given
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.shell import ip
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.ties import LinkKey, in_namespace
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.spec import Spec

# linux/rtnetlink.h: RTM_NEWRULE, RTM_DELRULE; linux/fib_rules.h: FR_ACT_TO_TBL, and FR_ACT_GOTO, which needs a target
NUMBERS = {("new", "rule"): 32, ("del", "rule"): 33}
TO_TABLE, GOTO = 1, 2


# --- kinds/rule.py ---


class RuleKey(NamedTuple):
    netns: str
    priority: int


class Rule(Kind[RuleKey]):
    """``values``: table, iif, action. A rule outlives its interface."""

    name = "rule"
    title = "rule"
    key = RuleKey
    fixed = frozenset({"iif"})
    tied_to = ("netns", "link")

    def ties(self, resource):
        found = in_namespace(resource.netns)
        if resource.values.get("iif"):
            return (*found, Tie(("link", LinkKey(resource.netns, resource.values["iif"])), "iif", binds=False))
        return found

    def observe(self, kernel, scope):
        for netns in scope.netns:
            for fields, attrs in kernel.dump(netns, "rule", {"family": AF_INET}):
                key = RuleKey(netns, attrs.get("FRA_PRIORITY", 0))
                values = {"table": attrs["FRA_TABLE"], "iif": attrs.get("FRA_IIFNAME"), "action": fields["action"]}
                yield Resource(self.name, key, values, kernel.ledger.owner((self.name, key)))

    def create(self, resource, companions):
        return [self._request("new", NLM_F_CREATE | NLM_F_EXCL, resource)]

    def change(self, before, after, fields):
        return [*self.delete(before), *self.create(after, ())]

    def delete(self, resource):
        return [self._request("del", 0, resource)]

    @staticmethod
    def _request(verb, flags, resource):
        values = resource.values
        attrs = [("FRA_PRIORITY", resource.key.priority), ("FRA_TABLE", values["table"])]
        attrs += [("FRA_IIFNAME", values["iif"])] if values.get("iif") else []
        fields = {"family": AF_INET, "action": values["action"]}
        return Request(resource.netns, Message(verb, "rule", flags, fields, attrs), local=True)

    def commands(self, step):
        lines = [self._line("del", step.before)] if step.before else []
        return lines if step.action == DELETE else [*lines, self._line("add", step.after)]

    @staticmethod
    def _line(verb, rule):
        iif = ["iif", rule.values["iif"]] if rule.values.get("iif") else []
        return ip(rule.netns, "rule", verb, "pref", rule.key.priority, *iif, "table", rule.values["table"])


# --- specs/rule.py ---


def resources(options):
    values = given(table=options["table"], iif=options["iif"], action=options["action"])
    return [Resource("rule", RuleKey(options["netns"], options["priority"]), values)]


SPEC = Spec(
    options={
        "priority": {"type": "int"},
        "table": {"type": "int", "default": 254},
        "iif": {"type": "str"},
        "action": {"type": "int", "default": TO_TABLE},
    },
    required=["priority"],
    kinds=[Rule()],
    resources=resources,
    purges=lambda found: found.kind == "rule",
)


# --- tests ---


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    kinds = registry.all_kinds
    monkeypatch.setattr(registry, "all_kinds", lambda: [*kinds(), Rule()])
    for verb, number in NUMBERS.items():
        monkeypatch.setitem(messages.TYPES, verb, number)


def rule(check=False, **options):
    found = ArgumentSpecValidator(SPEC.argument_spec()).validate(options)
    assert not found.error_messages, found.error_messages
    return SPEC.perform(found.validated_parameters, check)


def rules(node, netns="red"):
    """Return the rules of a namespace that are not its own from the start."""
    found = node.json(f"ip -j -n {netns} rule")
    return {one["priority"]: (one["table"], one.get("iif")) for one in found if 0 < one["priority"] < 32766}


@pytest.fixture
def red(node):
    node.task("netns", name="red")
    node.task("veth", name="eth0", netns="red", peer={"name": "v-red"})
    return node


def test_a_new_kind_is_planned_made_changed_and_removed(red):
    desired = {"netns": "red", "priority": 100, "table": 10, "iif": "eth0"}
    planned = rule(check=True, **desired)
    assert planned["changed"] and rules(red) == {}
    assert planned["commands"] == ["ip -n red rule add pref 100 iif eth0 table 10"]
    assert rule(**desired)["commands"] == planned["commands"]
    assert rules(red) == {100: ("10", "eth0")}
    assert not rule(**desired)["changed"]

    changed = rule(**{**desired, "table": 20})
    assert rules(red) == {100: ("20", "eth0")}
    rule(**desired)  # and back, to do the same by hand
    for command in changed["commands"]:
        red.sh(command)
    assert rules(red) == {100: ("20", "eth0")}
    assert rule(netns="red", priority=100, state="absent")["changed"]
    assert rules(red) == {}


def test_what_a_rule_is_tied_to_must_be_there_and_takes_it_along_where_it_binds(red):
    with pytest.raises(InputError, match="iif: there is no interface 'eth7' in namespace 'red'"):
        rule(netns="red", priority=100, iif="eth7")
    rule(netns="red", priority=100, table=10, iif="eth0")
    red.task("veth", name="eth0", netns="red", state="absent")
    assert rules(red) == {100: ("10", "eth0")}
    # the rule ends with its namespace, and its mark with it
    red.task("netns", name="red", state="absent")
    red.task("netns", name="red")
    red.sh("ip -n red rule add pref 100 table 10")
    with pytest.raises(Conflict, match="rule '100' in namespace 'red' exists and does not belong to the fabric"):
        rule(netns="red", priority=100, table=10)


def test_a_failure_undoes_what_was_done_to_a_new_kind(red):
    rule(netns="red", config=[{"priority": 100, "table": 10, "iif": "eth0"}, {"priority": 200, "table": 10}])
    before = rules(red)
    entries = [
        {"priority": 100, "table": 20, "iif": "eth0"},  # changed
        {"priority": 200, "state": "absent"},
        {"priority": 300, "action": GOTO},  # which the kernel refuses
    ]
    with pytest.raises(KernelError, match="create rule '300' .*Invalid argument.*the node is as it was before"):
        rule(netns="red", config=entries)
    assert rules(red) == before
    assert not rule(netns="red", config=[{"priority": 200, "table": 10}])["changed"]
