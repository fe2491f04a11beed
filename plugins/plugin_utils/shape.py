# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether one host's variables are written as they must be, each by itself. Pure Python."""

from __future__ import annotations

import difflib
import ipaddress
import re

from .inventory import BOOLEANS, DEFAULTS, LISTS, boolean
from .overlay import IFNAME_MAX

# Variables of the collection that are read by playbooks, roles and the lab, and not by the model.
OTHERS = (
    "fabric_lab",
    "fabric_serial",
    "fabric_verify_format",
    "fabric_verify_output",
    "fabric_persist",
    "fabric_repair",
    "fabric_readdress",
    "fabric_adopt",
    "fabric_checked",
    "fabric_node",
)
SWITCHES = ("fabric_persist", "fabric_repair", "fabric_readdress", "fabric_adopt")
TEXTS = ("fabric_backend", "fabric_attachment")
INTERFACES = ("fabric_bridge", "fabric_vxlan_name", "fabric_ipip_name")
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
        ("name", "address", "address6", "attachment", "host_address", "prefix_length"),
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
LINK_KEYS = ("netns", "name", "address", "address6")


def shape_of(variables):
    """Yield a sentence for each of one host's fabric_* ``variables`` that cannot be read."""
    known = [*DEFAULTS, *OTHERS]
    for variable in variables:
        if variable not in known:
            otherwise = "; what begins with fabric_ is read by the collection: call a variable of your own otherwise."
            yield f"there is no variable {variable}{_meant(variable, known) or otherwise}"
    given = {name: value for name, value in variables.items() if value is not None and name in DEFAULTS}
    for name in TEXTS:
        if not isinstance(given.get(name, ""), str):
            yield f"{name} is {given[name]!r}, not text."
    for name in INTERFACES:
        if name in given:
            yield from interface(name, given[name])
    for name in LISTS:
        if not isinstance(given.get(name, []), list):
            yield f"{name} is {given[name]!r}, not a list."
        elif name in ENTRIES:
            for number, entry in enumerate(given.get(name, [])):
                yield from _entry(f"{name}[{number}]", entry, *ENTRIES[name])
    yield from _networks(given)
    yield from _numbers(given)
    for name in (*BOOLEANS, *SWITCHES):
        try:
            boolean(True if variables.get(name) is None else variables[name])
        except ValueError:
            yield f"{name} is {variables[name]!r}: it is true or false."


def _networks(given):
    for variable, version in (("fabric_node_address", 4), ("fabric_node_address6", 6)):
        yield from address(variable, given.get(variable), version)
    for variable, version in (("fabric_node_subnet", 4), ("fabric_node_subnet6", 6)):
        yield from _prefix(variable, given.get(variable), version)
    for variable, version in (
        ("fabric_bridge_address", 4),
        ("fabric_bridge_address6", 6),
    ):
        yield from address(variable, given.get(variable), version)
    yield from address("fabric_routed_gateway", given.get("fabric_routed_gateway"), 4)
    yield from _host_prefix("fabric_ipip_address", given.get("fabric_ipip_address"), 4)
    underlay = given.get("fabric_underlay")
    for number, text in enumerate(underlay if isinstance(underlay, list) else ()):
        yield from _prefix(f"fabric_underlay[{number}]", "" if text is None else text)


def _numbers(given):
    for variable, (low, high) in RANGES.items():
        if variable in given:
            yield from _number(variable, given[variable], low, high)
    mtu = given.get("fabric_mtu", "auto")
    if mtu != "auto" and not _in_range(mtu, MTU_MIN, MTU_MAX):
        yield f"fabric_mtu is {mtu!r}: it is auto, or a number from {MTU_MIN} to {MTU_MAX}."


def _entry(where, entry, keys, needed, example):
    if not isinstance(entry, dict):
        yield f"{where} is {entry!r}, not a mapping such as {example}."
        return
    for key in entry:
        if key not in keys:
            yield f"{where} has no key {key!r}{_meant(key, keys) or _there_are(keys)}"
    for key in needed:
        if entry.get(key) in (None, ""):
            yield f"{where} has no {key}: it is one like {example}."
    yield from _values(where, {key: value for key, value in entry.items() if value not in (None, "")})


def _values(where, entry):
    """Check the values of an entry by the names of their keys, which mean the same in each list."""
    if where.startswith("fabric_endpoints") and "name" in entry:
        yield from interface(f"{where}.name", entry["name"])
    elif not isinstance(entry.get("name", ""), str):
        yield f"{where}.name is {entry['name']!r}, not text."
    version = 4 if where.startswith("fabric_endpoints") else None
    yield from address(f"{where}.address", entry.get("address"), version)
    yield from address(f"{where}.address6", entry.get("address6"), 6)
    yield from address(f"{where}.host_address", entry.get("host_address"), 4)
    if "prefix_length" in entry:
        yield from _number(f"{where}.prefix_length", entry["prefix_length"], 1, 32)
    for key in ("port", "to_port"):
        if key in entry and ports(entry[key]) is None:
            yield f"{where}.{key} is {entry[key]!r}: it is a port from 1 to 65535, or a range of them such as 8000-8010."
    if entry.get("protocol", "tcp") not in ("tcp", "udp"):
        yield f"{where}.protocol is {entry['protocol']!r}: it is tcp or udp."
    for end in ("a", "b"):
        if end in entry:
            yield from _link_end(f"{where}.{end}", entry[end])


