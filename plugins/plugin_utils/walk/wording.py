# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk in words: headers, places and hops as a line of text each. Pure Python; walks are the plain data of a walk's JSON."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

Hop = Dict[str, Any]
# hops at which a frame passes a device: what a capture sees
SIGHTINGS = ("in", "out")
TITLES = {
    "send": "a program sends",
    "route": "route",
    "neighbor": "next hop's MAC",
    "bridge": "bridge forwards",
    "fdb": "VXLAN peer",
    "encapsulate": "encapsulated",
    "decapsulate": "decapsulated",
    "nat": "NAT",
    "filter": "filter",
    "check": "check",
    "underlay": "underlay",
    "deliver": "delivered",
    "drop": "DROPPED",
}
DIRECTIONS = {"forward": "the packet", "reverse": "the answer"}


class Place(NamedTuple):
    """A device in a namespace of a node."""

    node: str
    netns: str
    device: str


def place_of(hop: Hop) -> Place:
    """Return the place of a hop; its device is empty where no device decides."""
    return Place(printable(hop["node"]), printable(hop.get("netns")), printable(hop.get("device")))


def places(walk: Dict[str, Any]) -> List[Place]:
    """Return the devices that a frame passes in either direction, those of a namespace and of a node beside each other."""
    seen = [
        place_of(hop)
        for direction in DIRECTIONS
        for hop in (walk.get(direction) or {}).get("hops", [])
        if hop["action"] in SIGHTINGS
    ]
    found = list(dict.fromkeys(seen))
    nodes = list(dict.fromkeys(place.node for place in found))
    spaces = list(dict.fromkeys(place[:2] for place in found))
    return sorted(found, key=lambda place: (nodes.index(place.node), spaces.index(place[:2])))


def printable(text: Any) -> str:
    """Return ``text`` without characters that move a terminal's cursor or break a line; None is the empty text."""
    return "" if text is None else "".join(one if one.isprintable() else " " for one in str(text))


def header_text(header: Dict[str, Any]) -> str:
    """Return one header of a packet: its type, from where to where, and what a hop can change."""
    kind = printable(header["type"])
    words = [] if kind in ("ipv4", "ipv6", "ethernet") else [kind]
    if header.get("src") or header.get("dst"):
        words.append(f"{_address(header.get('src'))} > {_address(header.get('dst'))}")
    if kind.startswith("icmp"):  # an echo's identifier, by which NAT tells it apart
        words += [f"id {printable(header['sport'])}"] if header.get("sport") is not None else []
    elif header.get("sport") is not None or header.get("dport") is not None:
        words.append(f"{printable(header.get('sport', 'any'))} > {printable(header.get('dport', 'any'))}")
    words += [printable(header["message"]).replace("-", " ")] if header.get("message") else []
    words += [f"VNI {printable(header['vni'])}"] if header.get("vni") is not None else []
    more = [f"ttl {printable(header['ttl'])}"] if header.get("ttl") is not None else []
    more += [f"{printable(header['size'])} bytes"] if header.get("size") is not None else []
    return ", ".join([" ".join(words), *more])


def _address(text):
    """Return an address of a header; a walk knows no MAC address of what is none of the fabric's nodes."""
    return "the router's" if text and text.startswith("??") else printable(text)


def packet_lines(packet: Optional[Sequence[Dict[str, Any]]]) -> List[str]:
    """Return a line for each header, the outermost first; what an IP packet carries stands on the line of its IP header."""
    lines: List[str] = []
    for header in packet or []:
        if lines and header["type"] not in ("ethernet", "ipv4", "ipv6"):
            lines[-1] += f", {header_text(header)}"
        else:
            lines.append(header_text(header))
    return lines


def entry_text(hop: Hop) -> str:
    """Return the table entry that decides at a hop, or the empty text."""
    entry = hop.get("entry")
    return printable(entry["text"]) + (" (assumed)" if entry.get("assumed") else "") if entry else ""


def made_by(hop: Hop) -> str:
    """Return the module and the command that made the entry of a hop, as far as they are known."""
    entry = hop.get("entry") or {}
    module, command = printable(entry.get("module")), printable(entry.get("command"))
    owner = f" ({printable(entry['owner'])})" if entry.get("owner") else ""
    return ": ".join(part for part in (module + owner if module else "", command) if part)


def hop_title(hop: Hop) -> str:
    """Return what happens at a hop, in few words."""
    action = hop["action"]
    words = TITLES.get(action, printable(action))
    if action == "neighbor" and hop.get("answered_by"):
        node, netns, device, how = [*map(printable, hop["answered_by"]), "", ""][:4]
        where = " ".join(part for part in (node, netns, device) if part)
        words += (f", answered by {where}" if where else "") + (" (proxy)" if how == "proxy" else "")
    return words


def hop_notes(hop: Hop) -> List[str]:
    """Return the lines below a hop's title: the entry that decides, who made it, and the reason."""
    notes = [entry_text(hop), made_by(hop)]
    if hop.get("reason"):
        notes.append(printable(hop["reason"]))
    return [note for note in notes if note]


def summary(walk: Dict[str, Any], direction: str) -> str:
    """Return one sentence about a direction of a walk."""
    way = walk.get(direction)
    if not way:
        return f"{DIRECTIONS[direction]}: not walked, as the packet does not arrive"
    mtu = f", at most {way['mtu']} bytes" if way.get("mtu") else ""
    reason = f": {printable(way['reason'])}" if way.get("reason") else ""
    return f"{DIRECTIONS[direction]}: {way['verdict']}{mtu}{reason}"


def title(walk: Dict[str, Any]) -> str:
    """Return the first line of a walk: from where to where, what is sent, and what is known of the nodes."""
    question, ends = walk["question"], [walk["from"], walk["to"]]
    names = [
        f"{printable(end.get('label') or end.get('address'))}"
        + (f" ({printable(end['address'])})" if end.get("address") and end.get("label") != end["address"] else "")
        for end in ends
    ]
    port = f" port {question['port']}" if question.get("port") else ""
    return f"{names[0]} to {names[1]}, {printable(question.get('protocol') or 'icmp')}{port}: predicted from {walk['source']} state"
