# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof: what a plan carries, what it does not and by which entry, and that few nodes stand for many."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import declared_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.proof.classes import quotient
from ansible_collections.nodenet.fabric.plugins.plugin_utils.proof.pairs import prove, prove_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.proof.text import proof_lines
from fabrics import at_random, model_of, nodes

SEEDS = range(12)
EXAMPLES = sorted((Path(__file__).parents[5] / "examples").glob("*/hosts.yml"))


def broken(model, change):
    """Return the faults if somebody has made ``change`` to the states of the nodes."""
    states = declared_states(model)
    change({name: state["namespaces"] for name, state in states.items()})
    return prove_states(model, states).faults


def named(faults):
    """Return who does not reach whom, why, and by which entry."""
    return [
        (one.question.source, one.question.target, one.reason, one.hop and one.hop.entry and one.hop.entry.text)
        for one in faults
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_holds_what_it_promises(path):
    group = yaml.safe_load(path.read_text(encoding="utf-8"))["fabric"]
    found = prove(fabric_model({name: {**group.get("vars", {}), **own} for name, own in group["hosts"].items()}))
    assert named(found.faults) == [] and found.reach == found.pairs > 0 and found.unproven == 0


def test_what_is_proven_is_counted_over_the_whole_fabric():
    found = prove(model_of(nodes(40)))
    # endpoints to each other, to their gateway and to all nodes; nodes to endpoints
    assert found.pairs == found.reach == 80 * 79 + 80 + 80 * 40 + 40 * 80
    assert found.must_not == (40 + 80) * 40 and found.walked < 150
    line = f"by the inventory alone: {found.pairs:,} pairs: all reach; 4,800 packets that must not arrive: none does"
    assert proof_lines(found, "by the inventory alone") == [line]


@cache
def both_proofs(seed):
    """Return the proof of a random fabric by classes, and by all single walks."""
    model = model_of(at_random(random.Random(seed)))
    return prove(model), prove_states(model, declared_states(model))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_proof_by_classes_says_what_all_single_walks_say(seed):
    few, all_ = both_proofs(seed)
    assert (few.pairs, few.reach, few.must_not, few.unproven) == (all_.pairs, all_.reach, all_.must_not, all_.unproven)
    assert {one.reason.split()[0] for one in few.faults} == {one.reason.split()[0] for one in all_.faults}


def test_some_of_the_random_fabrics_have_faults_and_some_have_none():
    found = [bool(both_proofs(seed)[0].faults) for seed in SEEDS]
    assert 1 < sum(found) < len(found) - 1


def test_nodes_that_differ_in_names_alone_are_of_one_class_and_others_are_not():
    hosts = nodes(9)
    found = quotient(model_of(hosts))
    assert (
        len({number for name, number in found.classes.items() if name != "n1"}) == 1 and len(found.model["nodes"]) < 5
    )
    hosts["n5"]["fabric_underlay_mtu"] = 1400
    hosts["n7"]["fabric_endpoints"][1]["attachment"] = "routed"
    classes = quotient(model_of(hosts)).classes
    assert len({classes[name] for name in ("n2", "n5", "n7")}) == 3 and classes["n2"] == classes["n9"]


def test_a_node_whose_link_covers_a_peers_addresses_stands_for_itself():
    hosts = nodes(9)
    # of a namespace that is no endpoint, which the validation lets be
    hosts["n5"]["fabric_links"] = [
        {
            "a": {"netns": "red", "name": "va", "address": "10.7.9.1/16"},
            "b": {"netns": "blue", "name": "vb", "address": "10.7.9.9/16"},
        }
    ]
    found = quotient(model_of(hosts))
    assert {"n5", "n7"} <= set(found.model["nodes"])
    assert list(found.classes.values()).count(found.classes["n7"]) == 1


# --- inventories without a fault that cannot carry what they promise ---


def link(one, address, other, there, number=0):
    return {
        "a": {"netns": one, "name": f"v{number}a", "address": address},
        "b": {"netns": other, "name": f"v{number}b", "address": there},
    }


def links(*found):
    return {"n1": {"fabric_node_address": "192.0.2.1", "fabric_links": list(found)}}


def with_first(**changed):
    hosts = nodes()
    hosts["n1"].update(changed)
    return hosts


CANNOT = {
    "two links of one namespace with one prefix": (
        links(link("red", "10.9.0.1/24", "blue", "10.9.0.2/24"), link("red", "10.9.0.3/24", "green", "10.9.0.4/24", 1)),
        links(link("red", "10.9.0.1/24", "blue", "10.9.0.2/24"), link("red", "10.8.0.3/24", "green", "10.8.0.4/24", 1)),
        ("red", "green", "nobody answers ARP for 10.9.0.4 on v0a", "10.9.0.0/24 dev v0a src 10.9.0.1 proto kernel"),
    ),
    "a link without a route to its other end": (
        links(link("red", "10.9.0.1/32", "blue", "10.9.0.2/32")),
        links(link("red", "10.9.0.1/30", "blue", "10.9.0.2/30")),
        ("red", "blue", "no route leads to 10.9.0.2", None),
    ),
    "the ends of a link in different prefixes": (
        links(link("red", "10.9.0.1/24", "blue", "10.8.0.2/24")),
        links(link("red", "10.9.0.1/24", "blue", "10.9.0.2/24")),
        ("red", "blue", "no route leads to 10.8.0.2", None),
    ),
    "a port published at the address of a peer": (
        with_first(fabric_publish=[{"port": 80, "endpoint": "a1", "address": "192.0.2.2"}]),
        with_first(fabric_publish=[{"port": 80, "endpoint": "a1", "address": "192.0.2.1"}]),
        (
            "n1",
            "published tcp port 80 of n1",
            "192.0.2.2 is also an address of n2, which takes the packet",
            "local 192.0.2.2 dev underlay0 table local",
        ),
    ),
    "a gateway that is not on the endpoint's link": (
        with_first(fabric_attachment="direct", fabric_endpoints=[{"name": "a1", "host_address": "169.254.7.7"}]),
        with_first(fabric_attachment="direct", fabric_endpoints=[{"name": "a1", "host_address": "10.1.0.77"}]),
        (
            "a1",
            "0.0.0.0/0 via 169.254.7.7 dev eth0",
            "the kernel refuses the route 0.0.0.0/0 via 169.254.7.7 dev eth0: the gateway 169.254.7.7 is on no link of eth0",
            None,
        ),
    ),
}


@pytest.mark.parametrize("case", CANNOT)
def test_an_inventory_that_cannot_carry_what_it_promises_is_named_with_the_pair_and_the_entry(case):
    bad, good, expected = CANNOT[case]
    assert expected in named(prove(model_of(bad)).faults)
    assert named(prove(model_of(good)).faults) == []


def test_a_port_at_an_address_that_nobody_is_known_to_have_is_not_proven():
    found = prove(model_of(with_first(fabric_publish=[{"port": 80, "endpoint": "a1", "address": "203.0.113.7"}])))
    assert not found.faults and found.unproven == 4
    assert proof_lines(found)[0].endswith("; 4 pairs not proven")


# --- states that are not as declared ---


def test_the_entry_that_loses_a_packet_is_named():
    def without_route(namespaces):
        own = namespaces["n1"][""]
        own["routes"] = [one for one in own["routes"] if one["prefix"] != "10.2.0.0/24"]

    faults = broken(model_of(nodes()), without_route)
    assert ("a1", "a2") in {one[:2] for one in named(faults)}
    assert {one[3] for one in named(faults) if one[:2] == ("a1", "a2")} == {
        "default via 192.0.2.254 dev underlay0 proto static"
    }


def test_an_answer_that_does_not_come_back_is_a_fault_of_the_way_back():
    def without_route(namespaces):
        own = namespaces["n2"][""]
        own["routes"] = [one for one in own["routes"] if one["prefix"] != "10.1.0.0/24"]

    reasons = {one[2] for one in named(broken(model_of(nodes()), without_route)) if one[:2] == ("a1", "a2")}
    assert len(reasons) == 1 and next(iter(reasons)).startswith("the answer: ")


def test_packets_of_the_promised_size_must_pass():
    def narrow(namespaces):
        for link in namespaces["n2"][""]["links"]:
            if link["name"] == "underlay0":
                link["mtu"] = 1400

    reasons = {one[2] for one in named(broken(model_of(nodes()), narrow))}
    assert reasons == {"a packet of 1500 bytes does not pass, 1400 at most"}


def test_an_answer_by_another_way_has_another_ttl():
    def through_the_other(namespaces):  # n1 sends what is for n2's endpoints to n3, which forwards it
        for route in namespaces["n1"][""]["routes"]:
            if route["prefix"] == "10.2.0.0/24":
                route["via"] = "192.0.2.3"

    reasons = {one[2] for one in named(broken(model_of(nodes(3)), through_the_other)) if one[:2] == ("a2", "a1")}
    assert reasons == {"the answer arrives with TTL 61, not 62: it takes another way"}


def test_a_strict_filter_of_the_return_path_drops_what_comes_by_another_device():
    def strict(namespaces):
        own = namespaces["n1"][""]
        own["routes"].append(
            {"prefix": "10.2.0.128/25", "type": "unicast", "dev": "fabric0", "protocol": 4, "table": 254}
        )
        for link in own["links"]:
            link["ipv4"]["rp_filter"] = int(link["name"] == "underlay0")

    hosts = nodes()
    hosts["n2"]["fabric_endpoints"] = [{"name": "a2", "address": "10.2.0.200"}]
    assert any("rp_filter" in one[2] for one in named(broken(model_of(hosts), strict)))


def test_a_namespace_of_a_link_reaches_nobody_else():
    hosts = nodes()
    hosts["n1"]["fabric_links"] = [link("red", "10.9.0.1/24", "blue", "10.9.0.2/24")]
    hosts["n1"]["fabric_links"][0]["b"].pop("netns")  # the other end is the node's

    def leak(namespaces):
        route = {"prefix": "0.0.0.0/0", "type": "unicast", "via": "10.9.0.2", "dev": "v0a", "protocol": 4, "table": 254}
        namespaces["n1"]["red"]["routes"].append(route)

    assert named(prove(model_of(hosts)).faults) == []
    faults = [one for one in broken(model_of(hosts), leak) if one.question.must == "must not"]
    assert ("red", "a1", "it arrives, and so does the answer") in {one[:3] for one in named(faults)}


def test_without_masquerade_nothing_outside_is_reached():
    outside = [{"name": "out", "address": "203.0.113.9"}]
    hosts = nodes(fabric_outside=outside, fabric_masquerade=False)

    def masquerade(namespaces):
        with_it = declared_states(model_of(nodes(fabric_outside=outside)))
        namespaces["n1"][""]["nftables"] = with_it["n1"]["namespaces"][""]["nftables"]

    assert named(prove(model_of(hosts)).faults) == []
    faults = broken(model_of(hosts), masquerade)
    assert {one[:2] for one in named(faults)} == {("a1", "out"), ("b1", "out")}
    assert {one.question.must for one in faults} == {"must not"}


def test_a_packet_to_an_address_that_nobody_has_does_not_go_round():
    def round_and_round(namespaces):  # instead of the block, each sends it to the other
        for route in namespaces["n1"][""]["routes"]:
            if route["type"] == "blackhole":
                route.update(type="unicast", via="192.0.2.2", dev="underlay0")

    hosts = nodes(fabric_attachment="routed")
    assert named(prove(model_of(hosts)).faults) == []
    faults = [one for one in broken(model_of(hosts), round_and_round) if one.question.must == "must end there"]
    assert faults and all(one.reason.startswith("it goes round") for one in faults)
    assert {one.question.target for one in faults} == {"an unused address of n1"}


def test_a_fault_is_plain_data():
    bad, _good, _expected = CANNOT["two links of one namespace with one prefix"]
    found = json.loads(json.dumps(prove(model_of(bad)).plain()))
    assert found["faults"][0]["hop"]["netns"] == "red" and found["faults"][0]["entry"]["kind"] == "route"
    assert found["pairs"] == 4 and found["reach"] == 2 and {one["holds"] for one in found["matrix"]} == {True, False}
