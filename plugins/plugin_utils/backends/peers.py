# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The peers of one node: which of their subnets it reaches by a plain route, and which through a tunnel. Pure Python.

All that a node must know of a peer is computed from the inventory: no peer is asked.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from ...module_utils.reachability.encapsulation import PLAIN, Encapsulation
from ..values.networks import FAMILIES, Family, Segments, Values, endpoint_mtu, network_address, subnets_of


class PeerSubnet(NamedTuple):
    """The subnet of one family of a peer."""

    peer: str
    values: Values
    family: Family

    @property
    def subnet(self) -> str:
        return self.values[self.family.subnet]

    @property
    def address(self) -> Optional[str]:
        """Return the peer's address of that family on the underlay."""
        return self.values[self.family.address]


class Peers:
    """What a node must know of its peers.

    :param encapsulation: what tunnels put on the wire; None: there are none, and plain routes lead to all peers.
    :param overhead: bytes that the backend adds to each packet.
    :param secrets: variables of the node that the model does not have.
    :ivar name: the node.
    :ivar values: the node's variables, together with those of the whole fabric.
    :ivar direct: the subnets that it reaches by a plain route; ``tunnelled``: those that it reaches through a tunnel.
    """

    def __init__(
        self,
        model: Dict[str, Values],
        name: str,
        encapsulation: Optional[Encapsulation],
        overhead: int,
        secrets: Optional[Values] = None,
    ):
        self.name = name
        self.values = {**model["nodes"][name], **model["fabric"], **(secrets or {})}
        self.encapsulation = encapsulation
        self._overhead = overhead
        self._segments = Segments(self.values["fabric_underlay"])
        self.direct: List[PeerSubnet] = []
        self.tunnelled: List[PeerSubnet] = []
        for peer, values in model["nodes"].items():
            for family in FAMILIES if peer != name else ():
                if values[family.subnet]:
                    way = self.direct if self._is_direct(values, family) else self.tunnelled
                    way.append(PeerSubnet(peer, values, family))

    def _is_direct(self, values: Values, family: Family) -> bool:
        """Say whether a plain route leads to a peer's subnet of one family."""
        if self.encapsulation is None:
            return True
        own, other = self.values[family.address], values[family.address]
        if not (self.values["fabric_cross_subnet"] and own and other):
            return False
        return self._segments.of(own) == self._segments.of(other)

    def wire(self, peer: str) -> Dict[str, str]:
        """Return what is on the wire towards the subnets of ``peer``: key of an endpoint's address -> word."""
        return {
            **{one.family.key: str(self.encapsulation) for one in self.tunnelled if one.peer == peer},
            **{one.family.key: PLAIN for one in self.direct if one.peer == peer},
        }

    def sealed(self, peer: str, key: str) -> Dict[str, Any]:
        """Return where encrypted packets towards a subnet of ``peer`` go (see the module probe), nothing if they are not.

        :param key: of an endpoint's address: which of the subnets.
        """
        found = [one.values for one in self.tunnelled if (one.peer, one.family.key) == (peer, key)]
        if not (found and self.encapsulation and self.encapsulation.encrypted):
            return {}
        return {"tunnel_end": self.tunnel_end(found[0]), "tunnel_port": self.encapsulation.port}

    def remotes(self) -> List[str]:
        """Return the addresses at which the peers' tunnels end."""
        return list(dict.fromkeys(self.tunnel_end(one.values) for one in self.tunnelled))

    def routes(self) -> List[Dict[str, Any]]:
        """Return the plain routes, each by way of the peer's address of that family."""
        return [
            {"name": one.peer, "subnet": one.subnet, "via": one.address, "mtu": self.route_mtu(one.values)}
            for one in self.direct
            if one.address
        ]

    def route_mtu(self, values: Values) -> int:
        """Return the MTU of a route to a peer that takes less than the node sends; 0: that of the interface is right."""
        own, other = (endpoint_mtu(one, self._overhead) for one in (self.values, values))
        return other if other < own else 0

    def tunnel_end(self, values: Values) -> str:
        """Return the address of a node at which tunnels end."""
        return values["fabric_node_address6" if self.values["underlay_version"] == 6 else "fabric_node_address"]

    def own_addresses(self) -> List[str]:
        """Return the address with which the node itself sends through a tunnel: its subnet's first, alone, so without a route."""
        subnets = [subnet for subnet, _key in subnets_of(self.values)]
        return [f"{network_address(subnet)}/{128 if ':' in subnet else 32}" for subnet in subnets]
