# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netfilter: the chains of nftables at each hook, connection tracking, NAT and its way back. Pure Python.

Sources: nf_nat_inet_fn (net/netfilter/nf_nat_core.c): the chains of type nat are asked for the first packet of a connection, in
the place of Netfilter's own hook, until one of them translates; nf_nat_packet; nf_conntrack_in (net/netfilter/nf_conntrack_core.c);
inet_select_addr in nf_nat_masquerade_ipv4 (net/netfilter/nf_nat_masquerade.c); nft(8).
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

from . import entries
from .box import Box
from .chains import TRANSLATIONS, Chains, Verdict
from .nft import GUARDS, NAT_PRIORITY
from .nft_match import Seen, Unknown, evaluated, mapped
from .packet import Packet
from .trip import Connection, End

UNTRACKED = frozenset({"nd-neighbor-solicit", "nd-neighbor-advert"})


class Hooks(Chains):
    """What Netfilter does with a packet."""

    def hooked(
        self, box: Box, hook: str, packet: Packet, iif: Optional[str], oif: Optional[str]
    ) -> Tuple[Packet, Optional[End]]:
        if box.state.unknown and box.unread():
            return packet, self.unknown(box, iif or oif, packet, box.unread())
        rules = box.rules()
        if not rules.base:
            return packet, None
        version = packet.ip.version
        chains = rules.filters(version, hook)
        state = self._state(box, packet, hook)
        place = NAT_PRIORITY.get(hook)
        before = [chain for chain in chains if place is None or chain.priority <= place]
        after = chains[len(before) :]
        packet, end = self._filters(Seen(box, hook, packet, iif, oif, *state), before)
        if end is None and place is not None and state[0] not in ("invalid", "untracked"):
            packet, end = self._nat(Seen(box, hook, packet, iif, oif, *state))
        if end is None and after:
            packet, end = self._filters(Seen(box, hook, packet, iif, oif, *self._state(box, packet, hook)), after)
        return packet, end

    def framed(
        self, box: Box, hook: str, frame: Packet, iif: Optional[str], oif: Optional[str] = None
    ) -> Optional[End]:
        """Ask the chains of the family bridge."""
        rules = box.rules()
        chains = rules.at_bridge.get(hook)
        if not chains and not rules.tracks_frames:
            return None
        state = self._of_frame(box, frame) if rules.tracks_frames else ("", ())
        return self._filters(Seen(box, hook, frame, iif, oif, *state), chains or ())[1]

    def _of_frame(self, box, frame):
        """Return (ct state, ct status) of a frame, whose connection nf_conntrack_bridge tracks; what is not IP has none."""
        if frame.ip.protocol == "arp":
            return "invalid", ()
        state = self._state(box, frame, "")
        if state[0] == "new" and self._connection(box, frame) is None:
            self.connections.setdefault(box.key, []).append(Connection(frame, frame))
        return state

    def _filters(self, seen: Seen, chains: Any) -> Tuple[Packet, Optional[End]]:
        """Ask the chains that filter; the first that drops ends the packet, and one that accepts ends only itself."""
        self.changed = seen.packet
        for chain in chains:
            now = seen._replace(packet=self.changed)
            verdict = self.asked(now, chain)
            if verdict.word in ("drop", "reject", "unknown"):
                return self.changed, self._refused(now, chain, verdict)
            if verdict.word in TRANSLATIONS:
                return self.changed, self._refused(now, chain, Verdict("unknown", verdict.rule))
        return self.changed, None

    def _refused(self, seen, chain, verdict):
        rule, dev = verdict.rule, seen.device
        entry = entries.nft(seen.box, rule) if rule else entries.policy(seen.box, chain)
        if verdict.word == "unknown":
            why = f"the model does not know what the rule {rule.text!r} of {rule.family} {rule.table} {rule.chain} does"
            return self.unknown(seen.box, dev, seen.packet, why, entry)
        does = {"drop": "drops", "reject": "rejects"}[verdict.word]
        why = (
            f"a rule of {chain.family} {chain.table} {chain.name} {does} it{_origin(rule)}"
            if rule
            else f"the policy of {chain.name} drops it"
        )
        return self.drop(seen.box, dev, seen.packet, why, entry, "filter")

    # --- connections and NAT ---

    def _state(self, box, packet, hook):
        """Return (ct state, ct status) of a packet."""
        if packet.l4 is not None and packet.l4.kind in UNTRACKED:
            return "untracked", ()
        found = self._connection(box, packet)
        if found is not None:
            answers = found[1]
            return ("established" if answers else "new"), found[0].kinds
        kind = packet.l4.kind if packet.l4 else None
        if self.answering and (kind == "echo-reply" or packet.ip.protocol == "tcp"):
            return "invalid", ()
        return "new", ()

    def _connection(self, box, packet):
        """Return (the connection of a packet, whether it is an answer), or None."""
        for one in self.connections.get(box.key, ()):
            if flow(packet) in (flow(one.first), flow(one.last)) and packet.vni == one.first.vni:
                return one, False
            back, home = turned(one.last), turned(one.first)
            # of an answer whose destination is translated back already, and whose source is not yet
            half = (back[0], home[1], back[2], back[3], home[4])
            if flow(packet) in (back, home, half) and packet.vni == one.first.vni:
                return one, True
        return None

    def _nat(self, seen: Seen) -> Tuple[Packet, Optional[End]]:
        box, packet, hook = seen.box, seen.packet, seen.hook
        found = self._connection(box, packet)
        if found is None:
            found = Connection(packet, packet), False
            self.connections.setdefault(box.key, []).append(found[0])
        connection, is_answer = found
        part = "dst" if hook in ("prerouting", "output") else "src"
        if is_answer:
            return self._back(seen, connection, part), None
        done = f"{part} done"
        if done in connection.kinds:
            return self._again(packet, connection, part), None
        translated, rule, end = self._translated(seen, part)
        if end is not None:
            return packet, end
        kinds = (*connection.kinds, done, *((f"{part[0]}nat",) if rule else ()))
        whole = connection._replace(last=translated, kinds=kinds, rules=(*connection.rules, *([rule] if rule else [])))
        self._remember(box, connection, whole)
        if rule:
            self.hop(box, seen.device, "nat", translated, rule)
        return translated, None

    def _remember(self, box, old, new):
        kept = self.connections[box.key]
        kept[kept.index(old)] = new

    def _again(self, packet, connection, part):
        """A packet of a connection that was decided before: the same again."""
        if f"{part[0]}nat" not in connection.kinds:
            return packet
        return _with(packet, part, connection.last)

    def _back(self, seen, connection, part):
        """Undo the translation on an answer: of its destination what SNAT did, of its source what DNAT did."""
        kind = "snat" if part == "dst" else "dnat"
        if kind not in connection.kinds:
            return seen.packet
        first = connection.first
        if part == "dst":
            l4 = seen.packet.l4 and _ported(seen.packet.l4, first, "dport", "sport")
            packet = seen.packet._replace(ip=seen.packet.ip._replace(dst=first.ip.src), l4=l4)
        else:
            l4 = seen.packet.l4 and _ported(seen.packet.l4, first, "sport", "dport")
            packet = seen.packet._replace(ip=seen.packet.ip._replace(src=first.ip.dst), l4=l4)
        self.hop(seen.box, seen.device, "nat", packet, connection.rules[0] if connection.rules else None, "undone")
        return packet

    def _translated(self, seen: Seen, part: str) -> Tuple[Packet, Any, Optional[End]]:
        """Ask the chains of type nat: return the packet, the rule that translates, and the end if one drops it."""
        self.changed = seen.packet
        for chain in seen.box.rules().nat(seen.packet.ip.version, seen.hook):
            verdict = self.asked(seen, chain)
            if verdict.word in ("drop", "reject", "unknown"):
                return seen.packet, None, self._refused(seen, chain, verdict)
            if verdict.word not in TRANSLATIONS:
                continue
            entry = entries.nft(seen.box, verdict.rule)
            target = self._target(seen, verdict)
            if target is None:
                return seen.packet, None, self._refused(seen, chain, Verdict("unknown", verdict.rule))
            address, port = target
            if not address:
                why = f"{seen.oif} has no address for masquerade"
                return seen.packet, None, self.drop(seen.box, seen.oif, seen.packet, why, entry, "nat")
            return _translated_to(seen.packet, part, address, port), entry, None
        return seen.packet, None, None

    def _target(self, seen: Seen, verdict: Verdict) -> Optional[Tuple[Optional[str], Optional[int]]]:
        """Return (address, port) to which a rule translates; None: it cannot be said."""
        box, ip, value = seen.box, seen.packet.ip, verdict.value or {}
        if verdict.word == "masquerade":
            # the gateway decides which address of the device it is
            way = box.fib.lookup(ip.dst, seen.oif).ways
            towards = (way[0].via if way else None) or ip.dst
            oif = seen.oif or ""
            return (box.select(oif, towards) if ip.version == 4 else box.source6(ip.dst, oif)), None
        if verdict.word == "redirect" or verdict.rule is None:
            return None
        try:
            address = self._valued(seen, verdict.rule, value.get("addr", ip.dst))
            port = self._valued(seen, verdict.rule, value["port"]) if value.get("port") is not None else None
        except Unknown:
            return None
        if not isinstance(address, str) or not (port is None or isinstance(port, int)):
            return None
        return address, port

    @staticmethod
    def _valued(seen, rule, value):
        if isinstance(value, dict) and "map" in value:
            data = value["map"]["data"]
            rules = seen.box.rules()
            elements = rules.elements(rule, data) if isinstance(data, str) else data["set"]
            return mapped(evaluated(seen, value["map"]["key"]), elements or [], rule, rules)
        return evaluated(seen, value)


