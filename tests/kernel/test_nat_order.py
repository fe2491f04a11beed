# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that came to its NAT rules by any history has those of a fresh one, in the same order."""

import itertools

import pytest

MASQUERADE = {"source": "10.9.0.0/24", "exclude": ["10.9.0.0/24", "10.8.0.0/24"], "keep": True}
PORTS = [
    {"port": "80", "to": "10.9.0.1", "hairpin": ["10.9.0.0/24"]},
    {"port": "80", "to": "10.9.0.2", "address": "192.0.2.1"},
    {"port": "8000-8010", "to": "10.9.0.3"},
    {"port": "8005", "to": "10.9.0.4", "to_port": "1", "hairpin": ["10.9.0.0/24"]},
]
# what was there before, and is not desired any more
OTHERS = [
    {"port": "8004-8006", "to": "10.9.0.5"},
    {"port": "80", "to": "10.9.0.2", "to_port": "81", "address": "192.0.2.2"},
    {"port": "80", "to": "10.9.0.6", "address": "192.0.2.1"},
]


def ruleset(node):
    """Return our rules as nft lists them, chain by chain, without handles; chains in the order of their names."""
    chains = {}
    for entry in node.json("nft -j list ruleset")["nftables"]:
        if "rule" in entry:
            rule = {name: value for name, value in entry["rule"].items() if name != "handle"}
            chains.setdefault(rule["chain"], []).append(rule)
    return chains


@pytest.fixture
def fresh(node):
    """The rules of a fresh node, made by one task for each module; and then the node is fresh again."""
    node.task("masquerade", **MASQUERADE)
    node.task("port_forward", config=PORTS)
    found = ruleset(node)
    node.sh("nft delete table inet nodenet_fabric")
    return found


def test_whatever_came_first(node, fresh):
    """Each entry comes first, and last, once at least."""
    for number, order in enumerate([*itertools.permutations(PORTS)][::4]):
        node.task("port_forward", config=OTHERS[number % 2 :])
        for entry in order:
            node.task("port_forward", **entry)
        node.task("masquerade", **MASQUERADE)
        node.task("port_forward", config=list(order), purge=True)
        assert ruleset(node) == fresh
        assert not node.task("port_forward", config=PORTS, purge=True)["changed"]
        node.sh("nft delete table inet nodenet_fabric")


def test_by_hand_they_come_in_that_order_too(node, fresh):
    commands = node.task("masquerade", _check=True, **MASQUERADE)["commands"]
    for command in commands + node.task("port_forward", _check=True, config=PORTS[::-1])["commands"]:
        node.sh(command)
    assert ruleset(node) == fresh


def test_a_rule_that_somebody_put_elsewhere_is_put_back(node, fresh):
    node.task("masquerade", **MASQUERADE)
    node.task("port_forward", config=PORTS)
    chain = "inet nodenet_fabric prerouting"
    handle = node.sh(f"nft -a list chain {chain} | grep 'dport 8005 ' | sed 's/.*handle //'").strip()
    rule = node.sh(f"nft list chain {chain} | grep 'dport 8005 '").strip()
    node.sh(f"nft 'delete rule {chain} handle {handle}; add rule {chain} {rule}'")
    node.sh(f"nft 'insert rule {chain} tcp dport 7 accept comment \"publish nothing\"'")
    assert ruleset(node) != fresh
    assert node.task("port_forward", config=PORTS)["changed"]
    assert not node.task("port_forward", config=PORTS)["changed"]
    handle = node.sh(f"nft -a list chain {chain} | grep nothing | sed 's/.*handle //'").strip()
    node.sh(f"nft delete rule {chain} handle {handle}")
    assert ruleset(node) == fresh


def test_a_range_is_made_way_in_by_a_part_of_it(ways, serve):
    """Whichever of the two came first; the rest of the range goes where it went."""
    from test_publish import ask  # noqa: PLC0415

    serve("blue", [8004, 8005])
    serve("red", [8005])
    entries = [{"port": "8000-8010", "to": "192.168.15.2"}, {"port": "8005", "to": "192.168.15.1"}]
    for order in (entries, entries[::-1]):
        for entry in order:
            ways.task("port_forward", netns="vm", **entry)
        assert ask("lan", "192.168.1.2", 8004) == ("192.168.1.3", 8004)
        rules = ways.sh("ip netns exec vm nft list chain inet nodenet_fabric prerouting")
        assert rules.index("8005") < rules.index("8000-8010")
        ways.task("port_forward", netns="vm", config=[], purge=True)
