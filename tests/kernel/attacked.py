# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fabric that test_attacks.py attacks: two nodes on an underlay with a stranger, and its guards."""

from __future__ import annotations

from attackers import IPIP
from test_packets import link

# endpoint -> its node, MAC address, addresses; c is routed, the others are on the bridges, and g is none of the inventory's, as an
# engine's container
ENDS = {
    "a": ("vm1", "02:00:00:00:01:0a", "10.1.0.2", "fd01::2"),
    "b": ("vm1", "02:00:00:00:01:0b", "10.1.0.3", "fd01::3"),
    "e": ("vm1", "02:00:00:00:01:0e", "10.1.0.4", "fd01::4"),
    "c": ("vm1", "02:00:00:00:01:0c", "10.1.0.130", "fd01::1:2"),
    "g": ("vm1", "02:00:00:00:01:10", "10.1.0.200", "fd01::c8"),
    "d": ("vm2", "02:00:00:00:02:0d", "10.2.0.2", "fd02::2"),
}
CONTAINER = "g"
MAC = {name: end[1] for name, end in ENDS.items()}
IP4 = {name: end[2] for name, end in ENDS.items()}
IP6 = {name: end[3] for name, end in ENDS.items()}
VTEP = {"vm1": "02:00:00:00:01:00", "vm2": "02:00:00:00:02:00"}
BRIDGE = {"vm1": "02:00:00:00:01:01", "vm2": "02:00:00:00:02:01"}
HOST_END = "02:00:00:00:01:02"
UNDERLAY = {"vm1": ("192.0.2.1", "fd00::1"), "vm2": ("192.0.2.2", "fd00::2"), "stranger": ("192.0.2.9", "fd00::9")}
SUBNETS = {"vm1": ("10.1.0.0/24", "fd01::/64"), "vm2": ("10.2.0.0/24", "fd02::/64")}
GATEWAY = {"vm1": ("10.1.0.1", "fd01::1"), "vm2": ("10.2.0.1", "fd02::1")}
METADATA = "169.254.169.254"
NODES = ("vm1", "vm2")
PORT, VNI = 8472, 1
# of each bridge
ON_LINK = "fe80::1"
LINK_LOCAL = {"a": "fe80::ff:fe00:10a", "b": "fe80::ff:fe00:10b", "g": "fe80::ff:fe00:110"}
# what the module guard knows of the tunnels
TUNNELS = {
    "name": "guard",
    "tunnel_ports": [PORT],
    "tunnel_vnis": [VNI],
    "tunnel_protocols": [IPIP],
    "peers": [UNDERLAY[one][0] for one in NODES],
}
# an address of vm2 that is no fabric's
ASIDE = "192.0.2.22"
# another program's VXLAN device on vm2, of another VNI
OTHER = "flannel.2"
# what a bridge takes for its own, past all prerouting: IEEE 802.1X
EAPOL, EAPOL_GROUP = 0x888E, "01:80:c2:00:00:03"
# the same, past input as well: LLDP
LLDP, LLDP_GROUP = 0x88CC, "01:80:c2:00:00:0e"


def fabric(node):
    """Two nodes on an underlay with a stranger, vxlan between them; vm1 has three endpoints on a bridge and a routed one."""
    node.task("netns", config=[{"name": name, "ipv6": True} for name in (*UNDERLAY, "lan", *ENDS)])
    node.task("bridge", netns="lan", name="br0", addrgenmode="none")
    node.task("veth", config=[link(("lan", name), (name, "eth0"), "br0") for name in UNDERLAY])
    addresses = [
        {"netns": name, "dev": "eth0", "address": f"{address}/{24 if '.' in address else 64}", "nodad": ":" in address}
        for name, found in UNDERLAY.items()
        for address in found
    ]
    routes = []
    for vm, other in (NODES, NODES[::-1]):
        tunnel(node, vm, other, addresses, routes)
    for name in ENDS:
        endpoint(node, name, addresses, routes)
    # the routed one answers for its neighbors by its node
    node.task("proxy_arp", netns="vm1", interface="br0", addresses=[IP4["c"]])
    addresses += [{"netns": "vm1", "dev": "veth-c", "address": "fe80::1/64", "nodad": True}]
    addresses += [{"netns": "vm2", "dev": "eth0", "address": f"{ASIDE}/32"}]
    addresses += [{"netns": "stranger", "dev": "lo", "address": f"{METADATA}/32"}]
    routes += [{"netns": "vm1", "prefix": f"{METADATA}/32", "via": UNDERLAY["stranger"][0]}]
    node.task("address", config=[{**one, "nodad": one.get("nodad") or None} for one in addresses])
    node.task("route", config=routes)
    for prefix, via in zip(SUBNETS["vm2"], UNDERLAY["vm2"]):
        node.task("route", netns="stranger", prefix=prefix, via=via)
    node.task("vxlan", netns="vm2", name=OTHER, vni=VNI + 1, port=PORT, local=UNDERLAY["vm2"][0])
    node.task("port_forward", netns="vm2", port="8080", to=IP4["d"], to_port="80")
    node.sh("ip netns exec b sysctl -qw net.ipv4.neigh.eth0.locktime=0")


