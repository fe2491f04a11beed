# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAT rules in an nftables table of our own, by nft(8); the comment of each rule names its object.

An object has at most one rule in each chain. Its values are these rules in nft's own language, in one spelling: desired
rules are written in it, and listed ones are brought to it, so that the two can be compared and a person can read both.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any, Collection, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from ..engine.errors import FabricError
from ..engine.kind import Kind, Scope, Ties
from ..engine.request import Request
from ..engine.resource import Resource
from ..engine.step import DELETE, Plan, Step
from ..kernel import nft
from ..kernel.kernel import Kernel
from ..ownership import NFT_TABLE
from .fields import collapsed, text_of
from .flows import forget_stale, published
from .shell import inside
from .ties import in_namespace

# nft(8): dstnat is -100, and has its name in prerouting alone; filter is 0, srcnat is 100.
# What connection tracking cannot place (state invalid) passes no chain of NAT: nf_nat_inet_fn, net/netfilter/nf_nat_core.c
CHAINS = {
    "prerouting": "type nat hook prerouting priority dstnat; policy accept;",
    "output": "type nat hook output priority -100; policy accept;",
    # the first chain that translates a connection has decided: no later one is asked (nf_nat_inet_fn)
    "keep": "type nat hook postrouting priority 99; policy accept;",
    "postrouting": "type nat hook postrouting priority srcnat; policy accept;",
    "invalid": "type filter hook postrouting priority filter; policy accept;",
}
VERDICTS = ("masquerade", "dnat", "snat")
KEPT = re.compile(r"(daddr(?: !=)?) { ([^}]*) }")


class NatKey(NamedTuple):
    """``word`` is "masquerade" or "publish"; "rule" or "chain" of what somebody else wrote into our table."""

    netns: str
    word: str
    name: str


class Nat(Kind[NatKey]):
    """``values``: chain -> rule."""

    name = "nat"
    title = "NAT rule"
    key = NatKey
    read_only = frozenset({"handles", "alone"})
    tied_to = ("netns",)

    def ties(self, resource: Resource[NatKey]) -> Ties:
        return in_namespace(resource.netns)

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[NatKey]]:
        known = {netns for netns, _word, _name in kernel.ledger.keys(self.name)}
        known |= {key.netns for kind, key in scope.refs if kind == self.name}
        strays = set() if self.name in scope.bystanders else {""}  # which no run has marked
        for netns in (known | strays) & scope.netns:
            if kernel.exists(netns):
                listed = nft.list_table(netns, NFT_TABLE)
                chains = [entry["chain"] for entry in listed if "chain" in entry]
                yield from _strays(netns, chains)
                idle = _idle(listed, chains)
                rules = [entry["rule"] for entry in listed if "rule" in entry and entry["rule"]["chain"] in CHAINS]
                misplaced = _misplaced(rules)
                for key, mine in _by_object(netns, rules).items():
                    values = {
                        rule["chain"]: _text(rule["expr"])
                        for rule in mine
                        if rule["chain"] not in idle and rule["handle"] not in misplaced
                    }
                    values["handles"] = tuple((rule["chain"], rule["handle"]) for rule in mine)
                    values["alone"] = len(mine) == len(rules)
                    yield Resource(self.name, key, values, kernel.ledger.owner((self.name, key)) or "")

    def create(self, resource: Resource[NatKey], companions: Collection[Resource[NatKey]]) -> List[Request]:
        return [self._edit(resource, _rules(resource))]

    def change(self, before: Resource[NatKey], after: Resource[NatKey], fields: Collection[str]) -> List[Request]:
        return [self._edit(after, _rules(after))]

    def delete(self, resource: Resource[NatKey]) -> List[Request]:
        return [self._edit(resource, ())]

    def applied(self, kernel: Kernel, plan: Plan) -> List[str]:
        return forget_stale(kernel, plan)

    @staticmethod
    def _edit(resource, rules):
        _netns, word, name = resource.key
        handle = int(name) if word == "rule" else None
        chain = name if word == "chain" else ""
        return Request(resource.netns, nft.Edit(NFT_TABLE, CHAINS, f"{word} {name}", rules, handle, chain, _rank))

    def rank(self, resource: Resource[NatKey]) -> Tuple[Any, ...]:
        return by_hand(resource.key.word, resource.key.name)

    def commands(self, step: Step) -> List[str]:
        if step.action == DELETE and step.before.values.get("alone"):
            return [inside(step.resource.netns, "nft", f"delete table inet {NFT_TABLE}")]
        old = step.before.values.get("handles", ()) if step.before else ()
        lines = [f"delete rule inet {NFT_TABLE} {chain} handle {handle}" for chain, handle in old]
        if step.resource.key.word == "chain":
            lines = [f"{verb} chain inet {NFT_TABLE} {step.resource.key.name}" for verb in ("flush", "delete")]
        if step.after:
            rules = _rules(step.after)
            lines += nft.setup(NFT_TABLE, CHAINS, rules)
            lines += [nft.placed(NFT_TABLE, chain, rule) for chain, rule in rules]
        return [inside(step.resource.netns, "nft", line) for line in lines]


