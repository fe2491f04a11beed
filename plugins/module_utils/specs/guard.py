# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module guard mean: what endpoints, tunnels and the underlay may send.

Sources: RFC 3927 and the documents of clouds (169.254.169.254, fd00:ec2::254); RFC 7348 (VXLAN). Frames are in :mod:`guard_frames`.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds import fields, nft_text
from ..kinds.nft_table import NftTable, TableKey, table
from .guard_frames import NO_ROUTER, OFFER, Endpoint, Table, of_frames, own, prefixes_of
from .spec import Options, Spec

OPTIONS = {
    "name": {"type": "str"},
    "endpoints": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "interface": {"type": "str", "required": True},
            "mac": {"type": "str", "required": True},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "bridge": {"type": "str"},
        },
    },
    "bridge": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "subnets": {"type": "list", "elements": "str", "default": []},
        },
    },
    "interfaces": {"type": "list", "elements": "str", "default": []},
    "tunnel_ports": {"type": "list", "elements": "int", "default": []},
    "tunnel_vnis": {"type": "list", "elements": "int", "default": []},
    "tunnel_protocols": {"type": "list", "elements": "int", "default": []},
    "peers": {"type": "list", "elements": "str", "default": []},
    "tunnels": {"type": "list", "elements": "str", "default": []},
    "subnets": {"type": "list", "elements": "str", "default": []},
    "direct": {"type": "list", "elements": "str", "default": []},
    "expose": {"type": "list", "elements": "str", "default": []},
    "metadata": {"type": "bool", "default": False},
    "tunnels_only": {"type": "bool", "default": False},
}
NAME = re.compile(r"[a-z_][a-z0-9_]{0,19}")
# a table's name is this and the name of the guard
PREFIX = "nodenet_"
EVERYWHERE = {"0.0.0.0/0": 4, "::/0": 6}
METADATA = ["ip daddr 169.254.169.254 drop", "ip6 daddr fd00:ec2::254 drop"]

ROUTED = [
    "set routed ifname",
    "set own4 ifname . ether_addr . ipv4_addr",
    "set own6 ifname . ether_addr . ipv6_addr",
    "endpoint: iifname != @routed accept",
    "endpoint: iifname . ether saddr . ip saddr @own4 accept",
    "endpoint: iifname . ether saddr . ip6 saddr @own6 accept",
    "endpoint: ip6 saddr :: icmpv6 type nd-neighbor-solicit accept",
    "endpoint: drop",
]
# where a packet has its VNI (RFC 7348, 5), for which nft 1.0.6 has no word
VNI = "@th,96,24"
FAMILIES = {4: ("ip", "ipv4_addr"), 6: ("ip6", "ipv6_addr")}


def resources(options: Options) -> List[Resource]:
    """Return the tables, of frames and of packets, that ``options`` describe."""
    name = table_name(options["name"])
    netns = options["netns"]
    if options["state"] == "absent":
        return [Resource(NftTable.name, TableKey(netns, family, name)) for family in ("bridge", "inet")]
    checked = [_endpoint(one, f"endpoints[{number}]") for number, one in enumerate(options["endpoints"])]
    ports = [one for one in checked if one[0]]
    routed = [one for one in checked if not one[0]]
    if options["tunnels_only"]:
        return [table(netns, "inet", name, *_of_tunnels(options, ports, routed))]
    return [
        table(netns, "bridge", name, *of_frames(options["bridge"], checked)),
        _of_packets(netns, name, options, ports, routed),
    ]


def table_name(text: str) -> str:
    """Return the name of a table of ours.

    :raises InputError: it cannot be one.
    """
    if not NAME.fullmatch(text) or text == "fabric":
        raise InputError("name", f"{text!r} cannot name a table: at most 20 of a-z, 0-9 and _, and not fabric")
    return PREFIX + text


def _endpoint(one: Dict[str, Any], option: str) -> Endpoint:
    interface = fields.interface(one["interface"], f"{option}.interface")
    mac = fields.mac(one["mac"], f"{option}.mac")
    addresses = [fields.unicast(text, f"{option}.addresses") for text in one["addresses"] or ()]
    if any(":" in text for text in addresses):
        addresses.append(fields.link_local(mac))
    bridge = fields.interface(one["bridge"], f"{option}.bridge") if one.get("bridge") else ""
    return bridge, interface, mac, addresses


def _of_packets(netns: str, name: str, options: Options, ports: List[Endpoint], routed: List[Endpoint]) -> Resource:
    hosts = [interface for _bridge, interface, _mac, _addresses in routed]
    lines, sets = _of_tunnels(options, ports, routed)
    lines += [
        *(f"endpoint: {rule}" for rule in METADATA if not options["metadata"]),
        f"endpoint: {OFFER} drop",
        f"endpoint: {NO_ROUTER}",
        *(ROUTED if routed else ()),
        "set tunnels ifname",
    ]
    sets["tunnels"] = [fields.interface(one, "tunnels") for one in options["tunnels"]]
    if routed:
        sets.update(routed=hosts, own4=own(routed, 4), own6=own(routed, 6))
    entering, more = _way_in(options, [text for *_rest, addresses in ports for text in addresses])
    return table(netns, "inet", name, [*lines, *entering], {**sets, **more})


