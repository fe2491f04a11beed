# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of VXLAN: the VTEP, and the three entries for each peer. Pure Python."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..backends.vxlan import USUAL_PORT
from ..values.present import first
from .fault import LEARNED, Case, Entry, Question, case, fault
from .layout import UNDERLAY, Endpoint, Layout, Way
from .nodes import NOBODY

Found = Optional[Tuple[Endpoint, Endpoint, Way, Dict[str, Any]]]
# what site sets for a VTEP (see the role vxlan)
SYSCTLS = (
    "net.ipv4.conf.{name}.forwarding=1 net.ipv4.conf.{name}.proxy_arp=0 net.ipv4.conf.{name}.accept_redirects=0"
    " net.ipv4.conf.{name}.rp_filter=2 net.ipv4.conf.{name}.accept_source_route=0 net.ipv6.conf.{name}.accept_ra=0"
    " net.ipv6.conf.{name}.accept_redirects=0 net.ipv6.conf.{name}.accept_source_route=0"
)


def _first(layout: Layout, node: str) -> Found:
    """Return (endpoint of the node, endpoint of a peer, the way there, the node's part of the backend) of the first tunnel."""
    for end, other, way in layout.to_peers(node, "vxlan"):
        return end, other, way, layout.part(node)["vxlan"]
    return None


@fault(
    "no-fdb-entry",
    "A VTEP has no forwarding entry for a peer",
    "Endpoints of one peer cannot be reached. Nothing leaves the node.",
    "The forwarding entry says at which address of the underlay a VTEP's MAC address is. A VTEP that learns nothing and floods"
    " nothing drops a frame for a MAC address that it has no entry for.",
)
def no_fdb_entry(layout: Layout, node: str) -> Iterator[Case]:
    found = _first(layout, node)
    if found:
        end, other, way, part = found
        words = f"{way.mac} dev {part['name']} dst {way.dst} self"
        entry = Entry(node, "", "fdb", (way.mac,))
        undo = [f"bridge fdb replace {words} permanent"]
        yield case([f"bridge fdb del {words}"], undo, Question(end.label, other.label), entry)


@fault(
    "fdb-to-another-node",
    "A forwarding entry leads to another node than the peer",
    "Endpoints of one peer cannot be reached. Packets leave the node, and nobody takes them.",
    "Linux sends the frame to whatever address the entry has. The machine there decapsulates it, if it is a node at all, sees a"
    " MAC address that is not its VTEP's, and drops it without a word.",
)
def fdb_to_another_node(layout: Layout, node: str) -> Iterator[Case]:
    found = _first(layout, node)
    if found:
        end, other, way, part = found
        elsewhere = [one.dst for _end, _other, one in layout.to_peers(node, "vxlan") if one.dst != way.dst]
        wrong = (elsewhere or [str(ipaddress.ip_address(way.dst) + 1)])[0]
        head, entry = f"bridge fdb replace {way.mac} dev {part['name']}", Entry(node, "", "fdb", (way.mac,))
        commands, undo = ([f"{head} dst {dst} self permanent"] for dst in (wrong, way.dst))
        yield case(commands, undo, Question(end.label, other.label), entry)


@fault(
    "wrong-mac-of-a-peer",
    "A node knows a peer's VTEP by a wrong MAC address",
    "Endpoints of one peer cannot be reached: there is no forwarding entry for that MAC address.",
    "The neighbor entry translates the route's gateway into the MAC address of the peer's VTEP. It is written down, as nobody is"
    " asked; after a VTEP was made anew with another MAC address, the old one stays.",
)
def wrong_mac_of_a_peer(layout: Layout, node: str) -> Iterator[Case]:
    found = _first(layout, node)
    if found:
        end, other, way, part = found
        commands, undo = (
            [f"ip neighbor replace {way.gateway} lladdr {mac} dev {part['name']} nud permanent"]
            for mac in (NOBODY, way.mac)
        )
        entry = Entry(node, "", "neighbor", (way.gateway,))
        yield case(commands, undo, Question(end.label, other.label), entry)


@fault(
    "no-neighbor-of-a-peer",
    "A node has no neighbor entry for a peer's VTEP",
    "Endpoints of one peer cannot be reached; the node asks by ARP and nobody hears it: No route to host.",
    "A route with a gateway needs the gateway's MAC address. On this VTEP nobody can be asked for it, because nothing is flooded,"
    " so the entry must be there before the first packet.",
)
def no_neighbor_of_a_peer(layout: Layout, node: str) -> Iterator[Case]:
    found = _first(layout, node)
    if found:
        end, other, way, part = found
        undo = [_neighbor(part, way)]
        commands = [f"ip neighbor del {way.gateway} dev {part['name']}"]
        yield case(commands, undo, Question(end.label, other.label), Entry(node, "", "neighbor", (way.gateway,)))


