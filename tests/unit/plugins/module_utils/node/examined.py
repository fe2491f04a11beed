# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that matches its inventory, and what the examination says of one that does not."""

import dataclasses

from ansible_collections.nodenet.fabric.plugins.module_utils.node.examination.checks import (
    FAULTS,
    WARNINGS,
)
from ansible_collections.nodenet.fabric.plugins.module_utils.node.expected import Expected
from ansible_collections.nodenet.fabric.plugins.module_utils.node.facts.model import (
    Address,
    Facts,
    Link,
    Route,
    Rule,
)

ETH0, FABRIC0 = Link("eth0"), Link("fabric0", "bridge", ours=True)
UPLINK = Address("eth0", "10.0.0.1", "10.0.0.0/24")
CONNECTED, DEFAULT = Route("10.0.0.0/24", "eth0"), Route("0.0.0.0/0", "eth0", "10.0.0.254")
NODE = Facts(
    links=[Link("lo", mtu=65536), ETH0, FABRIC0],
    addresses=[
        Address("lo", "127.0.0.1", "127.0.0.0/8"),
        UPLINK,
        Address("eth0", "fe80::1", "fe80::/64"),
        Address("fabric0", "10.244.0.1", "10.244.0.0/24", ours=True),
    ],
    routes=[
        CONNECTED,
        DEFAULT,
        Route("10.244.0.0/24", "fabric0", ours=True),
        Route("10.244.1.0/24", "eth0", "10.0.0.2", ours=True),
    ],
    rules=[Rule(4, 0, "lookup", 255), Rule(4, 32766, "lookup", 254), Rule(4, 32767, "lookup", 253)],
    sysctls={"net.ipv4.ip_forward": "1", "net.ipv4.conf.eth0.forwarding": "1", "net.ipv4.conf.all.arp_ignore": "0"},
    ssh_client=("198.51.100.7", 22),
)
MINE = {"prefix": "10.244.0.0/24", "name": "fabric_node_subnet"}
PEERS = {"prefix": "10.244.1.0/24", "name": "fabric_node_subnet of vm2"}
OUTER = {"prefix": "198.51.100.0/24", "name": "fabric_node_subnet of vm3"}
VM2 = {"name": "vm2", "address": "10.0.0.2", "direct": True}
FABRIC = Expected(
    backend="host_gw",
    node_addresses=["10.0.0.1"],
    underlay_mtu=1500,
    prefixes=[MINE, PEERS],
    peers=[VM2],
    interfaces=["fabric0", "veth-*"],
)
VXLAN = {
    "backend": "vxlan",
    "vxlan_vni": 1,
    "encapsulation": "udp:8472",
    "port_variable": "fabric_vxlan_port",
    "peers": [{**VM2, "direct": False}],
}

WIREGUARD = {
    "backend": "wireguard",
    "encapsulation": "wireguard:51820",
    "port_variable": "fabric_wireguard_port",
    "peers": [{**VM2, "direct": False}],
}


def published(port, protocol="tcp", address=None):
    return {"name": "fabric_publish[0]", "protocol": protocol, "port": port, "address": address}


def faults_and_warnings(facts, expected):
    return tuple([line for check in checks for line in check(facts, expected)] for checks in (FAULTS, WARNINGS))


def changed(what, **values):
    """Return ``what`` with other values; of lists those that are given are added, of dicts laid over."""
    for name, value in values.items():
        there = getattr(what, name)
        if isinstance(there, list) and isinstance(value, list):
            values[name] = there + value
        elif isinstance(there, dict):
            values[name] = {**there, **value}
    return dataclasses.replace(what, **values)
