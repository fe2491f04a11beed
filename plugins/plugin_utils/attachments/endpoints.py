# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoints of one node, as the roles of all attachments need them. Pure Python."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from ..naming import INTERFACE, host_end, interface_of, mac_of, node_mac
from ..values.networks import Values, subnets_of

Endpoint = Dict[str, Any]
# The node's own on a link to endpoints; an endpoint derives one from its MAC address.
LINK_LOCAL = "fe80::1/64"
# What endpoints leave by in IPv6; where no host has it the node answers for it.
GATEWAY6 = "fe80::1"


class Endpoints:
    """The endpoints of one node, each with all of its addresses.

    :ivar node: its name; ``values``: its variables; ``mtu``: that of its endpoints.
    """

    def __init__(self, node: str, values: Values, mtu: int):
        self.node, self.values, self.mtu = node, values, mtu
        self.subnets = subnets_of(values)
        self.ipv6 = values["fabric_node_subnet6"] is not None

    def of(self, attachment: str) -> List[Endpoint]:
        """Return the endpoints with that attachment."""
        return [endpoint for endpoint in self.values["fabric_endpoints"] if endpoint["attachment"] == attachment]

    def devices(self, attachment: str) -> List[Dict[str, Any]]:
        """Return a record for the veth pair of each endpoint."""
        return [
            {
                "name": endpoint["name"],
                "host_end": host_end(endpoint),
                "interface": interface_of(endpoint),
                # another name of the interface is no other MAC address
                "mac": mac_of(self.node, endpoint["name"], INTERFACE),
                "host_mac": node_mac(self.node),
                "mtu": self.mtu,
                "ipv6": self.ipv6,
                **whose(endpoint),
            }
            for endpoint in self.of(attachment)
        ]

    def addresses(
        self,
        attachment: str,
        gateway: Callable[[Endpoint, str], str],
        length: Callable[[Endpoint, str], Any],
        on_link: bool = True,
    ) -> List[Dict[str, Any]]:
        """Return a record for each address of each endpoint.

        :param gateway: takes an endpoint and a family's key; returns the address that it leaves by.
        :param length: takes an endpoint and a subnet; returns the length of the prefix of its address.
        :param on_link: the IPv6 subnet is on the link of the endpoint. (An IPv6 address keeps its length for good.)
        """
        return [
            {
                "endpoint": endpoint["name"],
                "host_end": host_end(endpoint),
                "interface": interface_of(endpoint),
                "address": endpoint[key],
                "prefix": f"{endpoint[key]}/{length(endpoint, subnet)}",
                "gateway": gateway(endpoint, key),
                "default": "::/0" if ":" in subnet else "0.0.0.0/0",
                "family": "ipv6" if ":" in subnet else "ipv4",
                "noprefixroute": not on_link if ":" in subnet else None,
                **nodad(subnet),
            }
            for subnet, key in self.subnets
            for endpoint in self.of(attachment)
        ]

    def unwritten(self, attachment: str) -> List[Dict[str, str]]:
        """Return the endpoints whose address the inventory does not write, and the subnet of each."""
        return [
            {"netns": endpoint["name"], "subnet": subnet}
            for subnet, key in self.subnets
            for endpoint in self.of(attachment)
            if key in endpoint["unwritten"]
        ]


def whose(endpoint: Endpoint) -> Dict[str, Any]:
    """Return the key that says which container or process an endpoint is; none: it has a namespace of its own."""
    return {key: endpoint[key] for key in ("container", "pid") if endpoint.get(key)}


def nodad(subnet: str) -> Dict[str, Any]:
    """An address of ours is nobody else's: IPv6 need not ask before it is used (RFC 4862, 5.4)."""
    return {"nodad": True if ":" in subnet else None}


def length_of(subnet: str) -> str:
    """Return the length of a prefix."""
    return subnet.split("/")[1]
