# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module address mean: addresses."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds.address import Address, address_resource
from ..kinds.fields import AF_INET, broadcast, family, given, host_prefix, interface
from .spec import Options, Spec

OPTIONS = {
    "address": {"type": "str"},
    "dev": {"type": "str"},
    "broadcast": {"type": "str"},
    "scope": {"type": "str", "choices": ["global", "link", "host"]},
    "nodad": {"type": "bool"},
    "noprefixroute": {"type": "bool"},
}


def resources(options: Options) -> List[Resource]:
    """Return the address that ``options`` describe."""
    address = host_prefix(options["address"], "address")
    if not options["dev"]:
        raise InputError("dev", f"required: the interface that gets {address}")
    if options["nodad"] is not None and family(address) == AF_INET:
        raise InputError("nodad", f"{address} is IPv4, which does not detect duplicates: leave it out")
    if options["broadcast"] is not None and family(address) != AF_INET:
        raise InputError("broadcast", f"{address} is IPv6, which has no broadcast: leave it out")
    values = given(
        broadcast=options["broadcast"] and broadcast(options["broadcast"], "broadcast"),
        scope=options["scope"],
        nodad=options["nodad"],
        noprefixroute=options["noprefixroute"],
    )
    if family(address) == AF_INET and not options["noprefixroute"]:
        values["prefixroute"] = True  # packets need the route that comes with an address
    return [address_resource(options["netns"], interface(options["dev"], "dev"), address, values)]


SPEC = Spec(
    options=OPTIONS,
    required=["address", "dev"],
    kinds=[Address()],
    resources=resources,
    purges=lambda found: found.kind == "address",
)
