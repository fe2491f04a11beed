# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a packet is one that a rule of nftables matches (nft(8), libnftables-json(5)). Pure Python.

The answer is True, False, or None: what the rule asks for is not known of the packet, or to the model.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, NamedTuple, Optional

from .box import Box, is_group
from .lookup import contains, number, version_of
from .nft import NftRule
from .packet import Packet

Plain = Dict[str, Any]


class Unknown(Exception):
    """The model does not know what is asked for."""


class Seen(NamedTuple):
    """A packet at a hook, with what rules may ask about it."""

    box: Box
    hook: str
    packet: Packet
    iif: Optional[str]
    oif: Optional[str]
    ct_state: str = "new"
    ct_status: tuple = ()

    @property
    def device(self) -> Optional[str]:
        """The device at which a walk tells of it."""
        return self.oif if self.hook == "postrouting" else self.iif or self.oif

    @property
    def protocol(self) -> str:
        """The protocol in nft's words."""
        found = self.packet.ip.protocol
        return {"icmpv6": "ipv6-icmp"}.get(found, found)


# what nft writes for numbers of protocols
PROTOCOLS = {1: "icmp", 4: "ipip", 6: "tcp", 17: "udp", 58: "ipv6-icmp", "ipencap": "ipip", "icmpv6": "ipv6-icmp"}
NUMBERS = {name: number for number, name in PROTOCOLS.items() if isinstance(number, int)}


def matches(seen: Seen, rule: NftRule, match: Plain, rules: Any) -> Optional[bool]:
    """Return whether a packet is matched, or None: unknown.

    :param rules: the Ruleset with the named sets.
    """
    try:
        value = evaluated(seen, match["left"])
        if value is ABSENT:
            return False
        found = is_in(value, match["right"], rule, rules, seen)
    except Unknown:
        return None
    if found is None or match["op"] in ("==", "in"):
        return found
    if match["op"] == "!=":
        return not found
    return _compared(value, match["op"], match["right"])


def _compared(value, operator, right):
    if not isinstance(value, int) or not isinstance(right, int):
        return None
    return {"<": value < right, ">": value > right, "<=": value <= right, ">=": value >= right}.get(operator)


ABSENT = object()
# what a packet has where others have a port: anything
SOME_PORT = object()
ALL_PORTS = (0, 65535)
# of a neighbor solicitation and advertisement (RFC 4861, 4.3 and 4.4), for which nft 1.0.6 has no word
ND_TARGET = ("th", 64, 128)
# of VXLAN (RFC 7348, 5)
VNI = ("th", 96, 24)


def evaluated(seen: Seen, left: Any) -> Any:
    """Return the value of an expression for a packet; ABSENT: the packet has no such field.

    :raises Unknown: it is not known.
    """
    if isinstance(left, (str, int)):
        return left
    ((word, what),) = left.items()
    if word == "concat":
        found = [evaluated(seen, one) for one in what]
        return ABSENT if ABSENT in found else tuple(found)
    if word == "payload":
        return _payload(seen, what)
    if word == "meta":
        return _meta(seen, what["key"])
    if word == "ct":
        return _ct(seen, what)
    if word == "fib":
        return _fib(seen, what)
    if word in ("&", "|", "^"):
        one, other = (evaluated(seen, part) for part in what)
        if isinstance(one, int) and isinstance(other, int):
            return {"&": one & other, "|": one | other, "^": one ^ other}[word]
    raise Unknown


def _payload(seen, what):
    protocol, field = what.get("protocol"), what.get("field")
    ip, l4 = seen.packet.ip, seen.packet.l4
    if protocol in (None, "ether", "arp") or field == "taddr":
        return _of_frame(seen.packet, what)
    if protocol in ("ip", "ip6"):
        if ip.version != (4 if protocol == "ip" else 6) or ip.protocol == "arp":
            return ABSENT
        if field == "dscp":
            return 0
        fields = {"saddr": ip.src, "daddr": ip.dst, "ttl": ip.ttl, "hoplimit": ip.ttl}
        fields.update(protocol=seen.protocol, nexthdr=seen.protocol, length=ip.size, version=ip.version)
        return _known(fields, field)
    if protocol == "th" and l4 is not None and l4.type in ("icmp", "icmpv6"):
        return SOME_PORT
    if protocol in ("tcp", "udp", "th"):
        if l4 is None or l4.type not in (("tcp", "udp") if protocol == "th" else (protocol,)):
            return ABSENT
        return _known({"sport": l4.sport, "dport": l4.dport}, field)
    if protocol in ("icmp", "icmpv6"):
        if l4 is None or l4.type != protocol:
            return ABSENT
        return _known({"type": l4.kind}, field)
    raise Unknown


def _of_frame(packet, what):
    """Return the field of a frame, of ARP, the target of ND, or the VNI of VXLAN."""
    place = what.get("base"), what.get("offset"), what.get("len")
    if place == VNI:
        return ABSENT if packet.vni is None else packet.vni
    if place == ND_TARGET or what.get("field") == "taddr":
        return int(ipaddress.IPv6Address(_known({"target": packet.l4 and packet.l4.target}, "target")))
    fields = {"saddr": packet.src, "daddr": packet.dst}
    if what.get("protocol") == "arp":
        if packet.ip.protocol != "arp":
            return ABSENT
        kind = packet.l4 and packet.l4.kind
        fields = {"saddr ether": packet.src, "saddr ip": packet.ip.src, "daddr ip": packet.ip.dst, "operation": kind}
    return _known(fields, what.get("field"))


