# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A large fabric in a few nodes: nodes that declare the same but for their own names and addresses are of one class.

Nothing is assumed of a backend or an attachment. What a node declares of its own, what it declares of a representative of each
sort of node, and what these declare of it is computed for every node and compared as text, in which names, addresses and MAC
addresses that only this node has are numbered in the order in which they come. Nodes whose prefixes overlap those of others
stand for themselves.

A :class:`Quotient` is a smaller model, in which each sort of pair of nodes (two classes, on one L2 or not) is there at least
once, and how many pairs of the whole fabric each stands for.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter, defaultdict
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..backends import backend_of, peers_of
from ..inventory.model import mtu_of
from ..naming import host_end
from ..node import node_model
from ..values.networks import FAMILIES, Segments, ip_network, network_address, subnets_of

Json = Dict[str, Any]
# (the node's class, the other's, whether both are in one segment: of IPv4, of IPv6)
Sort = Tuple[int, int, bool, bool]
Place = Tuple[Optional[str], Optional[str]]

STRING = re.compile(r'"([^"\\]*)"')
ENDPOINT = re.compile(r"\[?([0-9a-f.:]+)\]?:([0-9]+)")
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
ADDRESS = re.compile(r"(?=.*[.:])[0-9a-f.:]+(/[0-9]+)?")
# of these the text says which endpoint it is, and not how it is connected
NAMES = ("name", "netns", "host_interface", "address", "address6", "unwritten", "container", "pid")
# variables with a key of one node alone
KEYS = ("fabric_wireguard_public_key",)
# parts of the model of a node that no role of the network reads
UNREAD = ("expected", "ours", "features")
# how many endpoints of one sort a node keeps: two of them reach each other
KEPT = 2
# each node is compared with so many others of different sorts at most
MOST_COMPARED = 8
# prefixes that are everywhere: all addresses, link-local ones, multicast groups
EVERYWHERE = tuple(
    map(ip_network, ("0.0.0.0/32", "169.254.0.0/16", "224.0.0.0/4", "127.0.0.0/8", "fe80::/10", "ff00::/8"))
)


class Quotient(NamedTuple):
    """The smaller model, and what it stands for.

    :ivar classes: name of a node of the whole fabric -> number of its class.
    :ivar sorts: (name of a kept node, name of an endpoint) -> its sort.
    :ivar counts: class -> sort of an endpoint -> segments -> how many there are; the sort "" counts nodes.
    :ivar inside: (class, sort, sort) -> how many ordered pairs of different endpoints on one node there are.
    """

    model: Json
    classes: Dict[str, int]
    places: Dict[str, Place]
    sorts: Dict[Tuple[str, str], str]
    counts: Dict[int, Dict[str, Counter]]
    inside: Counter

    def sort_of(self, node: str, other: str) -> Sort:
        """Return of which sort the pair of two nodes is."""
        here, there = self.places[node], self.places[other]
        return (self.classes[node], self.classes[other], here[0] == there[0], here[1] == there[1])

    def times(self, sort: Sort, one: str, other: str) -> int:
        """Return how many pairs of endpoints of the sorts ``one`` and ``other`` on two nodes a pair of this ``sort`` stands for."""
        mine, theirs = self.counts[sort[0]].get(one, Counter()), self.counts[sort[1]].get(other, Counter())
        both, of4, of6, all_ = (_products(mine, theirs, part) for part in ((0, 1), (0,), (1,), ()))
        if sort[0] == sort[1]:  # but no node with itself
            itself = self.inside[sort[0], one, other, "itself"]
            both, of4, of6, all_ = both - itself, of4 - itself, of6 - itself, all_ - itself
        found = {(True, True): both, (True, False): of4 - both, (False, True): of6 - both}
        found[False, False] = all_ - of4 - of6 + both
        return found[sort[2:]]


def _products(mine: Counter, theirs: Counter, part: Tuple[int, ...]) -> int:
    """Return how many pairs agree in those ``part`` of their segments."""
    grouped: List[Counter] = []
    for counter in (mine, theirs):
        found: Counter = Counter()
        for place, number in counter.items():
            found[tuple(place[index] for index in part)] += number
        grouped.append(found)
    return sum(number * grouped[1][key] for key, number in grouped[0].items())


