# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of nftables in libnftables-json(5)'s form: tables, chains, sets and maps, in the order of the kernel. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from ...module_utils.kinds import nft_text
from ...module_utils.kinds.nat import match_text, verdict_text

Plain = Dict[str, Any]

# families of tables whose chains see the packets of an IP version; others see frames
FAMILIES = {4: ("ip", "inet"), 6: ("ip6", "inet")}
# where chains of the family bridge are followed
BRIDGE_HOOKS = frozenset({"prerouting", "input", "forward"})
# tables of the fabric's own that are one object each, and the modules that make them
GUARDS = {"nodenet_guard": "guard", "nodenet_policy": "policy"}
# what only counts or writes down
IDLE = frozenset({"counter", "log", "comment", "set"})
WORDS = frozenset({"accept", "drop", "return", "continue"})
# Netfilter's own NAT hook (linux/netfilter_ipv4.h: NF_IP_PRI_NAT_DST, _SRC): chains of type nat are asked in it
NAT_PRIORITY = {"prerouting": -100, "output": -100, "postrouting": 100, "input": 100}


class NftRule(NamedTuple):
    family: str
    table: str
    chain: str
    expressions: Tuple[Plain, ...]
    comment: str = ""
    assumed: bool = False
    owner: Optional[str] = None
    handle: Optional[int] = None

    @property
    def text(self) -> str:
        """The rule as nft(8) writes it."""
        if self.table in GUARDS:  # one spelling, whichever version of nft has listed it
            return nft_text.rule(list(self.expressions))
        words = [_expression(one) for one in self.expressions]
        comment = [f'comment "{self.comment}"'] if self.comment else []
        return " ".join([word for word in words if word] + comment)


class Chain(NamedTuple):
    family: str
    table: str
    name: str
    type: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = "accept"


