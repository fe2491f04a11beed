# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module vxlan mean: VTEPs."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds.fields import given, in_range, interface, new_interface, unicast
from ..kinds.link import Link, LinkKey
from ..kinds.options import LINK_OPTIONS, link_values, sound
from .spec import Options, Spec

OPTIONS = {
    "name": {"type": "str"},
    "vni": {"type": "int"},
    "port": {"type": "int", "default": 8472},
    "local": {"type": "str"},
    "dev": {"type": "str"},
    "learning": {"type": "bool", "default": False},
    "ttl": {"type": "int"},
    **LINK_OPTIONS,
}


def resources(options: Options) -> List[Resource]:
    """Return the device that ``options`` describe."""
    key = LinkKey(options["netns"], new_interface(options["name"], "name"))
    if options["state"] == "absent":
        return [Resource("link", key)]
    if options["vni"] is None:
        raise InputError("vni", f"required: the VNI of {key.name!r}")
    own = given(
        vni=in_range(options["vni"], 0, 2**24 - 1, "vni"),
        port=in_range(options["port"], 1, 65535, "port"),
        local=unicast(options["local"], "local") if options["local"] else None,
        lower=options["dev"] and interface(options["dev"], "dev"),
        learning=options["learning"],
        ttl=in_range(options["ttl"], 0, 255, "ttl"),
    )
    values = {"type": "vxlan", **own, **link_values(options)}
    return [Resource("link", key, sound(options["side"], "vxlan", values))]


SPEC = Spec(
    options=OPTIONS,
    required=["name"],
    kinds=[Link()],
    resources=resources,
    purges=lambda found: found.kind == "link" and found.values.get("type") == "vxlan",
)