def tunnel(node, vm, other, addresses, routes):
    """Make the bridge of a node and its tunnel to the other; what it needs beside them is added to the lists."""
    node.task("forwarding", config=[{"netns": vm, "family": family} for family in ("ipv4", "ipv6")])
    node.task("bridge", netns=vm, name="br0", mac=BRIDGE[vm])
    device = {"netns": vm, "name": "vxlan1", "vni": VNI, "port": PORT, "mac": VTEP[vm], "learning": False}
    node.task("vxlan", local=UNDERLAY[vm][0], dev="eth0", addrgenmode="none", **device)
    node.task("vxlan_fdb", netns=vm, dev="vxlan1", mac=VTEP[other], dst=UNDERLAY[other][0])
    addresses += [{"netns": vm, "dev": "br0", "address": f"{GATEWAY[vm][0]}/24"}]
    addresses += [
        {"netns": vm, "dev": "br0", "address": f"{text}/64", "nodad": True} for text in (GATEWAY[vm][1], ON_LINK)
    ]
    addresses += [{"netns": vm, "dev": "vxlan1", "address": SUBNETS[vm][0].replace("/24", "/32")}]
    addresses += [{"netns": vm, "dev": "vxlan1", "address": f"{SUBNETS[vm][1].replace('/64', '')}/128", "nodad": True}]
    for prefix in SUBNETS[other]:
        via = prefix.partition("/")[0]
        node.task("neighbor", netns=vm, dev="vxlan1", address=via, mac=VTEP[other])
        routes.append({"netns": vm, "prefix": prefix, "via": via, "dev": "vxlan1", "onlink": True})
    node.task("masquerade", netns=vm, source=SUBNETS[vm][0], exclude=[found[0] for found in SUBNETS.values()])


def endpoint(node, name, addresses, routes):
    """Connect an endpoint to its node; what it needs beside is added to the lists."""
    vm, mac, *own = ENDS[name]
    pair = link((vm, f"veth-{name}"), (name, "eth0"), None if name == "c" else "br0")
    pair["peer"]["mac"] = mac
    node.task("veth", **pair, **({"mac": HOST_END} if name == "c" else {}))
    for address, router_of in zip(own, GATEWAY[vm]):
        six, gateway = ":" in address, router_of
        length = (128 if six else 32) if name == "c" else (64 if six else 24)
        addresses += [{"netns": name, "dev": "eth0", "address": f"{address}/{length}", "nodad": six}]
        if name == "c":
            routes += [{"netns": vm, "prefix": address, "dev": "veth-c"}]
            gateway = "fe80::1" if six else gateway  # a neighbor is asked for by ND on the interface that has it
            routes += [] if six else [{"netns": name, "prefix": gateway, "dev": "eth0"}]
        routes += [{"netns": name, "prefix": "::/0" if six else "0.0.0.0/0", "via": gateway, "dev": "eth0"}]


def tunnels_only(node):
    """Guard the tunnels of both nodes, and nothing else."""
    for vm in NODES:
        node.task(
            "guard", netns=vm, tunnels_only=True, interfaces=["br0", *(["veth-c"] if vm == "vm1" else [])], **TUNNELS
        )


def guards(node):
    """Guard both nodes, with groups web and db."""
    for vm in NODES:
        node.task("bridge", netns=vm, name="br0", no_linklocal_learn=True)
        ends = [(name, end) for name, end in ENDS.items() if end[0] == vm and name != CONTAINER]
        node.task(
            "guard",
            netns=vm,
            **TUNNELS,
            endpoints=[
                {"interface": f"veth-{name}", "mac": mac, "addresses": own, "bridge": None if name == "c" else "br0"}
                for name, (_vm, mac, *own) in ends
            ],
            bridge={"name": "br0", "addresses": [*GATEWAY[vm], ON_LINK], "subnets": list(SUBNETS[vm])},
            tunnels=["vxlan1"],
            subnets=[prefix for found in SUBNETS.values() for prefix in found],
        )
        node.task(
            "policy",
            netns=vm,
            name="policy",
            groups=[
                {"name": group, "addresses": [one for name in names for one in (IP4[name], IP6[name])]}
                for group, names in {"web": "ac", "db": "bd"}.items()
            ],
            rules=[
                *({"from": one, "to": other, "protocol": "icmp"} for one, other in (("web", "db"), ("db", "web"))),
                {"from": "web", "to": "db", "protocol": "tcp", "port": "80"},
                {"from": "web", "to": "db", "protocol": "udp", "port": "80"},
            ],
            bridge=False,  # of this kernel br_netfilter
        )
