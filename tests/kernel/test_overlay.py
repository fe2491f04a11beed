# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VXLAN with written down entries, and routed endpoints with proxy ARP: each part, and what it is without it."""

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import Conflict, InputError
from test_packets import captured, link

VMS = {"vm1": (245, "02:00:00:00:00:f5"), "vm2": (246, "02:00:00:00:00:f6")}


@pytest.fixture
def vteps(node):
    """Two nodes with an endpoint's address on a bridge each, and a VTEP each; nothing is written down yet."""
    # without IPv6, whose addresses come some time after the links
    node.task("netns", config=[{"name": name, "ipv6": False} for name in VMS])
    node.task("veth", config=[link(("vm1", "eth0"), ("vm2", "eth0"))])
    for vm, (number, mac) in VMS.items():
        node.task("bridge", netns=vm, name="br0")
        addresses = [("eth0", f"192.168.32.{number}/24"), ("br0", f"172.{number}.0.1/24")]
        node.task("address", netns=vm, config=[{"dev": dev, "address": text} for dev, text in addresses])
        node.task(
            "vxlan",
            netns=vm,
            name="vxlan1",
            vni=1,
            local=f"192.168.32.{number}",
            dev="eth0",
            mac=mac,
            addrgenmode="none",
        )
        node.task("address", netns=vm, dev="vxlan1", address=f"172.{number}.0.0/32")
    return node


def entries(vm):
    """The three entries of a node's only peer, in the order in which they are safe."""
    ((_peer, (number, mac)),) = ((name, facts) for name, facts in VMS.items() if name != vm)
    return [
        ("neighbor", {"netns": vm, "dev": "vxlan1", "address": f"172.{number}.0.0", "mac": mac}),
        ("vxlan_fdb", {"netns": vm, "dev": "vxlan1", "mac": mac, "dst": f"192.168.32.{number}"}),
        (
            "route",
            {
                "netns": vm,
                "prefix": f"172.{number}.0.0/24",
                "via": f"172.{number}.0.0",
                "dev": "vxlan1",
                "onlink": True,
            },
        ),
    ]


@pytest.mark.parametrize("missing", [None, 0, 1, 2])
def test_a_vtep_needs_neighbor_fdb_entry_and_route(vteps, missing):
    for vm in VMS:
        for number, (module, options) in enumerate(entries(vm)):
            if not (vm == "vm1" and number == missing):
                assert vteps.task(module, **options)["changed"]
                assert not vteps.task(module, **options)["changed"]
    asked = "172.246.0.1 -I 172.245.0.1"
    assert vteps.ping("vm1", asked) == (64 if missing is None else None)
    if missing is not None:
        module, options = entries("vm1")[missing]
        vteps.task(module, **options)
        assert vteps.ping("vm1", asked) == 64


def test_a_vtep_stands_on_the_interface_that_is_given(vteps):
    for vm in VMS:
        for module, options in entries(vm):
            vteps.task(module, **options)
    number, mac = VMS["vm1"]
    vtep = {"name": "vxlan1", "vni": 1, "local": f"192.168.32.{number}", "mac": mac, "addrgenmode": "none"}
    for dev in ("", "eth0", "br0"):
        vteps.task("vxlan", netns="vm1", **vtep, dev=dev)
        (there,) = vteps.json("ip -n vm1 -d -j link show vxlan1")
        assert there["linkinfo"]["info_data"].get("link", "") == dev
        # where packets go say the entries and the routes, whatever it stands on
        assert vteps.ping("vm1", "172.246.0.1 -I 172.245.0.1") == 64
        assert not vteps.task("vxlan", netns="vm1", **vtep, dev=dev)["changed"]
        assert not vteps.task("vxlan", netns="vm1", **vtep)["changed"]  # unset, it is left as it is
    vteps.sh("ip -n vm1 link del br0")
    assert "vxlan1" not in vteps.sh("ip -n vm1 link")


def test_the_wire_carries_udp_8472(vteps):
    for vm in VMS:
        for module, options in entries(vm):
            vteps.task(module, **options)
    found = vteps.sh(
        "ip netns exec vm2 timeout 5 tcpdump -n -l -i eth0 -c 1 'udp port 8472' 2>/dev/null & sleep 0.5;"
        " ip netns exec vm1 ping -c 2 -i 0.2 -W 1 172.246.0.1 >/dev/null; wait"
    )
    assert "192.168.32.246.8472" in found
    assert vteps.json("ip -n vm1 -j link show vxlan1")[0]["mtu"] == 1450


