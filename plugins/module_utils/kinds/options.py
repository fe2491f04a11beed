# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules of links share, and how they become values."""

from __future__ import annotations

from .fields import given, in_range, mac
from .link import ADDRGENMODES

LINK_OPTIONS = {
    "mac": {"type": "str"},
    "mtu": {"type": "int"},
    "up": {"type": "bool", "default": True},
    "addrgenmode": {"type": "str", "choices": list(ADDRGENMODES)},
}


def link_values(options, option=""):
    """Return the values that every link has.

    :param option: what stands before the names of the options in errors, such as ``peer.``.
    """
    address = options["mac"] and mac(options["mac"], option + "mac")
    # linux/if_ether.h: ETH_MIN_MTU, ETH_MAX_MTU
    mtu = in_range(options["mtu"], 68, 65535, option + "mtu")
    return given(mac=address or None, mtu=mtu, up=options["up"], addrgenmode=options["addrgenmode"])
