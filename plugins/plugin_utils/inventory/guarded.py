# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the groups and the policy of an inventory are sound. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

from ..attachments.base import subnet_gateways
from ..values.checks import meant, ports, prefix, shown
from ..values.networks import Values
from .entries import each, is_list

KEYS = ("from", "to", "protocol", "port")
PROTOCOLS = ("tcp", "udp", "icmp")


def expose(where: str, value: Any) -> Iterator[str]:
    """Yield each fault of a list of prefixes."""
    yield from each(where, value, prefix)


def groups(where: str, value: Any) -> Iterator[str]:
    """Yield each fault of a mapping from groups to endpoints."""
    if not isinstance(value, dict):
        yield f"{where} is {shown(value)}, not a mapping such as {{web: [ns1], db: [ns2]}}."
        return
    whose: Dict[Any, Any] = {}
    for group, names in value.items():
        if not isinstance(group, str) or not group.isidentifier() or group != group.lower() or len(group) > 20:
            yield f"{where} has a group {shown(group)}: its name has at most 20 of a-z, 0-9 and _."
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            yield f"{where}.{group} is {shown(names)}, not a list of endpoints."
            continue
        for name in names:
            if whose.setdefault(name, group) != group:
                yield f"{where}.{group} has {name}, which is in {whose[name]}, too: an endpoint is in one group."


def policy(where: str, value: Any) -> Iterator[str]:
    """Yield each fault of a list of rules, each by itself."""
    yield from is_list(where, value)
    for position, rule in enumerate(value if isinstance(value, list) else ()):
        yield from _rule(f"{where}[{position}]", rule)


def _rule(where: str, rule: Any) -> Iterator[str]:
    example = "{from: web, to: db, protocol: tcp, port: 5432}"
    if not isinstance(rule, dict):
        yield f"{where} is {shown(rule)}, not a mapping such as {example}."
        return
    yield from (f"{where} has no key {shown(key)}{meant(key, KEYS) or '.'}" for key in rule if key not in KEYS)
    yield from (f"{where} has no {key}: it is one like {example}." for key in KEYS[:2] if not rule.get(key))
    protocol = rule.get("protocol")
    if protocol is not None and protocol not in PROTOCOLS:
        yield f"{where}.protocol is {shown(protocol)}: it is tcp, udp or icmp."
    if rule.get("port") is not None:
        if protocol not in PROTOCOLS[:2]:
            yield f"{where} has a port: its protocol must be tcp or udp."
        if ports(rule["port"]) is None:
            yield f"{where}.port is {shown(rule['port'])}, neither a port nor a range such as 8000-8010."


def allowed_addresses(endpoint: Dict[str, Any]) -> List[str]:
    """Return the further addresses that an endpoint may use."""
    return endpoint.get("allowed_addresses") or []


def guard_faults(nodes: Dict[str, Values]) -> Iterator[str]:
    """Yield a sentence for each endpoint, and each group, that there is not, and each address that an endpoint may not use."""
    yield from _of_nodes(nodes)
    one = list(nodes.values())[0]
    allowed: Dict[str, List[str]] = {}
    for values in nodes.values():
        for endpoint in values["fabric_endpoints"]:
            allowed.setdefault(endpoint["name"], []).extend(allowed_addresses(endpoint))
    known = one["fabric_groups"]
    whose: Dict[str, str] = {}
    for group, members in known.items():
        for name in members:
            if name not in allowed:
                yield f"fabric_groups.{group} has {name}, and no node has such an endpoint."
            yield from (
                f"fabric_groups.{group} has {name}, which may use {text}, as {whose[text]} may: an address is in one group."
                for text in allowed.get(name, ())
                if whose.setdefault(text, group) != group
            )
    for number, rule in enumerate(one["fabric_policy"]):
        for key in ("from", "to"):
            if rule[key] not in known:
                yield f"fabric_policy[{number}].{key} is {rule[key]}, which is no group of fabric_groups."


def _of_nodes(nodes: Dict[str, Values]) -> Iterator[str]:
    for node, values in nodes.items():
        own = {*subnet_gateways(values), values["fabric_node_address"], values["fabric_node_address6"]}
        for endpoint in values["fabric_endpoints"]:
            yield from (
                f"{endpoint['name']} in fabric_endpoints of {node} has {text} in allowed_addresses: that is the node's own."
                for text in allowed_addresses(endpoint)
                if text in own
            )
