# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers behind tunnels: routes, VTEPs, MTUs, and what needs no tunnel."""

import pytest
from test_model import DUAL, HOST_GW, view

VXLAN = {name: {**values, "fabric_backend": "vxlan"} for name, values in HOST_GW.items()}


@pytest.mark.parametrize(
    ("backend", "of", "expected"),
    [
        ("host_gw", lambda node: node["peers"], 1500),
        ("vxlan", lambda node: node["vxlan"]["peers"], 1450),
        ("ipip", lambda node: node["ipip"]["routes"], 1480),
    ],
)
def test_the_route_to_a_peer_that_takes_less_says_so_and_no_other(backend, of, expected):
    hosts = {name: dict(variables) for name, variables in HOST_GW.items()}
    hosts["vm1"]["fabric_underlay_mtu"] = 9000
    found = {name: view(hosts, name, fabric_backend=backend) for name in ("vm1", "vm2")}
    assert [{route["mtu"] for route in of(found[name])} for name in ("vm1", "vm2")] == [{expected}, {0}]
    assert found["vm1"]["mtu"] == 7500 + expected


def test_what_a_node_knows_of_a_vtep_is_what_the_peer_gives_itself():
    one, other = (view(VXLAN, name)["vxlan"] for name in ("vm1", "vm2"))
    (peer,) = one["peers"]
    assert peer == {
        "name": "vm2",
        "subnet": "172.246.0.0/24",
        "gateway": "172.246.0.0",
        "mac": other["mac"],
        "dst": other["local"],
        "mtu": 0,
    }
    assert other["addresses"] == ["172.246.0.0/32"]
    assert one["vteps"] == [{"mac": other["mac"], "dst": "192.168.32.246"}]
    assert (one["name"], one["vni"], one["port"], one["mtu"]) == ("vxlan1", 1, 8472, 1450)
    assert (one["dev"], view(VXLAN, "vm1", fabric_vxlan_dev="eth0")["vxlan"]["dev"]) == ("", "eth0")


def test_a_vteps_mac_comes_from_its_address_and_the_vni_alone():
    mac = view(VXLAN, "vm1")["vxlan"]["mac"]
    alone = {"renamed": {**VXLAN["vm1"], "fabric_endpoints": []}}
    assert view(alone, "renamed")["vxlan"]["mac"] == mac
    assert view(VXLAN, "vm1", fabric_vxlan_vni=2)["vxlan"]["mac"] != mac


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "vxlan1"),
        ({"fabric_vxlan_vni": 7}, "vxlan7"),
        ({"fabric_vxlan_port": 4789}, "v1-4789"),
        ({"fabric_vxlan_vni": 2**24 - 1, "fabric_vxlan_port": 65535}, "v16777215-65535"),
        ({"fabric_vxlan_vni": 7, "fabric_vxlan_port": 4789, "fabric_vxlan_name": "vtep"}, "vtep"),
    ],
)
def test_a_vtep_of_another_vni_or_port_has_another_name(given, name):
    seen = view(VXLAN, "vm1", **given)
    assert seen["vxlan"]["name"] == name and len(name) <= 15
    assert seen["ours"]["tunnels"] == [name]


def test_both_families_of_a_peer_are_behind_one_vtep():
    seen = view(DUAL, "vm1", fabric_backend="vxlan")["vxlan"]
    assert [peer["gateway"] for peer in seen["peers"]] == ["10.0.2.0", "fd00:2::"]
    assert len(seen["vteps"]) == 1
    assert seen["addresses"] == ["10.0.1.0/32", "fd00:1::/128"]


ACROSS = {
    f"vm{number}": {
        "fabric_backend": "vxlan",
        "fabric_cross_subnet": True,
        "fabric_node_address": f"192.168.{31 + number // 3}.{number}",
        "fabric_node_subnet": f"10.244.{number}.0/24",
    }
    for number in (1, 2, 3, 4)
}


@pytest.mark.parametrize("backend", ["vxlan", "ipip"])
def test_across_subnets_only_what_must_be_is_encapsulated(backend):
    seen = view({name: {**values, "fabric_backend": backend} for name, values in ACROSS.items()}, "vm1")
    tunnelled = [
        entry.get("subnet") or entry["prefix"] for entry in seen[backend].get("peers") or seen[backend]["routes"]
    ]
    assert [peer["subnet"] for peer in seen["peers"]] == ["10.244.2.0/24"]
    assert tunnelled == ["10.244.3.0/24", "10.244.4.0/24"]


def test_one_ipip_device_serves_all_and_pairs_have_one_each():
    hosts = {
        name: {**values, "fabric_backend": "ipip", "fabric_cross_subnet": False} for name, values in ACROSS.items()
    }
    seen = view(hosts, "vm1")["ipip"]
    assert [device["remote"] for device in seen["devices"]] == [None]
    assert {route["via"] for route in seen["routes"]} == {"192.168.31.2", "192.168.32.3", "192.168.32.4"}
    assert seen["addresses"] == [{"dev": "ipip0", "prefix": "10.244.1.0/32"}]
    pairs = view(hosts, "vm1", fabric_ipip_pairs=True)["ipip"]
    assert [device["name"] for device in pairs["devices"]] == ["ipip-vm2", "ipip-vm3", "ipip-vm4"]
    assert {(route["dev"], route["via"]) for route in pairs["routes"]} == {
        (f"ipip-vm{number}", None) for number in (2, 3, 4)
    }


def test_addresses_inside_a_tunnel_are_led_to_as_the_subnets_are():
    hosts = {
        name: {
            **values,
            "fabric_backend": "ipip",
            "fabric_ipip_name": f"tun{n}",
            "fabric_ipip_address": f"172.245.1.{n}/30",
        }
        for n, (name, values) in enumerate(HOST_GW.items(), 1)
    }
    seen = view(hosts, "vm1")["ipip"]
    assert [(route["prefix"], route["dev"]) for route in seen["routes"]] == [
        ("172.246.0.0/24", "tun1"),
        ("172.245.1.2/32", "tun1"),
    ]
    assert seen["addresses"] == [{"dev": "tun1", "prefix": "172.245.1.1/30"}]
    pair = view(hosts, "vm1", fabric_ipip_pairs=True)["ipip"]
    assert [(device["name"], device["remote"]) for device in pair["devices"]] == [("tun1", "192.168.32.246")]
