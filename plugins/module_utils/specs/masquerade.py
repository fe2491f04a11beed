# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module masquerade mean: masquerade."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds import fields, nat
from .spec import Options, Spec

OPTIONS = {
    "source": {"type": "str"},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "out_interface": {"type": "str"},
    "random": {"type": "bool", "default": True},
    "keep": {"type": "bool", "default": False},
    "masquerade": {"type": "bool", "default": True},
}
# RFC 5771, RFC 4291 2.7: a multicast group has no way back through NAT
MULTICAST = {fields.AF_INET: "224.0.0.0/4", fields.AF_INET6: "ff00::/8"}


def resources(options: Options) -> List[Resource]:
    """Return the object, a rule in each of one chain, of two, or of three, that ``options`` describe."""
    if not (options["masquerade"] or options["keep"]) and options["state"] == "present":
        raise InputError("masquerade", "false leaves nothing to make without keep: true")
    source = fields.prefix(options["source"], "source")
    exclude = [fields.prefix(text, "exclude") for text in options["exclude"]]
    for text in exclude:
        fields.same_family({"source": source, "exclude": text})
    link = options["out_interface"] and fields.interface(options["out_interface"], "out_interface")
    protocol = "ip6" if fields.family(source) == fields.AF_INET6 else "ip"
    leaving = [f'oifname "{link}"'] if link else []
    inside = nat.prefixes([*exclude, MULTICAST[fields.family(source)]])
    leaving.append(f"{protocol} saddr {nat.prefixes([source])}")
    alone = [f"{protocol} daddr {inside}"] if options["masquerade"] else []  # else nobody is to see another source
    kept = " ".join([*leaving, *alone, nat.own_source(protocol)])
    leaving.append(f"{protocol} daddr != {inside}")
    verdict = "masquerade fully-random" if options["random"] else "masquerade"
    values = {
        **dict.fromkeys(nat.CHAINS),
        "keep": kept if options["keep"] else None,
    }
    if options["masquerade"]:
        values["postrouting"] = " ".join([*leaving, verdict])
        values["invalid"] = " ".join(["ct state invalid", *leaving, "drop"])
    return [Resource("nat", nat.NatKey(options["netns"], "masquerade", source), values)]


SPEC = Spec(
    options=OPTIONS,
    required=["source"],
    kinds=[nat.Nat()],
    resources=resources,
    purges=lambda found: found.kind == "nat" and found.key.word == "masquerade",
)
