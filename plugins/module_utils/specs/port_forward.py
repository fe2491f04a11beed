# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module port_forward mean: published ports."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds import fields, nat
from .spec import Options, Spec

OPTIONS = {
    "port": {"type": "str"},
    "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
    "to": {"type": "str"},
    "to_port": {"type": "str"},
    "address": {"type": "str"},
    "family": {"type": "str", "choices": ["ipv4", "ipv6"]},
    "hairpin": {"type": "list", "elements": "str", "default": []},
}
# family -> nft's word for it, and the addresses of the loopback (RFC 1122 3.2.1.3, RFC 4291 2.5.3)
FAMILIES = {"ipv4": ("ip", "127.0.0.0/8"), "ipv6": ("ip6", "::1/128")}


def resources(options: Options) -> List[Resource]:
    """Return the object, a rule in each chain, that ``options`` describe."""
    ports = fields.ports(options["port"], "port")
    given = {name: options[name] and fields.address(options[name], name) for name in ("to", "address")}
    hairpin = [fields.prefix(text, "hairpin") for text in options["hairpin"]]
    for text in [*hairpin, None]:
        fields.same_family({**given, "hairpin": text})
    family = _family(options, given)
    name = "/".join(
        [options["protocol"], fields.ports_text(ports), family, *([given["address"]] if given["address"] else [])]
    )
    key = nat.NatKey(options["netns"], "publish", name)
    if options["state"] == "absent":
        return [Resource("nat", key)]
    if not given["to"]:
        raise InputError("to", f"required: the address to which port {fields.ports_text(ports)} is forwarded")
    return [Resource("nat", key, _values(options, family, ports, given, hairpin))]


def _family(options, given):
    address = given["to"] or given["address"]
    meant = address and ("ipv6" if ":" in address else "ipv4")
    if meant and options["family"] not in (None, meant):
        raise InputError("family", f"{options['family']} is not the family of {address}: leave it out")
    return meant or options["family"] or "ipv4"


def _values(options, family, ports, given, hairpin):
    word, loopback = FAMILIES[family]
    here = [f"{word} daddr {nat.prefixes([given['address']])}"] if given["address"] else [f"meta nfproto {family}"]
    found = ["fib daddr type local", f"{options['protocol']} dport {fields.ports_text(ports)}"]
    verdict = nat.dnat(given["to"], _target(options, ports))
    sources = nat.prefixes(hairpin) if hairpin else None
    target = nat.prefixes([given["to"]])
    return {
        "prerouting": " ".join([*here, *found, verdict]),
        "output": " ".join(
            [f"{word} daddr != {nat.prefixes([loopback])}", *here[: bool(given["address"])], *found, verdict]
        ),
        "postrouting": sources and f"{word} saddr {sources} {word} daddr {target} ct status dnat masquerade",
    }


def _target(options, ports):
    """Return the target port in nft's words; None: the same port."""
    targets = fields.ports(options["to_port"], "to_port") if options["to_port"] else ports
    if targets == ports:
        return None
    if len(targets) == 1:
        return fields.ports_text(targets)
    if len(targets) != len(ports):
        raise InputError(
            "to_port", f"{options['to_port']} has {len(targets)} ports, and port {options['port']} has {len(ports)}"
        )
    return nat.port_map(options["protocol"], zip(ports, targets))


SPEC = Spec(
    options=OPTIONS,
    required=["port"],
    kinds=[nat.Nat()],
    resources=resources,
    purges=lambda found: found.kind == "nat" and found.key.word == "publish",
)
