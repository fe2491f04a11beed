# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module bridge mean: bridges."""

from __future__ import annotations

from typing import List

from ..engine.resource import Resource
from ..kinds.fields import given, in_range, new_interface
from ..kinds.link import Link, LinkKey
from ..kinds.options import LINK_OPTIONS, link_values, sound
from .spec import Options, Spec

OWN = {
    "stp": {"type": "bool"},
    "forward_delay": {"type": "float"},
    "hello_time": {"type": "float"},
    "max_age": {"type": "float"},
    "ageing_time": {"type": "float"},
    "priority": {"type": "int"},
    "vlan_filtering": {"type": "bool"},
    "vlan_default_pvid": {"type": "int"},
    "mcast_snooping": {"type": "bool"},
    "no_linklocal_learn": {"type": "bool"},
}
# net/bridge/br_private.h and IEEE 802.1D: seconds
RANGES = {
    "forward_delay": (0, 30),
    "hello_time": (1, 10),
    "max_age": (6, 40),
    "ageing_time": (0, 1_000_000),
    "priority": (0, 65535),
    "vlan_default_pvid": (0, 4094),
}
OPTIONS = {"name": {"type": "str"}, **LINK_OPTIONS, **OWN}


def resources(options: Options) -> List[Resource]:
    """Return the bridge that ``options`` describe."""
    key = LinkKey(options["netns"], new_interface(options["name"], "name"))
    for name, (low, high) in RANGES.items():
        in_range(options[name], low, high, name)
    own = given(**{name: options[name] for name in OWN})
    return [Resource("link", key, sound(options["side"], "bridge", {"type": "bridge", **link_values(options), **own}))]


SPEC = Spec(
    options=OPTIONS,
    required=["name"],
    kinds=[Link()],
    resources=resources,
    purges=lambda found: found.kind == "link" and found.values.get("type") == "bridge",
)
