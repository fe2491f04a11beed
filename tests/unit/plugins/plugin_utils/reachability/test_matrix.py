# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes of a fabric, and the matrix and the lines of their results."""

from __future__ import annotations

import json
from dataclasses import replace

from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.expectations import Expectations
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.matrix import (
    Pair,
    Path,
    as_data,
    pairs,
    path_lines,
)
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.silence import nodes_of_silence, silent_lines
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.table import as_text


def fabric(count=2, endpoints=("web",), **group):
    return fabric_model(
        {
            f"vm{number}": {
                "fabric_node_address": f"192.0.2.{number}",
                "fabric_node_subnet": f"10.{number}.0.0/24",
                "fabric_endpoints": [
                    {"name": name.format(number), "address": f"10.{number}.0.{place}"}
                    for place, name in enumerate(endpoints, 2)
                ],
                **group,
            }
            for number in range(1, count + 1)
        }
    )


def targets(model, node):
    return {
        probe["name"]: [(target["name"], target["address"]) for target in probe["targets"]]
        for probe in Expectations(model).probes_from(node)
    }


def answered(model, silent=(), nodes=None):
    """Return the pairs of a fabric in which all but ``silent`` addresses answer."""
    expectations, found = Expectations(model), []
    for node in nodes or model["nodes"]:
        probes = expectations.probes_from(node)
        answers = [
            {
                "targets": [
                    {"ttl": None if target["address"] in silent else target["ttl"] or 62} for target in probe["targets"]
                ]
            }
            for probe in probes
        ]
        found += pairs(node, probes, answers)
    return found, expectations.labels()


def test_every_endpoint_probes_every_other_every_node_and_outside():
    outside = [{"name": "out", "address": "198.51.100.9"}]
    found = targets(fabric(endpoints=("a{}", "b{}"), fabric_outside=outside), "vm1")
    assert found == {
        "a1": [
            ("b1", "10.1.0.3"),
            ("a2", "10.2.0.2"),
            ("b2", "10.2.0.3"),
            ("vm1", "10.1.0.1"),
            ("vm1", "192.0.2.1"),
            ("vm2", "192.0.2.2"),
            ("out", "198.51.100.9"),
        ],
        "b1": [
            ("a1", "10.1.0.2"),
            ("a2", "10.2.0.2"),
            ("b2", "10.2.0.3"),
            ("vm1", "10.1.0.1"),
            ("vm1", "192.0.2.1"),
            ("vm2", "192.0.2.2"),
            ("out", "198.51.100.9"),
        ],
        "vm1": [("a1", "10.1.0.2"), ("b1", "10.1.0.3"), ("a2", "10.2.0.2"), ("b2", "10.2.0.3")],
    }


def test_a_node_probes_endpoints_of_peers_if_replies_have_a_route_back():
    model = fabric()
    model["nodes"]["vm2"]["fabric_node_subnet"] = None
    model["nodes"]["vm2"]["fabric_endpoints"] = []
    assert targets(model, "vm2")["vm2"] == [("web", "10.1.0.2")]  # a plain route, from the node's own address
    model["fabric"]["fabric_backend"] = "vxlan"
    assert targets(model, "vm2")["vm2"] == []
    model = fabric(fabric_backend="vxlan")
    (probe,) = [one for one in Expectations(model).probes_from("vm1") if one["name"] == "vm1"]
    assert [(one["address"], one["ttl"]) for one in probe["targets"]] == [("10.1.0.2", 64), ("10.2.0.2", 63)]


def test_without_masquerade_hosts_outside_are_not_probed():
    outside = [{"name": "out", "address": "198.51.100.9"}]
    found = targets(fabric(fabric_masquerade=False, fabric_outside=outside), "vm1")
    assert "out" not in dict(found["vm1/web"])


def test_an_endpoint_probes_only_targets_of_its_families():
    outside = [{"name": "out6", "address": "2001:db8::9"}]
    found = targets(fabric(fabric_outside=outside), "vm1")
    assert all(":" not in address for _name, address in found["vm1/web"])


def test_endpoints_with_one_name_have_their_node_in_the_label():
    assert Expectations(fabric()).labels() == ["vm1/web", "vm2/web", "vm1", "vm2"]
    assert Expectations(fabric(endpoints=("web{}",))).labels() == ["web1", "web2", "vm1", "vm2"]


