# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""routed: the node has a route to each endpoint and answers for the gateway, as Calico's. Pure Python."""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import Any, Dict, Iterator, Tuple

from ..values import checks as check
from ..values.declaration import Variable
from ..values.networks import Values
from ..values.taken import Taken
from .base import Attachment, attachments_of
from .endpoints import GATEWAY6, Endpoints, length_of, nodad

# The node's own on a link to an endpoint: nobody has GATEWAY6, for which it answers.
LINK_LOCAL = "fe80::2/64"
# IPv4's link-local prefix (RFC 3927): a gateway in it gets a route, any other is declared to be on the link.
LINK_LOCAL_IPV4 = ipaddress.ip_network("169.254.0.0/16")


class Routed(Attachment):
    """A veth pair without a bridge, a route to the endpoint, and a gateway that no host has."""

    name = "routed"
    variables = (
        Variable(
            "fabric_routed_gateway",
            default="169.254.1.1",
            check=partial(check.address, version=4, link_local=True),
            public="a public address; routed endpoints cannot reach its owner on the Internet.",
        ),
    )
    endpoint_keys = {"prefix_length": partial(check.number, low=1, high=32)}

    def address_faults(self, values: Values, taken: Taken) -> Iterator[str]:
        """The node answers for the gateway, and has no way to whoever really has that address."""
        gateway = values["fabric_routed_gateway"]
        ip = ipaddress.ip_address(gateway)
        segment = taken.underlay.of(gateway)
        whose = taken.whose(ip) or (segment and f"in {segment} of the underlay")
        if whose:
            yield f"fabric_routed_gateway is {ip}, which is {whose}: choose an address that no host has, such as 169.254.1.1."

    def prefixes(self, values: Values) -> Iterator[Tuple[str, str]]:
        if values["fabric_node_subnet"]:
            yield "fabric_routed_gateway", f"{values['fabric_routed_gateway']}/32"

    def part(self, endpoints: Endpoints) -> Dict[str, Any]:
        gateway = endpoints.values["fabric_routed_gateway"]
        addresses = endpoints.addresses(
            self.name,
            lambda _endpoint, key: gateway if key == "address" else GATEWAY6,
            lambda endpoint, subnet: length_of(subnet) if ":" in subnet else endpoint.get("prefix_length") or 32,
            on_link=False,
        )
        is_link_local = ipaddress.ip_address(gateway) in LINK_LOCAL_IPV4
        for entry in addresses:
            entry["onlink"] = None if entry["family"] == "ipv6" or is_link_local else True
        ipv4 = [entry for entry in addresses if entry["family"] == "ipv4"]
        only = attachments_of(endpoints.values) == {self.name}
        return {
            "endpoints": endpoints.devices(self.name),
            "unwritten": endpoints.unwritten(self.name),
            "addresses": addresses,
            "link_gateways": [
                {"endpoint": entry["endpoint"], "interface": entry["interface"], "gateway": gateway}
                for entry in ipv4
                if not entry["onlink"]
            ],
            # proxy ARP answers only for what a route covers that leads elsewhere
            "covered": [gateway] if ipv4 else [],
            "host_addresses": [
                {"host_end": entry["host_end"], "prefix": LINK_LOCAL, **nodad(LINK_LOCAL)}
                for entry in addresses
                if entry["family"] == "ipv6"
            ],
            "proxies": [
                {
                    "host_end": entry["host_end"],
                    "family": entry["family"],
                    "addresses": [GATEWAY6] if entry["family"] == "ipv6" else [],
                }
                for entry in addresses
            ],
            # a packet to an address that no endpoint has is dropped, and not sent to the default gateway and back
            "blocks": [subnet for subnet, _key in endpoints.subnets] if only else [],
        }
