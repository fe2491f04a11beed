# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to each type of link: its fields, in the kernel's attributes and in ip-link(8)'s words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

# The kernel counts a bridge's times in hundredths of a second (USER_HZ); we say seconds.
HZ = 100


@dataclass(frozen=True)
class Field:
    """One field of a link's type.

    :param attr: linux/if_link.h.
    :param word: ip-link(8).
    :param encode: from the normal form to what pyroute2 encodes; ``decode`` the way back.
    """

    attr: str
    word: str
    encode: Callable[[Any], Any] = int
    decode: Callable[[Any], Any] = int

    def words(self, value):
        return [self.word, str(self.encode(value))]


def _seconds(attr, word):
    return Field(attr, word, lambda seconds: round(seconds * HZ), lambda ticks: ticks / HZ)


def _switch(attr, word):
    return Field(attr, word, int, bool)


@dataclass(frozen=True)
class OnOff(Field):
    """A switch that ip-link(8) writes ``on`` or ``off``."""

    decode: Callable[[Any], Any] = bool

    def words(self, value):
        return [self.word, "on" if value else "off"]


BRIDGE = {
    "stp": _switch("IFLA_BR_STP_STATE", "stp_state"),
    "forward_delay": _seconds("IFLA_BR_FORWARD_DELAY", "forward_delay"),
    "hello_time": _seconds("IFLA_BR_HELLO_TIME", "hello_time"),
    "max_age": _seconds("IFLA_BR_MAX_AGE", "max_age"),
    "ageing_time": _seconds("IFLA_BR_AGEING_TIME", "ageing_time"),
    "priority": Field("IFLA_BR_PRIORITY", "priority"),
    "vlan_filtering": _switch("IFLA_BR_VLAN_FILTERING", "vlan_filtering"),
    "vlan_default_pvid": Field("IFLA_BR_VLAN_DEFAULT_PVID", "vlan_default_pvid"),
    "mcast_snooping": _switch("IFLA_BR_MCAST_SNOOPING", "mcast_snooping"),
}

PORT = {
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

# type of link -> its fields
TYPES = {"bridge": BRIDGE, "veth": {}}


def encode(fields, values):
    """Return the attributes of those of ``fields`` that are in ``values``."""
    return [(field.attr, field.encode(values[name])) for name, field in fields.items() if name in values]


def decode(fields, attrs):
    """Return the values of ``fields`` in the kernel's ``attrs``."""
    return {
        name: field.decode(attrs[field.attr]) for name, field in fields.items() if attrs.get(field.attr) is not None
    }


def words(fields, values):
    """Return the words of ip-link(8) for those of ``fields`` that are in ``values``."""
    return [word for name, field in fields.items() if name in values for word in field.words(values[name])]