def test_a_vtep_of_another_vni_is_made_anew_with_all_that_hung_on_it(vteps):
    for vm in VMS:
        for module, options in entries(vm):
            vteps.task(module, **options)
    options = {"netns": "vm1", "name": "vxlan1", "local": "192.168.32.245", "dev": "eth0", "mac": VMS["vm1"][1]}
    before = vteps.snapshot()["vm1"]
    assert not vteps.task("vxlan", vni=1, addrgenmode="none", **options)["changed"]
    found = vteps.task("vxlan", vni=2, addrgenmode="none", **options)
    assert "vni" in found["reasons"][0]
    assert vteps.ping("vm1", "172.246.0.1 -I 172.245.0.1") is None
    after = vteps.snapshot()["vm1"]
    assert {name: after[name] for name in ("neighbors", "fdb", "routes", "addresses")} == {
        name: before[name] for name in ("neighbors", "fdb", "routes", "addresses")
    }
    vteps.task("vxlan", vni=1, addrgenmode="none", **options)
    assert vteps.ping("vm1", "172.246.0.1 -I 172.245.0.1") == 64


def test_what_the_kernel_learned_stands_in_the_way_of_nothing(node):
    node.task("netns", name="a")
    node.task("veth", config=[link(("", "v0"), ("a", "eth0"))])
    node.task("address", config=[{"dev": "v0", "address": "10.0.0.1/24"}])
    assert node.ping("", "10.0.0.2") is None  # leaves a failed entry
    node.task("neighbor", dev="v0", address="10.0.0.2", mac="02:00:00:00:00:02")
    assert not node.task("neighbor", dev="v0", address="10.0.0.2", mac="02:00:00:00:00:02")["changed"]
    found = node.task("neighbor", dev="v0", config=None, address="10.0.0.2", mac="02:00:00:00:00:03")
    assert found["commands"] == ["ip neighbor replace 10.0.0.2 lladdr 02:00:00:00:00:03 dev v0 nud permanent"]
    assert node.task("neighbor", config=[], purge=True)["changed"]
    assert node.snapshot()[""]["neighbors"] == []


def test_the_zero_address_may_be_behind_many(node):
    node.task("vxlan", name="vx0", vni=7, local="192.0.2.1")
    both = [{"mac": "00:00:00:00:00:00", "dev": "vx0", "dst": f"192.0.2.{n}"} for n in (2, 3)]
    assert len(node.task("vxlan_fdb", config=both)["commands"]) == 2
    assert not node.task("vxlan_fdb", config=both)["changed"]
    assert node.task("vxlan_fdb", config=both[:1], purge=True)["changed"]
    assert "192.0.2.3" not in node.sh("bridge fdb show dev vx0")


@pytest.mark.parametrize(
    "module, options, expected",
    [
        ("vxlan", {"name": "vx0"}, "vni: required: the VNI of"),
        ("vxlan", {"name": "vx0", "vni": 2**24}, "vni: 16777216 is out of range"),
        ("vxlan", {"name": "vx0", "vni": 1, "port": 0}, "port: 0 is out of range"),
        ("vxlan", {"name": "vx0", "vni": 1, "dev": "eth7"}, "dev: there is no interface 'eth7'"),
        ("vxlan_fdb", {"mac": "02:00:00:00:00:01", "dev": "lo"}, "dst: required: the underlay address of the node"),
        ("neighbor", {"address": "10.0.0.1", "dev": "lo"}, "mac: required: the MAC address of 10.0.0.1"),
        (
            "ipip_tunnel",
            {"name": "tunl0", "local": "192.0.2.1"},
            "name: 'tunl0' is reserved by the kernel",
        ),
        ("ipip_tunnel", {"name": "tun0", "local": "fd00::1"}, "local: fd00::1 is not IPv4"),
        ("proxy_arp", {"interface": "lo", "addresses": ["fd00::1"]}, "addresses: fd00::1 is not of the family ipv4"),
        ("proxy_arp", {"interface": "eth7"}, "interface: there is no interface 'eth7'"),
    ],
)
def test_bad_input_is_refused_with_the_options_name(node, module, options, expected):
    with pytest.raises(InputError, match=expected):
        node.task(module, **options)


def test_a_foreign_vtep_is_left_alone(node):
    node.sh("ip link add vx0 type vxlan id 9 dstport 8472")
    with pytest.raises(Conflict, match="interface 'vx0'"):
        node.task("vxlan", name="vx0", vni=9)


