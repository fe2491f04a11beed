# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of different variables that get into each other's way, and ports that cut the node off or the fabric in two."""

from __future__ import annotations

import copy
import re

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of

SOUND = {
    f"vm{number}": {
        "fabric_node_address": f"192.168.32.{number}",
        "fabric_node_subnet": f"10.24{number}.0.0/24",
        "fabric_endpoints": [{"name": f"ns{number}", "address": f"10.24{number}.0.2"}],
        "fabric_outside": [{"name": "outside", "address": "198.51.100.9"}],
    }
    for number in (5, 6)
}


def faults(group=None, logins=None, **vm5):
    hosts = {name: {**variables, **(group or {})} for name, variables in copy.deepcopy(SOUND).items()}
    hosts["vm5"].update(vm5)
    return faults_of(hosts, logins)


def link(a, b=None, netns="red"):
    ends = {
        "a": {"netns": netns, "name": "one", **a},
        "b": {"netns": "blue", "name": "two", **(b or {})},
    }
    return {"fabric_links": [ends]}


def endpoint(**entry):
    return {"fabric_endpoints": [{"name": "ns5", "address": "10.245.0.2", **entry}]}


def direct(**entry):
    return endpoint(attachment="direct", **entry)


def routed(gateway):
    return {"fabric_attachment": "routed", "fabric_routed_gateway": gateway}


COLLISIONS = [
    (link({"address": "10.9.0.1/24"}, {"address": "10.9.0.1/24"}), r"10.9.0.1, which is also fabric_links\[0\].a.address"),
    (link({"address6": "fe80::1/64"}, {"address6": "fe80::1/64"}), r"fabric_links\[0\].b.address6 is fe80::1, which is also"),
    (link({"address": "10.245.0.2/30"}), r"fabric_links\[0\].a.address is 10.245.0.2, which is the address of endpoint ns5 on vm5"),
    (link({"address": "10.246.0.2/30"}), "is 10.246.0.2, which is the address of endpoint ns6 on vm6"),
    (link({"address": "10.245.0.1/30"}), "is 10.245.0.1, which is the address of the bridge on vm5"),
    (link({"address": "192.168.32.5/24"}), "is 192.168.32.5, which is the address of vm5"),
    (link({"address": "198.51.100.9/24"}), "is 198.51.100.9, which is the address of outside outside"),
    # in the node itself, or in an endpoint, its prefix leads into the link
    (link({"address": "192.168.32.99/24"}, netns=None), "routes 192.168.32.0/24 into that link, and with it 192.168.32.5"),
    (link({"address": "192.168.32.98/30"}, netns=None), "and with it 192.168.32.0/24 of the underlay: choose another prefix"),
    (link({"address": "10.246.0.9/24"}, netns=None), "and with it 10.246.0.1, the address of the bridge on vm6"),
    (link({"address": "192.168.32.99/24"}, netns="ns5"), "and with it 192.168.32.5, the address of vm5"),
    (link({"address": "198.51.100.1/24"}, netns=None), "and with it 198.51.100.9, the address of outside outside"),
    (direct(host_address="10.245.0.2"), r"fabric_endpoints\[0\].host_address is 10.245.0.2, which is the address of endpoint ns5 on vm5"),
    (direct(host_address="10.246.0.2"), "host_address is 10.246.0.2, which is the address of endpoint ns6 on vm6"),
    (direct(host_address="192.168.32.6"), "host_address is 192.168.32.6, which is the address of vm6"),
    (direct(host_address="10.9.0.1"), r"host_address is 10.9.0.1, which is not on the link .*: choose an address of fabric_node_subnet"),
    (link({"address": "10.9.0.1/24"}, {"address": "10.8.0.2/24"}), r"fabric_links\[0\] has the address .* not in one prefix"),
    (link({"address": "10.9.0.1/24"}, {"address": "10.9.0.2/32"}), "10.9.0.2/32 at b, which are not in one prefix"),
    (link({"address6": "fd09::1/64"}, {"address6": "fe80::2/64"}), "has the address6 fd09::1/64 at a"),
    (routed("192.168.32.5"), "fabric_routed_gateway is 192.168.32.5, which is the address of vm5"),
    (routed("192.168.32.6"), "which is the address of vm6: choose an address that no host has"),
    (routed("192.168.32.1"), r"which is in 192.168.32.0/24 of the underlay: choose an address that no host has, such as 169.254.1.1"),
    (routed("10.245.0.2"), "which is the address of endpoint ns5 on vm5"),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "message"), COLLISIONS)
def test_an_address_that_is_in_the_way_of_another(variables, message):
    (fault,) = faults(**variables)
    assert re.search(message, fault) and fault.startswith("vm5: "), fault


ALLOWED = [
    link({"address": "10.9.0.1/24"}, {"address": "10.9.0.2/24"}),
    link({"address6": "fe80::1/64"}, {"address6": "fe80::2/64"}),
    link({"address": "10.9.0.1/24"}, {"address": "10.9.0.2/24"}, netns=None),
    # who reaches nobody but the other end may call itself as on the outside
    link({"address": "192.168.32.99/24"}),
    # part of the node's own subnet that nobody has
    link({"address": "10.245.0.129/25"}, netns=None),
    direct(host_address="10.245.0.7"),
    direct(host_address="10.245.0.1"),
    routed("169.2.2.2"),
    # says nothing where no endpoint is routed
    {"fabric_routed_gateway": "192.168.32.1"},
]