@fault(
    "learning-on",
    "A VTEP learns from the wire",
    "Nothing: all pairs answer. But whoever can send in a peer's name decides by which way the node reaches a MAC address.",
    "With learning on, each VXLAN packet teaches the VTEP where its inner source is. Which peer sent it, nobody checks. A fabric that"
    " writes every entry down switches it off: what is learned can only be wrong.",
    ping=True,
    effect=LEARNED,
)
def learning_on(layout: Layout, node: str) -> Iterator[Case]:
    found = _first(layout, node)
    if found:
        end, other, _way, part = found
        commands, undo = ([f"ip link set dev {part['name']} type vxlan {word}"] for word in ("learning", "nolearning"))
        yield case(commands, undo, Question(end.label, other.label), Entry(node, "", "link", (part["name"],)))


@fault(
    "tunnel-went-down",
    "A VTEP went down and came up again",
    "Endpoints of the node reach no peer any more. The VTEP is up, and its forwarding entries are there.",
    "With an interface that goes down the kernel removes its routes and neighbors, permanent ones too. The forwarding entries"
    " stay. Nothing comes back by itself with the interface.",
)
def tunnel_went_down(layout: Layout, node: str) -> Iterator[Case]:
    found = _first(layout, node)
    if found:
        end, other, way, part = found
        commands = [f"ip link set dev {part['name']} {word}" for word in ("down", "up")]
        entry = Entry(node, "", "route", (way.subnet,))
        yield case(commands, _entries(layout, node, part), Question(end.label, other.label), entry)


@fault(
    "mac-of-a-tunnel-changed",
    "A VTEP has another MAC address than its peers know",
    "Peers' packets reach the node, are decapsulated, and vanish.",
    "Peers address their frames to the MAC address that they have written down. A VTEP with another one takes such a frame for"
    " somebody else's. udev's MACAddressPolicy does that to a device whose MAC address was not given when it was made.",
)
def mac_of_a_tunnel_changed(layout: Layout, node: str) -> Iterator[Case]:
    for peer in layout.nodes:
        for end, other, way in layout.to_peers(peer, "vxlan"):
            if way.peer == node:
                part = layout.part(node)["vxlan"]
                # the kernel forgets the neighbors of an interface whose address changes
                undo = [f"ip link set dev {part['name']} address {part['mac']}", *_neighbors(layout, node, part)]
                commands = [f"ip link set dev {part['name']} address {NOBODY}"]
                entry = Entry(node, "", "link", (part["name"],))
                yield case(commands, undo, Question(end.label, other.label), entry)
                return


@fault(
    "wrong-vni",
    "A VTEP has another VNI than its peers",
    "Endpoints of the node reach no peer. The packets arrive, and nobody takes them.",
    "The VNI says which network a VXLAN packet belongs to (RFC 7348). The receiver looks for a device with that VNI on the port;"
    " where it has none, it drops the packet.",
)
def wrong_vni(layout: Layout, node: str) -> Iterator[Case]:
    yield from _made_anew(layout, node, "vni")


@fault(
    "wrong-vxlan-port",
    "A VTEP uses another UDP port than its peers",
    "Endpoints of the node reach no peer. The peers answer each packet with ICMP Port Unreachable.",
    "IANA gave VXLAN port 4789; the kernel's own default is older, 8472. Two devices that were each made with another default"
    " never meet. The port must be said explicitly.",
)
def wrong_vxlan_port(layout: Layout, node: str) -> Iterator[Case]:
    yield from _made_anew(layout, node, "port")


@fault(
    "tunnel-mtu-too-small",
    "A VTEP has a smaller MTU than the endpoints",
    "A ping passes. Connections start slowly and then work, as the node answers large packets with ICMP Fragmentation Needed;"
    " where a firewall drops ICMP, they hang.",
    "The smallest MTU of a path decides. A router tells the sender of it, who must be able to hear that; an MTU that is right on"
    " all devices of the path needs nobody to listen.",
    ping=True,
)
def tunnel_mtu_too_small(layout: Layout, node: str) -> Iterator[Case]:
    found = _first(layout, node)
    if found:
        end, other, _way, part = found
        commands, undo = ([f"ip link set dev {part['name']} mtu {mtu}"] for mtu in (1280, part["mtu"]))
        # what the endpoint has heard it believes for minutes
        undo += [f"ip netns exec {end.netns} ip route flush cache"]
        question = Question(end.label, other.label, size=part["mtu"])
        yield case(commands, undo, question, Entry(node, "", "link", (part["name"],)))


