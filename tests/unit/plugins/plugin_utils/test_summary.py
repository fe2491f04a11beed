# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line that ends a run, and the order of a diff."""

from __future__ import annotations

import json

from ansible_collections.nodenet.fabric.plugins.plugin_utils.summary import in_order, summary_of, without_objects


def test_a_run_is_counted_in_one_line():
    counts = {"removed": {"NAT rule": 1}, "made": {"network namespace": 1500, "address": 52}, "changed": {"route": 2}}
    stats = {"counts": counts, "seconds": 0.42}
    assert (
        summary_of(stats)
        == "made 1,500 network namespaces, 52 addresses; changed 2 routes; removed 1 NAT rule in 0.4 s"
    )
    summary = summary_of(stats, check=True)
    assert summary.startswith("would make 1,500 network namespaces") and summary.endswith("would remove 1 NAT rule")


def test_a_run_that_changed_nothing_says_nothing():
    assert summary_of({"counts": {}, "seconds": 0.1}) == ""
    assert summary_of({}) == ""


def test_plurals():
    counts = {"made": {"address": 2, "forwarding entry": 2, "neighbor": 1}}
    assert (
        summary_of({"counts": counts, "seconds": 0}, True) == "would make 2 addresses, 2 forwarding entries, 1 neighbor"
    )


def test_a_diff_is_in_the_order_of_its_numbers():
    after = {"address": {f"eth0 10.1.0.{number}/24": {"scope": "global"} for number in (19, 2, 1, 100)}}
    (shown, prepared) = in_order([{"before": {}, "after": after}, {"prepared": "by hand"}])
    assert (shown["before"], prepared) == ("", {"prepared": "by hand"})
    assert list(json.loads(shown["after"])["address"]) == [f"eth0 10.1.0.{number}/24" for number in (1, 2, 19, 100)]


def test_arguments_hold_the_number_of_objects():
    arguments = {"veth": [{"name": "a"}] * 1000, "remove_sets_except": ["bridge"], "owner": "x", "route": None}
    arguments["prepare"] = {"features": ["veth"], "expected": {"peers": [{"name": "vm2"}] * 2000}}
    assert without_objects(arguments) == {
        "prepare": {"features": ["veth"], "expected": {"peers": "2,000 objects"}},
        "veth": "1,000 objects",
        "remove_sets_except": ["bridge"],
        "owner": "x",
        "route": None,
    }
