# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module ipip_tunnel mean: IPIP tunnels."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds.fields import AF_INET, family, given, in_range, interface, new_interface, unicast
from ..kinds.link import Link, LinkKey
from ..kinds.options import LINK_OPTIONS, link_values, sound
from .spec import Options, Spec

OPTIONS = {
    "name": {"type": "str"},
    "local": {"type": "str"},
    "remote": {"type": "str"},
    "dev": {"type": "str"},
    "ttl": {"type": "int"},
    "pmtudisc": {"type": "bool"},
    **{name: spec for name, spec in LINK_OPTIONS.items() if name != "mac"},
}


def resources(options: Options) -> List[Resource]:
    """Return the device that ``options`` describe."""
    key = LinkKey(options["netns"], new_interface(options["name"], "name"))
    if options["state"] == "absent":
        return [Resource("link", key)]
    if options["local"] is None:
        raise InputError("local", f"required: the source address of the tunnel {key.name!r}")
    own = given(
        local=_ipv4(options, "local"),
        remote=_ipv4(options, "remote"),
        lower=options["dev"] and interface(options["dev"], "dev"),
        ttl=in_range(options["ttl"], 0, 255, "ttl"),
        pmtudisc=options["pmtudisc"],
    )
    values = {"type": "ipip", **own, **link_values({**options, "mac": None})}
    return [Resource("link", key, sound(options["side"], "ipip", values))]


def _ipv4(options, name):
    if options[name] is None:
        return None
    found = unicast(options[name], name)
    if family(found) != AF_INET:
        raise InputError(name, f"{found} is not IPv4: IPIP carries IPv4 in IPv4")
    return found


SPEC = Spec(
    options=OPTIONS,
    required=["name"],
    kinds=[Link()],
    resources=resources,
    purges=lambda found: found.kind == "link" and found.values.get("type") == "ipip",
)