def test_the_matrix():
    found, labels = answered(fabric(endpoints=("ns{}",)), silent=["10.2.0.2"])
    assert as_text(found, labels).splitlines() == [
        "     ns1  ns2  vm1  vm2",
        "ns1    ·    ✗   64   63",
        "ns2   62    ·   63   64",
        "vm1   64    ✗    ·    ·",
        "vm2   63    ✗    ·    ·",
        "",
        "a number is the TTL of the answer; ✗ no answer (✗4, ✗6: only in that family); · not asked",
        "9 of 12 pairs answer",
    ]


def test_an_answer_that_took_another_path_does_not_count():
    pair = Pair("vm1", "a", "b", "10.0.0.3", 61, expected=62)
    assert not pair.ok and "TTL 61, not 62" in pair.line()
    assert as_text([pair], ["a", "b"]).splitlines()[1].endswith("61!")


def test_expected_ttls_count_the_nodes_between():
    model = fabric_model(
        {
            "vm1": {
                "fabric_node_address": "192.0.2.1",
                "fabric_node_subnet": "10.1.0.0/24",
                "fabric_endpoints": [{"name": "a"}, {"name": "b"}, {"name": "c", "attachment": "routed"}],
            },
            "vm2": {
                "fabric_node_address": "192.0.3.2",
                "fabric_node_subnet": "10.2.0.0/24",
                "fabric_endpoints": [{"name": "d"}],
            },
        }
    )
    (probe, *_rest) = Expectations(model).probes_from("vm1")
    assert {(target["name"], target["ttl"]) for target in probe["targets"]} == {
        ("b", 64),
        ("c", 63),
        ("d", 62),
        ("vm1", 64),
        ("vm2", None),  # behind routers that the inventory does not name
    }


def test_ends_of_a_link_probe_each_other():
    link = {"a": {"netns": "red", "name": "r", "address": "10.9.0.1/24"}, "b": {"name": "b", "address": "10.9.0.2/24"}}
    model = fabric_model({"vm1": {"fabric_node_address": "192.0.2.1", "fabric_links": [link]}})
    expectations = Expectations(model)
    assert expectations.labels() == ["red", "vm1"]
    assert targets(model, "vm1")["red"] == [("vm1", "10.9.0.2")]


def path(**found):
    wanted = {"name": "a", "target": "b", "address": "10.2.0.2", "mtu": 1450, "larger": 1451, "wire": "udp:8472"}
    return Path("vm1", wanted, {"passes": True, "larger_passes": False, "reason": "", "wire": ["udp:8472"], **found})


def test_path_lines_and_faults():
    assert path_lines([path(), path()]) == [
        "2 paths between nodes: udp:8472 on the wire, 1450 bytes pass unfragmented, 1451 do not"
    ]
    assert list(path(passes=False).faults()) == [
        "a -> b (10.2.0.2): a packet of 1450 bytes does not pass unfragmented: no answer"
    ]
    assert "1451 bytes passes" in list(path(larger_passes=True).faults())[0]
    assert "1451 bytes is lost without an ICMP error" in list(path(larger_vanishes=True).faults())[0]
    assert "the wire carries plain, not udp:8472" in list(path(wire=["plain"]).faults())[0]
    assert path_lines([path(wire=[])]) == []


def test_colours():
    found, labels = answered(fabric(1, endpoints=("a", "b")), silent=["10.1.0.3"])
    text = as_text(found, labels, lambda cell, colour: f"<{colour[0]}{cell.strip()}>")
    assert text.splitlines()[1] == "a      ·  <r✗>  <g64>"
    assert text.endswith("<r6 of 8 pairs answer>")


def test_a_cell_of_two_families_shows_which_is_silent():
    four, six = [Pair("vm1", "a", "b", address, 64) for address in ("10.0.0.3", "fd00::3")]
    none = Pair("vm1", "a", "b", "fd00::3")
    assert "64" in as_text([four, six], ["a", "b"]).splitlines()[1]
    assert "✗6" in as_text([four, none], ["a", "b"]).splitlines()[1]
    assert as_text([Pair("vm1", "a", "b", "10.0.0.3"), none], ["a", "b"]).splitlines()[1].endswith("  ✗")


def test_a_node_that_could_not_be_asked_has_question_marks():
    model = fabric(1)
    found = pairs("vm1", Expectations(model).probes_from("vm1"), None)
    text = as_text(found, Expectations(model).labels())
    assert "?" in text and "✗" not in text
    assert "0 of 3 pairs answer" in text


