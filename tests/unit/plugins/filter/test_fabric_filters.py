# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters, as a template uses them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodenet.fabric.plugins.filter.fabric import FilterModule
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from hypothesis import given
from hypothesis import strategies as st

FILTERS = FilterModule().filters()
each, probes, paths = FILTERS["each"], FILTERS["probes"], FILTERS["paths"]
MODEL = fabric_model(
    {
        "vm1": {
            "fabric_node_address": "192.0.2.1",
            "fabric_node_subnet": "10.1.0.0/24",
            "fabric_endpoints": [{"name": "a", "address": "10.1.0.2"}, {"name": "b", "address": "10.1.0.3"}],
        }
    }
)


@pytest.mark.parametrize(
    ("items", "template", "expected"),
    [
        ([{"n": 1}], "{n}", [1]),
        ([{"n": [1, 2]}], {"list": "{n}"}, [{"list": [1, 2]}]),
        ([{"n": 1}], "veth-{n}", ["veth-1"]),
        ([{"a": {"b": True}}], {"x": ["{a.b}", "{a.b}!"]}, [{"x": [True, "True!"]}]),
        ([{"n": None}], {"gone": "{n}", "kept": 7}, [{"kept": 7}]),
        (["ipv4", "ipv6"], {"family": "{}"}, [{"family": "ipv4"}, {"family": "ipv6"}]),
        ([{"n": 1}], {"a": {"name": "{n}", "mtu": 1500}}, [{"a": {"name": 1, "mtu": 1500}}]),
        ([], {"name": "{n}"}, []),
    ],
)
def test_each(items, template, expected):
    assert each(items, template) == expected


def test_each_names_the_field_that_is_missing_and_those_there_are():
    with pytest.raises(AnsibleFilterError, match="there is no field 'nmae' in {nmae}; there are: name, mtu"):
        each([{"name": "a", "mtu": 1500}], {"x": "{nmae}"})
    with pytest.raises(AnsibleFilterError, match="no field 'b' in {a.b}"):
        each([{"a": 1}], "{a.b}")


@given(st.lists(st.fixed_dictionaries({"name": st.text(), "value": st.integers() | st.lists(st.text())})))
def test_each_passes_every_value_on_as_it_is(items):
    assert each(items, {"name": "{name}", "inner": ["{value}"]}) == [
        {"name": item["name"], "inner": [item["value"]]} for item in items
    ]


def test_probes_are_of_one_node():
    assert [(entry["netns"], entry["targets"]) for entry in probes(MODEL, "vm1")] == [
        ("a", ["10.1.0.3", "10.1.0.1", "192.0.2.1"]),
        ("b", ["10.1.0.2", "10.1.0.1", "192.0.2.1"]),
        ("", ["10.1.0.2", "10.1.0.3"]),
    ]


@pytest.mark.parametrize("function", [probes, paths])
def test_a_node_or_a_model_that_is_none_is_told(function):
    with pytest.raises(AnsibleFilterError, match="no node 'vm9' in the inventory's group fabric"):
        function(MODEL, "vm9")
    with pytest.raises(AnsibleFilterError, match="not fabric_inventory"):
        function("text", "vm1")
