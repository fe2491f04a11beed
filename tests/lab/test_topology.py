# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab is made of, from the inventory: pure."""

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.topology import digest, lab_name, topology_of

V6 = {"fabric_node_address6": "fd00::1"}


def nodes(*addresses, **variables):
    return {
        f"n{number}": {"fabric_node_address": address, "fabric_node_subnet": f"172.{number}.0.0/24", **variables}
        for number, address in enumerate(addresses, 1)
    }


def addresses_of(host):
    return [address for link in host["links"] for address in link["addresses"]]


def test_one_segment_has_no_router_and_no_default_route():
    found = topology_of(nodes("10.0.0.1", "10.0.0.2"))
    assert list(found["hosts"]) == ["n1", "n2"]
    assert found["segments"] == 1
    assert addresses_of(found["hosts"]["n1"]) == ["10.0.0.1/24"]
    assert all(host["gateways"] == [] for host in found["hosts"].values())


def test_a_host_outside_that_is_on_the_segment_needs_no_router():
    found = topology_of(nodes("10.0.0.1", fabric_outside=[{"name": "web", "address": "10.0.0.9"}]))
    assert list(found["hosts"]) == ["n1", "web"]
    assert found["hosts"]["web"]["links"] == [{"segment": 0, "addresses": ["10.0.0.9/24"]}]


def test_two_segments_are_joined_by_a_router_with_the_last_addresses():
    found = topology_of(nodes("10.0.0.1", "10.0.1.254"))
    assert addresses_of(found["hosts"]["router"]) == ["10.0.0.254/24", "10.0.1.253/24"]
    assert found["hosts"]["n1"]["gateways"] == ["10.0.0.254"]
    assert found["hosts"]["n2"]["gateways"] == ["10.0.1.253"]
    assert found["hosts"]["router"]["router"] and not found["hosts"]["n1"]["router"]


def test_a_host_outside_elsewhere_is_behind_the_router():
    found = topology_of(nodes("10.0.0.1", fabric_outside=[{"name": "web", "address": "8.8.8.8"}]))
    assert list(found["hosts"]) == ["n1", "web", "router"]
    assert found["hosts"]["web"]["gateways"] == ["8.8.8.254"]


def test_underlay_given_makes_one_segment_of_what_would_be_two():
    found = topology_of(nodes("10.0.0.1", "10.0.1.1", fabric_underlay=["10.0.0.0/16"]))
    assert "router" not in found["hosts"]
    assert addresses_of(found["hosts"]["n2"]) == ["10.0.1.1/16"]


def test_both_families_of_a_node_are_on_one_segment():
    hosts = {"n1": {"fabric_node_address": "10.0.0.1", "fabric_node_address6": "fd00:0:0::1"}}
    found = topology_of(hosts)
    assert found["segments"] == 1
    assert addresses_of(found["hosts"]["n1"]) == ["10.0.0.1/24", "fd00::1/64"]


def test_the_segment_of_an_outside_host_does_not_overlap_another():
    hosts = nodes(
        "10.0.0.1", fabric_underlay=["10.0.0.0/28"], fabric_outside=[{"name": "web", "address": "10.0.0.200"}]
    )
    assert addresses_of(topology_of(hosts)["hosts"]["web"]) == ["10.0.0.200/25"]


def test_a_node_called_router_keeps_its_name():
    hosts = {"router": nodes("10.0.0.1")["n1"], **nodes("10.0.0.2", "10.0.1.1")}
    assert topology_of(hosts)["hosts"]["lab-router"]["router"]


@pytest.mark.parametrize(
    ("outside", "message"),
    [
        ({"name": "n1", "address": "8.8.8.8"}, "another host called 'n1'"),
        ({"name": "web", "address": "10.0.0.1"}, "10.0.0.1, which n1 has too"),
    ],
)
def test_an_outside_host_that_is_another_already(outside, message):
    with pytest.raises(ValueError, match=message):
        topology_of(nodes("10.0.0.1", fabric_outside=[outside]))


def test_digest_follows_the_topology_alone():
    one, same = nodes("10.0.0.1", "10.0.0.2"), nodes("10.0.0.1", "10.0.0.2", fabric_backend="vxlan")
    assert digest(topology_of(one)) == digest(topology_of(same))
    assert digest(topology_of(one)) != digest(topology_of(nodes("10.0.0.1", "10.0.0.3")))
    assert digest(topology_of(one)) != digest(topology_of(nodes("10.0.0.1", "10.0.0.2", fabric_underlay_mtu=1400)))


def test_each_node_has_the_mtu_that_its_inventory_says():
    both = nodes("10.0.0.1", "10.0.0.2")
    list(both.values())[0]["fabric_underlay_mtu"] = 9000
    topology = topology_of(both)
    assert (topology["mtu"], [host.get("mtu") for host in topology["hosts"].values()]) == (9000, [None, 1500])


def test_lab_name_is_that_of_the_folder_and_where_it_lies(tmp_path):
    here, there = tmp_path / "a" / "demo", tmp_path / "b" / "demo"
    for folder in (here, there):
        folder.mkdir(parents=True)
    assert lab_name(None, here).startswith("demo-")
    assert lab_name(None, here) != lab_name(None, there)
    assert lab_name("mine", here) == "mine"
    (here / "hosts.yml").touch()
    assert lab_name(None, None, [str(here / "hosts.yml")]) == lab_name(None, None, [str(here)]) == lab_name(None, here)
