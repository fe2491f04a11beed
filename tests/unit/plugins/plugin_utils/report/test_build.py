# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of every example, from its inventory alone: real walks, drawn."""

import copy
import re

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import declared_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.expectations import Expectations
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report.build import counts_of, fabric_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report.page import render, same
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk import mermaid, terminal
from reported import EXAMPLES, model_of


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request):
    """Return an example's model and the report of what it declares."""
    model = model_of(request.param)
    return model, fabric_of(model, {}, {}, request.param)


def test_every_promised_pair_of_an_example_is_delivered(example):
    """As many as verify asks."""
    model, fabric = example
    found, expectations = counts_of(fabric), Expectations(model)
    probes = [probe for node in model["nodes"] for probe in expectations.probes_from(node)]
    assert found["promised"] == sum(len(probe["targets"]) for probe in probes)
    assert found["reach"] == found["promised"] > 0
    assert found["walked"] == found["pairs"]


def test_a_node_that_is_as_declared_has_no_drift(example):
    model, _fabric = example
    fabric = fabric_of(model, declared_states(model), {}, "")
    assert fabric.compared and list(fabric.drift) == []


def test_its_walks_can_be_drawn_in_a_terminal_and_as_mermaid(example):
    _model, fabric = example
    for walk in fabric.walks:
        for width in (60, 100):
            text = terminal.render(walk, [], terminal.Style(width))
            assert max(map(len, text.splitlines())) <= width
        # each frame is an arrow or a note of its device
        sightings = [
            hop
            for way in ("forward", "reverse")
            for hop in (walk[way] or {"hops": []})["hops"]
            if hop["action"] in ("in", "out")
        ]
        drawn = re.findall(r"^    (?:d\d+->>|Note right of d\d+)", mermaid.sequence(walk), re.M)
        assert len(drawn) == len(sightings)


def test_its_topology_has_every_device(example):
    _model, fabric = example
    drawn = mermaid.topology(fabric.states, {})
    links = [
        link["name"]
        for state in fabric.states.values()
        for space in state["namespaces"].values()
        for link in space["links"]
        if link["type"] != "loopback"
    ]
    assert len(re.findall(r'^ +n\d+s\d+d\d+\["', drawn, re.M)) == len(links)


def test_what_a_node_lacks_is_drift_and_a_pair_that_is_dropped():
    model = model_of("vxlan")
    observed = declared_states(model)
    whole = counts_of(fabric_of(model, copy.deepcopy(observed), {}, ""))
    own = observed["vm1"]["namespaces"][""]
    own["fdb"] = [one for one in own["fdb"] if not one.get("dst")]
    found = fabric_of(model, observed, {}, "")
    assert whole["drift"] == 0 and counts_of(found)["drift"] == 1 and counts_of(found)["reach"] < whole["reach"]
    (walk,) = [one for one in found.walks if (one["question"]["from"], one["question"]["to"]) == ("ns245", "ns246")]
    assert walk["verdict"] == "dropped" and "forwarding entry" in walk["forward"]["reason"]


def test_a_namespace_that_is_not_there_is_the_reason():
    model = model_of("vxlan")
    observed = declared_states(model)
    del observed["vm1"]["namespaces"]["ns245"]
    found = fabric_of(model, observed, {}, "")
    (walk,) = [one for one in found.walks if (one["question"]["from"], one["question"]["to"]) == ("ns245", "ns246")]
    assert walk["verdict"] == "dropped" and walk["forward"]["reason"] == "there is no network namespace ns245 on vm1"
    assert "no network namespace ns245" in render(found)


def test_a_node_that_could_not_be_asked_is_shown_as_declared():
    model = model_of("vxlan")
    observed = {"vm1": {**declared_states(model)["vm1"], "source": "observed"}}
    fabric = fabric_of(model, observed, {"vm2": "no route to host"}, "")
    assert [state["source"] for state in fabric.states.values()] == ["observed", "declared"]
    assert counts_of(fabric)["not_asked"] == {"vm2": "no route to host"}


def test_only_the_time_of_a_report_is_no_difference():
    fabric = fabric_of(model_of("vxlan"), {}, {}, "one")
    now, later = render(fabric._replace(made="now <b>")), render(fabric._replace(made="later"))
    assert now != later and same(now, later)
    assert not same(now, render(fabric._replace(title="two")))
