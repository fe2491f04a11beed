# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node as it is against the node as the inventory expects it: what is refused, and what is told."""

from __future__ import annotations

from ..engine.errors import FabricError
from . import addressing, reading, routing, services, settings

# With one of these the run would cut the node off, or the fabric in two.
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
# With these some packets do not pass, or will not.
WARNINGS = (
    addressing.peers_without_a_way,
    addressing.node_address_is_in_a_vrf,
    routing.foreign_routes_win,
    routing.rules_decide_first,
    services.published_port_has_a_listener,
    services.firewall_drops,
    settings.uplink_does_not_forward,
    settings.addresses_are_not_answered,
    settings.settings_are_undone,
)


class Unfit(FabricError):
    """The node is not as the inventory says; nothing was touched.

    :param faults: a sentence for each.
    """

    def __init__(self, faults):
        super().__init__("; ".join(faults))
        self.faults = faults

    def facts(self):
        return {"faults": self.faults}


def examined(expected):
    """Read the node; return (its Facts, the warnings); errors as of :func:`examine`."""
    facts = reading.read(expected)
    return facts, examine(facts, expected)


def examine(facts, expected):
    """Return the warnings.

    :raises Unfit: there are faults; all are told together.
    """
    faults = _found(FAULTS, facts, expected)
    if faults:
        raise Unfit(faults)
    return _found(WARNINGS, facts, expected)


def _found(checks, facts, expected):
    return [sentence for check in checks for sentence in check(facts, expected)]
