# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of nft list the same table in other words; what is read of it is the same."""

from __future__ import annotations

from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.nft_table import LAYOUT, values_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.nft import Ruleset

PLACE = {"family": "bridge", "table": "nodenet_guard"}
ELEMENTS = [{"concat": ["a", 1]}, {"concat": ["b.1", "0xfd010000000000000000000000000002"]}]
TARGET = {
    "1.0.6": {"payload": {"base": "th", "offset": 64, "len": 128}},
    "1.1.3": {"payload": {"protocol": "icmpv6", "field": "taddr"}},
}
TYPE = {
    "1.0.6": ["ifname", "integer"],
    "1.1.3": {"typeof": {"concat": [{"meta": {"key": "iifname"}}, TARGET["1.0.6"]]}},
}


def listed(version):
    match = {"left": {"concat": [{"meta": {"key": "iifname"}}, TARGET[version]]}, "op": "!=", "right": "@nd"}
    return [
        {"set": {**PLACE, "name": "nd", "type": TYPE[version], "handle": 2, "elem": ELEMENTS}},
        {"chain": {**PLACE, "name": "endpoint", "handle": 1}},
        {"rule": {**PLACE, "chain": "endpoint", "handle": 3, "expr": [{"match": match}, {"drop": None}]}},
    ]


def test_a_table_is_read_as_the_same_of_each_version():
    old, new = (values_of(listed(version)) for version in TYPE)
    assert old == new
    assert new["set nd"] == ("a . ::1", "b.1 . fd01::2")
    assert new[LAYOUT] == (
        "set nd ifname . integer",
        "chain endpoint",
        "endpoint: iifname . @th,64,128 != @nd drop",
    )
    for version in TYPE:
        assert Ruleset(listed(version)).texts((*PLACE.values(), "nd")) == ["a . ::1", "b.1 . fd01::2"]
