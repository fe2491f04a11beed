# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pings between namespaces: each target that answers has not answered before the step that it needs."""

import time

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.ping import TIDY, probe
from ansible_collections.nodenet.fabric.plugins.modules import probe as module


def ask(netns, *targets, **options):
    """Return the answers for one source namespace, after a short timeout."""
    return probe([(netns, list(targets))], **{"timeout": 0.6, **options})[0]


def ttls(netns, *targets, **options):
    return [answer.ttl for answer in ask(netns, *targets, **options)]


def pair(node, one="red", other="blue"):
    """Two namespaces joined by a veth, without addresses."""
    node.sh(f"ip netns add {one}; ip netns add {other}")
    node.sh(f"ip -n {one} link add eth0 type veth peer name eth0 netns {other}")
    for name in (one, other):
        node.sh(f"ip -n {name} link set lo up; ip -n {name} link set eth0 up")


@pytest.mark.parametrize(("red", "blue"), [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")])
def test_a_target_answers_only_once_both_have_an_address(node, red, blue):
    length, nodad = (64, "nodad") if ":" in red else (24, "")
    pair(node)
    (before,) = ask("red", blue)
    assert (before.ttl, before.rtt) == (None, None)
    assert before.reason in ("Network is unreachable", "Cannot assign requested address", "")
    node.sh(f"ip -n red addr add {red}/{length} dev eth0 {nodad}")
    assert ttls("red", blue) == [None]
    node.sh(f"ip -n blue addr add {blue}/{length} dev eth0 {nodad}")
    (after,) = ask("red", blue)
    assert (after.ttl, after.reason) == (64, "")
    assert 0 < after.rtt < 600


def routed(node):
    """red - middle - blue, without routes and forwarding."""
    for name in ("red", "middle", "blue"):
        # a router solicits neighbors from its link-local address, which is unusable until DAD ends
        node.sh(
            f"ip netns add {name}; ip netns exec {name} sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0"
        )
    for number, name in enumerate(("red", "blue"), 1):
        node.sh(f"ip -n {name} link add eth0 type veth peer name to-{name} netns middle; ip -n {name} link set lo up")
        node.sh(f"ip -n {name} link set eth0 up; ip -n middle link set to-{name} up")
        node.sh(
            f"ip -n {name} addr add 10.0.{number}.2/24 dev eth0; ip -n middle addr add 10.0.{number}.1/24 dev to-{name}"
        )
        node.sh(f"ip -n {name} addr add fd00:{number}::2/64 dev eth0 nodad")
        node.sh(f"ip -n middle addr add fd00:{number}::1/64 dev to-{name} nodad")


def forward(node):
    node.sh("ip netns exec middle sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")


def add_default_routes(node, *names):
    for name in names:
        number = 1 if name == "red" else 2
        node.sh(
            f"ip -n {name} route add default via 10.0.{number}.1; ip -n {name} route add default via fd00:{number}::1"
        )


def test_the_ttl_counts_the_routers_and_each_step_is_needed(node):
    routed(node)
    refused = ask("red", "10.0.2.2", "fd00:2::2")
    assert [answer.reason for answer in refused] == ["Network is unreachable"] * 2
    add_default_routes(node, "red")
    assert ttls("red", "10.0.2.2", "fd00:2::2") == [None, None]
    forward(node)
    assert ttls("red", "10.0.2.2", "fd00:2::2") == [None, None]
    add_default_routes(node, "blue")
    assert ttls("red", "10.0.1.1", "10.0.2.2", "fd00:1::1", "fd00:2::2") == [64, 63, 64, 63]


def test_the_error_of_a_router_is_the_reason(node):
    routed(node)
    forward(node)
    add_default_routes(node, "red")
    four, six = ask("red", "10.0.9.9", "fd00:9::9", timeout=1)
    assert four.reason == "10.0.1.1 says: network unreachable"
    assert six.reason == "fd00:1::1 says: no route"


def test_packets_larger_than_the_path_do_not_pass(node):
    routed(node)
    forward(node)
    add_default_routes(node, "red", "blue")
    node.sh("ip -n middle link set to-blue mtu 1400; ip -n blue link set eth0 mtu 1400")
    assert ttls("red", "10.0.2.2", "fd00:2::2", size=1400) == [63, 63]
    reasons = [answer.reason for answer in ask("red", "10.0.2.2", "fd00:2::2", size=1401)]
    assert reasons == ["10.0.1.1 says: packet too big", "fd00:1::1 says: packet too big"]
    assert [answer.reason for answer in ask("red", "10.0.2.2", "fd00:2::2", size=1501)] == ["larger than the MTU"] * 2


def test_many_namespaces_at_one_time_and_the_node_itself(node):
    pair(node)
    node.sh("ip -n red addr add 10.0.0.1/24 dev eth0; ip -n blue addr add 10.0.0.2/24 dev eth0")
    found = probe([("red", ["10.0.0.2", "10.0.0.1"]), ("blue", ["10.0.0.1"]), ("", ["127.0.0.1", "::1"])], timeout=0.6)
    assert [[answer.ttl for answer in answers] for answers in found] == [[64, 64], [64], [64, 64]]


def test_a_namespace_that_is_not_there_is_the_reason(node):
    pair(node)
    found = probe([("green", ["10.0.0.1"]), ("", ["127.0.0.1"])], timeout=0.6)
    assert found[0][0].reason == "there is no network namespace 'green'"
    assert found[1][0].ttl == 64


def test_silent_targets_cost_no_more_than_the_timeout(node):
    pair(node)
    node.sh("ip -n red addr add 10.0.0.1/24 dev eth0")
    start = time.monotonic()
    assert ttls("red", *(f"10.0.0.{number}" for number in range(2, 60)), timeout=0.9) == [None] * 58
    assert 0.9 <= time.monotonic() - start < 26  # one after another they would take 52 s


def test_more_neighbors_than_the_kernel_has_room_for_all_answer_and_no_entry_is_left(node):
    node.sh("ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0; ip link set br0 up")
    names = [f"n{number}" for number in range(40)]
    addresses = [f"10.0.0.{number + 2}" for number in range(40)]
    for name, address in zip(names, addresses):
        node.sh(
            f"ip netns add {name}; ip link add v-{name} type veth peer name eth0 netns {name}; ip link set v-{name} up master br0;"
            f"ip -n {name} link set lo up; ip -n {name} link set eth0 up; ip -n {name} addr add {address}/24 dev eth0"
        )
    assert len(addresses) ** 2 > 1024 > TIDY
    found = probe([(name, addresses + ["10.0.0.1"]) for name in names] + [("", addresses)])
    assert all(answer.ttl == 64 for answers in found for answer in answers)
    left = [node.sh(f"ip -n {name} neigh show nud reachable nud stale nud delay nud probe") for name in names]
    assert "".join(left) == ""


def perform(**options):
    found = ArgumentSpecValidator(module.SPEC).validate(options)
    assert not found.error_messages, found.error_messages
    return module.perform(found.validated_parameters)


def test_the_module(node):
    pair(node)
    node.sh("ip -n red addr add 10.0.0.1/24 dev eth0; ip -n blue addr add 10.0.0.2/24 dev eth0")
    result = perform(probes=[{"netns": "red", "name": "web", "targets": ["10.0.0.2", "10.0.0.3"]}], timeout=0.6)
    yes, no = result["answers"][0]["targets"]
    assert (result["changed"], result["answers"][0]["name"]) == (False, "web")
    assert (yes["target"], yes["ok"], yes["ttl"]) == ("10.0.0.2", True, 64)
    assert (no["target"], no["ok"], no["ttl"], no["rtt_ms"]) == ("10.0.0.3", False, None, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probes": [{"targets": ["10.0.0.300"]}]}, "probes.0..targets: '10.0.0.300' is not an IPv4 or IPv6 address"),
        ({"probes": [{"netns": "a b", "targets": []}]}, "probes.0..netns: 'a b' is not a namespace name"),
        ({"probes": [], "tries": 0}, "tries"),
        ({"probes": [], "size": 1}, "size"),
        ({"probes": [], "expected": {"prefix": []}}, "expected: .*prefix"),
    ],
)
def test_invalid_input_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        perform(**options)


def test_likely_causes_of_silence_are_read_from_the_node(node):
    pair(node)
    node.sh("ip -n red addr add 10.0.0.1/24 dev eth0; ip -n blue addr add 10.0.0.2/24 dev eth0")
    node.sh("sysctl -qw net.ipv4.ip_forward=1")
    expected = {"machine": False, "prefixes": [{"prefix": "10.0.0.0/24", "name": "fabric_node_subnet"}]}
    asked = {"probes": [{"netns": "red", "targets": ["10.0.0.2"]}], "timeout": 0.6}
    assert perform(**asked, expected=expected)["causes"] == []
    node.sh("ip -n red route add blackhole 10.0.0.2/32; sysctl -qw net.ipv4.ip_forward=0")
    result = perform(**asked, expected=expected)
    assert result["answers"][0]["targets"][0]["reason"] == "a blackhole route at the source"
    assert result["causes"] == ["net.ipv4.ip_forward is 0: this node forwards no IPv4; run site"]
    assert "causes" not in perform(**asked)
