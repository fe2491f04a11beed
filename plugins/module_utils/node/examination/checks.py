# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the facts of a node with the inventory: faults refuse it, warnings are returned."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from ...engine.errors import FabricError
from ..expected import Expected
from ..facts import reading
from ..facts.model import Facts
from . import addressing, routing, services, sysctls

# Each of these would cut off the node, or split the fabric.
FAULTS = (
    addressing.node_address_is_elsewhere,
    addressing.uplink_has_a_name_of_the_fabric,
    addressing.connected_network_overlaps,
    addressing.controller_is_covered,
    addressing.gateway_is_covered,
    addressing.mtu_is_smaller,
    addressing.peer_is_behind_a_router,
    services.vni_is_taken,
    services.tunnel_has_no_interface,
    services.tunnel_port_is_taken,
    services.ssh_is_published,
)
# With these some packets are lost, now or later.
WARNINGS = (
    addressing.peers_have_no_route,
    addressing.node_address_is_in_a_vrf,
    routing.foreign_routes_win,
    routing.rules_decide_first,
    services.published_port_has_a_listener,
    services.firewall_drops,
    sysctls.uplink_does_not_forward,
    sysctls.arp_requests_are_ignored,
    sysctls.forwarding_is_undone,
)


class Unfit(FabricError):
    """The node differs from the inventory; nothing was changed.

    :param faults: a sentence for each.
    """

    def __init__(self, faults: List[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults

    def facts(self) -> Dict[str, Any]:
        return {"faults": self.faults}


def examined(expected: Expected) -> Tuple[Facts, List[str]]:
    """Read the node; return (its Facts, the warnings). Raises as :func:`examine` does."""
    facts = reading.read(expected)
    return facts, examine(facts, expected)


def examine(facts: Facts, expected: Expected) -> List[str]:
    """Return the warnings.

    :raises Unfit: with all faults.
    """
    faults = _found(FAULTS, facts, expected)
    if faults:
        raise Unfit(faults)
    return _found(WARNINGS, facts, expected)


def _found(checks, facts, expected):
    return [sentence for check in checks for sentence in check(facts, expected)]
