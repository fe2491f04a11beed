# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nft -j lists of a table (libnftables-json(5)), in the one spelling in which our guards are written."""

from __future__ import annotations

import ipaddress
import json
import socket
from typing import Any, Dict, Iterable, List, Optional, Tuple

from . import fields

Plain = Dict[str, Any]

# keys of meta that nft writes without the word
BARE = frozenset({"iif", "oif", "iifname", "oifname"})
VERDICTS = frozenset({"accept", "drop", "return", "continue"})
# names that /etc/protocols has for numbers which we write as such
NUMBERS = {"ipencap": "4", "ipip": "4", "ipv6": "41"}
# the type of an address that a header holds at a place of which nft 1.0.6 knows no name
RAW = "integer"
# of ND's target (RFC 4861, 4.3 and 4.4); nft since 1.1 lists it as taddr
ND_TARGET = "@th,64,128"
# the types of the fields by which a set is declared, which nft since 1.1 lists instead of them
OF_FIELD = {"iifname": "ifname", ND_TARGET: RAW}


def rule(expressions: List[Plain]) -> str:
    """Return a rule."""
    return " ".join(_statement(one) for one in expressions)


def _statement(one: Plain) -> str:
    ((word, value),) = one.items()
    if word == "match":
        sign = {"!=": "!= "}.get(value["op"], "") if value["op"] in ("==", "!=", "in") else f"{value['op']} "
        return f"{_left(value['left'])} {sign}{_right(value['right'])}"
    if word in VERDICTS:
        return word
    if word in ("jump", "goto"):
        return f"{word} {value['target']}"
    if word == "vmap" and isinstance(value.get("data"), str):
        return f"{_left(value['key'])} vmap {value['data']}"
    return json.dumps(one, sort_keys=True)


def _left(value: Any) -> str:
    if isinstance(value, dict):
        ((word, what),) = value.items()
        if word == "concat":
            return " . ".join(map(_left, what))
        if word == "payload" and "base" in what:
            return f"@{what['base']},{what['offset']},{what['len']}"
        if word == "payload":
            return ND_TARGET if what["field"] == "taddr" else f"{what['protocol']} {what['field']}"
        if word == "meta":
            return what["key"] if what["key"] in BARE else f"meta {what['key']}"
        if word == "ct" and "dir" not in what:
            return f"ct {what['key']}"
    return json.dumps(value, sort_keys=True)


def _right(value: Any) -> str:
    if isinstance(value, list):  # flags
        return ",".join(sorted(map(str, value)))
    if isinstance(value, dict) and list(value) == ["set"] and all(isinstance(one, (str, int)) for one in value["set"]):
        found = value["set"]
        if found and all(isinstance(one, str) and one.isalpha() for one in found):  # flags, as nft >= 1.0.9 lists them
            return ",".join(sorted(found))
        return "{ " + ", ".join(map(str, found)) + " }"
    return str(value) if isinstance(value, (str, int)) else json.dumps(value, sort_keys=True)


def types(listed: Any) -> List[str]:
    """Return the types of the parts of a set's elements."""
    if isinstance(listed, dict):
        return [OF_FIELD.get(field, field) for field in _left(listed["typeof"]).split(" . ")]
    return [listed] if isinstance(listed, str) else list(listed)


def element(one: Any, of: List[str]) -> str:
    """Return an element of a set or a map.

    :param of: the types of the parts of its key.
    """
    if isinstance(one, list):  # of a map
        return f"{element(one[0], of)} : {_statement(one[1])}"
    if isinstance(one, dict) and "elem" in one:
        return element(one["elem"]["val"], of)
    parts = one["concat"] if isinstance(one, dict) and "concat" in one else [one]
    return " . ".join(_part(part, kind) for part, kind in zip(parts, of))


def _part(one: Any, of: str) -> str:
    if isinstance(one, dict) and "range" in one:
        return "-".join(map(str, one["range"]))
    if isinstance(one, dict) and "prefix" in one:
        return f"{one['prefix']['addr']}/{one['prefix']['len']}"
    if of == RAW and isinstance(one, (str, int)):
        return socket.inet_ntop(socket.AF_INET6, (one if isinstance(one, int) else int(one, 0)).to_bytes(16, "big"))
    return NUMBERS.get(str(one), str(one)) if of == "inet_proto" else str(one)


def loaded(text: str, of: List[str]) -> str:
    """Return an element in the words that nft reads."""
    key, colon, verdict = text.partition(" : ")
    parts = [_loaded(part, kind) for part, kind in zip(key.split(" . "), of)]
    return " . ".join(parts) + colon + verdict


def _loaded(part, of):
    if of == "ifname":
        return f'"{part}"'
    return f"{int(ipaddress.IPv6Address(part)):#x}" if of == RAW else part


def intervals(prefixes: Iterable[str]) -> List[str]:
    """Return the elements of a set of intervals: prefixes without those that others contain; one address has no length."""
    whole = [text.partition("/") for text in fields.collapsed(prefixes)]
    return [
        address if length == ("128" if ":" in address else "32") else f"{address}/{length}"
        for address, _slash, length in whole
    ]


def touch(one: str, other: str) -> bool:
    """Say whether two elements of a set of intervals have a value in common; of one part also whether they are neighbors."""
    pairs = list(zip(one.split(" . "), other.split(" . ")))
    return all(_meet(*pair, int(len(pairs) == 1)) for pair in pairs)


def _meet(one, other, apart):
    first, second = _span(one), _span(other)
    if first is None or second is None:  # a name, as of a protocol, is in each range
        return one == other or first != second
    return first[0] <= second[1] + apart and second[0] <= first[1] + apart


def _span(part: str) -> Optional[Tuple[int, int]]:
    """Return the first and the last number of an interval, or None: it is a name."""
    first, dash, last = part.partition("-")
    try:
        ends = [ipaddress.ip_network(text) for text in ([first, last] if dash else [first])]
    except ValueError:
        return (int(first), int(last or first)) if first.isdigit() else None
    return int(ends[0][0]), int(ends[-1][-1])