@fault(
    "strict-rp-filter",
    "A node refuses packets that come by another way than it would answer",
    "One peer's packets arrive at the node and vanish, without a trace but for a counter. Its own packets to the peer arrive.",
    "With rp_filter=1 the kernel drops a packet whose source it would reach over another interface (RFC 3704). A way there and"
    " a way back that differ, plain one way and through the tunnel the other, are legal and break it; rp_filter=2 only asks"
    " whether there is any way back. The larger of the values of all and of the interface counts.",
)
def strict_rp_filter(layout: Layout, node: str) -> Iterator[Case]:
    for peer in layout.nodes:
        part, other_part = layout.part(node)["vxlan"], layout.part(peer)["vxlan"]
        for asker, end, way in layout.to_peers(peer, "plain") if part and other_part else ():
            if way.peer == node:
                back = first(one for one in layout.ways(node) if one.peer == peer)
                yield _asymmetric(node, part, other_part, back, Question(asker.label, end.label))
                return


def _asymmetric(node: str, part: Dict[str, Any], peers: Dict[str, Any], back: Way, question: Question) -> Case:
    """Return the case in which the node answers a neighbor on its own L2 through the tunnel, and is strict."""
    name, gateway = part["name"], back.subnet.split("/")[0]
    neighbor, entry = (
        f"{gateway} lladdr {peers['mac']} dev {name}",
        f"{peers['mac']} dev {name} dst {back.gateway} self",
    )
    strict = f"sysctl -qw net.ipv4.conf.{UNDERLAY}.rp_filter="
    commands = [
        f"ip neighbor replace {neighbor} nud permanent",
        f"bridge fdb replace {entry} permanent",
        f"ip route replace {back.subnet} via {gateway} dev {name} proto 178 scope global onlink",
        f"{strict}1",
    ]
    undo = [
        f"{strict}0",
        f"ip route replace {back.route}",
        f"bridge fdb del {entry}",
        f"ip neighbor del {gateway} dev {name}",
    ]
    return case(commands, undo, question, Entry(node, "", "sysctl", (UNDERLAY,)))


def _made_anew(layout: Layout, node: str, what: str) -> Iterator[Case]:
    """Yield the case in which the VTEP was made with another VNI or port; the kernel changes neither in place."""
    found = _first(layout, node)
    if found:
        end, other, _way, part = found
        wrong = {**part, "vni": part["vni"] + 1} if what == "vni" else {**part, "port": _another_port(part["port"])}
        commands, undo = (_vtep(one) + _entries(layout, node, one, with_fdb=True) for one in (wrong, part))
        entry = Entry(node, "", "link", (part["name"],))
        yield case(commands, undo, Question(end.label, other.label), entry)


def _another_port(port: int) -> int:
    iana = 4789
    return iana if port != iana else USUAL_PORT


def _vtep(part: Dict[str, Any]) -> List[str]:
    """Return the commands that make a VTEP in place of the one that is there."""
    name, lower = part["name"], f" dev {part['dev']}" if part["dev"] else ""
    return [
        f"ip link del dev {name}",
        f"ip link add name {name} address {part['mac']} mtu {part['mtu']} type vxlan id {part['vni']}{lower}"
        f" local {part['local']} dstport {part['port']} nolearning",
        f"ip link set dev {name} alias nodenet.fabric/vxlan",
        f"ip link set dev {name} addrgenmode none",
        f"sysctl -eqw {SYSCTLS.format(name=name)}",
        f"ip link set dev {name} up",
        *(f"ip address add {prefix} dev {name}" for prefix in part["addresses"]),
    ]


def _entries(layout: Layout, node: str, part: Dict[str, Any], with_fdb: bool = False) -> List[str]:
    """Return the commands that restore neighbors and routes of all peers, and with a new device forwarding entries."""
    ways = [way for way in layout.ways(node) if way.sort == "vxlan"]
    entries = [f"bridge fdb replace {way.mac} dev {part['name']} dst {way.dst} self permanent" for way in ways]
    routes = [f"ip route replace {way.route}" for way in ways]
    return _neighbors(layout, node, part) + (entries if with_fdb else []) + routes


def _neighbors(layout: Layout, node: str, part: Dict[str, Any]) -> List[str]:
    return [_neighbor(part, way) for way in layout.ways(node) if way.sort == "vxlan"]


def _neighbor(part: Dict[str, Any], way: Way) -> str:
    return f"ip neighbor replace {way.gateway} lladdr {way.mac} dev {part['name']} nud permanent"


FAULTS = (
    no_fdb_entry,
    fdb_to_another_node,
    wrong_mac_of_a_peer,
    no_neighbor_of_a_peer,
    learning_on,
    tunnel_went_down,
    mac_of_a_tunnel_changed,
    wrong_vni,
    wrong_vxlan_port,
    tunnel_mtu_too_small,
    strict_rp_filter,
)
