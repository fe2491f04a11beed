# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole tables from their layout, in the spelling of :mod:`kinds.nft_table`, to what ``nft -j list ruleset`` shows of them."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, Iterator, List, Tuple

from ...module_utils.engine.resource import Resource
from ...module_utils.kinds.nft_table import LAYOUT, SET, VERDICT, types_of, words_of
from ...module_utils.kinds.nft_text import BARE, RAW, VERDICTS

Json = Dict[str, Any]
# how many words after its name a field of a header has
LONG = {"arp": 2}
RAW_PAYLOAD = re.compile(r"@(\w+),(\d+),(\d+)")


def table_objects(resource: Resource) -> Iterator[Json]:
    """Yield a table with its chains, its sets with their elements, and its rules."""
    place = {"family": resource.key.family, "table": resource.key.name}
    yield {"table": {"family": resource.key.family, "name": resource.key.name}}
    for number, line in enumerate(resource.values[LAYOUT], 1):
        word, name, text = words_of(line)
        if word in ("set", "map"):
            yield {word: {**place, "name": name, **_set(text, resource.values.get(SET + name, ()))}}
        elif word == "chain":
            yield {"chain": {**place, "name": name, **_hook(text.split())}}
        elif word != "flags":
            chain, _colon, rule = line.partition(": ")
            yield {"rule": {**place, "chain": chain, "handle": number, "expr": list(expressions(rule))}}


def _hook(words: List[str]) -> Json:
    if not words:
        return {}
    kind, hook, priority, *policy = words
    return {"type": kind, "hook": hook, "prio": int(priority), "policy": policy[-1] if policy else "accept"}


def _set(text: str, elements: Any) -> Json:
    types, interval = types_of(text)
    found: Json = {"type": types[0] if len(types) == 1 else types}
    found.update({"flags": ["interval"]} if interval else {})
    found.update({"map": "verdict"} if VERDICT in text else {})
    return {**found, "elem": [_element(one, types) for one in elements]}


def _element(text: str, types: List[str]) -> Any:
    key, _colon, verdict = text.partition(" : ")
    parts = [_part(part, of) for part, of in zip(key.split(" . "), types)]
    value = parts[0] if len(parts) == 1 else {"concat": parts}
    return [value, _verdict(verdict.split())] if verdict else value


def _part(text: str, of: str) -> Any:
    first, dash, last = text.partition("-")
    if of in ("inet_proto", "inet_service"):
        if dash and first.isdigit():
            return {"range": [int(first), int(last)]}
        return int(text) if text.isdigit() else text
    address, slash, length = text.partition("/")
    if slash:
        return {"prefix": {"addr": address, "len": int(length)}}
    if of == RAW:
        return int(ipaddress.IPv6Address(text))
    return {"range": [first, last]} if dash and of.startswith("ip") else text


# rules


def expressions(text: str) -> Iterator[Json]:
    """Yield the expressions of a rule (libnftables-json(5)).

    :raises ValueError: a part of the rule is not understood.
    """
    words = text.split()
    while words:
        if words[0] in (*VERDICTS, "jump", "goto"):
            yield _verdict(words)
            return
        if len(words) < 3:
            raise ValueError(f"the rule {text!r} has a part that is not understood: {' '.join(words)!r}")
        left, words = _left(words)
        if words[0] == "vmap":
            yield {"vmap": {"key": left, "data": words[1]}}
            words = words[2:]
            continue
        operator = "!=" if words[0] == "!=" else "in" if "ct" in left else "=="
        right, words = _right(words[1:] if words[0] == "!=" else words, left)
        yield {"match": {"op": operator, "left": left, "right": right}}


def _verdict(words: List[str]) -> Json:
    if words[0] in ("jump", "goto"):
        return {words[0]: {"target": words[1]}}
    if words not in [[word] for word in VERDICTS]:
        raise ValueError(f"{' '.join(words)!r} is no verdict that is understood")
    return {words[0]: None}


def _left(words: List[str]) -> Tuple[Json, List[str]]:
    """Return what is compared, and the words after it."""
    found = []
    while True:
        one, words = _field(words)
        found.append(one)
        if words[0] != ".":
            return (found[0] if len(found) == 1 else {"concat": found}), words
        words = words[1:]


def _field(words: List[str]) -> Tuple[Json, List[str]]:
    first, raw = words[0], RAW_PAYLOAD.fullmatch(words[0])
    if first in BARE:
        return {"meta": {"key": first}}, words[1:]
    if first in ("meta", "ct"):
        return {first: {"key": words[1]}}, words[2:]
    if raw:
        return {"payload": {"base": raw[1], "offset": int(raw[2]), "len": int(raw[3])}}, words[1:]
    end = 1 + LONG.get(first, 1)
    return {"payload": {"protocol": first, "field": " ".join(words[1:end])}}, words[end:]


def _right(words: List[str], left: Json) -> Tuple[Any, List[str]]:
    """Return what it is compared with, and the words after it."""
    if words[0] == "{":
        end = words.index("}")
        return {"set": [_value(one.rstrip(",")) for one in words[1:end]]}, words[end + 1 :]
    if "ct" in left:
        flags = words[0].split(",")
        return (flags if len(flags) > 1 else flags[0]), words[1:]
    return _value(words[0]), words[1:]


def _value(text: str) -> Any:
    return int(text) if text.isdigit() else text