def quotient(model: Json) -> Quotient:
    """Return the smaller model of ``model``, which has no faults."""
    fabric = {**model["fabric"], "inside": [], "fabric_expose": []}
    groups = {endpoint: group for group, names in fabric["fabric_groups"].items() for endpoint in names}
    reduced: Dict[str, Json] = {}
    sorts: Dict[Tuple[str, str], str] = {}
    numbers: Dict[str, Counter] = {}
    for name, values in model["nodes"].items():
        reduced[name], mine, numbers[name] = _reduced(values, groups)
        sorts.update(((name, endpoint), sort) for endpoint, sort in mine.items())
    segments = Segments(fabric["fabric_underlay"])
    places = {name: _place(values, segments) for name, values in reduced.items()}
    unique = _unique(reduced)
    seen: List[Tuple[str, str, bool]] = []
    shapes = {name: _shape(fabric, name, values, unique, seen) for name, values in reduced.items()}
    compared = list({shape: name for name, shape in reversed(list(shapes.items()))}.values())[:MOST_COMPARED]
    texts = {
        name: (shapes[name], tuple(_between(fabric, reduced, name, other, unique) for other in compared))
        for name in reduced
    }
    alone = _overlapping(seen)
    classes: Dict[Any, int] = {}
    of = {name: classes.setdefault(name if name in alone else text, len(classes)) for name, text in texts.items()}
    counts, inside = _counted(of, places, numbers)
    found = Quotient({}, of, places, sorts, counts, inside)
    kept = _representatives(found, alone)
    nodes = {name: reduced[name] for name in reduced if name in kept}
    return found._replace(model={"fabric": model["fabric"], "nodes": nodes})


# one node


def _reduced(values: Json, groups: Dict[str, str]) -> Tuple[Json, Dict[str, str], Counter]:
    """Return a node's variables with few endpoints of each sort, these endpoints' sorts, and how many of each there are."""
    published: Dict[str, List[Json]] = defaultdict(list)
    for entry in values["fabric_publish"]:
        own = {key: value for key, value in entry.items() if key not in ("endpoint", "address")}
        published[entry["endpoint"]].append({**own, "address": bool(entry.get("address"))})
    numbers: Counter = Counter()
    kept, sorts = [], {}
    for endpoint in values["fabric_endpoints"]:
        own = {key: value for key, value in endpoint.items() if key not in NAMES}
        linked = [
            link
            for link in values["fabric_links"]
            if endpoint["name"] in (link["a"].get("netns"), link["b"].get("netns"))
        ]
        keys = [key for key in NAMES if endpoint.get(key)]
        group = groups.get(endpoint["name"])
        sort = json.dumps([own, keys, published[endpoint["name"]], linked, group], sort_keys=True)
        numbers[sort] += 1
        if numbers[sort] <= KEPT:
            kept.append(endpoint)
            sorts[endpoint["name"]] = sort
    named = {endpoint["name"] for endpoint in kept}
    publish = [entry for entry in values["fabric_publish"] if entry["endpoint"] in named]
    return {**values, "fabric_endpoints": kept, "fabric_publish": publish}, sorts, numbers


def _place(values: Json, segments: Segments) -> Place:
    four, six = (segments.of(values[family.address]) if values[family.address] else None for family in FAMILIES)
    return four, six


def _shape(fabric: Json, name: str, values: Json, unique: Dict[str, str], seen: List[Tuple[str, str, bool]]) -> str:
    """Return what a node declares of its own, as a text that does not depend on its names and addresses."""
    view = node_model({"fabric": fabric, "nodes": {name: values}}, name)
    read = {part: value for part, value in view.items() if part not in UNREAD}
    # links are in no model but in that of their role
    return _text([read, _place_shape(values)], [(name, values)], unique, seen)


def _place_shape(values: Json) -> Json:
    return {name: value for name, value in values.items() if name.startswith(("fabric_underlay", "fabric_mtu"))}


def _between(fabric: Json, nodes: Dict[str, Json], name: str, other: str, unique: Dict[str, str]) -> str:
    """Return what two nodes declare of each other, as a text that does not depend on their names and addresses."""
    if name == other:
        return ""
    pair = {"fabric": fabric, "nodes": {one: nodes[one] for one in (name, other)}}
    backend, found = backend_of(fabric), []
    for one in (name, other):
        peers = peers_of(pair, one)
        found.append([peers.routes(), backend.part(peers, mtu_of(fabric, nodes[one]))])
    return _text(found, [(one, nodes[one]) for one in (name, other)], unique)


