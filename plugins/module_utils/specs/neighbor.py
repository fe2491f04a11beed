# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module neighbor mean: neighbors."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds.fields import given, interface, mac, unicast
from ..kinds.neighbor import Neighbor, NeighborKey
from .spec import Options, Spec

OPTIONS = {"address": {"type": "str"}, "dev": {"type": "str"}, "mac": {"type": "str"}}


def resources(options: Options) -> List[Resource]:
    """Return the neighbor that ``options`` describe."""
    found = unicast(options["address"], "address")
    if not options["dev"]:
        raise InputError("dev", f"required: the interface on which {found} is reached")
    if options["state"] == "present" and not options["mac"]:
        raise InputError("mac", f"required: the MAC address of {found}")
    if options["dev"] == "lo":
        raise InputError("dev", "lo is the loopback interface, which has no neighbors")
    key = NeighborKey(options["netns"], interface(options["dev"], "dev"), found)
    return [Resource("neighbor", key, given(mac=options["mac"] and mac(options["mac"], "mac")))]


SPEC = Spec(
    options=OPTIONS,
    required=["address", "dev"],
    kinds=[Neighbor()],
    resources=resources,
    purges=lambda found: found.kind == "neighbor",
)
