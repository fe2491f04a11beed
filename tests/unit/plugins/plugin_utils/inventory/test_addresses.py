# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of endpoints that the inventory gives none: by their names, and by nothing else."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of, warnings_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.values.addresses import Sequence, assigned, rivalries
from hypothesis import given
from hypothesis import strategies as st

NETWORKS = st.sampled_from(["10.0.0.0/29", "10.0.0.0/24", "fd00::/64", "fd00::/125"]).map(ipaddress.ip_network)


def named(*names, **explicit):
    return [{"name": name} for name in names] + [{"name": name, "address": text} for name, text in explicit.items()]


@st.composite
def endpoint_lists(draw):
    network = draw(NETWORKS)
    usable = st.integers(2, min(network.num_addresses - 2, 40)).map(lambda offset: str(network[offset]))
    given_ = draw(st.lists(usable, unique=True, max_size=3))
    names = draw(st.lists(st.text("abcdef-019", min_size=1, max_size=9), unique=True, min_size=5, max_size=5))
    entries = draw(st.permutations([*given_, *[None] * (5 - len(given_))]))
    return network, [{"name": name, "address": address} for name, address in zip(names, entries)]


@given(endpoint_lists())
def test_addresses_are_distinct_usable_and_as_given(drawn):
    network, endpoints = drawn
    found = assigned(endpoints, str(network), "address", str(network[1]))
    addresses = [ipaddress.ip_address(text) for text in found.values()]
    assert len(set(addresses)) == len(endpoints)
    assert all(address in network and address not in (network[0], network[1]) for address in addresses)
    assert network.version == 6 or network.broadcast_address not in addresses
    assert all(found[entry["name"]] == entry["address"] for entry in endpoints if entry["address"])


@given(endpoint_lists(), st.randoms(use_true_random=False))
def test_the_order_of_the_list_says_nothing(drawn, random):
    network, endpoints = drawn
    shuffled = list(endpoints)
    random.shuffle(shuffled)
    assert assigned(shuffled, str(network), "address") == assigned(endpoints, str(network), "address")


@given(endpoint_lists())
def test_who_has_no_rival_keeps_its_address_whoever_else_is_there(drawn):
    network, endpoints = drawn
    found = assigned(endpoints, str(network), "address", str(network[1]))
    contended = {one.name for one in rivalries(endpoints, str(network), "address", str(network[1]))}
    for endpoint in endpoints:
        if endpoint["name"] not in contended:
            alone = assigned([endpoint], str(network), "address", str(network[1]))
            assert alone[endpoint["name"]] == found[endpoint["name"]]


def test_the_addresses_of_these_names_never_change():
    """Whoever changes the rule moves what lives."""
    assert assigned(named("a", "b", "web"), "10.244.0.0/24", "address") == {
        "a": "10.244.0.61",
        "b": "10.244.0.19",
        "web": "10.244.0.100",
    }
    assert assigned(named("web"), "fd00::/64", "address6") == {"web": "fd00::9a57:ed0b:e9f1:1809"}


def test_one_removed_moves_no_other():
    before = assigned(named("a", "b", "c"), "10.244.0.0/24", "address", "10.244.0.1")
    after = assigned(named("b", "c"), "10.244.0.0/24", "address", "10.244.0.1")
    assert after == {name: before[name] for name in ("b", "c")}


@pytest.mark.parametrize("subnet", ["10.0.0.0/24", "10.0.0.0/29", "fd00::/121"])
@given(name=st.text(min_size=1, max_size=15))
def test_a_sequence_comes_to_every_address_once(subnet, name):
    network = ipaddress.ip_network(subnet)
    sequence = Sequence(network, name)
    found = {sequence.at(step) for step in range(sequence.size + 1)}
    last = int(network.broadcast_address) - (network.version == 4)
    assert found == set(range(int(network.network_address) + 1, last + 1))


def test_a_subnet_may_be_filled_and_no_further():
    names = [f"e{number}" for number in range(253)]
    assert len(set(assigned(named(*names), "10.0.0.0/24", "address", "10.0.0.1").values())) == 253
    with pytest.raises(ValueError, match="10.0.0.0/24 has no address left for"):
        assigned(named(*names, "one-more"), "10.0.0.0/24", "address", "10.0.0.1")


def test_two_names_that_come_to_one_address_are_told():
    first = assigned(named("b"), "10.0.0.0/24", "address")["b"]
    hosts = {
        "vm1": {
            "fabric_node_address": "192.0.2.1",
            "fabric_node_subnet": "10.0.0.0/24",
            "fabric_endpoints": named("b", squatter=first),
        }
    }
    assert faults_of(hosts) == []
    (warning,) = warnings_of(hosts)
    assert "b on vm1" in warning and "squatter" in warning
    address = assigned(hosts["vm1"]["fabric_endpoints"], "10.0.0.0/24", "address", "10.0.0.1")["b"]
    assert f"{{name: b, address: {address}}}" in warning
    hosts["vm1"]["fabric_endpoints"] = named(b=address, squatter=first)
    assert warnings_of(hosts) == []