def _origin(rule):
    """Return which variable of the inventory a rule that drops is from."""
    if rule.table not in GUARDS:
        return ""
    group = rule.chain.partition("from_")[2]
    if group:
        return f" (fabric_policy lets the group {group} open no such connection)"
    return " (fabric_guard_tunnels)" if rule.chain == "encapsulated" or "@peers" in rule.text else " (fabric_guard)"


def _translated_to(packet, part, address, port):
    l4 = packet.l4
    if port is not None and l4 is not None:
        l4 = l4._replace(**{f"{part[0]}port": port})
    return packet._replace(ip=packet.ip._replace(**{part: address}), l4=l4)


def flow(packet: Packet) -> Tuple[Any, ...]:
    """Return what tells a packet's flow from others."""
    l4 = packet.l4
    return (packet.ip.src, packet.ip.dst, packet.ip.protocol, l4 and l4.sport, l4 and l4.dport)


def turned(packet: Packet) -> Tuple[Any, ...]:
    """Return the flow of the answer to a packet."""
    l4 = packet.l4
    ports = (
        (l4 and l4.sport, l4 and l4.dport) if l4 and l4.type.startswith("icmp") else (l4 and l4.dport, l4 and l4.sport)
    )
    return (packet.ip.dst, packet.ip.src, packet.ip.protocol, *ports)


def _ported(l4, first, mine, theirs):
    return l4 if l4.type.startswith("icmp") else l4._replace(**{mine: getattr(first.l4, theirs)})


def _with(packet, part, last):
    port = "dport" if part == "dst" else "sport"
    l4 = packet.l4 and packet.l4._replace(**{port: getattr(last.l4, port)})
    return packet._replace(ip=packet.ip._replace(**{part: getattr(last.ip, part)}), l4=l4)