@pytest.mark.parametrize("variables", ALLOWED)
def test_what_is_in_nobodys_way_is_allowed(variables):
    assert faults(**variables) == []


def test_two_pairs_by_themselves_may_have_the_same_addresses_and_one_namespace_not():
    def pair(one, two, *addresses):
        ends = [{"netns": netns, "name": netns, "address": text} for netns, text in zip((one, two), addresses)]
        return {"a": ends[0], "b": ends[1]}

    first = pair("red", "blue", "10.9.0.1/24", "10.9.0.2/24")
    assert faults(fabric_links=[first, pair("green", "grey", "10.9.0.1/24", "10.9.0.2/24")]) == []
    second = pair("red", "grey", "10.9.0.1/24", "10.9.0.2/24")
    second["a"]["name"] = "other"
    (fault,) = faults(fabric_links=[first, second])
    assert "fabric_links[1].a.address is 10.9.0.1, which is also fabric_links[0].a.address" in fault


def test_tunnels_have_addresses_of_their_own():
    def tunnels(one, two):
        hosts = copy.deepcopy(SOUND)
        for name, text in zip(hosts, (one, two)):
            hosts[name].update(fabric_backend="ipip", fabric_ipip_address=text)
        return faults_of(hosts)

    assert tunnels("10.9.0.1/30", "10.9.0.2/30") == []
    assert tunnels("10.9.0.1/30", "10.9.0.1/30") == [
        "vm6: fabric_ipip_address is 10.9.0.1, which is also the address of vm5: choose another address."
    ]
    assert "which is the address of vm6" in tunnels("192.168.32.6/32", "10.9.0.1/30")[0]
    assert "into that link, and with it 192.168.32.5" in tunnels("192.168.32.99/24", "10.9.0.1/30")[0]


def test_a_subnet_that_holds_the_address_by_which_ansible_comes():
    logins = {"vm5": ("10.0.0.5", 22), "vm6": ("10.246.0.77", 22)}
    (fault,) = faults(logins=logins)
    assert fault == (
        "vm6: fabric_node_subnet 10.246.0.0/24 contains 10.246.0.77, the address by which Ansible reaches vm6 (ansible_host):"
        " the fabric would cut it off; choose another prefix."
    )
    # elsewhere, right beside the subnet, and by a name, which nobody asks DNS for
    assert faults(logins={"vm5": ("10.0.0.5", 22), "vm6": ("10.247.0.1", 22)}) == []
    assert faults(logins={"vm5": ("10.0.0.5", 22), "vm6": (None, 22)}) == []
    (fault,) = faults(logins={"vm6": ("10.9.0.7", 22)}, **link({"address": "10.9.0.1/24"}, netns=None))
    assert "and with it 10.9.0.7, the address by which Ansible reaches vm6" in fault


# published ports


def published(*entries, **more):
    return {"fabric_publish": [{"port": 80, "endpoint": "ns5", **entry} for entry in entries], **more}


def test_the_port_of_the_tunnel():
    vxlan = {"fabric_backend": "vxlan"}
    cut = published({"protocol": "udp", "port": "8000-9000"})
    (fault,) = faults(vxlan, **cut)
    assert fault.startswith("vm5: fabric_publish[0] publishes udp port 8472, at which the node's VXLAN tunnel ends")
    assert faults(vxlan, **published({"protocol": "udp", "port": "8000-9000", "address": "192.168.32.5"})) == [fault]
    assert faults(**cut) == []  # host_gw has no tunnel
    assert faults(vxlan, **published({"protocol": "tcp", "port": "8000-9000"})) == []
    assert faults(vxlan, **published({"protocol": "udp", "port": "8000-8471"})) == []
    assert faults(vxlan, **published({"protocol": "udp", "port": "8472", "address": "192.168.50.1"})) == []
    assert faults({**vxlan, "fabric_vxlan_port": 9001}, **cut) == []


def test_the_port_that_ansible_comes_by():
    here = {"vm5": (None, 22)}
    (fault,) = faults(logins=here, **published({"port": 22}))
    assert fault.startswith("vm5: fabric_publish[0] publishes tcp port 22, by which Ansible reaches the node: choose")
    assert faults(logins=here, **published({"port": "20-30"})) == [fault]
    assert faults(logins=here, **published({"port": 22, "address": "192.168.32.5"})) == [fault]
    assert faults(logins={"vm5": ("10.0.0.5", 2222)}, **published({"port": 2222})) != []
    assert faults(logins={"vm5": ("10.0.0.5", 2222)}, **published({"port": 22})) == []
    assert faults(logins={"vm5": ("10.0.0.5", 22)}, **published({"port": 22, "address": "192.168.32.5"})) == []
    assert faults(logins=here, **published({"port": 22, "protocol": "udp"})) == []
    assert faults(logins={"vm6": (None, 22)}, **published({"port": 22})) == []  # vm5 is this machine, or a lab's
    assert faults(**published({"port": 22})) == []


def test_a_port_of_one_address_and_the_same_of_all_are_two():
    assert faults(**published({}, {"address": "192.168.32.5"}, {"address": "192.168.32.9"})) == []
    (fault,) = faults(**published({"address": "fd00::a"}, {"address": "FD00:0::A"}))
    assert "fabric_publish[1] publishes tcp port 80 a second time" in fault
    (fault,) = faults(**published({"port": "80-90"}, {"port": "85-95"}))
    assert "fabric_publish[1] publishes tcp port 85 a second time" in fault