@pytest.fixture
def routed(node):
    """A node with an endpoint on a veth and no bridge, and a host beyond the node that knows the way back."""
    node.task("netns", config=[{"name": name} for name in ("vm", "outside", "ep")])
    node.task("veth", config=[link(("vm", "eth0"), ("outside", "eth0")), link(("vm", "veth0"), ("ep", "eth0"))])
    addresses = {
        ("vm", "eth0"): "192.168.32.1/24",
        ("outside", "eth0"): "192.168.32.2/24",
        ("ep", "eth0"): "10.2.0.1/32",
    }
    node.task("address", config=[{"netns": ns, "dev": dev, "address": text} for (ns, dev), text in addresses.items()])
    node.task(
        "route",
        config=[
            {"netns": "outside", "prefix": "10.2.0.0/24", "via": "192.168.32.1"},
            {"netns": "vm", "prefix": "10.2.0.1/32", "dev": "veth0"},
            {"netns": "vm", "prefix": "default", "via": "192.168.32.2"},
            {"netns": "ep", "prefix": "default", "via": "169.254.1.1"},
            {"netns": "ep", "prefix": "169.254.1.1", "dev": "eth0"},
        ],
    )
    return node


def test_a_routed_endpoint_needs_proxy_arp_and_forwarding(routed):
    assert routed.ping("ep", "192.168.32.2") is None
    routed.task("proxy_arp", netns="vm", interface="veth0")
    assert routed.ping("ep", "192.168.32.2") is None  # without forwarding the node answers no ARP for others
    routed.task("forwarding", netns="vm", family="ipv4")
    assert routed.ping("ep", "192.168.32.2") == 63
    assert not routed.task("proxy_arp", netns="vm", interface="veth0")["changed"]
    learned = routed.sh("ip -n ep neigh show dev eth0").splitlines()
    assert [line.split()[0] for line in learned] == ["169.254.1.1"]
    assert captured(routed, "outside", "ep", "192.168.32.2") == {"10.2.0.1"}
    routed.task("proxy_arp", netns="vm", interface="veth0", state="absent")
    routed.sh("ip -n ep neigh flush all")
    assert routed.ping("ep", "192.168.32.2") is None


def test_a_route_moves_from_a_tunnel_to_the_underlay_and_back(vteps):
    for vm in VMS:
        for module, options in entries(vm):
            vteps.task(module, **options)
    tunnel = entries("vm1")[2][1]
    plain = {"netns": "vm1", "prefix": "172.246.0.0/24", "via": "192.168.32.246"}
    found = vteps.task("route", **plain)
    assert found["commands"] == ["ip -n vm1 route replace 172.246.0.0/24 via 192.168.32.246 proto 178 scope global"]
    assert "dev eth0" in vteps.sh("ip -n vm1 route show 172.246.0.0/24")
    assert not vteps.task("route", **plain)["changed"]
    vteps.task("route", **tunnel)
    assert not vteps.task("route", **tunnel)["changed"]
    assert vteps.ping("vm1", "172.246.0.1 -I 172.245.0.1") == 64


def test_a_routed_endpoint_of_ipv6_needs_a_proxied_neighbor_and_the_nodes_own_address(node):
    node.task("netns", config=[{"name": name, "ipv6": True} for name in ("vm", "outside", "ep")])
    node.task("veth", config=[link(("vm", "eth0"), ("outside", "eth0")), link(("vm", "veth0"), ("ep", "eth0"))])
    addresses = [("vm", "eth0", "fd32::1/64"), ("outside", "eth0", "fd32::2/64"), ("ep", "eth0", "fd10::1/128")]
    node.task(
        "address", config=[{"netns": ns, "dev": dev, "address": text, "nodad": True} for ns, dev, text in addresses]
    )
    node.task("forwarding", netns="vm", family="ipv6")
    node.task(
        "route",
        config=[
            {"netns": "outside", "prefix": "fd10::/64", "via": "fd32::1"},
            {"netns": "vm", "prefix": "fd10::1/128", "dev": "veth0"},
            {"netns": "ep", "prefix": "::/0", "via": "fe80::1", "dev": "eth0"},
        ],
    )
    proxied = {"netns": "vm", "interface": "veth0", "family": "ipv6", "addresses": ["fe80::1"]}
    node.task("address", netns="vm", dev="veth0", address="fe80::2/64", nodad=True)
    assert node.ping("ep", "fd32::2") is None
    node.task("proxy_arp", **{**proxied, "addresses": []})
    assert node.ping("ep", "fd32::2") is None  # the switch alone answers for nobody
    node.sh("ip -n ep neigh flush all")
    node.task("proxy_arp", **proxied)
    assert node.ping("ep", "fd32::2") == 63
    assert not node.task("proxy_arp", **proxied)["changed"]
    node.task("proxy_arp", **{**proxied, "state": "absent"})
    node.sh("ip -n ep neigh flush all")
    assert node.ping("ep", "fd32::2") is None