def _text(
    value: Any,
    nodes: List[Tuple[str, Json]],
    unique: Dict[str, str],
    seen: Optional[List[Tuple[str, str, bool]]] = None,
) -> str:
    """Return ``value`` as JSON, in which what names one of ``nodes`` is numbered.

    :param seen: gets (node, address or prefix, whether only this node has it) of all that are in the text.
    """
    known: Dict[str, Optional[str]] = {}
    mine = {name for name, _values in nodes}
    for name, values in nodes:
        known.update((one, None) for one in (name, *(values[key] for key in KEYS if values.get(key))))
        for endpoint in values["fabric_endpoints"]:
            names = (
                endpoint["name"],
                endpoint.get("netns"),
                host_end(endpoint),
                (endpoint.get("container") or {}).get("name"),
            )
            known.update((one, None) for one in names if one)

    def numbered(match: Any) -> str:
        text = match[1]
        endpoint = ENDPOINT.fullmatch(text)  # an address with a port, as of a WireGuard peer
        if endpoint and unique.get(endpoint[1]):
            return f'"{numbered(STRING.fullmatch(json.dumps(endpoint[1])))}:{endpoint[2]}"'
        head, slash, tail = (text, "", "") if text in known else text.partition("/")
        is_address = ADDRESS.fullmatch(text) and not MAC.fullmatch(text)
        owner = unique.get(head) if is_address else None
        if seen is not None and is_address:
            seen.append((nodes[0][0], text, owner in mine))
        if head not in known and not (owner in mine or MAC.fullmatch(text)):
            return match[0]
        if known.get(head) is None:
            known[head] = f"#{sum(one is not None for one in known.values())}"
        return f'"{known[head]}{slash}{tail}"'

    return STRING.sub(numbered, json.dumps(value))


# all nodes


def _unique(nodes: Dict[str, Json]) -> Dict[str, str]:
    """Return address -> node, of those that the variables of one node alone have."""
    owners: Dict[str, Set[str]] = defaultdict(set)
    for name, values in nodes.items():
        for text in _strings([value for key, value in values.items() if key != "fabric_underlay"]):
            if ADDRESS.fullmatch(text):
                owners[text.partition("/")[0]].add(name)
        for subnet, _key in subnets_of(values):
            owners[network_address(subnet)].add(name)
    return {address: next(iter(names)) for address, names in owners.items() if len(names) == 1}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


def _overlapping(seen: Iterable[Tuple[str, str, bool]]) -> Set[str]:
    """Return the nodes of which a prefix overlaps what another has: what one node declares takes packets for another."""
    spans = set()
    for name, text, is_own in seen:
        network = ip_network(text, strict=False)
        if network.prefixlen and not any(
            one.version == network.version and one.overlaps(network) for one in EVERYWHERE
        ):
            spans.add((network.version, int(network.network_address), -int(network.broadcast_address), name, is_own))
    found: Set[str] = set()
    open_: List[Tuple[int, str]] = []
    version = 0
    for number, first, last, name, is_own in sorted(spans):
        open_ = [one for one in open_ if one[0] >= first] if number == version else []
        version = number
        if is_own or open_:
            others = {owner for _end, owner in open_ if owner != name}
            found |= {name, *others} if others else set()
        open_.append((-last, name))
    return found


def _counted(
    classes: Dict[str, int], places: Dict[str, Place], numbers: Dict[str, Counter]
) -> Tuple[Dict[int, Dict[str, Counter]], Counter]:
    counts: Dict[int, Dict[str, Counter]] = defaultdict(lambda: defaultdict(Counter))
    inside: Counter = Counter()
    for name, number in classes.items():
        own = {"": 1, **numbers[name]}
        for one, times in own.items():
            counts[number][one][places[name]] += times
            for other, more in own.items():
                inside[number, one, other, "itself"] += times * more
                inside[number, one, other] += times * (more - (one == other))
    return counts, inside


def _representatives(found: Quotient, alone: Set[str]) -> Set[str]:
    """Return nodes among which each sort of pair is there, and all of ``alone``."""
    members: Dict[int, Dict[Place, List[str]]] = defaultdict(lambda: defaultdict(list))
    for name, number in found.classes.items():
        some = members[number][found.places[name]]
        if len(some) < KEPT:
            some.append(name)
    kept = {next(iter(places.values()))[0] for places in members.values()} | alone
    covered = {found.sort_of(one, other) for one in kept for other in kept if one != other}
    for (one, mine), (other, theirs) in itertools.product(members.items(), repeat=2):
        for in4, in6 in itertools.product((True, False), repeat=2):
            sort = (one, other, in4, in6)
            if sort not in covered and found.times(sort, "", ""):
                pair = _pair(found, mine, theirs, sort)
                kept |= set(pair)
                covered |= {found.sort_of(*both) for a in pair for b in kept if a != b for both in ((a, b), (b, a))}
    return kept


def _pair(found: Quotient, mine: Dict[Place, List[str]], theirs: Dict[Place, List[str]], sort: Sort) -> Tuple[str, str]:
    """Return two nodes that are such a pair."""
    return next(
        (one, other)
        for here in mine.values()
        for one in here
        for there in theirs.values()
        for other in there
        if one != other and found.sort_of(one, other) == sort
    )
