# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain of nftables: its rules one after the other, until one decides (nft(8), nft_do_chain in net/netfilter/nf_tables_core.c)."""

from __future__ import annotations

from typing import Any, Dict, Optional

from .nft import IDLE, Chain, NftRule
from .nft_match import ABSENT, Seen, Unknown, evaluated, mapped, matches
from .trip import Trip

TRANSLATIONS = frozenset({"masquerade", "snat", "dnat", "redirect"})
STOPS = frozenset({"accept", "drop", "reject", *TRANSLATIONS})
# what has an effect: a rule with one of these cannot be passed over if it is not known whether it matches
EFFECTS = STOPS | {"jump", "goto", "vmap", "mangle", "return", "xt"}
# rules of one chain of which both are tried, whether they match or not: each doubles the tries
MOST_DOUBTS = 5
# a target and a match of iptables, as libnftables-json(5) has them: of others no more is known than the name
MASQUERADE = {"type": "target", "name": "MASQUERADE"}
COMMENT = {"type": "match", "name": "comment"}
# more jumps than the kernel allows (NFT_JUMP_STACK_SIZE, net/netfilter/nf_tables.h)
MOST_JUMPS = 16


class Verdict(Exception):
    """A rule decides: ``word`` is accept, drop, reject, unknown, or a translation with its ``value``."""

    def __init__(self, word: str, rule: Optional[NftRule], value: Any = None):
        super().__init__(word)
        self.word, self.rule, self.value = word, rule, value


class Returned(Exception):
    """A chain ends before its last rule."""


class Doubt(Exception):
    """It is not known whether a rule matches."""

    def __init__(self, rule: NftRule):
        super().__init__(rule.text)
        self.rule = rule


class Chains(Trip):
    """What the rules of a chain do. ``changed`` is the packet with the marks that they set."""

    supposed: Dict[int, bool] = {}  # a rule -> whether it is tried as one that matches

    def asked(self, seen: Seen, chain: Chain) -> Verdict:
        """Return what a base chain does with a packet: a rule's verdict, or the chain's policy.

        Where nobody knows whether a rule matches, such as one of iptables with a match that nft(8) does not show, both are
        tried. Often nothing comes of it: a jump to a chain that has nothing for this packet.
        """
        before = self.changed
        try:
            self._chain(seen, seen.box.rules().of(chain), chain, 0)
        except Verdict as verdict:
            return verdict
        except Returned:
            pass
        except Doubt as doubt:
            return self._either(seen, chain, doubt.rule, before)
        return Verdict(chain.policy, None)

    def _either(self, seen, chain, rule, before):
        """Return what comes of a chain whether or not a rule matches, if it is the same."""
        supposed, found = self.supposed, []
        for matching in (True, False) if len(supposed) < MOST_DOUBTS else ():
            self.supposed, self.changed = {**supposed, id(rule): matching}, before
            verdict = self.asked(seen, chain)
            found.append((verdict.word, verdict.value, self.changed, verdict))
        self.supposed = supposed
        if found and found[0][:3] == found[1][:3] and found[0][0] != "unknown":
            return found[1][3]
        return Verdict("unknown", rule)

    def _chain(self, seen, rules, chain, depth):
        for rule in rules:
            self._rule(seen, rule, chain, depth)

    def _rule(self, seen: Seen, rule: NftRule, chain: Chain, depth: int) -> None:
        known = True
        for one in rule.expressions:
            word, value = _read(one)
            if word == "match":
                found = matches(seen._replace(packet=self.changed), rule, value, seen.box.rules())
                if found is False:
                    return
                known = known and found is True
            elif word == "doubt":
                known = False
            elif word in IDLE or word == "continue":
                continue
            elif (
                word in TRANSLATIONS
                and not _is_of(value, seen.packet.ip.version)
                or word == "reject"
                and not _rejects(value, seen.packet.ip)
            ):
                return
            elif depth > MOST_JUMPS or word == "xt" and known:
                raise Verdict("unknown", rule)
            elif not known and not self._supposed(rule):
                return
            else:
                self._does(seen, rule, chain, depth, word, value)

    def _supposed(self, rule):
        """Say whether a rule is tried as one that matches; if it has no effect, nobody needs to know.

        :raises Doubt: it is not tried yet.
        """
        if id(rule) not in self.supposed and any(name in EFFECTS for part in rule.expressions for name in part):
            raise Doubt(rule)
        return self.supposed.get(id(rule), False)

    def _does(self, seen, rule, chain, depth, word, value):
        """Carry out a statement of a rule that matches."""
        if word == "vmap":
            word, value = self._mapped(seen, rule, value)
        if word in STOPS:
            raise Verdict(word, rule, value)
        if word == "return":
            raise Returned
        if word in ("jump", "goto"):
            try:
                self._chain(seen, seen.box.rules().of(chain, value["target"]), chain, depth + 1)
            except Returned:
                pass
            if word == "goto":
                raise Returned
        elif word == "mangle" and value.get("key") == {"meta": {"key": "mark"}} and isinstance(value.get("value"), int):
            self.changed = self.changed._replace(mark=value["value"])
        elif word != "continue":
            raise Verdict("unknown", rule)

    @staticmethod
    def _mapped(seen, rule, value):
        try:
            data = value["data"]
            rules = seen.box.rules()
            elements = rules.elements(rule, data) if isinstance(data, str) else data["set"]
            key = evaluated(seen, value["key"])
            found = key if key is ABSENT else mapped(key, elements or [], rule, rules)
        except Unknown:
            raise Verdict("unknown", rule) from None
        if found is ABSENT:
            return "continue", None
        return next(iter(found.items()))


def _read(expression):
    """Return (word, value) of an expression, with what is known of iptables; ``doubt``: it may match."""
    ((word, value),) = expression.items()
    if value in (MASQUERADE, COMMENT):
        return value["name"].lower(), None
    may = word in ("limit", "quota") or word == "xt" and (value or {}).get("type") == "match"
    return ("doubt" if may else word), value


def _is_of(value, version):
    """Say whether a translation is one of an IP version: nft adds the match that it is to rules of tables of both."""
    return not value or value.get("family") in (None, {4: "ip", 6: "ip6"}[version])


def _rejects(value, ip):
    """Say whether a reject is one of a packet's protocol: nft adds the match that it is, and lists it no more."""
    kind = value.get("type") if value else None
    if kind == "tcp reset":
        return ip.protocol == "tcp"
    return kind not in ("icmp", "icmpv6") or kind == {4: "icmp", 6: "icmpv6"}[ip.version]
