# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to each type of link: its fields, in the kernel's attributes and in ip-link(8)'s words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Collection, Dict, FrozenSet, List, Optional, Tuple

from ..kernel.messages import IFF_RUNNING, Index

# The kernel counts a bridge's times in hundredths of a second (USER_HZ); we say seconds.
HZ = 100
# Linux 5.0 has it
NO_LL_LEARN = "no_linklocal_learn"

Values = Dict[str, Any]
NameOf = Callable[[int], Optional[str]]


@dataclass(frozen=True)
class Field:
    """One field of a link's type.

    :param attr: linux/if_link.h.
    :param word: ip-link(8).
    :param encode: from the normal form to what pyroute2 encodes; ``decode`` the way back.
    :param new: what a new link has, which is not requested: a kernel without the feature refuses even to leave it off.
    """

    attr: str
    word: str
    encode: Callable[[Any], Any] = int
    decode: Callable[[Any], Any] = int
    new: Any = None

    def pack(self, value: Any, _netns: str) -> Tuple[str, Any]:
        """Return the attribute for ``value``."""
        return self.attr, self.encode(value)

    def unpack(self, attrs: Values, _name_of: Optional[NameOf]) -> Any:
        """Return the value in the kernel's ``attrs``; of a feature that it lacks what a new link has, or None."""
        return self.new if attrs.get(self.attr) is None else self.decode(attrs[self.attr])

    def words(self, value: Any) -> List[str]:
        """Return the words of ip-link(8) for ``value``."""
        return [self.word, str(self.encode(value))]


@dataclass(frozen=True)
class OnOff(Field):
    """A switch that ip-link(8) writes ``on`` or ``off``."""

    decode: Callable[[Any], Any] = bool

    def words(self, value: Any) -> List[str]:
        return [self.word, "on" if value else "off"]


@dataclass(frozen=True)
class Flag(Field):
    """A switch that ip-link(8) writes by its name, or by its name with ``no`` before it."""

    decode: Callable[[Any], Any] = bool

    def words(self, value: Any) -> List[str]:
        return [self.word if value else f"no{self.word}"]


@dataclass(frozen=True)
class Address(Field):
    """An address; the kernel may have another attribute for IPv6."""

    encode: Callable[[Any], Any] = str
    decode: Callable[[Any], Any] = str
    attr6: str = ""

    def pack(self, value: Any, _netns: str) -> Tuple[str, Any]:
        return (self.attr6 if ":" in value else self.attr), value

    def unpack(self, attrs: Values, _name_of: Optional[NameOf]) -> Any:
        found = attrs.get(self.attr) or attrs.get(self.attr6)
        return None if found in (None, "0.0.0.0", "::") else found


@dataclass(frozen=True)
class Lower(Field):
    """The link that this one stands on, by name, "" for none; the kernel has its index."""

    encode: Callable[[Any], Any] = str
    new: Any = ""

    def pack(self, value: Any, netns: str) -> Tuple[str, Any]:
        return self.attr, Index(netns, value) if value else 0

    def unpack(self, attrs: Values, name_of: Optional[NameOf]) -> Any:
        return name_of(attrs[self.attr]) if name_of and attrs.get(self.attr) else self.new


@dataclass(frozen=True)
class Bit(Field):
    """A switch that is one bit of an attribute.

    :param bit: linux/if_bridge.h: BR_BOOLOPT_*.
    """

    bit: int = 0

    def pack(self, value: Any, _netns: str) -> Tuple[str, Any]:
        return self.attr, (int(value) << self.bit, 1 << self.bit)

    def unpack(self, attrs: Values, _name_of: Optional[NameOf]) -> Any:
        values, known = attrs.get(self.attr) or (0, 0)
        return bool(values >> self.bit & 1) if known >> self.bit & 1 else self.new


def _seconds(attr, word):
    return Field(attr, word, lambda seconds: round(seconds * HZ), lambda ticks: ticks / HZ)


def _switch(attr, word):
    return Field(attr, word, int, bool)


