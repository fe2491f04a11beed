# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A setting that had the desired value before any set asked for it, by hand and by no file: the next boot has another."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.node import limits
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import cli, commit, snapshot
from ansible_collections.nodenet.fabric.plugins.modules import sweep
from commits import arrange

FORWARD, FORWARD6 = "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"
PROXY = "net.ipv4.conf.up0.proxy_arp"
# the module, its options, what somebody typed before, the setting, its value, and what it is after a boot
CASES = {
    "forwarding": ("forwarding", {"family": "ipv4"}, f"sysctl -w {FORWARD}=1", FORWARD, "1", "0"),
    "forwarding of IPv6": ("forwarding", {"family": "ipv6"}, f"sysctl -w {FORWARD6}=1", FORWARD6, "1", "0"),
    "no forwarding": ("forwarding", {"family": "ipv4", "enabled": False}, "true", FORWARD, "0", "1"),
    "an interface": ("proxy_arp", {"interface": "up0"}, f"sysctl -w {PROXY}=1", PROXY, "1", "0"),
    "the default of interfaces": ("proxy_arp", {"interface": "up0"}, "true", PROXY, "1", "0"),
}


@pytest.fixture(params=CASES)
def case(node, request):
    if "default" in request.param:
        node.sh("sysctl -w net.ipv4.conf.default.proxy_arp=1")
    node.sh("ip link add up0 type bridge")
    module, options, before, name, value, booted = CASES[request.param]
    node.sh(before)
    assert read(node, name) == value

    def reboot():
        node.sh(f"rm -rf /run/nodenet && sysctl -w net.ipv4.conf.default.proxy_arp=0 {name}={booted}")

    return SimpleNamespace(
        task=lambda **more: node.task(module, **options, **more),
        clear=lambda: node.task(module, config=[], purge=True),
        read=lambda: read(node, name),
        write=lambda number: node.sh(f"sysctl -w {name}={number}"),
        reboot=reboot,
        value=value,
        other=booted,
        name=name,
    )


def read(node, name):
    return node.sh(f"sysctl -n {name}").strip()


def test_it_is_saved_and_the_next_boot_has_it(case, tmp_path):
    file = str(tmp_path / "fabric.json")
    case.task()
    assert not case.task()["changed"]
    assert case.name in {one.key.name for one in snapshot.save(file)}
    case.reboot()
    assert case.read() == case.other
    assert cli.main(["restore", "--file", file]) == 0
    assert case.read() == case.value and cli.main(["diff", "--file", file]) == 0


def test_without_a_set_that_holds_it_the_boot_decides(case, tmp_path):
    """The twin."""
    file = str(tmp_path / "fabric.json")
    assert snapshot.save(file) == []
    case.reboot()
    assert cli.main(["restore", "--file", file]) == 0
    assert case.read() == case.other


def test_what_somebody_changed_later_is_drift_and_comes_back(case, tmp_path, capsys):
    file = str(tmp_path / "fabric.json")
    case.task()
    snapshot.save(file)
    case.write(case.other)
    assert cli.main(["diff", "--file", file]) == 1
    assert case.name in capsys.readouterr().out
    assert cli.main(["restore", "--file", file]) == 0
    assert case.read() == case.value and not case.task()["changed"]
    case.write(case.other)
    assert case.task()["changed"] and case.read() == case.value


def test_given_up_it_is_as_it_was_without_a_word(case):
    case.task()
    found = case.clear()
    assert found["changed"] and case.name not in "".join(found["commands"]) and "warnings" not in found
    assert case.read() == case.value and not case.clear()["changed"]
    assert snapshot.observed() == {}


def test_given_up_after_somebody_changed_it_it_stays_as_that_is(case):
    case.task()
    case.write(case.other)
    assert case.name not in "".join(case.clear()["commands"])
    assert case.read() == case.other and snapshot.observed() == {}


def test_a_commit_that_is_cancelled_leaves_it_as_it_was_and_nobodys(node):
    node.sh(f"sysctl -w {FORWARD}=1")
    arrange({"forwarding": [{"family": "ipv4"}], "netns": [{"name": "red", "ipv6": False}]}, id="c1")
    assert {one.kind for one in snapshot.observed().values()} == {"sysctl", "netns"}
    commit.cancel("c1")
    assert read(node, FORWARD) == "1" and snapshot.observed() == {}


def test_turned_off_by_the_set_that_found_it_on_it_is_given_back(node):
    node.sh(f"sysctl -w {FORWARD}=1")
    node.task("forwarding", family="ipv4")
    node.task("forwarding", family="ipv4", enabled=False)
    assert read(node, FORWARD) == "0" and len(snapshot.observed()) == 1
    sweep.perform({"except_sets": [], "promised": []}, False)
    assert read(node, FORWARD) == "1" and snapshot.observed() == {}


@pytest.mark.parametrize("endpoints, held", [(5000, True), (50, False)])
def test_limits_that_are_high_enough_are_held_if_they_are_needed(node, endpoints, held):
    """A namespace has none of them: what would be saved shows in a plan."""
    names = [f"net.ipv4.neigh.default.gc_thresh{number}" for number in (1, 2, 3)]
    facts = SimpleNamespace(sysctls=dict.fromkeys(names, "65536"))
    found = limits.raised(facts, SimpleNamespace(endpoints=endpoints, versions=(4,)), check=True)
    assert bool(found.get("changed")) == held and not found.get("findings")