def _known(fields, name):
    if fields.get(name) is None:
        raise Unknown
    return fields[name]


def _meta(seen, key):
    ip = seen.packet.ip
    fields = {
        "l4proto": seen.protocol,
        "nfproto": f"ipv{ip.version}",
        "protocol": "ip" if ip.version == 4 else "ip6",
        "mark": seen.packet.mark,
        "length": ip.size,
    }
    for word, dev in (("iif", seen.iif), ("oif", seen.oif)):
        if key in (word, f"{word}name"):
            return dev or ""  # without one the name is empty, and unlike any other (nft_meta_store_ifname)
        if key == f"{word}type" and dev is not None:
            return {"loopback": "loopback", "ipip": "ipip"}.get(seen.box.links[dev].type, "ether")
    if key == "pkttype" and seen.packet.dst:
        return (
            "broadcast"
            if seen.packet.dst == "ff:ff:ff:ff:ff:ff"
            else "multicast"
            if is_group(seen.packet.dst)
            else "host"
        )
    return _known(fields, key)


def _ct(seen, what):
    key, direction = what["key"], what.get("dir")
    if key == "state":
        return _known({"state": seen.ct_state or None}, "state")
    if key == "status":
        return list(seen.ct_status)
    if key == "mark" and direction is None:
        return 0
    raise Unknown


def _fib(seen, what):
    flags = what.get("flags", [])
    flags = [flags] if isinstance(flags, str) else flags
    if what.get("result") != "type" or not set(flags) <= {"daddr", "saddr"}:
        raise Unknown
    address = seen.packet.ip.dst if "daddr" in flags else seen.packet.ip.src
    if contains("224.0.0.0/4" if version_of(address) == 4 else "ff00::/8", address):
        return "multicast"
    found = seen.box.fib.lookup(address)
    return found.type if found.type in ("local", "broadcast") else "unicast"


def is_in(value: Any, right: Any, rule: NftRule, rules: Any, seen: Optional[Seen] = None) -> Optional[bool]:
    """Return whether a value is, or is in, the right side of a match; None: unknown."""
    if isinstance(value, list):  # bits, as of ct status
        return any(is_in(one, right, rule, rules, seen) for one in value)
    if isinstance(right, str) and right.startswith("@"):
        words = rules.words(rule, right)
        if words is not None and all(isinstance(one, str) for one in (value if isinstance(value, tuple) else (value,))):
            return value in words
        elements = rules.elements(rule, right)
        return None if elements is None else _any(is_in(value, one, rule, rules, seen) for one in elements)
    if isinstance(right, list):
        return _any(is_in(value, one, rule, rules, seen) for one in right)
    if isinstance(right, dict):
        return _in_compound(value, right, rule, rules, seen)
    return _equal(value, right)


def _any(answers):
    found = list(answers)
    return True if True in found else None if None in found else False


def _in_compound(value, right, rule, rules, seen):
    ((word, what),) = right.items()
    if word == "set":
        return is_in(value, what if isinstance(what, list) else [what], rule, rules, seen)
    if word == "elem":
        return is_in(value, what["val"], rule, rules, seen)
    if word == "prefix":
        return _is_address(value) and contains(f"{what['addr']}/{what['len']}", value)
    if word == "range":
        return _in_range(value, *what)
    if word == "concat":
        if not isinstance(value, tuple) or len(value) != len(what):
            return None
        found = [is_in(one, other, rule, rules, seen) for one, other in zip(value, what)]
        return False if False in found else None if None in found else True
    try:
        return _equal(value, evaluated(seen, right)) if seen else None
    except Unknown:
        return None


def _in_range(value, first, last):
    if value is SOME_PORT:
        return True if (first, last) == ALL_PORTS else None
    if isinstance(first, int):
        value = NUMBERS.get(value, value) if isinstance(value, str) else value
    if _is_address(value) and isinstance(first, str):
        return version_of(first) == version_of(value) and number(first) <= number(value) <= number(last)
    if isinstance(value, int) and isinstance(first, int):
        return first <= value <= last
    return None


def _is_address(value):
    return isinstance(value, str) and (value.count(".") == 3 or ":" in value)


def _equal(value, right):
    if right == "*":
        return True
    if isinstance(right, str) and right.endswith("*") and isinstance(value, str):
        return value.startswith(right[:-1])
    if isinstance(value, int) and isinstance(right, str) and right.startswith("0x"):
        return value == int(right, 16)
    if isinstance(value, str) and isinstance(right, (str, int)):
        if _is_address(value) and "/" in str(right):
            return contains(str(right), value)
        return value == PROTOCOLS.get(right, right)
    return value == right if isinstance(value, int) and isinstance(right, int) else None


def mapped(value: Any, elements: List[Any], rule: NftRule, rules: Any) -> Any:
    """Return what a map has for a value; ABSENT: nothing.

    :raises Unknown: it cannot be said.
    """
    for key, data in elements:
        found = is_in(value, key, rule, rules)
        if found is None:
            raise Unknown
        if found:
            return data
    return ABSENT
