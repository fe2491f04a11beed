# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of NAT from their text, in the spelling of :mod:`kinds.nat`, to what ``nft -j list ruleset`` shows of them."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, Iterable, Iterator, List

from ...module_utils.engine.resource import Resource
from ...module_utils.kinds.nat import CHAINS, sorted_rules
from ...module_utils.ownership import NFT_TABLE

Json = Dict[str, Any]
# what nft's names of priorities are in numbers (nft(8), "CHAINS")
PRIORITIES = {"dstnat": -100, "srcnat": 100, "filter": 0}
MATCHES = (
    (re.compile(r"meta nfproto (\w+) ?"), lambda found: _is({"meta": {"key": "nfproto"}}, found[1])),
    (re.compile(r'oifname "([^"]+)" ?'), lambda found: _is({"meta": {"key": "oifname"}}, found[1])),
    (
        re.compile(r"fib (\w+) type (\w+) ?"),
        lambda found: _is({"fib": {"result": "type", "flags": [found[1]]}}, found[2]),
    ),
    (
        re.compile(r"(ip6?) ([sd]addr) (!= )?\{ ([^}]*) \} ?"),
        lambda found: _is(_payload(found[1], found[2]), _prefixes(found[4]), "!=" if found[3] else "=="),
    ),
    (
        re.compile(r"(tcp|udp) dport (\d[\d-]*) ?(?!map)"),
        lambda found: _is(_payload(found[1], "dport"), _ports(found[2])),
    ),
    (re.compile(r"ct (\w+) (\w+) ?"), lambda found: _is({"ct": {"key": found[1]}}, found[2], "in")),
    (re.compile(r"masquerade fully-random ?"), lambda _found: {"masquerade": {"flags": "fully-random"}}),
    (re.compile(r"masquerade ?"), lambda _found: {"masquerade": None}),
    (re.compile(r"drop ?"), lambda _found: {"drop": None}),
    (
        re.compile(r"snat (ip6?) to ip6? saddr ?"),
        lambda found: {"snat": {"family": found[1], "addr": _payload(found[1], "saddr")}},
    ),
    (re.compile(r"dnat ip to ([\d.]+)(?::(.+))?$"), lambda found: _dnat("ip", found[1], found[2])),
    (re.compile(r"dnat ip6 to \[([0-9a-f:]+)\]:(.+)$"), lambda found: _dnat("ip6", found[1], found[2])),
    (re.compile(r"dnat ip6 to ([0-9a-f:]+)$"), lambda found: _dnat("ip6", found[1], None)),
)
MAP = re.compile(r"(tcp|udp) dport map \{ (.*) \}")


def ruleset(resources: Iterable[Resource]) -> List[Json]:
    """Return the table with the rules of NAT objects, [] if there are none."""
    rules = sorted_rules(resources)
    if not rules:
        return []
    used = [chain for chain in CHAINS if chain in {chain for chain, _rule in rules}]
    chains = [_chain(chain, CHAINS[chain], handle) for handle, chain in enumerate(used, 1)]
    return [
        {"table": {"family": "inet", "name": NFT_TABLE, "handle": 1}},
        *chains,
        *(_rule(chain, text, handle) for handle, (chain, text) in enumerate(rules, len(used) + 1)),
    ]


def _rule(chain: str, text: str, handle: int) -> Json:
    rule, _word, comment = text.rpartition(' comment "')
    place = {"family": "inet", "table": NFT_TABLE, "chain": chain, "handle": handle}
    return {"rule": {**place, "comment": comment.rstrip('"'), "expr": list(expressions(rule))}}


def _chain(name: str, hook: str, handle: int) -> Json:
    _type, kind, _hook, where, _priority, priority = hook.rstrip(";").split(";")[0].split()
    number = PRIORITIES[priority] if priority in PRIORITIES else int(priority)
    return {
        "chain": {
            "family": "inet",
            "table": NFT_TABLE,
            "name": name,
            "handle": handle,
            "type": kind,
            "hook": where,
            "prio": number,
            "policy": "accept",
        }
    }


def expressions(text: str) -> Iterator[Json]:
    """Yield the expressions of a rule (libnftables-json(5)).

    :raises ValueError: a part of the rule is not understood.
    """
    rest = text
    while rest:
        for pattern, expression in MATCHES:
            found = pattern.match(rest)
            if found:
                yield expression(found)
                rest = rest[found.end() :]
                break
        else:
            raise ValueError(f"the rule {text!r} has a part that is not understood: {rest!r}")


def _is(left: Json, right: Any, operator: str = "==") -> Json:
    return {"match": {"op": operator, "left": left, "right": right}}


def _payload(protocol: str, field: str) -> Json:
    return {"payload": {"protocol": protocol, "field": field}}


def _prefixes(text: str) -> Any:
    """Return a set as nft lists it: what is next to each other is one range, and a set of one is that one."""
    networks: List[Any] = [ipaddress.ip_network(one) for one in text.split(", ")]
    ranges: List[List[Any]] = []
    for network in sorted(networks):
        if ranges and int(ranges[-1][1]) + 1 == int(network.network_address):
            ranges[-1][1] = network.broadcast_address
        else:
            ranges.append([network.network_address, network.broadcast_address])
    found = [_range(*ends) for ends in ranges]
    return found[0] if len(found) == 1 else {"set": found}


def _range(first: Any, last: Any) -> Any:
    if first == last:
        return str(first)
    networks = list(ipaddress.summarize_address_range(first, last))
    if len(networks) == 1:
        return {"prefix": {"addr": str(first), "len": networks[0].prefixlen}}
    return {"range": [str(first), str(last)]}


def _ports(text: str) -> Any:
    first, _dash, last = text.partition("-")
    return {"range": [int(first), int(last)]} if last else int(first)


def _dnat(family: str, address: str, port: Any) -> Json:
    if port is None:
        return {"dnat": {"family": family, "addr": address}}
    mapped = MAP.fullmatch(port)
    if mapped:
        pairs = [[int(end) for end in pair.split(" : ")] for pair in mapped[2].split(", ")]
        target: Any = {"map": {"key": _payload(mapped[1], "dport"), "data": {"set": pairs}}}
    else:
        target = _ports(port)
    return {"dnat": {"family": family, "addr": address, "port": target}}
