# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules of links share, and how they become values."""

from __future__ import annotations

from typing import Any, Dict, Optional

from .devconf import MTU6, MTU_MIN, SIDES
from .fields import given, in_range, mac
from .link import ADDRGENMODES
from .link_types import SOUND_BRIDGE, SOUND_PORT

LINK_OPTIONS = {
    "mac": {"type": "str"},
    "mtu": {"type": "int"},
    "up": {"type": "bool", "default": True},
    "addrgenmode": {"type": "str", "choices": list(ADDRGENMODES)},
    "side": {"type": "str", "choices": list(SIDES)},
}


def link_values(options: Dict[str, Any], option: str = "") -> Dict[str, Any]:
    """Return the values that every link has.

    :param option: what stands before the names of the options in errors, such as ``peer.``.
    """
    address = options["mac"] and mac(options["mac"], option + "mac")
    # linux/if_ether.h: ETH_MIN_MTU, ETH_MAX_MTU
    mtu = in_range(options["mtu"], 68, 65535, option + "mtu")
    return given(mac=address or None, mtu=mtu, up=options["up"], addrgenmode=options["addrgenmode"])


def sound(side: Optional[str], kind: str, values: Dict[str, Any]) -> Dict[str, Any]:
    """Return ``values`` of a link and what else it needs to carry packets on a side of the fabric.

    :param side: None: an option that is not given is not managed.
    :param kind: its type.
    """
    if side is None:
        return values
    needed: Dict[str, Any] = dict(SIDES[side])
    if kind not in WITHOUT_ETHERNET:
        needed["arp"] = True
    if kind == "bridge":
        needed.update(SOUND_BRIDGE)
    if values.get("master"):
        needed.update(SOUND_PORT, hairpin=False)
    if side == "endpoint":
        if kind != "wireguard":  # the kernel sets it to none (wg_open, drivers/net/wireguard/device.c)
            needed["addrgenmode"] = "eui64"
        if values.get("mtu", 0) >= MTU_MIN:
            needed[MTU6] = values["mtu"]
    if kind in LIKE_A_LAN:
        needed["proxy_arp"] = 0
    return {**needed, **values}


# Nobody may answer there for others; on a veth without a master the node often must (nodenet.fabric.proxy_arp).
LIKE_A_LAN = ("bridge", "vxlan", "ipip", "wireguard")
WITHOUT_ETHERNET = ("ipip", "wireguard")
