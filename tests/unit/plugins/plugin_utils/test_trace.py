# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walks of a run: ends by name, who sends what and is asked what, and what comes of what was seen."""

import copy
import sys
from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import declared_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.trace.ends import EndFault, Ends
from ansible_collections.nodenet.fabric.plugins.plugin_utils.trace.plan import Asked, Walks, chosen, findings, results
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.hop import to_plain

sys.path.insert(0, str(Path(__file__).parent / "inventory"))
from inventories import SOUND  # noqa: E402  beside the tests of inventories


@pytest.fixture
def model():
    hosts = copy.deepcopy(SOUND)
    outside = [{"name": "world", "address": "8.8.8.8"}]
    wide = {"fabric_outside": outside, "fabric_backend": "host_gw", "fabric_attachment": "bridge"}
    return fabric_model({name: {**values, **wide} for name, values in hosts.items()})


def walked(model, *asked):
    states = [{**one, "source": "observed"} for one in declared_states(model).values()]
    return Walks(model, states, Asked(*asked))


def named(places):
    return [(one.label, one.node, one.netns, one.address) for one in places]


def test_an_end_is_an_endpoint_a_node_a_host_outside_or_an_address(model):
    ends = Ends(model)
    assert named(ends.named("ns5")) == [("ns5", "vm5", "ns5", "10.245.0.2")]
    assert named(ends.named("vm5")) == [("vm5", "vm5", "", "192.168.32.5")]
    assert named(ends.named("vm5/ns5")) == [("vm5/ns5", "vm5", "ns5", "10.245.0.2")]
    assert named(ends.named("world")) == [("world", None, "", "8.8.8.8")]
    assert named(ends.named("10.246.0.2")) == [("10.246.0.2", "vm6", "ns6", "10.246.0.2")]
    assert named(ends.named("10.9.9.9")) == [("10.9.9.9", None, "", "10.9.9.9")]


def test_a_name_that_nobody_has_is_answered_with_those_that_there_are(model):
    with pytest.raises(EndFault, match=r"there is no 'ns7' in the fabric\. Did you mean ns6\?") as fault:
        Ends(model).named("ns7")
    assert "ns5, ns6, vm5, vm6, world" in str(fault.value)
    with pytest.raises(EndFault):
        Ends(model).named("vm5/ns6")


def test_without_an_end_it_is_everybody(model):
    ends = Ends(model)
    labels = [(start.label, end.label) for start, end in ends.pairs(None, None, None)]
    # who is outside is asked, and asks nobody
    assert len(labels) == len(set(labels)) == 4 * 4
    assert {start for start, _end in labels} == {"ns5", "ns6", "vm5", "vm6"}
    assert [end.label for _start, end in ends.pairs("ns5", None, None)] == ["ns6", "vm5", "vm6", "world"]
    assert ends.pairs(None, None, 6) == []
    with pytest.raises(EndFault, match="the two ends are the same"):
        ends.pairs("ns5", "vm5/ns5", None)
    with pytest.raises(EndFault, match="no addresses of one family"):
        ends.pairs("ns5", "ns6", 6)


def test_the_sender_sends_and_each_node_of_the_way_is_asked(model):
    walks = walked(model, "ns5", "ns6")
    assert walks.packets("vm6") == []
    (packet,) = walks.packets("vm5")
    assert packet == {
        "flow": 0,
        "netns": "ns5",
        "source": "10.245.0.2",
        "target": "10.246.0.2",
        "protocol": "icmp",
        "port": 0,
        "size": None,
    }
    for node in ("vm5", "vm6"):
        questions = walks.questions(node)
        assert {question["walk"] for question in questions} == {0}
        assert {question["direction"] for question in questions} == {"forward", "reverse"}
    (packet,) = walked(model, "vm5", "ns6", "udp", 53).packets("vm5")
    # a node sends with the address that its route says
    assert (packet["netns"], packet["source"], packet["port"]) == ("", "192.168.32.5", 53)


def seen(walks, shift=0.0):
    """What would be captured of the first walk, each node by its own clock."""
    one = to_plain(walks.predicted[0])
    time = 0.0
    for direction in ("forward", "reverse"):
        for hop in one[direction]["hops"]:
            if hop["action"] in ("in", "out"):
                time += 1
                own = time + (shift if hop["node"] == "vm6" else 0)
                yield {**hop, "time": own, "to": "host", "direction": direction, "flow": 0, "sequence": 0}