BRIDGE: Dict[str, Field] = {
    "stp": _switch("IFLA_BR_STP_STATE", "stp_state"),
    "forward_delay": _seconds("IFLA_BR_FORWARD_DELAY", "forward_delay"),
    "hello_time": _seconds("IFLA_BR_HELLO_TIME", "hello_time"),
    "max_age": _seconds("IFLA_BR_MAX_AGE", "max_age"),
    "ageing_time": _seconds("IFLA_BR_AGEING_TIME", "ageing_time"),
    "priority": Field("IFLA_BR_PRIORITY", "priority"),
    "vlan_filtering": Field("IFLA_BR_VLAN_FILTERING", "vlan_filtering", int, bool, new=False),
    "group_fwd_mask": Field("IFLA_BR_GROUP_FWD_MASK", "group_fwd_mask", new=0),
    "vlan_default_pvid": Field("IFLA_BR_VLAN_DEFAULT_PVID", "vlan_default_pvid"),
    "mcast_snooping": _switch("IFLA_BR_MCAST_SNOOPING", "mcast_snooping"),
    NO_LL_LEARN: Bit("IFLA_BR_MULTI_BOOLOPT", NO_LL_LEARN, new=False),
}

PORT: Dict[str, Field] = {
    "isolated": OnOff("IFLA_BRPORT_ISOLATED", "isolated"),
    "hairpin": OnOff("IFLA_BRPORT_MODE", "hairpin"),
    "learning": OnOff("IFLA_BRPORT_LEARNING", "learning"),
    "flood": OnOff("IFLA_BRPORT_UNICAST_FLOOD", "flood"),
    "mcast_flood": OnOff("IFLA_BRPORT_MCAST_FLOOD", "mcast_flood"),
    "guard": OnOff("IFLA_BRPORT_GUARD", "guard"),
    "root_block": OnOff("IFLA_BRPORT_PROTECT", "root_block"),
    "fastleave": OnOff("IFLA_BRPORT_FAST_LEAVE", "fastleave"),
    "neigh_suppress": OnOff("IFLA_BRPORT_NEIGH_SUPPRESS", "neigh_suppress"),
    "cost": Field("IFLA_BRPORT_COST", "cost"),
    "priority": Field("IFLA_BRPORT_PRIORITY", "priority"),
}

# linux/if_bridge.h: BR_STATE_*
STATES = ("disabled", "listening", "learning", "forwarding", "blocking")
# What a link is as a port of its master, in the link's own fields
OF_LINK: Dict[str, Field] = {
    "state": Field("IFLA_BRPORT_STATE", "state", STATES.index, STATES.__getitem__, new="forwarding"),
    "isolated": replace(PORT["isolated"], new=False),
    "hairpin": replace(PORT["hairpin"], new=False),
    "port_learning": replace(PORT["learning"], new=True),  # a VXLAN device has a learning of its own
    "flood": replace(PORT["flood"], new=True),
    "mcast_flood": replace(PORT["mcast_flood"], new=True),
    "bcast_flood": OnOff("IFLA_BRPORT_BCAST_FLOOD", "bcast_flood", new=True),
    "guard": replace(PORT["guard"], new=False),
    "root_block": replace(PORT["root_block"], new=False),
    "neigh_suppress": replace(PORT["neigh_suppress"], new=False),
    "locked": OnOff("IFLA_BRPORT_LOCKED", "locked", new=False),
}
# what carries packets
SOUND_PORT = {name: field.new for name, field in OF_LINK.items() if name != "hairpin"}
SOUND_BRIDGE = {"forward_delay": 15.0, "ageing_time": 300.0, "vlan_filtering": False, "group_fwd_mask": 0}

VXLAN: Dict[str, Field] = {
    "vni": Field("IFLA_VXLAN_ID", "id"),
    "local": Address("IFLA_VXLAN_LOCAL", "local", attr6="IFLA_VXLAN_LOCAL6"),
    "lower": Lower("IFLA_VXLAN_LINK", "dev"),
    "port": Field("IFLA_VXLAN_PORT", "dstport"),
    "learning": Flag("IFLA_VXLAN_LEARNING", "learning"),
    "ttl": Field("IFLA_VXLAN_TTL", "ttl"),
}

