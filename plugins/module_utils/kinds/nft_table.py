# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of nftables of our own (nft(8)): guards, and policy. A table is one object, with its sets, its chains and their rules.

Its values are ``layout``, lines in one spelling, and the elements of each set. If only elements differ, they change in place;
else the table is deleted and made in one transaction, between whose halves no packet passes. Lines of a layout::

    set ipv4 ifname . ether_addr . ipv4_addr
    set subnets4 ipv4_addr interval
    map groups4 ipv4_addr : verdict
    chain endpoint
    chain prerouting filter prerouting -300
    endpoint: iifname . ether saddr != @macs drop
"""

from __future__ import annotations

import re
from typing import Any, Collection, Dict, Iterable, Iterator, List, NamedTuple, Set, Tuple

from ..engine.kind import CONTRACT, EXPAND, SWITCH, Kind, Scope, Ties
from ..engine.request import Request
from ..engine.resource import Resource
from ..engine.step import CHANGE, CREATE, DELETE, Step
from ..kernel import nft
from ..kernel.kernel import Kernel
from . import nft_text
from .shell import inside
from .ties import in_namespace

LAYOUT, SET = "layout", "set "
INTERVAL = " interval"
VERDICT = " : verdict"
# what a person's shell takes as one word is limited (MAX_ARG_STRLEN, 128 KiB)
AT_ONCE = 500
# nft before 1.1 knows no name for where these are
TYPEOF = {
    f"ifname . {nft_text.RAW}": f"typeof iifname . {nft_text.ND_TARGET}",
    nft_text.RAW: f"typeof {nft_text.ND_TARGET}",
}


class TableKey(NamedTuple):
    netns: str
    family: str
    name: str


class NftTable(Kind[TableKey]):
    """``values``: ``layout`` -> lines; ``set NAME`` -> its elements, sorted; of a map with the verdict."""

    name = "nft_table"
    title = "nftables table"
    key = TableKey
    tied_to = ("netns",)

    def ties(self, resource: Resource[TableKey]) -> Ties:
        return in_namespace(resource.netns)

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[TableKey]]:
        known = {TableKey(*key) for key in kernel.ledger.keys(self.name)}
        known |= {key for kind, key in scope.refs if kind == self.name}
        for key in sorted(known):
            if key.netns in scope.netns and kernel.exists(key.netns):
                listed = nft.list_table(key.netns, key.name, key.family)
                if listed:
                    yield Resource(self.name, key, values_of(listed), kernel.ledger.owner((self.name, key)) or "")

    def changes_in(self, field: str, before: Resource[TableKey], after: Resource[TableKey]) -> str:
        """What lets packets pass is there as long as anybody sends them, and what drops some comes last and goes first."""
        if field == LAYOUT or field not in before.values:
            return SWITCH
        old, new = set(before.values[field]), set(after.values[field])
        if old <= new or new <= old:
            return EXPAND if (old <= new) != _drops(after, field) else CONTRACT
        return CONTRACT if _mix(after, field, old, new) else SWITCH

    def meanwhile(self, field: str, before: Resource[TableKey], after: Resource[TableKey]) -> Any:
        """Of a set whose elements are exchanged: those of before and after, or if it drops those of both."""
        if field == LAYOUT or field not in before.values:
            return None
        old, new = set(before.values[field]), set(after.values[field])
        if old <= new or new <= old or not _mix(after, field, old, new):
            return None
        return tuple(sorted(old & new if _drops(after, field) else old | new))

    def create(self, resource: Resource[TableKey], companions: Collection[Resource[TableKey]]) -> List[Request]:
        return [_request(resource, [*_anew(resource), *_made(resource)])]

    def change(self, before: Resource[TableKey], after: Resource[TableKey], fields: Collection[str]) -> List[Request]:
        return [_request(after, _changed(before, after, fields))]

    def delete(self, resource: Resource[TableKey]) -> List[Request]:
        return [_request(resource, _anew(resource))]

    def commands(self, step: Step) -> List[str]:
        if step.action == CREATE:
            lines = _made(step.after)
        elif step.action == CHANGE:
            lines = _changed(step.before, step.after, step.fields)
        else:
            lines = [f"delete table {_place(step.before)}"] if step.action == DELETE else []
        return [inside(step.resource.netns, "nft", line) for line in lines]


def _request(resource, lines):
    return Request(resource.netns, nft.Script(tuple(lines)))


def _place(resource):
    return f"{resource.key.family} {resource.key.name}"


def _anew(resource):
    """Return the lines after which there is no such table, whether or not there was one."""
    return [f"add table {_place(resource)}", f"delete table {_place(resource)}"]


def _changed(before, after, fields):
    """Return the lines that change a table: elements, or if anything else differs the whole of it."""
    whole = after.merged({**before.values, **after.values})
    if LAYOUT in fields:
        return [*_anew(after), *_made(whole)]
    sets = _sets(whole)
    lines = []
    for field in fields:
        name = field[len(SET) :]
        types, interval = sets[name]
        old, new = before.values.get(field, ()), after.values[field]
        if interval:  # what overlaps cannot be there at once
            lines += [f"flush set {_place(after)} {name}"]
            lines += _elements(after, "add", name, new, types)
        else:
            lines += _elements(after, "delete", name, sorted(set(old) - set(new)), types)
            lines += _elements(after, "add", name, sorted(set(new) - set(old)), types)
    return lines


def _elements(resource, verb, name, elements, types):
    for first in range(0, len(elements), AT_ONCE):
        some = ", ".join(nft_text.loaded(one, types) for one in elements[first : first + AT_ONCE])
        yield f"{verb} element {_place(resource)} {name} {{ {some} }}"


def _drops(resource: Resource[TableKey], field: str) -> bool:
    """Say whether packets are dropped for what is in a set or map; a map leads to chains that drop."""
    name = field[len(SET) :]
    rule = re.compile(rf"map {name} .*|\w+: \w+ \w+ @{name} drop")
    return any(map(rule.fullmatch, resource.values[LAYOUT]))


def _mix(resource: Resource[TableKey], field: str, old: Set[str], new: Set[str]) -> bool:
    """Say whether the elements of two states may be in a set at once: a map has one verdict for each, intervals keep apart."""
    types, interval = _sets(resource)[field[len(SET) :]]
    if any(line.startswith(f"map {field[len(SET) :]} ") for line in resource.values[LAYOUT]):
        return False
    return not interval or not any(nft_text.touch(one, other) for one in old - new for other in new - old)


def _sets(resource):
    """Return name -> (the types of an element's parts, whether the elements are intervals) of a table's sets and maps."""
    lines = [words_of(line) for line in resource.values[LAYOUT]]
    return {name: types_of(text) for word, name, text in lines if word in ("set", "map")}


def _made(resource):
    """Return the lines that make a table, in an order in which none of them drops what a later one lets pass."""
    place, layout = _place(resource), resource.values[LAYOUT]
    hooked: List[Tuple[str, List[str]]] = []
    bare: List[Tuple[str, List[str]]] = []
    rules = []
    for line in layout:
        word, name, text = words_of(line)
        if word == "chain":
            (hooked if text else bare).append((name, text.split()))
        elif word not in ("set", "map", "flags"):
            chain, _colon, text = line.partition(": ")
            rules.append((chain, text))
    lines = [f"add table {place}", *(f"add chain {place} {name}" for name, _none in bare)]
    lines += [_definition(place, line) for line in layout if line.startswith(("set ", "map "))]
    for name, (types, _interval) in _sets(resource).items():
        lines += _elements(resource, "add", name, resource.values.get(SET + name, ()), types)
    names = {name for name, _none in bare}
    lines += [f"add rule {place} {chain} {text}" for chain, text in rules if chain in names]
    for name, (kind, hook, priority, *policy) in hooked:
        word = policy[-1] if policy else "accept"
        lines.append(f"add chain {place} {name} {{ type {kind} hook {hook} priority {priority}; policy {word}; }}")
    return lines + [f"add rule {place} {chain} {text}" for chain, text in rules if chain not in names]


def _definition(place, line):
    word, name, text = line.split(" ", 2)
    types = text.replace(INTERVAL, "")
    flags = " flags interval;" if text.endswith(INTERVAL) else ""
    return f"add {word} {place} {name} {{ {TYPEOF.get(types, 'type ' + types)};{flags} }}"


def words_of(line: str) -> Tuple[str, str, str]:
    """Return the first two words of a line of a layout, and what follows them."""
    word, name, text = (line + "  ").split(" ", 2)
    return word, name, text.strip()


def types_of(text: str) -> Tuple[List[str], bool]:
    """Return what a layout says of a set or map: the types of an element's parts, and whether the elements are intervals."""
    return text.replace(INTERVAL, "").replace(VERDICT, "").split(" . "), text.endswith(INTERVAL)


def values_of(listed: Iterable[Dict[str, Any]]) -> Dict[str, Tuple[str, ...]]:
    """Return the values of the table that nft listed (libnftables-json(5))."""
    values: Dict[str, Tuple[str, ...]] = {}
    lines: List[str] = []
    for one in listed:
        ((word, found),) = one.items()
        if word == "table" and found.get("flags"):
            lines.append(f"flags {found['flags']}")
        elif word in ("set", "map"):
            types = nft_text.types(found["type"])
            interval = INTERVAL if "interval" in found.get("flags", ()) else ""
            data = f" : {found['map']}" if word == "map" else ""
            lines.append(f"{word} {found['name']} {' . '.join(types)}{data}{interval}")
            values[SET + found["name"]] = tuple(sorted(nft_text.element(item, types) for item in found.get("elem", ())))
        elif word == "chain":
            base = f" {found['type']} {found['hook']} {found['prio']}" if "hook" in found else ""
            policy = "" if found.get("policy", "accept") == "accept" else f" policy {found['policy']}"
            lines.append(f"chain {found['name']}{base}{policy}")
        elif word == "rule":
            lines.append(f"{found['chain']}: {nft_text.rule(found['expr'])}")
    return {LAYOUT: in_order(lines), **values}


def in_order(lines: Iterable[str]) -> Tuple[str, ...]:
    """Return the lines of a layout in their order: sets, chains, and the rules of each chain, which keep theirs."""
    places = {"flags": 0, "set": 1, "map": 1, "chain": 2}

    def place(line: str) -> Tuple[Any, ...]:
        word = line.split(" ", 1)[0]
        return (places[word], line) if word in places else (3, word)

    return tuple(sorted(lines, key=place))


def table(
    netns: str, family: str, name: str, lines: Iterable[str], sets: Dict[str, Iterable[str]]
) -> Resource[TableKey]:
    """Return a desired table.

    :param lines: of its layout; those of rules are in their order.
    :param sets: name -> elements.
    """
    elements = {SET + one: tuple(sorted(set(found))) for one, found in sets.items()}
    return Resource(NftTable.name, TableKey(netns, family, name), {LAYOUT: in_order(lines), **elements})