@pytest.mark.parametrize("shift", [0.0, -100.0, 100.0])
def test_what_was_seen_comes_in_the_order_of_the_way_whatever_the_clocks_say(model, shift):
    walks = walked(model, "ns5", "ns6")
    captured = list(seen(walks, shift))
    mixed = sorted(captured, key=lambda hop: hop["time"])
    assert chosen(walks.predicted[0], mixed) == captured
    (found,) = results(walks, [], mixed)
    assert (found.differences, found.cause, found.wrong) == ([], None, False)


def test_of_several_tries_the_one_that_was_seen_most_is_taken(model):
    walks = walked(model, "ns5", "ns6")
    whole = [{**hop, "sequence": 1} for hop in seen(walks)]
    first = [hop for hop in seen(walks) if hop["node"] == "vm5"]  # the other node did not listen yet
    assert {hop["sequence"] for hop in chosen(walks.predicted[0], [*first, *whole])} == {1}
    assert chosen(walks.predicted[0], []) == []


def test_a_hop_that_is_not_seen_is_the_first_difference(model):
    walks = walked(model, "ns5", "ns6")
    captured = [hop for hop in seen(walks) if hop["direction"] == "forward"]
    (found,) = results(walks, [], captured[:3])
    lost = captured[3]
    assert found.wrong and found.differences[0]["direction"] == "forward"
    assert f"{lost['node']} {lost['device']}" in " ".join(found.differences[0]["what"].split())
    assert "differ first at" in found.sentence() and "they differ" in found.agreement()


def test_an_entry_that_is_missing_is_the_cause(model):
    states = [copy.deepcopy({**one, "source": "observed"}) for one in declared_states(model).values()]
    routes = states[0]["namespaces"][""]["routes"]
    routes[:] = [route for route in routes if route["prefix"] != "10.246.0.0/24"]
    walks = Walks(model, states, Asked("ns5", "ns6"))
    (found,) = results(walks, [], [])
    assert found.wrong and "10.246.0.0/24" in found.cause["cause"]
    assert "nodenet.fabric.site" in found.sentence()


def test_only_what_the_fabric_promises_must_arrive(model):
    model["fabric"]["fabric_outside"] = [{"name": "world", "address": "8.8.8.8"}]
    for values in model["nodes"].values():
        values["fabric_masquerade"] = False
    walks = walked(model, "ns5", None)
    must = {walk.end.label: one for walk, one in zip(walks.predicted, walks.must_arrive())}
    assert must == {"ns6": True, "vm5": True, "vm6": True, "world": False}
    assert walked(model, "ns5", "world").must_arrive() == [True]  # a person asks for this one


def test_a_drawing_shows_the_port_that_was_captured_and_else_none(model):
    walks = walked(model, "ns5", "ns6", "udp", 53)
    (found,) = results(walks, [], None)
    ports = [
        one.get("sport") for hop in found.drawn()["forward"]["hops"] for one in hop["packet"] if one["type"] == "udp"
    ]
    assert ports and set(ports) == {None}
    hops = found.drawn()["forward"]["hops"]
    first = next(hop for hop in hops if hop["action"] == "out")
    udp = {"type": "udp", "sport": 47111, "dport": 53}
    seen = {**first, "packet": [*first["packet"][:-1], udp], "direction": "forward", "sequence": 0, "time": 0.0}
    drawn = found._replace(captured=[seen]).drawn()["forward"]["hops"]
    assert [hop["packet"][-1] == udp for hop in drawn if hop["action"] in ("in", "out")] == [True] + [False] * (
        sum(hop["action"] in ("in", "out") for hop in hops) - 1
    )


def test_what_has_spoilt_several_walks_is_said_once_with_the_command_of_this_run(model):
    states = [{**one, "source": "observed"} for one in declared_states(model).values()]
    space = states[0]["namespaces"][""]
    assert not any(one.wrong for one in results(Walks(model, states, Asked()), [], None))
    space["routes"] = [one for one in space["routes"] if not one["prefix"].startswith("10.246.")]
    found = results(Walks(model, states, Asked()), [], None, "ansible-playbook -i mine nodenet.fabric.site")
    wrong = [one for one in found if one.wrong]
    lines = findings(wrong)
    assert len(wrong) > 2 and [line for line in lines if line.startswith("  ")] == lines[-2:]
    assert lines[-2].startswith("  cause: the route 10.246.0.0/24") and "is missing, in vm5" in lines[-2]
    assert lines[-1] == "  it is mended by: ansible-playbook -i mine nodenet.fabric.site"
    assert all("cause: " in one.sentence() and "-i mine" in one.sentence() for one in wrong)
