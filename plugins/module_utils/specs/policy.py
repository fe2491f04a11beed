# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module policy mean: groups of addresses, and what one may open to another.

A connection is opened only if a rule lists it; what belongs to it passes both ways. In a set of intervals an entry without a port
holds all of them, also what other protocols than TCP and UDP have in that place.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds import fields
from ..kinds.nft_table import NftTable, TableKey, table
from .guard import FAMILIES, NAME, PREFIX, table_name
from .spec import Options, Spec

OPTIONS = {
    "name": {"type": "str"},
    "groups": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "addresses": {"type": "list", "elements": "str", "default": []},
        },
    },
    "rules": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "from": {"type": "str", "required": True},
            "to": {"type": "str", "required": True},
            "protocol": {"type": "str", "choices": ["tcp", "udp", "icmp"]},
            "port": {"type": "str"},
        },
    },
    "bridge": {"type": "bool", "default": True},
}
# of a protocol its name in nft, for each version
PROTOCOLS = {
    4: {None: "0-255", "tcp": "tcp", "udp": "udp", "icmp": "icmp"},
    6: {None: "0-255", "tcp": "tcp", "udp": "udp", "icmp": "ipv6-icmp"},
}
ALL_PORTS = range(65536)
# after guard's chain (-10): what is refused there has no connection here
PRIORITIES = {"inet": -5, "bridge": 0}


def resources(options: Options) -> List[Resource]:
    """Return the tables, of packets and of frames, that ``options`` describe."""
    name, netns = table_name(options["name"]), options["netns"]
    families = ("inet", "bridge")
    if options["state"] == "absent":
        return [Resource(NftTable.name, TableKey(netns, family, name)) for family in families]
    groups = _groups(options["groups"])
    sets: Dict[str, Iterable[str]] = {}
    for version, (_word, _kind) in FAMILIES.items():
        here = {group: fields.of_version(found, version) for group, found in groups.items()}
        sets[f"grouped{version}"] = [text for found in here.values() for text in found]
        sets[f"groups{version}"] = [f"{text} : goto from_{group}" for group, found in here.items() for text in found]
        for group in groups:
            sets[f"to_{group}{version}"] = _opened(group, here, options["rules"], version)
    return [
        table(netns, family, name, _lines(list(groups), PRIORITIES[family]), sets)
        for family in families[: 1 + options["bridge"]]
    ]


def _groups(entries: List[Dict[str, Any]]) -> Dict[str, List[str]]:
    """Return group -> its addresses.

    :raises InputError: an address is in two groups, or a name cannot be a group's.
    """
    groups: Dict[str, List[str]] = {}
    whose: Dict[str, str] = {}
    for number, entry in enumerate(entries):
        group = entry["name"]
        if not NAME.fullmatch(group) or group in groups:
            raise InputError(f"groups[{number}].name", f"{group!r} must be unique, of at most 20 of a-z, 0-9 and _")
        groups[group] = [fields.unicast(text, f"groups[{number}].addresses") for text in entry["addresses"]]
        for text in groups[group]:
            if whose.setdefault(text, group) != group:
                raise InputError(
                    f"groups[{number}].addresses", f"{text} is in {whose[text]}, too: an address is in one group"
                )
    return groups


def _opened(group: str, here: Dict[str, List[str]], rules: List[Dict[str, Any]], version: int) -> List[str]:
    """Return the elements of the set of what ``group`` may open: to its own members anything."""
    found: Dict[str, Dict[str, List[range]]] = {text: {"0-255": [ALL_PORTS]} for text in here[group]}
    for number, rule in enumerate(rules):
        ports = _ports(rule, f"rules[{number}]", here)
        protocol = PROTOCOLS[version][rule["protocol"]]
        for text in here[rule["to"]] if rule["from"] == group else ():
            found.setdefault(text, {}).setdefault(protocol, []).append(ports)
    return [
        f"{text} . {protocol} . {fields.ports_text(ports)}"
        for text, protocols in found.items()
        for protocol, ranges in protocols.items()
        if protocol == "0-255" or "0-255" not in protocols  # the kernel refuses what overlaps
        for ports in _merged(ranges)
    ]


def _ports(rule: Dict[str, Any], option: str, here: Dict[str, List[str]]) -> range:
    for end in ("from", "to"):
        if rule[end] not in here:
            raise InputError(f"{option}.{end}", f"{rule[end]!r} is no group: {', '.join(here) or 'there is none'}")
    if not rule["port"]:
        return ALL_PORTS
    if rule["protocol"] not in ("tcp", "udp"):
        raise InputError(f"{option}.protocol", "required: a port is one of tcp or udp")
    return fields.ports(rule["port"], f"{option}.port")


def _merged(ranges: List[range]) -> List[range]:
    found: List[range] = []
    for one in sorted(ranges, key=lambda ports: ports[0]):
        if found and one[0] <= found[-1][-1] + 1:
            found[-1] = range(found[-1][0], max(found[-1][-1], one[-1]) + 1)
        else:
            found.append(one)
    return found


def _lines(groups: List[str], priority: int) -> List[str]:
    lines = [
        f"chain forward filter forward {priority}",
        "forward: ct state established,related accept",
    ]
    for version, (word, kind) in FAMILIES.items():
        lines += [
            f"set grouped{version} {kind}",
            f"map groups{version} {kind} : verdict",
            f"forward: {word} saddr vmap @groups{version}",
        ]
    for group in groups:
        lines.append(f"chain from_{group}")
        for version, (word, kind) in FAMILIES.items():
            opened = f"to_{group}{version}"
            lines += [
                f"set {opened} {kind} . inet_proto . inet_service interval",
                f"from_{group}: {word} daddr . meta l4proto . th dport @{opened} accept",
                f"from_{group}: {word} daddr @grouped{version} drop",
            ]
    return lines


SPEC = Spec(
    options=OPTIONS,
    required=["name"],
    kinds=[NftTable()],
    resources=resources,
    purges=lambda found: found.kind == NftTable.name and found.key.name == PREFIX + "policy",
)
