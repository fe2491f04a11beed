# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report's page reads: the fabric's devices, the matrix, drift; and the walks, packed. Pure Python.

Walks repeat each other: every text, entry, header and packet is written once, and named by its place in a list.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from .drift import Row
from .pairs import End

Walk = Dict[str, Any]
# a link's own fields that the page shows, beside its name, type, addresses and MTU
SHOWN = ("vni", "port", "local", "remote")


class Fabric(NamedTuple):
    """What a report is about.

    :ivar title: the first heading.
    :ivar made: when and of what it was made, a sentence.
    :ivar states: node -> its state, observed where it could be, else declared.
    :ivar underlay: ``{"segments": [prefix], "nodes": {node: [prefix]}, "outside": [{"name", "address"}]}``.
    :ivar ends: sources and targets, in the order of the matrix.
    :ivar walks: walks of pairs, as JSON holds them.
    :ivar total: how many pairs there are.
    :ivar promised: pairs of labels that must reach each other -> (addresses that were asked, those of them that are reached); None:
        each pair has one.
    :ivar unreachable: node -> why it could not be asked.
    """

    title: str
    made: str
    states: Mapping[str, Dict[str, Any]]
    underlay: Dict[str, Any]
    ends: Sequence[End]
    walks: Sequence[Walk]
    total: int
    promised: Any = None
    drift: Sequence[Row] = ()
    compared: bool = False
    unreachable: Mapping[str, str] = {}


def page_data(fabric: Fabric) -> Dict[str, Any]:
    """Return what the page reads at its start."""
    nodes = [_node(name, state) for name, state in fabric.states.items()]
    walked = {(walk["question"]["from"], walk["question"]["to"]): walk for walk in fabric.walks}
    return {
        "title": fabric.title,
        "nodes": nodes,
        "underlay": fabric.underlay,
        "ends": [list(end) for end in fabric.ends],
        "pairs": _pairs(fabric, walked),
        "total": fabric.total,
        "drift": [list(one) for one in fabric.drift],
        "compared": fabric.compared,
        "unreachable": dict(fabric.unreachable),
        "unknown": [[name, text] for name, state in fabric.states.items() for text in state.get("unknown") or []],
    }


def _node(name: str, state: Dict[str, Any]) -> Dict[str, Any]:
    spaces = []
    for netns, space in state["namespaces"].items():
        addresses: Dict[str, List[str]] = {}
        for one in space.get("addresses") or []:
            addresses.setdefault(one["dev"], []).append(one["address"])
        links = [_link(link, addresses.get(link["name"], [])) for link in space.get("links") or []]
        spaces.append({"n": netns, "d": [link for link in links if link]})
    return {"n": name, "s": state["source"], "ns": spaces}


def _link(link: Dict[str, Any], addresses: List[str]) -> Dict[str, Any]:
    """Return a device as the page draws it; nothing of a loopback that has only its own addresses."""
    shown = [one for one in addresses if not one.startswith("fe80:")]
    if link["type"] == "loopback":
        shown = [one for one in shown if not one.startswith(("127.", "::1/"))]
        if not shown:
            return {}
    found = {"n": link["name"], "t": link["type"], "a": shown, "m": link.get("mtu"), "x": link.get("mac") or ""}
    if link.get("up") is False:
        found["down"] = True
    if link.get("assumed"):
        found["assumed"] = True
    for name, key in (("master", "b"), ("peer", "p")):
        if link.get(name):
            found[key] = link[name]
    more = [f"{name} {link[name]}" for name in SHOWN if link.get(name) not in (None, "")]
    return {**found, **({"o": more} if more else {})}


def _pairs(fabric: Fabric, walked: Mapping[Tuple[str, str], Walk]) -> List[List[Any]]:
    """Return [from, to, verdict, addresses that are promised, those reached, TTL, MTU there, MTU back, reason] of each pair."""
    places = {end.label: number for number, end in enumerate(fabric.ends)}
    rows = []
    for (one, other), walk in walked.items():
        if one in places and other in places:
            whole = int(walk["verdict"] == "delivered")
            asked, reached = (1, whole) if fabric.promised is None else fabric.promised.get((one, other), (0, 0))
            ways = [walk["forward"], walk.get("reverse") or {}]
            reason = next((way["reason"] for way in ways if way.get("reason")), "")
            mtus = [way.get("mtu") for way in ways]
            rows.append([places[one], places[other], walk["verdict"], asked, reached, _ttl(ways), *mtus, reason])
    return rows


def _ttl(ways: Sequence[Dict[str, Any]]) -> Any:
    """Return the TTL with which the answer arrives, as ping shows it, else that of the packet."""
    hops = ways[1].get("hops") or ways[0].get("hops") or []
    for hop in reversed(hops):
        for header in reversed(hop.get("packet") or []):
            if header.get("ttl") is not None:
                return header["ttl"]
    return None


class _Table:
    """Each value once, and its place."""

    def __init__(self) -> None:
        self.values: List[Any] = []
        self._places: Dict[str, int] = {}

    def place(self, value: Any) -> int:
        key = json.dumps(value, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]


def packed_walks(walks: Iterable[Walk], ends: Sequence[End]) -> str:
    """Return walks as the page unpacks them: JSON, compressed (RFC 1950), in base64.

    A hop is [node, namespace, device, action, entry, packet, reason, who answered]: places in the lists beside, -1 for none. In a
    header 0 and 1 stand for the addresses of the pair, so that pairs of the same two nodes share hops. A way names its hops by the
    distance to the one before, which is 1 mostly.
    """
    tables = {name: _Table() for name in ("texts", "entries", "headers", "packets", "hops", "answers")}
    places = {end.label: number for number, end in enumerate(ends)}
    rows = []
    for walk in walks:
        question = walk["question"]
        if question["from"] in places and question["to"] in places:
            pair = [walk[end].get("address") or "" for end in ("from", "to")]
            ways = [_way(tables, walk.get(name), pair) for name in ("forward", "reverse")]
            rows.append([places[question["from"]], places[question["to"]], pair, *ways])
    content = {**{name: table.values for name, table in tables.items()}, "walks": rows}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 9)).decode()


def _way(tables: Dict[str, _Table], way: Any, pair: List[str]) -> Any:
    if not way:
        return None
    hops = [tables["hops"].place(_hop(tables, hop, pair)) for hop in way["hops"]]
    steps = [one - before for one, before in zip(hops, [0, *hops])]
    return [way["verdict"], way.get("reason") or "", way.get("mtu"), steps]


def _hop(tables: Dict[str, _Table], hop: Dict[str, Any], pair: List[str]) -> List[int]:
    def place(name, value):
        return -1 if value in (None, "", []) else tables[name].place(value)

    packet = [tables["headers"].place(_of_pair(header, pair)) for header in hop.get("packet") or []]
    return [
        tables["texts"].place(hop["node"]),
        tables["texts"].place(hop.get("netns") or ""),
        place("texts", hop.get("device")),
        tables["texts"].place(hop["action"]),
        place("entries", hop.get("entry")),
        place("packets", packet),
        place("texts", hop.get("reason")),
        place("answers", hop.get("answered_by")),
    ]


def _of_pair(header: Dict[str, Any], pair: List[str]) -> Dict[str, Any]:
    ends = {name: pair.index(header[name]) for name in ("src", "dst") if header.get(name) in pair and header[name]}
    return {**{name: value for name, value in header.items() if value is not None}, **ends}
