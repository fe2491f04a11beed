# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module wireguard_peer mean: peers of WireGuard devices."""

from __future__ import annotations

import re
from typing import List, Optional

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kernel.wireguard import sorted_prefixes
from ..kinds.fields import AF_INET6, family, given, in_range, interface, prefix, unicast
from ..kinds.wireguard import PeerKey, WireguardPeer
from ..system import keys
from .spec import Options, Spec
from .wireguard import key_of

OPTIONS = {
    "public_key": {"type": "str", "no_log": False},
    "dev": {"type": "str"},
    "preshared_key": {"type": "str", "no_log": True},
    "preshared_key_digest": {"type": "str", "no_log": False},
    "endpoint": {"type": "str"},
    "persistent_keepalive": {"type": "int"},
    "allowed_ips": {"type": "list", "elements": "str"},
}
DIGEST = re.compile(f"[0-9a-f]{{{keys.DIGITS}}}")
ENDPOINT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})")


def resources(options: Options) -> List[Resource]:
    """Return the peer that ``options`` describe."""
    public = keys.encoded(key_of(options["public_key"], "public_key"))
    if not options["dev"]:
        raise InputError("dev", f"required: the WireGuard device whose peer {public} is")
    key = PeerKey(options["netns"], interface(options["dev"], "dev"), public)
    if options["state"] == "absent":
        return [Resource("wireguard_peer", key)]
    prefixes = options["allowed_ips"]
    values = given(
        preshared_key=_preshared_key(options),
        endpoint=options["endpoint"] and _endpoint(options["endpoint"]),
        persistent_keepalive=in_range(options["persistent_keepalive"], 0, 65535, "persistent_keepalive"),
        allowed_ips=None if prefixes is None else sorted_prefixes(prefix(one, "allowed_ips") for one in prefixes),
    )
    return [
        Resource("wireguard_peer", key, {name: value for name, value in values.items() if name != "endpoint" or value})
    ]


def _preshared_key(options: Options) -> Optional[str]:
    """Return the name of the preshared key, "": there is to be none, None: it is not managed; a given key is held."""
    given_key, digest = options.get("preshared_key"), options["preshared_key_digest"]
    if given_key is not None and digest is not None:
        raise InputError("preshared_key_digest", "stands for preshared_key: give one of them")
    if digest:
        if not DIGEST.fullmatch(digest):
            raise InputError(
                "preshared_key_digest", f"{digest!r} is not the digest of a preshared key: {keys.DIGITS} digits"
            )
        return digest
    if given_key:
        return keys.hold_preshared(key_of(given_key, "preshared_key"))
    return digest if given_key is None else ""


def _endpoint(text: str) -> str:
    """Return an endpoint in its normal form."""
    found = ENDPOINT.fullmatch(text.strip())
    if not found or not 1 <= int(found[3]) <= 65535:
        raise InputError(
            "endpoint", f"{text!r} is not an address and a port such as 192.0.2.1:51820 or [2001:db8::1]:51820"
        )
    address = unicast(found[1] or found[2], "endpoint")
    if (family(address) == AF_INET6) != bool(found[1]):
        raise InputError("endpoint", f"{text!r}: only an IPv6 address is in brackets")
    return f"[{address}]:{int(found[3])}" if found[1] else f"{address}:{int(found[3])}"


SPEC = Spec(
    options=OPTIONS,
    required=["public_key", "dev"],
    kinds=[WireguardPeer()],
    resources=resources,
    purges=lambda found: found.kind == "wireguard_peer",
    secrets=("preshared_key",),
)
