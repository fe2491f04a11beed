# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address that passes to another endpoint answers at once: to the node, a neighbor on the bridge, and a peer."""

from __future__ import annotations

import hashlib
import time

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import announce
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds import address, announcements
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import arrange

GATEWAYS = {"4": "10.9.0.1/24", "6": "fd09::1/64"}


def mac(name):
    digest = hashlib.sha256(name.encode()).hexdigest()
    return ":".join(["02", *(digest[place : place + 2] for place in range(0, 10, 2))])


def fabric(endpoints):
    """Return the lists of a node whose endpoints, name -> addresses, are on one bridge."""
    return {
        "netns": [{"name": name, "ipv6": True} for name in endpoints],
        "bridge": [{"name": "br0", "mac": mac("br0"), "addrgenmode": "none"}],
        "veth": [
            {
                "name": f"v-{name}",
                "mac": mac(f"v-{name}"),
                "addrgenmode": "none",
                "master": "br0",
                "peer": {"name": "eth0", "netns": name, "mac": mac(name)},
            }
            for name in endpoints
        ],
        "address": [{"dev": "br0", "address": text} for text in (*GATEWAYS.values(), "fe80::1/64")]
        + [
            {"netns": name, "dev": "eth0", "address": text, **({"nodad": True} if ":" in text else {})}
            for name, addresses in endpoints.items()
            for text in addresses
        ],
        "route": [
            {"netns": name, "prefix": "default" if "." in text else "::/0", "via": text.split("/")[0], "dev": "eth0"}
            for name in endpoints
            for text in GATEWAYS.values()
        ],
        "forwarding": [{"family": "ipv4"}, {"family": "ipv6"}],
    }


def run(endpoints):
    common = {
        "owner": "lab",
        "purge": True,
        "adopt": False,
        "promised": [],
        "sets": None,
        "remove_sets_except": None,
        "remove_sets_among": None,
        "peer_sets": None,
    }
    return arrange({**dict.fromkeys(SPECS), **common, "keep_addresses": [], **fabric(endpoints)}, False)


def pair(last):
    return [f"10.9.0.{last}/24", f"fd09::{last}/64"]


THIRD = {"third": pair(3)}
CASES = {
    "renamed": ({"old": pair(2)}, {"new": pair(2)}),
    "swapped": ({"one": pair(2), "two": pair(4)}, {"one": pair(4), "two": pair(2)}),
    "shifted": ({"one": pair(2), "two": pair(4), "three": pair(5)}, {"two": pair(2), "three": pair(4)}),
}


@pytest.fixture
def peer(node):
    """A peer behind the node, with a route to its endpoints."""
    node.sh(
        "ip netns add peer; ip link add up0 type veth peer name eth0 netns peer; ip link set up0 up;"
        " ip -n peer link set eth0 up; ip address add 10.8.0.1/24 dev up0; ip address add fd08::1/64 dev up0 nodad;"
        " ip -n peer address add 10.8.0.2/24 dev eth0; ip -n peer address add fd08::2/64 dev eth0 nodad;"
        " ip -n peer route add 10.9.0.0/24 via 10.8.0.1; ip -n peer route add fd09::/64 via fd08::1"
    )
    return node


def silent(node, addresses, seconds):
    """Return those of (from, address) that do not answer within ``seconds``, asked again and again."""
    deadline = time.monotonic() + seconds
    left = [(netns, where) for netns in ("", "third", "peer") for where in addresses]
    while left and time.monotonic() < deadline:
        left = [(netns, where) for netns, where in left if not answers(node, netns, where)]
    return left


def answers(node, netns, where):
    inside = f"ip netns exec {netns} " if netns else ""
    return "1 received" in node.sh(f"{inside}ping -n -c 1 -W 0.2 {where} || true")


def held(endpoints):
    return [text.split("/")[0] for addresses in endpoints.values() for text in addresses]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("runs", [1, 2])
def test_an_address_that_passes_answers_within_a_second(peer, case, runs):
    before, after = CASES[case]
    run({**before, **THIRD})
    assert silent(peer, held(before), 15) == []  # br0 has tried its IPv6 address, and everybody knows where they are
    if runs == 2:
        run(THIRD)
    run({**after, **THIRD})
    assert silent(peer, held(after), 1) == []


@pytest.mark.parametrize("case", CASES)
def test_without_the_announcement_it_does_not(peer, case, monkeypatch):
    monkeypatch.setattr(address, "announce_passed", lambda kernel, plan: None)
    before, after = CASES[case]
    run({**before, **THIRD})
    assert silent(peer, held(before), 15) == []
    run({**after, **THIRD})
    assert silent(peer, held(after), 1) != []


@pytest.fixture
def announced(monkeypatch):
    """Return the list of what is announced."""
    found = []
    monkeypatch.setattr(announcements, "announce", found.extend)
    return found


def test_a_first_run_announces_nothing_nor_does_one_without_change(node, announced):
    many = {f"e{number}": pair(number) for number in range(2, 40)}
    run(many)
    run(many)
    run({**many, "late": pair(50)})
    assert announced == []


def test_a_link_with_another_mac_address_is_announced_by_all_that_it_has(node, announced):
    run(THIRD)
    peer = {"name": "eth0", "netns": "third", "mac": "02:00:00:00:00:99"}
    node.task("veth", name="v-third", netns="", peer=peer, owner="lab")
    assert sorted(announced) == [
        ("third", "eth0", "02:00:00:00:00:99", "10.9.0.3"),
        ("third", "eth0", "02:00:00:00:00:99", "fd09::3"),
    ]


def test_what_is_sent_is_what_rfc_5227_says():
    assert announce.frame("02:00:00:00:00:01", "10.9.0.2") == bytes.fromhex(
        "ffffffffffff 020000000001 0806 0001 0800 0604 0001 020000000001 0a090002 000000000000 0a090002"
    )
