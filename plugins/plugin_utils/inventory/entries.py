# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the lists of mappings among the variables are sound, entry by entry. Pure Python."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, Iterator

from ..attachments import ATTACHMENTS
from ..engines.checks import ENDPOINT_KEYS
from ..values.checks import address, broadcast, choice, host_prefix, interface, meant, ports, shown, text
from ..values.declaration import Check

# keys of an endpoint that are for one attachment alone, or say what its namespace is, each with the check of its value
OF_ENDPOINTS = {key: check for one in ATTACHMENTS.values() for key, check in one.endpoint_keys.items()}
OF_ENDPOINTS.update(ENDPOINT_KEYS)
# Lists of mappings: the keys that an entry may have, those that it must have, and an example.
ENTRIES = {
    "fabric_endpoints": (
        (
            "name",
            "address",
            "address6",
            "allowed_addresses",
            "attachment",
            "host_interface",
            "interface",
            *OF_ENDPOINTS,
        ),
        ("name",),
        "{name: ns1}",
    ),
    "fabric_outside": (("name", "address"), ("name", "address"), "{name: outside, address: 192.0.2.1}"),
    "fabric_publish": (
        ("protocol", "port", "endpoint", "to_port", "address"),
        ("port", "endpoint"),
        "{protocol: tcp, port: 80, endpoint: ns1, to_port: 80}",
    ),
    "fabric_links": (("a", "b"), ("a", "b"), "{a: {netns: red, name: veth-red}, b: {netns: blue, name: veth-blue}}"),
}
LINK_KEYS = ("netns", "name", "address", "broadcast", "address6")
HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def is_list(where: str, value: Any) -> Iterator[str]:
    """Yield why ``value`` is not a list."""
    if not isinstance(value, list):
        yield f"{where} is {shown(value)}, not a list."


def each(where: str, value: Any, check: Check) -> Iterator[str]:
    """Yield each fault of a list whose entries ``check`` knows."""
    yield from is_list(where, value)
    for position, entry in enumerate(value if isinstance(value, list) else ()):
        yield from check(f"{where}[{position}]", "" if entry is None else entry)


def entry_faults(variable: str, value: Any) -> Iterator[str]:
    """Yield each fault of the list ``value`` of ``variable``, one of :data:`ENTRIES`."""
    yield from is_list(variable, value)
    for position, entry in enumerate(value if isinstance(value, list) else ()):
        yield from _entry(f"{variable}[{position}]", entry, *ENTRIES[variable])


def _entry(where: str, entry: Any, keys: Iterable[str], needed: Iterable[str], example: str) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"{where} is {shown(entry)}, not a mapping such as {example}."
        return
    for key in entry:
        if key not in keys:
            yield f"{where} has no key {shown(key)}{meant(key, keys) or _there_are(keys)}"
    for key in needed:
        if entry.get(key) in (None, ""):
            yield f"{where} has no {key}: it is one like {example}."
    yield from _values(where, {key: value for key, value in entry.items() if value not in (None, "")})


def _values(where: str, entry: Dict[str, Any]) -> Iterator[str]:
    """Check the values of an entry by the names of their keys, which mean the same in each list."""
    if where.startswith("fabric_endpoints"):
        for key in {"name", "host_interface", "interface"}.intersection(entry):
            yield from interface(f"{where}.{key}", entry[key])
    elif where.startswith("fabric_outside") and "name" in entry:
        yield from _host(f"{where}.name", entry["name"])
    for key in ("attachment", "endpoint"):
        yield from text(f"{where}.{key}", entry.get(key))
    version = 4 if where.startswith("fabric_endpoints") else None
    yield from address(f"{where}.address", entry.get("address"), version)
    yield from address(f"{where}.address6", entry.get("address6"), 6)
    yield from each(f"{where}.allowed_addresses", entry.get("allowed_addresses", []), address)
    for key, check in OF_ENDPOINTS.items():
        if key in entry:
            yield from check(f"{where}.{key}", entry[key])
    for key in ("port", "to_port"):
        if key in entry and ports(entry[key]) is None:
            yield (
                f"{where}.{key} is {shown(entry[key])}: it is a port from 1 to 65535, or a range of them such as"
                " 8000-8010."
            )
    yield from choice(f"{where}.protocol", entry.get("protocol", "tcp"), ("tcp", "udp"))
    for end in ("a", "b"):
        if end in entry:
            yield from _link_end(f"{where}.{end}", entry[end])


def _host(where: str, name: Any) -> Iterator[str]:
    """A host outside is one of the lab's hosts, with a folder and processes by its name."""
    if not isinstance(name, str) or not HOST.fullmatch(name):
        yield f"{where} is {shown(name)}, which is not a host's name: use letters, digits, '.', '_' and '-'."


def _link_end(where: str, end: Any) -> Iterator[str]:
    if not isinstance(end, dict):
        yield f"{where} is {shown(end)}, not a mapping such as {{netns: red, name: veth-red, address: 192.168.15.1/24}}."
        return
    for key in end:
        if key not in LINK_KEYS:
            yield f"{where} has no key {shown(key)}{meant(key, LINK_KEYS) or _there_are(LINK_KEYS)}"
    yield from interface(f"{where}.name", end.get("name"))
    if end.get("netns"):  # without one it is the node's own
        yield from interface(f"{where}.netns", end["netns"])
    for key, version in (("address", 4), ("address6", 6)):
        yield from host_prefix(f"{where}.{key}", end.get(key), version, link_local=True)
    yield from broadcast(f"{where}.broadcast", end.get("broadcast"), end.get("address"))


def _there_are(keys: Iterable[str]) -> str:
    return f"; there are {', '.join(keys)}."
