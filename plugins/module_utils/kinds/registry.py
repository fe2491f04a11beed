# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind there is, and which of them a run can touch."""

from __future__ import annotations

from typing import Any, Iterable, List, Set, Tuple

from ..engine.kind import Kind, Kinds, overlying, underlying
from .address import Address
from .config_file import ConfigFile
from .container_network import ContainerNetwork
from .fdb import Fdb
from .link import Link
from .nat import Nat
from .neighbor import Neighbor, Proxy
from .netns import Netns
from .nft_table import NftTable
from .port import Port
from .route import Route
from .sysctl import Sysctl
from .wireguard import Wireguard, WireguardPeer


def all_kinds() -> List[Kind[Any]]:
    """Return one object of each kind, in the order in which objects are made; what they are tied to still precedes them."""
    return [
        Netns(),
        NftTable(),  # guards are in force before what they guard is there
        Sysctl(),
        Link(),
        Wireguard(),
        WireguardPeer(),
        Port(),
        Address(),
        Neighbor(),
        Proxy(),
        Fdb(),
        Route(),
        Nat(),
        ContainerNetwork(),
        ConfigFile(),
    ]


def by_name() -> Kinds:
    """Return every kind by its name, in the same order."""
    return {kind.name: kind for kind in all_kinds()}


def ending_kinds() -> List[Kind[Any]]:
    """Return one object of each kind whose objects end with the node's kernel, in the same order."""
    return [kind for kind in all_kinds() if not kind.durable]


def in_play(own: Iterable[Kind[Any]]) -> Tuple[Kinds, Set[str]]:
    """Return (the kinds that a run about the kinds ``own`` can touch, by name; the names of those that it stands on).

    The others matter where something ends: they are what ends with it.
    """
    every = by_name()
    names = {kind.name for kind in own}
    bases = underlying(every, names)
    reach = bases | overlying(every, names)
    return {name: kind for name, kind in every.items() if name in reach}, bases
