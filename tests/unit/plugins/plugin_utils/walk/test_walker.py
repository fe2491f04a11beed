# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet's walk over states of the examples, with something taken away or put in; tests/kernel asks the kernel itself."""

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.compare import differences, questions
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.hop import sightings, to_plain
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.state import Neighbor, Nexthop, Route, Rule
from declared_example import Example


@pytest.mark.parametrize(
    ("name", "mtu", "ttl"), [("host-gw", 1500, 62), ("vxlan", 1450, 62), ("ipip", 1480, 62), ("cross-subnet", 1450, 62)]
)
def test_a_packet_and_its_answer_arrive(name, mtu, ttl):
    example = Example(name)
    nodes = list(example.states)
    first, last = (next(netns for netns in example.states[node].namespaces if netns) for node in (nodes[0], nodes[-1]))
    found = example.walk(first, last)
    assert found.verdict == "delivered" and found.forward.mtu == found.reverse.mtu == mtu
    assert found.forward.arrival[0].ip.ttl == ttl
    assert found.forward.arrival[1] == (nodes[-1], last)
    quick = example.walk(first, last, trace=False)
    assert (quick.verdict, quick.forward.mtu, quick.forward.hops) == ("delivered", mtu, ())
    assert to_plain(found)["verdict"] == "delivered"


def test_a_packet_that_is_too_large_is_dropped_where_the_mtu_is_smaller():
    example = Example("host-gw")
    assert example.walk("ns245", "ns246", size=1500).verdict == "delivered"
    example.change("vm1", "links", lambda link: link.name == "underlay0", mtu=1400)
    found = example.walk("ns245", "ns246", size=1500).forward
    assert found.verdict == "dropped" and "fragmentation" in found.reason and found.decisive.kind == "link"
    assert found.hops[-1].action == "check" and example.walk("ns245", "ns246", size=1400).verdict == "delivered"


def test_without_a_route_the_entry_that_is_missing_is_looked_for():
    example = Example("host-gw")
    example.change("vm1", "routes", lambda route: route.prefix in ("172.246.0.0/24", "0.0.0.0/0"))
    found = example.walk("ns245", "ns246").forward
    assert (found.verdict, found.reason) == ("dropped", "no route leads to 172.246.0.2")
    assert (found.hops[-1].node, found.hops[-1].netns, found.hops[-1].action) == ("vm1", "", "route")


def test_the_underlays_router_knows_no_subnet_of_a_node():
    example = Example("vxlan")
    example.change("vm1", "routes", lambda route: route.prefix == "172.246.0.0/24")
    found = example.walk("ns245", "ns246").forward
    assert found.verdict == "dropped" and "knows only the underlay's addresses" in found.reason


@pytest.mark.parametrize("attachment", ["direct", "routed"])
def test_what_is_for_an_unused_address_is_dropped_on_the_node_and_without_its_blackhole_leaves_it(attachment):
    example = Example("vxlan", fabric_attachment=attachment)
    found = example.walk("ns246", "172.245.0.99").forward
    assert (found.verdict, found.hops[-1].node) == ("dropped", "vm1") and found.decisive.text.startswith("blackhole")
    example.change("vm1", "routes", lambda route: route.type == "blackhole")
    found = example.walk("ns246", "172.245.0.99").forward
    assert ("vm1", "underlay0", "out") in [(hop.node, hop.device, hop.action) for hop in found.hops]


def test_an_ipip_tunnel_takes_packets_of_its_peer_alone():
    example = Example("ipip")
    nodes = list(example.states)
    ends = [next(netns for netns in example.states[node].namespaces if netns) for node in (nodes[0], nodes[-1])]
    assert example.walk(*ends).verdict == "delivered"
    for link in [one for one in example.at(nodes[-1]).links if one.type == "ipip"]:
        example.change(
            nodes[-1], "links", lambda one, link=link: one == link, more={**link.more, "remote": "192.0.2.1"}
        )
    found = example.walk(*ends).forward
    assert found.verdict == "dropped" and "IPIP" in found.reason


def test_what_the_model_does_not_know_is_named():
    example = Example("host-gw")
    node = example.at("vm1")
    node.rules = [*node.rules, Rule(4, 100, 254, False, "100: from all fwmark 0x1 lookup main")]
    found = example.walk("ns245", "ns246")
    assert found.verdict == "unknown" and "fwmark 0x1" in found.forward.reason

    example = Example("host-gw")
    example.at("vm1").unknown = ["iptables-legacy has tables here (filter), whose rules may drop or translate packets"]
    assert "iptables-legacy" in example.walk("ns245", "ns246").forward.reason
    example.at("vm1").unknown = ["tc: other0 has a clsact queue, whose filters may drop or redirect packets"]
    assert example.walk("ns245", "ns246").verdict == "delivered"
    example.at("vm1").unknown = ["tc: underlay0 has a clsact queue, whose filters may drop or redirect packets"]
    assert example.walk("ns245", "ns246").verdict == "unknown"


def test_of_several_ways_one_that_leads_nowhere_is_unknown_and_two_that_lead_there_are_not():
    example = Example("host-gw")
    good, bad = Nexthop("192.168.32.246", "underlay0"), Nexthop("192.168.32.99", "underlay0")
    example.at("vm1").routes.append(Route("172.246.0.2/32", nexthops=(good, good)))
    assert example.walk("ns245", "ns246").verdict == "delivered"
    example.at("vm1").routes[-1] = Route("172.246.0.2/32", nexthops=(good, bad))
    found = example.walk("ns245", "ns246")
    assert found.verdict == "unknown" and "1 lead on" in found.forward.reason


