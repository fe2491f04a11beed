# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks and fabrics as mermaid, which GitHub and GitLab draw within a page: a sequence diagram, a flowchart. Pure Python.

Sources: mermaid's pages "Sequence diagrams" and "Flowcharts - Basic Syntax".
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple

from ..values.present import first
from .wording import (
    DIRECTIONS,
    SIGHTINGS,
    entry_text,
    hop_title,
    packet_lines,
    place_of,
    places,
    printable,
    summary,
    title,
)

# what mermaid or the page around it would read as something else -> its code, between # and ;
CODES = {"#": "#35;", ";": "#59;", "<": "#lt;", ">": "#gt;", '"': "#quot;", "`": "#96;", "%": "#37;", "&": "#amp;"}


def escaped(text: Any) -> str:
    """Return ``text`` so that mermaid shows it as it is."""
    return "".join(CODES.get(one, one) for one in printable(text))


def sequence(walk: Dict[str, Any], differences: Sequence[Dict[str, Any]] = ()) -> str:
    """Return a walk as a sequence diagram: a participant for each device, in a box for each node.

    :param differences: as :func:`compare.differences` returns them; each is a note at its hop.
    """
    lanes = places(walk)
    names = {lane: f"d{number}" for number, lane in enumerate(lanes)}
    lines = ["sequenceDiagram"]
    for node in dict.fromkeys(lane.node for lane in lanes):
        lines.append(f"    box {escaped(node)}")
        for lane in (lane for lane in lanes if lane.node == node):
            words = " ".join(part for part in (lane.netns, lane.device) if part)
            lines.append(f"    participant {names[lane]} as {escaped(words)}")
        lines.append("    end")
    if not lanes:
        lines.append(f"    participant d0 as {escaped(walk['from'].get('label'))}")
    leftmost = "d0"
    lines.append(f"    Note over {leftmost}: {escaped(title(walk))}")
    for direction in DIRECTIONS:
        lines.append(f"    Note over {leftmost}: {escaped(summary(walk, direction))}")
        mine = [one for one in differences if one["direction"] == direction]
        lines += [f"    {line}" for line in _way(walk.get(direction) or {"hops": []}, names, leftmost, mine)]
    return "\n".join(lines) + "\n"


def _way(way, names, leftmost, differences) -> Iterator[str]:
    # where the packet is before it is seen
    start = place_of(way["hops"][0])[:2] if way["hops"] else None
    leftmost = next((name for lane, name in names.items() if lane[:2] == start), leftmost)
    at = None
    for number, hop in enumerate(way["hops"]):
        place = names.get(place_of(hop))
        if hop["action"] in SIGHTINGS:
            lines = "<br/>".join(escaped(line) for line in packet_lines(hop.get("packet"))) or escaped(hop["action"])
            yield f"{at}->>{place}: {lines}" if at and at != place else f"Note right of {place}: {lines}"
            at = place
        else:
            words = [hop_title(hop), entry_text(hop), printable(hop.get("reason"))]
            lines = "<br/>".join(escaped(one) for one in words if one)
            here = at or place or leftmost
            yield f"{here}-x{here}: {lines}" if hop["action"] == "drop" else f"Note over {here}: {lines}"
        for one in differences:
            if one.get("hop") == number:
                yield f"Note over {at or place or leftmost}: ≠ {escaped(one['what'])}"


def topology(states: Mapping[str, Dict[str, Any]], segments: Optional[Mapping[str, Sequence[str]]] = None) -> str:
    """Return a fabric as a flowchart: its nodes, their namespaces, their devices with addresses, and the L2s between.

    :param states: node -> its state (see :mod:`state`).
    :param segments: prefix of an L2 of the underlay -> the nodes on it; nodes on different ones have a router between.
    """
    lines = ["flowchart LR"]
    ids: Dict[Tuple[str, str, str], str] = {}
    for number, (node, state) in enumerate(states.items()):
        lines.append(f'    subgraph n{number} ["{escaped(node)}"]')
        for count, (netns, space) in enumerate(state["namespaces"].items()):
            inner = [link for link in space["links"] if link["type"] != "loopback"]
            indent = "    " if netns else ""
            if netns and inner:
                lines.append(f'        subgraph n{number}s{count} ["{escaped(netns)}"]')
            for one, link in enumerate(inner):
                ids[node, netns, link["name"]] = name = f"n{number}s{count}d{one}"
                lines.append(f'        {indent}{name}["{_device(space, link)}"]')
            if netns and inner:
                lines.append("        end")
        lines.append("    end")
    lines += [f"    {line}" for line in _edges(states, ids)]
    lines += [f"    {line}" for line in _underlay(states, ids, segments or {})]
    return "\n".join(lines) + "\n"


def _device(space, link):
    addresses = [one["address"] for one in space.get("addresses", []) if one["dev"] == link["name"]]
    kind = link["type"] if link["type"] not in ("device", "veth") else ""
    vni = f"VNI {link['vni']}" if link.get("vni") is not None else ""
    seen = [one for one in addresses if not one.startswith("fe80:")]
    return "<br/>".join(escaped(part) for part in (link["name"], kind, vni, *seen) if part)


def _edges(states, ids):
    drawn = set()
    for node, state in states.items():
        for netns, space in state["namespaces"].items():
            for link in space["links"]:
                mine = ids.get((node, netns, link["name"]))
                master = ids.get((node, netns, link.get("master")))
                if master and mine:
                    yield f"{mine} --- {master}"
                other = ids.get((node, *link["peer"])) if link.get("peer") else None
                if mine and other and (other, mine) not in drawn:
                    drawn.add((mine, other))
                    yield f"{mine} ===|veth| {other}"


def _underlay(states, ids, segments):
    for number, (prefix, nodes) in enumerate(segments.items()):
        yield f'u{number}(["{escaped(prefix)}"])'
        for node in nodes:
            yield f"{_uplink(node, states.get(node), ids)} --- u{number}"
    if len(segments) > 1:
        yield 'router{{"router"}}'
        yield from (f"u{number} --- router" for number in range(len(segments)))
    tunnels = {}
    for (node, netns, device), name in ids.items():
        link = first(one for one in states[node]["namespaces"][netns]["links"] if one["name"] == device)
        if link["type"] in ("vxlan", "ipip", "wireguard"):
            tunnels.setdefault(link["type"], []).append(name)
    for kind, ends in tunnels.items():
        yield from (f"{ends[0]} -.-|{kind}| {end}" for end in ends[1:])


def _uplink(node, state, ids):
    """Return the device with the node's address on the underlay, else the node's own box."""
    own = (state or {"namespaces": {}})["namespaces"].get("", {"links": []})
    for link in own["links"]:
        has_address = any(one["dev"] == link["name"] for one in own.get("addresses", []))
        if link["type"] in ("device", "vlan", "bond", "veth") and not link.get("master") and has_address:
            return ids[node, "", link["name"]]
    return f"n{list(dict.fromkeys(name for name, *_rest in ids)).index(node)}"
