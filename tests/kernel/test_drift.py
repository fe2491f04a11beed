# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each setting of each object that packets need, altered by hand: the plan names it and the run mends it, or it is refused by name."""

from __future__ import annotations

import json

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError
from test_arrange_sets import ROUTED as ROUTED_SET
from test_arrange_sets import run_sets


def pair(**host_end):
    inner = {"name": "eth0", "netns": "red", "mac": "02:00:00:00:00:03", "mtu": 1450, "side": "endpoint"}
    outer = {"name": "v-red", "mac": "02:00:00:00:00:02", "mtu": 1450, "addrgenmode": "none", "side": "node"}
    return {**outer, **host_end, "peer": inner}


NETNS = [{"name": "red", "ipv6": False, "inherit": False}]
BRIDGE = {"name": "br0", "mac": "02:00:00:00:00:01", "mtu": 1450, "stp": False, "addrgenmode": "none", "side": "node"}
FORWARD = ("forwarding", {"forwarding": [{"family": "ipv4"}]})
BRIDGED = {
    "netns": NETNS,
    "bridge": [BRIDGE],
    "veth": [pair(master="br0", hairpin=True)],
    "address": [{"dev": "br0", "address": "10.9.0.1/24"}, {"netns": "red", "dev": "eth0", "address": "10.9.0.2/24"}],
    "route": [{"netns": "red", "prefix": "default", "via": "10.9.0.1", "dev": "eth0"}],
}
VXLAN = {
    "vxlan": [
        {
            "name": "vx0",
            "vni": 1,
            "local": "192.0.2.1",
            "mac": "02:00:00:00:00:04",
            "mtu": 1450,
            "learning": False,
            "addrgenmode": "none",
            "side": "node",
        }
    ],
    "address": [{"dev": "vx0", "address": "10.9.0.0/32"}],
    "neighbor": [{"dev": "vx0", "address": "10.8.0.0", "mac": "02:00:00:00:00:05"}],
    "vxlan_fdb": [{"dev": "vx0", "mac": "02:00:00:00:00:05", "dst": "192.0.2.2"}],
    "route": [{"prefix": "10.8.0.0/24", "via": "10.8.0.0", "dev": "vx0", "onlink": True}],
}
NAT = {
    "masquerade": [{"source": "10.9.0.0/24", "exclude": ["10.9.0.0/24"]}],
    "port_forward": [{"protocol": "tcp", "port": "80", "to": "10.9.0.2"}],
}
ROUTED = {
    **ROUTED_SET,
    "netns": NETNS,
    "veth": [pair(master="")],
}
FABRICS = {
    "vxlan": [("bridge", BRIDGED), ("vxlan", VXLAN), FORWARD],
    "red-blue-bridge": [("bridge", BRIDGED), ("nat", NAT), FORWARD],
    "calico-routed": [("routed", ROUTED), FORWARD],
}

INSIDE = "ip netns exec red sysctl -qw net.ipv4.conf.{}"
# of a link on the node's side; the name of the object, the command
OF_LINK = [
    "ip link set {} arp off",
    "ip link set {} down",
    "ip link set {} mtu 1400",
    "ip link set {} address 02:00:00:00:00:99",
    "ip link set {} addrgenmode eui64",
    *(f"sysctl -qw net.ipv4.conf.{{}}.{setting}" for setting in ("forwarding=0", "rp_filter=1")),
    *(f"sysctl -qw net.ipv{v}.conf.{{}}.accept_{what}=1" for v in (4, 6) for what in ("redirects", "source_route")),
    "sysctl -qw net.ipv6.conf.{}.accept_ra=2",
]
OF_LAN = ["sysctl -qw net.ipv4.conf.{}.proxy_arp=1"]
OF_PORT = [
    f"ip link set v-red type bridge_slave {words}"
    for words in ("isolated on", "hairpin off", "learning off", "flood off", "mcast_flood off", "bcast_flood off")
    + ("guard on", "root_block on", "neigh_suppress on", "locked on")
] + ["ip link set v-red nomaster", "bridge link set dev v-red state 0"]
OF_BRIDGE = [
    f"ip link set br0 type bridge {words}"
    for words in ("ageing_time 0", "forward_delay 2900", "group_fwd_mask 8", "stp_state 1")
]
OF_ENDPOINT = [
    *("ip -n red link set eth0 " + words for words in ("arp off", "down", "mtu 1400", "addrgenmode none")),
    "ip -n red link set lo down",
    *(INSIDE.format(f"eth0.{setting}") for setting in ("arp_ignore=2", "arp_filter=1", "rp_filter=1", "proxy_arp=1")),
    "ip -n red address flush dev eth0",
    "ip -n red route del default",
    "ip -n red route replace blackhole default",
]


def of(words, link):
    return [one.format(link) for one in words]