def test_of_a_gateway_that_is_the_nodes_own_address_no_dump_tells_whether_the_kernel_uses_it():
    own, other = "192.168.32.245", "192.168.32.246"
    example = Example("host-gw")
    assert example.walk("vm1", other).verdict == "delivered"
    example.at("vm1").routes.append(Route(f"{other}/32", via=own, dev="underlay0"))
    found = example.walk("vm1", other)  # on the link if the address was there before the route
    assert found.verdict == "unknown" and f"the gateway {own} is an address of this namespace" in found.forward.reason
    example.at("vm1").routes[-1] = Route(
        f"{other}/32", via=own, dev="underlay0", onlink=True
    )  # refused for its own address
    found = example.walk("vm1", other)
    assert found.verdict == "dropped" and f"nobody answers ARP for {own}" in found.forward.reason


def test_who_is_on_which_segment_of_the_underlay_is_known_by_addresses_and_unknown_if_they_say_two():
    example = Example("vxlan")
    assert example.walk("ns245", "ns246").verdict == "delivered"
    second = example.at("vm1").addresses[-1]._replace(address="192.168.33.9/24", dev="underlay0")
    example.at("vm1").addresses.append(second)
    found = example.walk("ns245", "ns246")
    assert found.verdict == "unknown" and "underlay0 has addresses of" in found.forward.reason

    example = Example("dual-stack")
    hosts = list(example.states)
    example.change(hosts[0], "addresses", lambda one: one.dev == "underlay0" and one.address[:4] == "fd32")
    found = example.walk("ns245", "ns246", family=6)  # still on the wire, and asks from its link-local address
    assert found.forward.verdict == "delivered"


def test_whether_somebody_knows_the_router_s_mac_address_is_unknown_unless_the_node_has_learned_it():
    for state, verdict in ("stale", "delivered"), ("permanent", "unknown"), ("failed", "dropped"):
        example = Example("vxlan")
        (gateway,) = {one.via for one in example.at("vm1").routes if one.prefix == "0.0.0.0/0"}
        example.at("vm1").neighbors.append(Neighbor("underlay0", gateway, "02:00:00:00:00:99", state))
        assert example.walk("ns245", "ns246").verdict == verdict, state


def test_of_a_gateway_that_is_no_node_and_not_that_of_the_default_route_nobody_knows_whether_it_is_there():
    example = Example("vxlan")
    example.at("vm1").routes.append(Route("192.168.33.0/24", via="192.168.32.9", dev="underlay0"))
    found = example.walk("ns245", "ns246")
    assert found.verdict == "unknown" and "the gateway 192.168.32.9 is no node's" in found.forward.reason
    example.at("vm1").neighbors.append(Neighbor("underlay0", "192.168.32.9", "02:00:00:00:00:99", "stale"))
    assert example.walk("ns245", "ns246").verdict == "delivered"


def test_a_node_answers_on_the_underlay_for_each_of_its_addresses_and_with_arp_ignore_does_not():
    example = Example("host-gw")
    example.at("vm1").routes.append(Route("172.246.0.1/32", dev="underlay0"))
    assert example.walk("vm1", "172.246.0.1").verdict == "delivered"
    example.change("vm2", "links", lambda one: one.name == "underlay0", ipv4={"forwarding": 1, "arp_ignore": 1})
    assert "nobody answers ARP" in example.walk("vm1", "172.246.0.1").forward.reason


def test_a_packet_that_goes_in_a_circle_ends():
    example = Example("host-gw")
    example.at("vm2").routes.append(Route("172.246.0.2/32", via="192.168.32.245", dev="underlay0"))
    found = example.walk("ns245", "ns246").forward
    assert found.verdict == "dropped" and "circle" in found.reason and found.decisive.kind == "route"


# --- the three ways ---


def as_captured(found):
    return [
        {**hop.plain(), "direction": direction, "to": "host"} for direction, way in found.ways for hop in sightings(way)
    ]


def test_what_the_kernel_is_asked_and_what_its_answers_differ_in():
    found = Example("vxlan").walk("ns245", "ns246")
    asked = questions(found)["vm1"]
    assert {one["kind"] for one in asked} == {"route", "neighbor", "fdb"}
    route = next(one for one in asked if one["kind"] == "route" and one["dst"] == "172.246.0.2" and one["iif"])
    hop = found.forward.hops[route["hop"]]
    answer = {**route, "type": "unicast", "prefix": "172.246.0.0/24", "via": "172.246.0.0", "dev": hop.more["oif"]}
    assert differences(found, [answer]) == []
    (difference,) = differences(found, [{**answer, "via": "192.168.32.254"}])
    assert (
        difference["ways"] == ["predicted", "kernel"]
        and difference["netns"] == ""
        and "192.168.32.254" in difference["what"]
    )
    (difference,) = differences(found, [{**route, "error": "no route to host"}])
    assert "no route to host" in difference["what"]


def test_what_was_captured_differs():
    found = Example("vxlan").walk("ns245", "ns246")
    captured = as_captured(found)
    assert differences(found, (), captured) == []
    gone = [one for one in captured if not (one["node"] == "vm2" and one["direction"] == "forward")]
    first = differences(found, (), gone)[0]
    assert first["ways"] == ["predicted", "captured"] and first["direction"] == "forward" and first["mend"]
    captured[1]["packet"] = [{**header, **({"ttl": 9} if "ttl" in header else {})} for header in captured[1]["packet"]]
    assert "ttl" in differences(found, (), captured)[0]["what"]
