# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAT rules in an nftables table of our own, by nft(8); each rule carries a comment that says which one it is."""

from __future__ import annotations

import ipaddress
import shlex
from functools import partial

from ..engine.apply import Request
from ..engine.kind import Kind
from ..engine.plan import CREATE, DELETE
from ..engine.resource import Resource
from ..kernel import nft
from ..kernel.door import Call
from ..ownership import NFT_TABLE
from .fields import AF_INET6, collapsed, family
from .shell import inside

CHAIN = "postrouting"
# nft(8): srcnat is priority 100
SETUP = (
    f"add table inet {NFT_TABLE}",
    f"add chain inet {NFT_TABLE} {CHAIN} {{ type nat hook postrouting priority srcnat; policy accept; }}",
)


class Nat(Kind):
    """``key``: (netns, "masquerade", source prefix). ``values``: exclude (prefixes, collapsed), out_interface, random."""

    name = "nat"
    title = "NAT rule"
    after = ("netns", "link")

    def observe(self, kernel, scope):
        known = {key[0] for key in kernel.ledger.refs(self.name)} | {
            ref[1][0] for ref in scope.refs if ref[0] == self.name
        }
        for netns in (known | {""}) & scope.netns:
            if kernel.exists(netns):
                rules = [entry["rule"] for entry in nft.list_table(netns, NFT_TABLE) if "rule" in entry]
                for rule in rules:
                    yield self._observed(kernel, netns, rule, len(rules))

    def _observed(self, kernel, netns, rule, count):
        source, values = _parse(rule["expr"])
        # The comment is the key: a rule that somebody edited is still found, and put right.
        word, _space, name = rule.get("comment", "").partition(" ")
        key = (netns, word, name) if name else (netns, "rule", str(rule["handle"]))
        values.update(source=source, handle=rule["handle"], alone=count == 1)
        return Resource(self.name, key, values, kernel.ledger.owner((self.name, key)) or "")

    def create(self, resource, companions):
        return [self._load(resource, [*SETUP, _add(resource)])]

    def change(self, before, after, fields):
        # "replace" would do, if nft 1.0.6 did not stumble over a set in the new rule
        return [self._load(after, [_delete(before), _add(after)])]

    def delete(self, resource):
        return [Request("", Call(partial(_remove, resource.netns, resource.values.get("handle"), resource.key)))]

    @staticmethod
    def _load(resource, lines):
        return Request("", Call(partial(nft.load, resource.netns, "\n".join(lines))))

    def commands(self, step):
        if step.action == DELETE:
            alone = step.before.values.get("alone")
            lines = [f"delete table inet {NFT_TABLE}" if alone else _delete(step.before)]
        else:
            lines = [*(SETUP if step.action == CREATE else [_delete(step.before)]), _add(step.after)]
        return [inside(step.resource.netns, "nft", line) for line in lines]


def _add(resource):
    return f"add rule inet {NFT_TABLE} {CHAIN} {_rule(resource)}"


def _delete(resource):
    return f"delete rule inet {NFT_TABLE} {CHAIN} handle {resource.values.get('handle', 'HANDLE')}"


def _remove(netns, handle, key):
    """Remove the rule of ``key``, and the table with the last one."""
    rules = [entry["rule"] for entry in nft.list_table(netns, NFT_TABLE) if "rule" in entry]
    if handle is None:
        handle = next((rule["handle"] for rule in rules if rule.get("comment") == " ".join(key[1:])), None)
    others = [rule for rule in rules if rule["handle"] != handle]
    nft.load(
        netns, f"delete rule inet {NFT_TABLE} {CHAIN} handle {handle}" if others else f"delete table inet {NFT_TABLE}"
    )


def _rule(resource):
    """Return the rule in nft's language."""
    _netns, word, source = resource.key
    values = resource.values
    protocol = "ip6" if family(source) == AF_INET6 else "ip"
    parts = [f"oifname {shlex.quote(values['out_interface'])}"] if values.get("out_interface") else []
    parts.append(f"{protocol} saddr {source}")
    if values.get("exclude"):
        parts.append(f"{protocol} daddr != {{ {', '.join(values['exclude'])} }}")
    parts.append("masquerade" + (" fully-random" if values.get("random") else ""))
    return " ".join(parts) + f' comment "{word} {source}"'


def _parse(expressions):
    """Return (source, values) of a rule in nft's JSON; what is not ours to understand is kept as ``other``."""
    source, values = None, {"exclude": (), "out_interface": None, "random": False}
    other = []
    for expression in expressions:
        match = expression.get("match")
        left = match["left"] if match else {}
        field = left.get("payload", {}).get("field") or left.get("meta", {}).get("key")
        if field == "saddr" and match["op"] == "==":
            source = _prefixes(match["right"])[0]
        elif field == "daddr" and match["op"] == "!=":
            values["exclude"] = collapsed(_prefixes(match["right"]))
        elif field == "oifname" and match["op"] == "==":
            values["out_interface"] = match["right"]
        elif "masquerade" in expression:
            flags = (expression["masquerade"] or {}).get("flags") or ()
            values["random"] = "fully-random" in ([flags] if isinstance(flags, str) else flags)
            values["verdict"] = "masquerade"
        else:
            other.append(str(expression))
    if other:
        values["other"] = tuple(other)
    return source, values


def _prefixes(value):
    """Return the prefixes in an operand of nft's JSON: an address, a prefix, a range or a set of these."""
    if isinstance(value, str):
        return [value if "/" in value else str(ipaddress.ip_network(value))]
    if "prefix" in value:
        return [f"{value['prefix']['addr']}/{value['prefix']['len']}"]
    if "range" in value:
        first, last = (ipaddress.ip_address(end) for end in value["range"])
        return [str(network) for network in ipaddress.summarize_address_range(first, last)]
    return [text for item in value.get("set", ()) for text in _prefixes(item)]