TABLE = "inet nodenet_fabric"
ALTERED = {
    "vxlan": of(OF_LINK + OF_LAN, "br0")
    + of(OF_LINK, "v-red")
    + of(OF_LINK + OF_LAN, "vx0")
    + OF_PORT
    + OF_BRIDGE
    + OF_ENDPOINT
    + [
        "ip address del 10.9.0.1/24 dev br0",
        "ip route del 10.9.0.0/24 dev br0 proto kernel",
        "ip -n red route del 10.9.0.0/24 dev eth0 proto kernel",
        "ip route del 10.8.0.0/24",
        "ip route replace blackhole 10.8.0.0/24",
        "ip route replace 10.8.0.0/24 via 192.0.2.2",
        "ip neigh del 10.8.0.0 dev vx0",
        "ip neigh replace 10.8.0.0 lladdr 02:00:00:00:00:77 dev vx0",
        "bridge fdb del 02:00:00:00:00:05 dev vx0 self",
        "bridge fdb replace 02:00:00:00:00:05 dev vx0 dst 192.0.2.9 self permanent",
        "sysctl -qw net.ipv4.ip_forward=0",
    ],
    "red-blue-bridge": [
        f"nft add chain {TABLE} postrouting '{{ policy drop; }}'",
        f"nft add chain {TABLE} prerouting '{{ policy drop; }}'",
        f"nft flush chain {TABLE} postrouting",
        f"nft flush chain {TABLE} prerouting",
        f"nft add chain {TABLE} strange '{{ type filter hook forward priority 0; policy drop; }}'",
        f"nft add rule {TABLE} postrouting counter",
    ],
    "calico-routed": of(OF_LINK, "v-red")
    + OF_ENDPOINT
    + [
        "sysctl -qw net.ipv4.conf.v-red.proxy_arp=0",
        "sysctl -qw net.ipv4.neigh.v-red.proxy_delay=80",
        "ip route del 10.9.0.2",
        "ip route replace blackhole 10.9.0.2",
        "ip route del blackhole 10.9.0.0/24 metric 1024",
        "ip -n red route del 169.254.1.1",
    ],
}
CASES = [(fabric, command) for fabric, commands in ALTERED.items() for command in commands]


def made(node, fabric):
    node.sh("ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up")
    node.sh("ip address add 192.0.2.1/24 dev up0")
    sets = FABRICS[fabric]
    run_sets(sets)
    assert run_sets(sets)["changed"] is False
    return sets


@pytest.mark.parametrize("fabric, command", CASES, ids=[f"{fabric}: {command}" for fabric, command in CASES])
def test_it_is_named_and_mended(node, fabric, command):
    sets = made(node, fabric)
    node.sh(command)
    planned = run_sets(sets, check=True)
    assert planned["changed"], "silent"
    reported = json.dumps(planned["diff"]()[0])
    assert any(
        name in reported for name in ("red", "br0", "vx0", "10.8.0.0", "10.9.0.", "ip_forward", "strange", "rule")
    )
    run_sets(sets)
    assert run_sets(sets)["changed"] is False


def test_what_a_namespace_would_inherit_is_set_when_it_is_made(node):
    """By its commands as well; what the node's own namespace has stays."""
    read = "sysctl -n net.ipv4.ip_forward net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.rp_filter"
    node.task("netns", name="red", inherit=False)
    assert node.sh(f"ip netns exec red {read}").split() == ["0", "0", "0"]
    assert node.task("netns", name="red", inherit=False)["changed"] is False
    (command,) = [
        one for one in node.task("netns", name="blue", inherit=False, _check=True)["commands"] if "sysctl" in one
    ]
    assert all(f"{name}=0" in command for name in ("ip_forward", "all.arp_ignore", "all.arp_filter", "all.rp_filter"))


@pytest.mark.parametrize("fabric", FABRICS)
def test_what_is_foreign_is_left_alone(node, fabric):
    sets = made(node, fabric)
    node.sh("ip netns add theirs; ip route add 10.77.0.0/16 via 192.0.2.9; ip link add theirs0 type bridge")
    node.sh("sysctl -qw net.ipv4.conf.up0.rp_filter=1 net.ipv6.conf.up0.accept_ra=2; ip link set up1 arp off")
    assert run_sets(sets)["changed"] is False


def test_a_table_that_sleeps_is_woken_or_refused_by_name(node):
    """nft 1.0.6 lists it in a form that is no JSON."""
    sets = made(node, "red-blue-bridge")
    node.sh(f"nft add table {TABLE} '{{ flags dormant; }}'")
    try:
        assert run_sets(sets)["changed"]
    except FabricError as failure:
        assert f"nft delete table {TABLE}" in str(failure)
        node.sh(f"nft delete table {TABLE}")
        run_sets(sets)
    assert "dormant" not in node.sh(f"nft list table {TABLE}")
    assert run_sets(sets)["changed"] is False


def test_a_chain_that_hooks_into_nothing_is_refused_by_name(node):
    sets = made(node, "red-blue-bridge")
    node.sh(
        f"nft flush chain {TABLE} postrouting; nft delete chain {TABLE} postrouting; nft add chain {TABLE} postrouting"
    )
    with pytest.raises(FabricError, match="the chain postrouting of our table .*nft delete table"):
        run_sets(sets)
    node.sh(f"nft delete table {TABLE}")
    run_sets(sets)
    assert run_sets(sets)["changed"] is False