def _strays(netns, chains):
    """Yield a resource for each foreign chain in our table: of no known set, so that site removes it."""
    for chain in chains:
        if chain["name"] not in CHAINS:
            yield Resource(Nat.name, NatKey(netns, "chain", chain["name"]), {}, "")


def _idle(listed, chains):
    """Return the names of our chains whose rules do nothing, or whose policy drops packets: they are mended.

    :raises FabricError: one hooks into something else, or nothing, which no change mends.
    """
    ours = [chain for chain in chains if chain["name"] in CHAINS]
    for chain in ours:
        if CHAINS[chain["name"]].split()[1:4:2] != [chain.get("type"), chain.get("hook")]:
            raise FabricError(
                f"the chain {chain['name']} of our table inet {NFT_TABLE} was replaced by one with another hook:"
                f" remove the table (nft delete table inet {NFT_TABLE}) and run again, which makes it anew"
            )
    # a table of ours has no flags; nft 1.0.6 writes what it had in memory for those of a dormant one
    dormant = any("flags" in entry["table"] for entry in listed if "table" in entry)
    return {chain["name"] for chain in ours if dormant or chain.get("policy") != "accept"}


def _by_object(netns, rules):
    """Return key -> its rules. The comment holds the key: a rule that somebody edited is still found, and mended."""
    found: Dict[NatKey, List[Any]] = {}
    for rule in rules:
        word, _space, name = rule.get("comment", "").partition(" ")
        key = NatKey(netns, word, name) if name else NatKey(netns, "rule", str(rule["handle"]))
        found.setdefault(key, []).append(rule)
    return found


def _misplaced(rules):
    """Return the handles of the rules that stand after a rule that they must precede."""
    found = set()
    highest: Dict[str, Tuple[int, ...]] = {}
    for rule in rules:
        rank = _rank(rule["chain"], rule.get("comment", ""))
        if rank < highest.get(rule["chain"], ()):
            found.add(rule["handle"])
        highest[rule["chain"]] = max(rank, highest.get(rule["chain"], ()))
    return found


def _rank(chain, comment):
    """Return the place of a rule in its chain, whatever was made first: the narrower rule wins over the wider one.

    A rule for a particular local address precedes those for all, few ports precede many. A chain where that makes no
    difference is in the order in which a person types it.
    """
    word, _space, name = comment.partition(" ")
    typed = by_hand(word, name)
    # each of a particular address is typed as the first of all
    return tuple(-number for number in typed) if typed[0] == 2 and chain in ("prerouting", "output") else typed


def by_hand(word: str, name: str) -> Tuple[int, ...]:
    """Return a sort key: objects that are typed in this order have their rules in the right order."""
    try:
        if word == "masquerade":
            network = ipaddress.ip_network(name)
            return 1, network.version, int(network.network_address), network.prefixlen
        if word == "publish":
            protocol, ports, length, only = published(name)
            place = len(ports), ports[0], protocol, length
            return (2, *(-number for number in place), -int.from_bytes(only, "big")) if only else (3, *place)
    except ValueError:  # somebody's own words in the comment
        pass
    return (4,)


def _rules(resource):
    _netns, word, name = resource.key
    found = [(chain, resource.values[chain]) for chain in CHAINS if resource.values.get(chain)]
    return tuple((chain, f'{rule} comment "{word} {name}"') for chain, rule in found)


def sorted_rules(resources: Iterable[Resource[NatKey]]) -> List[Tuple[str, str]]:
    """Return (chain, rule) of all rules of ``resources``, in the order in which a namespace has them."""
    found = [(_rank(chain, " ".join(one.key[1:])), chain, rule) for one in resources for chain, rule in _rules(one)]
    return [(chain, rule) for _place, chain, rule in sorted(found)]


def prefixes(found: Iterable[str]) -> str:
    """Return a set of prefixes as rules have it: as few as cover them, in order."""
    return "{ " + ", ".join(collapsed(found)) + " }"