def _of_tunnels(options: Options, ports: List[Endpoint], routed: List[Endpoint]) -> Table:
    """Return (lines, sets) about packets of tunnels: peers alone send them, and to nobody but peers."""
    sets: Dict[str, Iterable[str]] = {
        "links": [
            *(fields.interface(one, "interfaces") for one in options["interfaces"]),
            *(bridge for bridge, *_rest in ports),
            *([_name(options["bridge"])] if options["bridge"] else []),
            *(interface for _bridge, interface, _mac, _addresses in routed),
        ]
    }
    peers = [fields.unicast(text, "peers") for text in options["peers"]]
    sets.update({f"peers{version}": fields.of_version(peers, version) for version in FAMILIES})
    udp = [f"udp dport {one}" for one in _numbers(options, "tunnel_ports", 1, 65535)]
    of_vni = [f" {VNI} {one}" for one in _numbers(options, "tunnel_vnis", 0, 2**24 - 1)] or [""]
    protocols = _numbers(options, "tunnel_protocols", 1, 255)
    others = ["meta l4proto @tunnel_protocols"] if protocols else []
    lines = [
        *(f"set peers{version} {kind}" for version, (_word, kind) in FAMILIES.items()),
        "set links ifname",
        "chain prerouting filter prerouting -300",
        "prerouting: iifname @links goto endpoint",
        "chain endpoint",
        # of the UDP port alone: a fragment may end before the VNI
        *(f"endpoint: {tunnel} {peer} drop" for tunnel in [*udp, *others] for peer in _peer("daddr")),
    ]
    if protocols:
        lines.append("set tunnel_protocols inet_proto")
        sets["tunnel_protocols"] = list(map(str, protocols))
    if udp or others:
        lines += [
            "chain input filter input -10",
            # a socket of VXLAN takes what is for any address of the node, an IPIP device what is for its own
            *(f"input: {one}{vni} goto encapsulated" for one in udp for vni in of_vni),
            *(f"input: {one} {peer} goto encapsulated" for one in others for peer in _peer("daddr")),
            "chain encapsulated",
            *(f"encapsulated: {one} {other} accept" for one, other in zip(_peer("saddr"), _peer("daddr"))),
            "encapsulated: drop",
        ]
    return lines, sets


def _name(bridge: Dict[str, Any]) -> str:
    return fields.interface(bridge["name"], "bridge.name")


def _numbers(options: Options, option: str, least: int, most: int) -> List[int]:
    return sorted({fields.in_range(one, least, most, option) for one in options[option]})


def _peer(side: str) -> List[str]:
    """Return what matches packets from (``saddr``) or to (``daddr``) peers, for each IP version."""
    return [f"{word} {side} @peers{version}" for version, (word, _kind) in FAMILIES.items()]


def _way_in(options: Options, addresses: List[str]) -> Table:
    """Return (lines, sets) about what comes into the subnets from elsewhere; nothing of a family that is open to all.

    :param addresses: of the endpoints on the bridge.
    """
    found = {word: [fields.prefix(text, word) for text in options[word]] for word in ("subnets", "direct", "expose")}
    versions = [version for text, version in EVERYWHERE.items() if text not in found["expose"]]
    # what belongs to a connection is most of what passes, and its state is at hand
    lines = [
        "chain forward filter forward -10",
        *(["forward: ct state established,related accept"] if versions else ()),
    ]
    sets: Dict[str, Iterable[str]] = {}
    bridge = options["bridge"]
    if bridge:
        lines.append("set bridges ifname")
        sets["bridges"] = [_name(bridge)]
    for version, (word, kind) in FAMILIES.items() if bridge else ():
        lines.append(f"set others{version} {kind} interval")
        lines.append(f"forward: iifname @bridges {word} saddr != @others{version} drop")
        # an endpoint may have an address of elsewhere
        sets[f"others{version}"] = prefixes_of(bridge, version, addresses)
    for version in versions:
        word, kind = FAMILIES[version]
        lines.append(f"forward: {word} daddr @subnets{version} goto entering")
        for part, prefixes in found.items():
            lines.append(f"set {part}{version} {kind} interval")
            sets[f"{part}{version}"] = nft_text.intervals(fields.of_version(prefixes, version))
    sources = [(part, version) for part in ("direct", "expose") for version in versions]
    if versions:
        lines += [
            "chain entering",
            "entering: iifname @links accept",
            "entering: iifname @tunnels accept",
            "entering: ct status dnat accept",
            *(f"entering: {FAMILIES[version][0]} saddr @{part}{version} accept" for part, version in sources),
            "entering: drop",
        ]
    return lines, sets


SPEC = Spec(
    options=OPTIONS,
    required=["name"],
    kinds=[NftTable()],
    resources=resources,
    purges=lambda found: found.kind == NftTable.name and found.key.name == PREFIX + "guard",
)
