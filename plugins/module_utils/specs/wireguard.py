# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module wireguard mean: WireGuard devices."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds.fields import given, in_range, new_interface
from ..kinds.link import Link, LinkKey
from ..kinds.options import LINK_OPTIONS, link_values, sound
from ..kinds.wireguard import Wireguard, WireguardKey
from ..system import keys
from .spec import Options, Spec

OPTIONS = {
    "name": {"type": "str"},
    "private_key": {"type": "str", "no_log": True},
    "public_key": {"type": "str", "no_log": False},
    "listen_port": {"type": "int"},
    "fwmark": {"type": "int"},
    **{name: spec for name, spec in LINK_OPTIONS.items() if name not in ("mac", "addrgenmode")},
}


def resources(options: Options) -> List[Resource]:
    """Return the link and the device that ``options`` describe."""
    name = new_interface(options["name"], "name")
    link = LinkKey(options["netns"], name)
    if options["state"] == "absent":
        return [Resource("link", link)]
    values = {"type": "wireguard", **link_values({**options, "mac": None, "addrgenmode": None})}
    own = given(
        public_key=_public_key(options, name),
        listen_port=in_range(options["listen_port"], 0, 65535, "listen_port"),
        fwmark=in_range(options["fwmark"], 0, 2**32 - 1, "fwmark"),
    )
    if options["listen_port"] == 0:
        del own["listen_port"]  # any: the kernel chooses one
    device = Resource("wireguard", WireguardKey(options["netns"], name), own)
    return [Resource("link", link, sound(options["side"], "wireguard", values)), device]


def _public_key(options, name):
    """Return the public key of the device; its private key, if it is given, is held."""
    public, private = options["public_key"], options.get("private_key")
    if public:
        public = keys.encoded(key_of(public, "public_key"))
    if private:
        found = keys.hold_private(key_of(private, "private_key"))
        if public and public != found:
            raise InputError("public_key", f"{public} is not the public key of private_key, which is {found}")
        return found
    if not public:
        raise InputError("private_key", f"required: {name!r} needs it, or public_key for a key that is on the node")
    return public


def key_of(text: str, option: str) -> bytes:
    """Return a key that is written as wg(8) writes it.

    :raises InputError: it is none; the text, which may be secret, is not shown.
    """
    key = keys.decoded(text)
    if key is None:
        raise InputError(option, "is not 32 bytes in base64, as wg genkey, wg pubkey and wg genpsk print them")
    if key == keys.NO_KEY:
        raise InputError(option, "is all zeros, which is no key")
    return key


SPEC = Spec(
    options=OPTIONS,
    required=["name"],
    kinds=[Link(), Wireguard()],
    resources=resources,
    purges=lambda found: found.kind == "link" and found.values.get("type") == "wireguard",
    secrets=("private_key",),
)