def kept(rule: Optional[str]) -> List[str]:
    """Return the prefixes that a rule of masquerade leaves alone."""
    written = KEPT.search(rule or "")
    return written[2].split(", ") if written else []


def keeping(rule: str, found: Iterable[str]) -> str:
    """Return a rule of masquerade that leaves the prefixes ``found`` alone, and no others."""
    return KEPT.sub(rf"\1 {prefixes(found)}", rule)


def _text(expressions):
    """Return a rule that nft listed (libnftables-json(5)) in our spelling; what is not understood stays as it is."""
    return " ".join(match_text(one["match"]) if "match" in one else verdict_text(one) for one in expressions)


def match_text(match: Dict[str, Any]) -> str:
    """Return a match that nft listed in our spelling."""
    left, operator, right = match["left"], match["op"], match["right"]
    sign = " != " if operator == "!=" else " "
    if isinstance(right, str) and right.startswith("@") and "payload" in left:  # a named set
        return f"{left['payload'].get('protocol')} {left['payload'].get('field')}{sign}{right}"
    if "payload" in left and left["payload"].get("field") in ("saddr", "daddr"):
        return f"{left['payload']['protocol']} {left['payload']['field']}{sign}{prefixes(_prefixes(right))}"
    if "payload" in left:
        return f"{left['payload'].get('protocol')} {left['payload'].get('field')}{sign}{_plain(right)}"
    if "meta" in left:
        word = {"oifname": "oifname", "nfproto": "meta nfproto"}.get(left["meta"]["key"], left["meta"]["key"])
        return f'{word}{sign}"{right}"' if word == "oifname" else f"{word}{sign}{_plain(right)}"
    if "fib" in left:
        return f"fib {' . '.join(_list(left['fib']['flags']))} {left['fib']['result']}{sign}{_plain(right)}"
    if "ct" in left:
        return f"ct {left['ct']['key']}{sign}{_plain(right)}"
    return json.dumps(match, sort_keys=True)


def verdict_text(expression: Dict[str, Any]) -> str:
    """Return a statement that nft listed in our spelling."""
    if "drop" in expression:
        return "drop"
    word = next((word for word in VERDICTS if word in expression), None)
    if word is None:
        return json.dumps(expression, sort_keys=True)
    values = expression[word] or {}
    if word == "snat":
        own = values["addr"].get("payload") if isinstance(values["addr"], dict) else None
        return own_source(own["protocol"]) if own else json.dumps(expression, sort_keys=True)
    flags = "".join(f" {flag}" for flag in _list(values.get("flags", [])))
    if word == "masquerade":
        return word + flags
    return dnat(values["addr"], _ports(values.get("port"))) + flags


def own_source(protocol: str) -> str:
    """Return the verdict that translates a packet of ``protocol`` (ip, ip6) to the source that it has."""
    return f"snat {protocol} to {protocol} saddr"


def dnat(address: str, port: Optional[str] = None) -> str:
    """Return the verdict that translates to ``address``, and to ``port`` if it is given."""
    if ":" in address:
        return f"dnat ip6 to [{address}]:{port}" if port else f"dnat ip6 to {address}"
    return f"dnat ip to {address}:{port}" if port else f"dnat ip to {address}"


def port_map(protocol: str, pairs: Iterable[Tuple[int, int]]) -> str:
    """Return the map from each port of ``pairs`` to its target."""
    return f"{protocol} dport map {{ {', '.join(f'{port} : {to_port}' for port, to_port in pairs)} }}"


def _ports(port):
    mapped = port.get("map") if isinstance(port, dict) else None
    if mapped:
        return port_map(mapped["key"]["payload"]["protocol"], sorted(mapped["data"]["set"]))
    return None if port is None else _plain(port)


def _plain(value):
    if isinstance(value, dict) and "range" in value:
        return "-".join(str(end) for end in value["range"])
    return str(value) if isinstance(value, (str, int)) else json.dumps(value, sort_keys=True)


def _list(value):
    return [value] if isinstance(value, str) else value


def _prefixes(value):
    """Return the prefixes in an operand of nft's JSON: an address, a prefix, a range or a set of these."""
    if isinstance(value, str):
        return [value if "/" in value else text_of(ipaddress.ip_network(value))]
    if "prefix" in value:
        return [f"{value['prefix']['addr']}/{value['prefix']['len']}"]
    if "range" in value:
        first, last = (ipaddress.ip_address(end) for end in value["range"])
        return [text_of(network) for network in ipaddress.summarize_address_range(first, last)]
    return [text for item in value.get("set", ()) for text in _prefixes(item)]