IPIP: Dict[str, Field] = {
    "local": Address("IFLA_IPIP_LOCAL", "local"),
    "remote": Address("IFLA_IPIP_REMOTE", "remote"),
    "lower": Lower("IFLA_IPIP_LINK", "dev"),
    "ttl": Field("IFLA_IPIP_TTL", "ttl"),
    "pmtudisc": Flag("IFLA_IPIP_PMTUDISC", "pmtudisc"),
}

# type of link -> its fields
Fields = Dict[str, Field]
TYPES: Dict[str, Fields] = {"bridge": BRIDGE, "veth": {}, "vxlan": VXLAN, "ipip": IPIP, "wireguard": {}}

# what a count calls an interface of each type
NOUNS = {
    "veth": "veth",
    "bridge": "bridge",
    "vxlan": "VXLAN device",
    "ipip": "IPIP tunnel",
    "wireguard": "WireGuard tunnel",
}


def asked_for(kind: str, values: Values) -> Values:
    """Return those of a new link's ``values`` that it does not have by itself."""
    fields = TYPES[kind]
    return {name: value for name, value in values.items() if name not in fields or value != fields[name].new}


def altered(values: Values, fields: Collection[str]) -> Values:
    """Return those of a link's ``values`` to request in order to change ``fields``.

    Of an IPIP tunnel these are all that it has: what is left out becomes zero (ipip_netlink_parms, net/ipv4/ipip.c).
    """
    typed = TYPES.get(values["type"], {})
    whole = values["type"] == "ipip" and not typed.keys().isdisjoint(fields)
    return {name: value for name, value in values.items() if name in (typed if whole else fields)}


def fixed_in(values: Values, found: Values) -> FrozenSet[str]:
    """Return those fields of the link's type that the kernel does not change from ``found`` to ``values``.

    A VXLAN device keeps the IP version of its ``local`` (vxlan_nl2conf, drivers/net/vxlan/vxlan_core.c) and cannot lose its
    lower interface, only get another (vxlan_config_apply). An IPIP tunnel has one peer for good, or none (ipip_changelink).
    """
    fixed = set()
    if values.get("type") == "vxlan":
        if (":" in values.get("local", "")) != (":" in found.get("local", "")):
            fixed.add("local")
        if not values.get("lower"):
            fixed.add("lower")
    elif values.get("type") == "ipip" and bool(values.get("remote")) != bool(found.get("remote")):
        fixed.add("remote")
    return frozenset(fixed)


def encode(fields: Fields, values: Values, netns: str) -> List[Tuple[str, Any]]:
    """Return the attributes of those of ``fields`` that are in ``values``."""
    return [field.pack(values[name], netns) for name, field in fields.items() if name in values]


def decode(fields: Fields, attrs: Values, name_of: Optional[NameOf] = None) -> Values:
    """Return the values of ``fields`` in the kernel's ``attrs``.

    :param name_of: returns the name of the link of an index.
    """
    found = {name: field.unpack(attrs, name_of) for name, field in fields.items()}
    return {name: value for name, value in found.items() if value is not None}


def words(fields: Fields, values: Values) -> List[str]:
    """Return the words of ip-link(8) for those of ``fields`` that are in ``values``."""
    return [word for name, field in fields.items() if name in values for word in field.words(values[name])]


def port_settings(values: Values, fields: Collection[str]) -> Values:
    """Return the values of those of ``fields`` that a link has as a bridge port.

    A port that comes up is forwarding by itself, and before that its state cannot be set (br_set_port_state,
    net/bridge/br_netlink.c: ENETDOWN).
    """
    if values.get("type") != "veth":
        return {}
    coming = "up" in fields and values["up"]
    return {field: values[field] for field in OF_LINK if field in fields and not (coming and field == "state")}


def port_of(flags: int, attrs: Values) -> Values:
    """Return the fields of a link as a port; without a carrier it is disabled, as the other end shows."""
    if attrs.get("IFLA_INFO_SLAVE_KIND") != "bridge":
        return {}
    found = decode(OF_LINK, attrs)
    if not flags & IFF_RUNNING:  # up, with a carrier (rfc2863_policy, net/core/link_watch.c)
        found["state"] = OF_LINK["state"].new
    return found