def test_names_too_wide_for_a_line_are_numbered():
    found, labels = answered(fabric(10, endpoints=("endpoint-{}",)), nodes=["vm1", "vm2"])
    lines = as_text(found, labels).splitlines()
    assert lines[0].split() == [str(number) for number in range(1, 21)]
    assert lines[1].startswith("  1 endpoint-1")
    assert " 10 endpoint-10" in lines
    assert max(len(line) for line in lines) < 130


def test_of_many_endpoints_there_is_a_matrix_by_node():
    found, labels = answered(fabric(3, endpoints=tuple(f"e{number}-{{}}" for number in range(10))), silent=["10.3.0.2"])
    lines = as_text(found, labels).splitlines()
    assert lines[1].split() == ["vm1", "vm2", "vm3"]
    assert lines[2].split() == ["vm1", "64", "62|63", "109/120"]
    assert lines[-1] == "1,048 of 1,080 pairs answer"
    assert len(lines) == 8


def test_of_many_nodes_there_is_a_line_for_each():
    found, labels = answered(fabric(21, endpoints=("a{}",)), silent=["10.3.0.2"])
    lines = as_text(found, labels).splitlines()
    assert lines[0] == "vm1   61 of 63 answer (TTL 64, 63, 62)"
    assert len(lines) == 23


def lines_of(count, endpoints, silent):
    """Return the lines about silent pairs of ``count`` nodes with that many endpoints each."""
    found, _labels = answered(fabric(count, endpoints=tuple(f"e{number}-{{}}" for number in range(endpoints))))
    return silent_lines([replace(pair, ttl=None) if silent(pair) else pair for pair in found])


def test_many_silent_pairs_of_two_nodes_are_one_line():
    assert lines_of(2, 50, lambda pair: (pair.asker, pair.where) == ("vm1", "vm2")) == ["vm1 -> vm2: all 2,500 silent"]
    # the line includes the node's own pairs if they are all silent, too
    assert lines_of(2, 50, lambda pair: (pair.node, pair.where) == ("vm1", "vm2")) == ["vm1 -> vm2: all 2,550 silent"]
    some = lines_of(2, 50, lambda pair: (pair.asker, pair.target) == ("vm1", "e7-2"))
    assert some == ["vm1 -> vm2: 50 of 2,500 silent"]


def test_causes_are_read_on_both_nodes_of_a_silent_pair():
    pairs_ = [
        Pair("vm1", "a", "b", "10.2.0.2", 62, where="vm2"),
        Pair("vm1", "a", "c", "10.3.0.2", None, where="vm3"),
        Pair("vm4", "d", "vm5", "10.5.0.1", None, where="vm5 itself"),
        Pair("vm6", "e", "f", "10.7.0.2", None, where="vm7", asked=False),
    ]
    assert nodes_of_silence(pairs_) == {"vm1", "vm3", "vm4", "vm5"}


def test_few_silent_pairs_have_a_line_each():
    assert lines_of(2, 5, lambda pair: False) == []
    assert lines_of(2, 5, lambda pair: (pair.source, pair.target) == ("e0-1", "e3-2")) == [
        "e0-1 -> e3-2 (10.2.0.5): no answer"
    ]


def test_silence_everywhere_is_a_line_for_each_pair_of_nodes_and_lines_are_limited():
    assert len(lines_of(3, 10, lambda pair: True)) == 21
    many = lines_of(9, 4, lambda pair: True)
    assert len(many) == 51 and many[-1].endswith("more lines like these")


def test_a_reason_that_all_pairs_share_is_in_their_line():
    pairs_ = [
        Pair("vm1", "a", "b", f"10.2.0.{number}", reason="Network is unreachable", asker="vm1", where="vm2")
        for number in range(9)
    ]
    assert silent_lines(pairs_) == ["vm1 -> vm2: all 9 silent (Network is unreachable)"]


def test_data_is_json():
    found, _labels = answered(fabric(1), silent=["10.1.0.2"])
    data = json.loads(json.dumps(as_data(found, {"vm2": "unreachable"})))
    assert (data["asked"], data["answered"], data["unasked"]) == (3, 2, {"vm2": "unreachable"})
    assert data["pairs"][-1]["ok"] is False


def test_the_work_for_a_matrix_grows_with_its_pairs(calls):
    def shown(endpoints):
        found, labels = answered(fabric(2, endpoints=tuple(f"e{number}-{{}}" for number in range(endpoints))))
        as_text(found, labels)

    assert calls(lambda: shown(60)) < 11 * calls(lambda: shown(20))  # nine times as many pairs
