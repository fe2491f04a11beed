# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The spec of each module of objects, by its name."""

from __future__ import annotations

from typing import Dict

from . import (
    address,
    bridge,
    bridge_port,
    config_file,
    container_network,
    forwarding,
    guard,
    ipip_tunnel,
    masquerade,
    neighbor,
    netns,
    policy,
    port_forward,
    proxy_arp,
    route,
    veth,
    vxlan,
    vxlan_fdb,
    wireguard,
    wireguard_peer,
)
from .spec import Spec

SPECS: Dict[str, Spec] = {
    module.__name__.rpartition(".")[2]: module.SPEC
    for module in (
        netns,
        bridge,
        veth,
        vxlan,
        ipip_tunnel,
        wireguard,
        wireguard_peer,
        bridge_port,
        address,
        neighbor,
        vxlan_fdb,
        proxy_arp,
        route,
        forwarding,
        masquerade,
        port_forward,
        guard,
        policy,
        config_file,
        container_network,
    )
}