def _link_end(where, end):
    if not isinstance(end, dict):
        yield f"{where} is {end!r}, not a mapping such as {{netns: red, name: veth-red, address: 192.168.15.1/24}}."
        return
    for key in end:
        if key not in LINK_KEYS:
            yield f"{where} has no key {key!r}{_meant(key, LINK_KEYS) or _there_are(LINK_KEYS)}"
    yield from interface(f"{where}.name", end.get("name"))
    if end.get("netns"):  # without one it is the node's own
        yield from interface(f"{where}.netns", end["netns"])
    for key, version in (("address", 4), ("address6", 6)):
        yield from _host_prefix(f"{where}.{key}", end.get(key), version)


def ports(value):
    """Return the ports that ``80`` or ``8000-8010`` mean, as a range, or None."""
    first, dash, last = str(value).partition("-")
    bounds = [first, last if dash else first]
    if isinstance(value, bool) or not all(bound.isdecimal() for bound in bounds):
        return None
    found = range(int(bounds[0]), int(bounds[1]) + 1)
    return found if found and found[0] >= 1 and found[-1] <= 65535 else None


def interface(where, text):
    """Yield why ``text`` cannot be the name of an interface and a namespace (dev_valid_name in net/core/dev.c)."""
    if not isinstance(text, str) or not text or text in (".", "..") or re.search(r"[/:%\s\0]|^-", text):
        yield (
            f"{where} is {text!r}, which is not a name: text without '/', ':', '%' or white space that does not begin"
            " with '-'; put quotes around a number."
        )
    elif len(text.encode()) > IFNAME_MAX:
        yield f"{where} is {text!r}, which has {len(text.encode())} characters: a name has at most {IFNAME_MAX}."
    elif where in INTERFACES and text in ("all", "default", "lo", "tunl0"):
        yield f"{where} is {text!r}, which the kernel keeps for itself: choose another name."


def address(where, text, version=None):
    """Yield why ``text`` cannot be an address of IP ``version``; None stands for an address that is not given."""
    if text is None:
        return
    try:
        found = ipaddress.ip_address(text if isinstance(text, str) else "")
    except ValueError:
        length = f": leave {text[text.index('/') :]} out" if isinstance(text, str) and "/" in text else ""
        yield f"{where} is {text!r}, which is not an address{length}."
        return
    if version and found.version != version:
        yield f"{where} is {text}, which is not IPv{version}{_other_family(where, found.version)}."
    elif (
        found.is_multicast
        or found.is_loopback
        or found.is_unspecified
        or (found.is_link_local and where != "fabric_routed_gateway")
    ):
        yield f"{where} is {text}, which nobody reaches from another network: give an address that is routed."


def _prefix(where, text, version=None):
    if text is None:
        return
    meant = _network(text)
    if meant is None:
        yield f"{where} is {text!r}, which is not a prefix such as {'fd00:245::/64' if version == 6 else '172.245.0.0/24'}."
    elif "/" not in text:
        yield f"{where} is {text!r}, which has no length: write {text}/{24 if meant.version == 4 else 64}."
    elif _network(text, strict=True) is None:
        yield f"{where} is {text}, with host bits set: the prefix is {meant}."
    elif version and meant.version != version:
        yield f"{where} is {text}, which is not IPv{version}{_other_family(where, meant.version)}."
    elif meant.is_multicast or meant.is_loopback or meant.is_link_local:
        yield f"{where} is {text}, which no hosts can have on a network: choose another, such as one of 10.0.0.0/8."


def _host_prefix(where, text, version):
    if text is None:
        return
    try:
        found = ipaddress.ip_interface(text if isinstance(text, str) else "")
    except ValueError:
        found = None
    if found is None or "/" not in text or found.version != version:
        yield f"{where} is {text!r}, which is not an IPv{version} address with the length of its prefix."


def _network(text, strict=False):
    try:
        return ipaddress.ip_network(text, strict=strict) if isinstance(text, str) else None
    except ValueError:
        return None


def _other_family(where, version):
    """Say which variable is for the other family, if there is one."""
    other = where[:-1] if where.endswith("6") else f"{where}6"
    return f": {other} is for IPv{version}" if other in DEFAULTS or ".address" in where else ""


def _number(where, value, low, high):
    if not _in_range(value, low, high):
        yield f"{where} is {value!r}: it is a number from {low} to {high}."


def _in_range(value, low, high):
    number = not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, str) and value.isdecimal()))
    return number and low <= int(value) <= high


def _meant(word, known):
    # what all of them begin with makes none of them likelier
    names = {name.replace("fabric_", ""): name for name in known}
    close = difflib.get_close_matches(str(word).replace("fabric_", ""), names, 1)
    return f": did you mean {names[close[0]]}?" if close else ""


def _there_are(keys):
    return f"; there are {', '.join(keys)}."
