# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether one host's variables are written as they must be, each by itself. Pure Python."""

from __future__ import annotations

import difflib
import re

from .model import BOOLEANS, DEFAULTS, LISTS
from .values import (
    address,
    broadcast,
    choice,
    host_prefix,
    in_range,
    interface,
    number,
    ports,
    prefix,
    shown,
    text,
    truth,
)

# What the playbooks set; a variable of that name would take its place.
RESERVED = ("fabric_node", "fabric_queue")
# Variables of the collection that playbooks, roles and the lab read, and not the model.
SWITCHES = ("fabric_persist", "fabric_repair", "fabric_readdress", "fabric_adopt")
OTHERS = ("fabric_lab", "fabric_serial", "fabric_verify_format", "fabric_verify_output", *SWITCHES)
FORMATS = ("text", "json")
LAB = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
TEXTS = ("fabric_backend", "fabric_attachment")
INTERFACES = ("fabric_bridge", "fabric_vxlan_name", "fabric_vxlan_dev", "fabric_ipip_name")
# RFC 791: every host takes 576 bytes
MTU_MIN, MTU_MAX = 576, 65535
RANGES = {
    "fabric_vxlan_vni": (1, 2**24 - 1),
    "fabric_vxlan_port": (1, 65535),
    "fabric_underlay_mtu": (MTU_MIN, MTU_MAX),
}
# Lists of mappings: the keys that one may have, those that it must have, and what one looks like.
ENTRIES = {
    "fabric_endpoints": (
        ("name", "address", "address6", "attachment", "host_address", "prefix_length", "host_interface", "interface"),
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


def shape_of(variables):
    """Yield a sentence for each of one host's fabric_* ``variables`` that cannot be read."""
    known = [*DEFAULTS, *OTHERS]
    for variable in variables:
        if variable in RESERVED:
            yield f"{variable} is set by the collection's playbooks: rename your variable."
        elif variable not in known:
            otherwise = "; the prefix fabric_ is reserved: rename your variable."
            yield f"there is no variable {variable}{_meant(variable, known) or otherwise}"
    given = {name: value for name, value in variables.items() if value is not None and name in known}
    for name in TEXTS:
        yield from text(name, given.get(name))
    for name in INTERFACES:
        if name in given:
            yield from interface(name, given[name])
    yield from _lists(given)
    yield from _networks(given)
    yield from _numbers(given)
    yield from _others(given)


def _lists(given):
    for name in LISTS:
        if not isinstance(given.get(name, []), list):
            yield f"{name} is {shown(given[name])}, not a list."
        elif name in ENTRIES:
            for position, entry in enumerate(given.get(name, [])):
                yield from _entry(f"{name}[{position}]", entry, *ENTRIES[name])


def _networks(given):
    for variable, version in (("fabric_node_address", 4), ("fabric_node_address6", 6)):
        yield from address(variable, given.get(variable), version)
    for variable, version in (("fabric_node_subnet", 4), ("fabric_node_subnet6", 6)):
        yield from prefix(variable, given.get(variable), version)
    for variable, version in (("fabric_bridge_address", 4), ("fabric_bridge_address6", 6)):
        yield from address(variable, given.get(variable), version)
    yield from address("fabric_routed_gateway", given.get("fabric_routed_gateway"), 4, link_local=True)
    yield from host_prefix("fabric_ipip_address", given.get("fabric_ipip_address"), 4)
    underlay = given.get("fabric_underlay")
    for position, entry in enumerate(underlay if isinstance(underlay, list) else ()):
        yield from prefix(f"fabric_underlay[{position}]", "" if entry is None else entry)


def _numbers(given):
    for variable, (low, high) in RANGES.items():
        if variable in given:
            yield from number(variable, given[variable], low, high)
    mtu = given.get("fabric_mtu", "auto")
    if mtu != "auto" and not in_range(mtu, MTU_MIN, MTU_MAX):
        yield f"fabric_mtu is {shown(mtu)}: it is auto, or a number from {MTU_MIN} to {MTU_MAX}."
    for variable in (*BOOLEANS, *SWITCHES):
        yield from truth(variable, given.get(variable, True))


def _others(given):
    yield from choice("fabric_verify_format", given.get("fabric_verify_format", "text"), FORMATS)
    output = given.get("fabric_verify_output", "")
    if not isinstance(output, str) or not output.isprintable():
        yield f"fabric_verify_output is {shown(output)}, not the path of a file."
    lab = given.get("fabric_lab", "lab")
    if not isinstance(lab, str) or not LAB.fullmatch(lab):
        yield f"fabric_lab is {shown(lab)}, not a name: use letters, digits, '.', '_' and '-', a letter or digit first."
    if not is_batch(given.get("fabric_serial", 1)):
        yield f"fabric_serial is {shown(given['fabric_serial'])}: it is a number of nodes, or a share of them such as 30%."


def is_batch(value):
    """Say whether ``value`` is how many nodes are arranged at a time, as Ansible's keyword serial takes it."""
    if isinstance(value, list):
        return bool(value) and not any(isinstance(one, list) for one in value) and all(map(is_batch, value))
    share = value[:-1] if isinstance(value, str) and value.endswith("%") else None
    return in_range(value, 1, 10**9) if share is None else in_range(share, 1, 100)


def _entry(where, entry, keys, needed, example):
    if not isinstance(entry, dict):
        yield f"{where} is {shown(entry)}, not a mapping such as {example}."
        return
    for key in entry:
        if key not in keys:
            yield f"{where} has no key {shown(key)}{_meant(key, keys) or _there_are(keys)}"
    for key in needed:
        if entry.get(key) in (None, ""):
            yield f"{where} has no {key}: it is one like {example}."
    yield from _values(where, {key: value for key, value in entry.items() if value not in (None, "")})


def _values(where, entry):
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
    yield from address(f"{where}.host_address", entry.get("host_address"), 4, link_local=True)
    if "prefix_length" in entry:
        yield from number(f"{where}.prefix_length", entry["prefix_length"], 1, 32)
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


def _host(where, name):
    """A host outside is one of the lab's hosts, with a folder and processes by its name."""
    if not isinstance(name, str) or not LAB.fullmatch(name):
        yield f"{where} is {shown(name)}, which is not a host's name: use letters, digits, '.', '_' and '-'."


def _link_end(where, end):
    if not isinstance(end, dict):
        yield f"{where} is {shown(end)}, not a mapping such as {{netns: red, name: veth-red, address: 192.168.15.1/24}}."
        return
    for key in end:
        if key not in LINK_KEYS:
            yield f"{where} has no key {shown(key)}{_meant(key, LINK_KEYS) or _there_are(LINK_KEYS)}"
    yield from interface(f"{where}.name", end.get("name"))
    if end.get("netns"):  # without one it is the node's own
        yield from interface(f"{where}.netns", end["netns"])
    for key, version in (("address", 4), ("address6", 6)):
        yield from host_prefix(f"{where}.{key}", end.get(key), version, link_local=True)
    yield from broadcast(f"{where}.broadcast", end.get("broadcast"), end.get("address"))


def _meant(word, known):
    # what all of them begin with makes none of them likelier
    if not isinstance(word, str):
        return ""
    names = {name.replace("fabric_", ""): name for name in known}
    close = difflib.get_close_matches(word.replace("fabric_", ""), names, 1)
    return f": did you mean {names[close[0]]}?" if close else ""


def _there_are(keys):
    return f"; there are {', '.join(keys)}."