class Ruleset:
    """All rules of a namespace."""

    def __init__(self, objects: Optional[Iterable[Plain]]) -> None:
        self.rules: Dict[Tuple[str, str, str], List[NftRule]] = {}
        self.sets: Dict[Tuple[str, str, str], List[Any]] = {}
        self._words: Dict[Tuple[str, str, str], Optional[FrozenSet[Any]]] = {}
        self.types: Dict[Tuple[str, str, str], List[str]] = {}
        self.base: Dict[Tuple[int, str], List[Chain]] = {}
        self.frames: List[NftRule] = []  # rules about frames that the model does not follow
        self.at_bridge: Dict[str, List[Chain]] = {}
        self.tracks_frames = False  # a rule about frames asks for the state of a connection
        dormant = set()
        for one in objects or ():
            ((word, found),) = one.items()
            if word == "table" and "dormant" in _listed(found.get("flags")):
                dormant.add((found["family"], found["name"]))
            elif word == "chain" and (found["family"], found["table"]) not in dormant:
                self._add_chain(found)
            elif word in ("set", "map"):
                name = found["family"], found["table"], found["name"]
                self.sets[name] = found.get("elem", [])
                self.types[name] = nft_text.types(found["type"])
            elif word == "rule":
                self._add_rule(found)
        for chains in (*self.base.values(), *self.at_bridge.values()):
            chains.sort(key=lambda chain: chain.priority)

    def _add_chain(self, found):
        if "hook" not in found:
            return
        chain = Chain(
            found["family"],
            found["table"],
            found["name"],
            found["type"],
            found["hook"],
            int(found["prio"]),
            found.get("policy", "accept"),
        )
        if chain.family == "bridge" and chain.type == "filter" and chain.hook in BRIDGE_HOOKS:
            self.at_bridge.setdefault(chain.hook, []).append(chain)
        for version, families in FAMILIES.items():
            if chain.family in families:
                self.base.setdefault((version, chain.hook), []).append(chain)

    def _add_rule(self, found):
        rule = NftRule(
            found["family"],
            found["table"],
            found["chain"],
            tuple(found.get("expr", ())),
            found.get("comment", ""),
            bool(found.get("assumed")),
            found.get("owner"),
            found.get("handle"),
        )
        self.rules.setdefault(rule[:3], []).append(rule)
        self.tracks_frames |= rule.family == "bridge" and any(
            "ct" in left
            for one in rule.expressions
            for left in [one.get("match", {}).get("left")]
            if isinstance(left, dict)
        )
        hooked = [chain for chains in self.at_bridge.values() for chain in chains]
        known = {chain.table for chain in hooked if chain.family == rule.family}
        if rule.family in ("netdev", "arp") or (rule.family == "bridge" and rule.table not in known):
            self.frames.append(rule)

    def filters(self, version: int, hook: str) -> List[Chain]:
        """Return the chains at a hook, but for those of NAT, in the order in which they are asked."""
        return [chain for chain in self.base.get((version, hook), ()) if chain.type != "nat"]

    def nat(self, version: int, hook: str) -> List[Chain]:
        """Return the chains of NAT at a hook in their order."""
        return [chain for chain in self.base.get((version, hook), ()) if chain.type == "nat"]

    def of(self, chain: Chain, name: str = "") -> List[NftRule]:
        """Return the rules of a chain, or of another of its table."""
        return self.rules.get((chain.family, chain.table, name or chain.name), [])

    def all(self) -> Iterator[NftRule]:
        """Yield each rule."""
        for rules in self.rules.values():
            yield from rules

    def guards(self) -> Dict[Tuple[str, str], List[str]]:
        """Return (family, table) of the fabric's own guards -> the names of their sets."""
        found: Dict[Tuple[str, str], List[str]] = {name[:2]: [] for name in self.rules if name[1] in GUARDS}
        for family, table, name in self.sets:
            if table in GUARDS:
                found.setdefault((family, table), []).append(name)
        return found

    def hooked(self, family: str, table: str) -> List[Chain]:
        """Return the chains of a table that are asked at a hook."""
        every = (chain for chains in (*self.base.values(), *self.at_bridge.values()) for chain in chains)
        return list(dict.fromkeys(one for one in every if (one.family, one.table) == (family, table)))

    def texts(self, name: Tuple[str, str, str]) -> List[str]:
        """Return the elements of a set of the fabric's own, in the words of :mod:`kinds.nft_text`."""
        return [nft_text.element(one, self.types[name]) for one in self.sets.get(name, ())]

    def words(self, rule: NftRule, name: str) -> Optional[FrozenSet[Any]]:
        """Return the elements of a named set for one lookup, a concatenation as a tuple; None: they are not plain words alone."""
        place = (rule.family, rule.table, name.lstrip("@"))
        if place not in self._words:
            found = [tuple(one["concat"]) if _is_concat(one) else (one,) for one in self.sets.get(place, ())]
            plain = place in self.sets and all(_is_word(part) for one in found for part in one)
            self._words[place] = frozenset(one if len(one) > 1 else one[0] for one in found) if plain else None
        return self._words[place]

    def elements(self, rule: NftRule, name: str) -> Optional[List[Any]]:
        """Return the elements of a named set or map (``@name``), or None: there is none."""
        return self.sets.get((rule.family, rule.table, name.lstrip("@")))


def _is_concat(one):
    return isinstance(one, dict) and list(one) == ["concat"]


def _is_word(part):
    """Say whether a part of an element is like nothing but itself: no range, no prefix, no name of a protocol."""
    return isinstance(part, str) and not part.endswith("*") and "/" not in part and part not in ("ipencap", "icmpv6")


def _listed(value):
    return [value] if isinstance(value, str) else value or []


def _expression(one):
    """Return an expression as nft(8) writes it; what kinds/nat.py does not spell stays JSON."""
    if "match" in one:
        return match_text(one["match"])
    ((word, value),) = one.items()
    if word in ("jump", "goto"):
        return f"{word} {value['target']}"
    if word in WORDS or word in IDLE or not value:
        return word
    return verdict_text(one)
