# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module veth mean: pairs of links."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds.fields import given, interface, new_interface
from ..kinds.link import Link, LinkKey
from ..kinds.options import LINK_OPTIONS, link_values, sound
from ..runner.options import NETNS, reference
from .spec import Options, Spec

END = dict(LINK_OPTIONS, master={"type": "str"}, hairpin={"type": "bool"})
PEER = dict(END, name={"type": "str", "required": True}, **NETNS)
OPTIONS = {
    "name": {"type": "str"},
    **END,
    "peer": {"type": "dict", "options": PEER, "mutually_exclusive": [list(NETNS)]},
}


def resources(options: Options) -> List[Resource]:
    """Return both ends of the pair that ``options`` describe."""
    key = LinkKey(options["netns"], new_interface(options["name"], "name"))
    if options["state"] == "absent":
        return [Resource("link", key)]
    peer = options["peer"]
    if not peer:
        raise InputError("peer", f"required: the other end of {key.name!r}, such as {{name: eth0, netns: NAME}}")
    other = LinkKey(reference(peer, "peer."), new_interface(peer["name"], "peer.name"))
    if key == other:
        raise InputError("peer.name", f"{other.name!r} is the name of both ends, in one namespace")
    return [_end(key, other, options, ""), _end(other, key, peer, "peer.")]


def _end(key, other, options, option):
    master = options["master"] and interface(options["master"], option + "master")
    if options["hairpin"] and not master:
        raise InputError(option + "hairpin", f"{key.name!r} is no bridge port: set its master")
    own = given(master=master, hairpin=options["hairpin"])
    values = {"type": "veth", "peer": other, **link_values(options, option), **own}
    return Resource("link", key, sound(options["side"], "veth", values))


SPEC = Spec(
    options=OPTIONS,
    required=["name"],
    kinds=[Link()],
    resources=resources,
    purges=lambda found: found.kind == "link" and found.values.get("type") == "veth",
)
