# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""bridge: the endpoints of a node are ports of one bridge, as Docker's. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

from ..naming import node_mac
from ..values.declaration import address, interface_name
from ..values.networks import GATEWAYS, Values
from ..values.ranges import hands_out
from .base import Attachment, attachment_of, attachments_of, subnet_gateways
from .endpoints import GATEWAY6, LINK_LOCAL, Endpoints, length_of, nodad

# net/bridge/br_private.h: BR_MAX_PORTS is 1 << 10, and port 0 is none
MOST_PORTS = 1023


class Bridge(Attachment):
    """A port of the node's bridge, whose address is the endpoint's gateway."""

    name = "bridge"
    features = ("netns", "veth", "bridge")
    variables = (
        interface_name("fabric_bridge", "fabric0"),
        address(GATEWAYS["address"], 4),
        address(GATEWAYS["address6"], 6),
    )
    needs_gateway = shares_l2 = True

    def node_faults(self, values: Values) -> Iterator[str]:
        ports = sum(attachment_of(values, endpoint) == self.name for endpoint in values["fabric_endpoints"])
        if ports > MOST_PORTS:
            yield (
                f"fabric_endpoints has {ports} endpoints on one bridge, and the kernel gives a bridge {MOST_PORTS} ports:"
                " attach some with attachment: routed, or to another node."
            )

    def devices(self, values: Values) -> Iterator[Tuple[str, str]]:
        yield "fabric_bridge", values["fabric_bridge"]

    def node_addresses(self, values: Values) -> List[str]:
        return subnet_gateways(values)

    def part(self, endpoints: Endpoints) -> Dict[str, Any]:
        values, name = endpoints.values, endpoints.values["fabric_bridge"]
        published = {entry["endpoint"] for entry in values["fabric_publish"]}
        mine = endpoints.devices(self.name)
        return {
            "name": name,
            "mac": node_mac(endpoints.node),
            "mtu": endpoints.mtu,
            "gateways": [{"prefix": prefix, **nodad(prefix)} for prefix in self._gateways(endpoints)],
            # one that the node publishes may reach itself by the node's address, over the port that it came by
            "endpoints": [{**device, "hairpin": device["name"] in published} for device in mine],
            "unwritten": endpoints.unwritten(self.name),
            "proxies": self._proxies(endpoints) if mine or hands_out(values) else [],
            "addresses": endpoints.addresses(
                self.name,
                lambda _endpoint, key: values[GATEWAYS[key]] if key == "address" else GATEWAY6,
                lambda _endpoint, subnet: length_of(subnet),
            ),
        }

    def _gateways(self, endpoints: Endpoints) -> List[str]:
        if self.name not in attachments_of(endpoints.values):
            return []
        found = [f"{endpoints.values[GATEWAYS[key]]}/{length_of(subnet)}" for subnet, key in endpoints.subnets]
        # Without a link-local address the kernel sends no question on behalf of a packet that is only forwarded, and
        # an endpoint that has not spoken yet is not reached (RFC 4861, 7.2.2).
        return found + [LINK_LOCAL] * endpoints.ipv6

    def _proxies(self, endpoints: Endpoints) -> List[Dict[str, Any]]:
        """Return for whom the node answers on the bridge: its endpoints elsewhere, which seem to be there, in one subnet."""
        others = [one for one in endpoints.values["fabric_endpoints"] if one["attachment"] != self.name]
        return [
            {
                "interface": endpoints.values["fabric_bridge"],
                "family": "ipv6" if ":" in subnet else "ipv4",
                "addresses": [endpoint[key] for endpoint in others],
            }
            for subnet, key in endpoints.subnets
            if others
        ]
