# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""direct: a veth pair joins an endpoint and the node, or two namespaces (fabric_links), with nothing between. Pure Python."""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import Any, Dict, Iterator, List, Tuple

from ..naming import mac_of
from ..values import checks as check
from ..values.networks import GATEWAYS, Values, ip_network, subnets_of
from ..values.taken import Taken, taken_by
from .base import Attachment, attachment_of, attachments_of
from .endpoints import LINK_LOCAL, Endpoint, Endpoints, length_of, nodad, whose

Entry = Dict[str, Any]


class Direct(Attachment):
    """A veth pair of which the node's end has an address of its own, the endpoint's gateway."""

    name = "direct"
    endpoint_keys = {"host_address": partial(check.address, version=4, link_local=True)}
    needs_gateway = True

    def has_work(self, values: Values) -> bool:
        return bool(values["fabric_links"]) or super().has_work(values)

    def address_faults(self, values: Values, taken: Taken) -> Iterator[str]:
        """The host's end of a direct endpoint; several ends may have one address, as the node's own."""
        for number, endpoint in enumerate(values["fabric_endpoints"]):
            given = endpoint.get("host_address")
            if given and attachment_of(values, endpoint) == self.name and given != values[GATEWAYS["address"]]:
                ip = ipaddress.ip_address(given)
                where, subnet = f"fabric_endpoints[{number}].host_address", values["fabric_node_subnet"]
                fault = taken_by(where, ip, taken.whose(ip))
                if fault:
                    yield fault
                elif subnet and ip not in ip_network(subnet):
                    yield (
                        f"{where} is {ip}, which is not on the link of the endpoint, whose gateway it is: choose an address of"
                        f" fabric_node_subnet {subnet}."
                    )

    def gateways(self, values: Values, endpoint: Endpoint) -> List[str]:
        return [_gateway(values, endpoint, key) for _subnet, key in subnets_of(values)]

    def part(self, endpoints: Endpoints) -> Dict[str, Any]:
        values, mine = endpoints.values, endpoints.devices(self.name)
        addresses = endpoints.addresses(
            self.name,
            lambda endpoint, key: _gateway(values, endpoint, key),
            lambda _endpoint, subnet: length_of(subnet),
            on_link=False,
        )
        for entry in addresses:
            entry["onlink"] = True if entry["family"] == "ipv6" else None
        links = values["fabric_links"]
        ends = [end for link in links for end in (link["a"], link["b"])]
        return {
            "namespaces": [{"name": device["name"], "ipv6": device["ipv6"], **whose(device)} for device in mine]
            + _namespaces(values, ends),
            "links": [_endpoint_link(device) for device in mine] + [_link(endpoints.node, link) for link in links],
            "addresses": [entry for record in addresses for entry in _pair(record)]
            + [_address("", device["host_end"], LINK_LOCAL) for device in mine if device["ipv6"]]
            + [_end_address(end, key) for end in ends for key in ("address", "address6") if end.get(key)],
            "unwritten": endpoints.unwritten(self.name),
            "endpoints": addresses,
            # to each other endpoints of one IPv4 subnet seem to be on one link: the node answers for the others
            "proxies": [{"host_end": record["host_end"]} for record in addresses if record["family"] == "ipv4"],
            # a packet to an address that no endpoint has is dropped, and not sent to the default gateway and back
            "blocks": [subnet for subnet, _key in endpoints.subnets] if attachments_of(values) == {self.name} else [],
        }


def _gateway(values: Values, endpoint: Endpoint, key: str) -> str:
    return (endpoint.get("host_address") if key == "address" else None) or values[GATEWAYS[key]]


def _namespaces(values: Values, ends: List[Entry]) -> List[Entry]:
    """Return the namespaces of links that are no endpoint's."""
    taken = {endpoint["name"] for endpoint in values["fabric_endpoints"]}
    others = dict.fromkeys(end["netns"] for end in ends if end.get("netns") and end["netns"] not in taken)
    with_ipv6 = {end["netns"] for end in ends if end.get("netns") and end.get("address6")}
    return [{"name": netns, "ipv6": netns in with_ipv6} for netns in others]


def _link(node: str, link: Entry) -> Entry:
    name, other = (f"{link[end].get('netns') or ''}/{link[end]['name']}" for end in ("a", "b"))
    ends = [
        {
            "netns": link[end].get("netns") or "",
            "name": link[end]["name"],
            "mac": mac_of(node, *words),
            "mtu": None,
            "addrgenmode": None,
            "side": "endpoint" if link[end].get("netns") else "node",
        }
        for end, words in (("a", ("link", name, other)), ("b", ("link", other, name)))
    ]
    return {"a": ends[0], "b": ends[1]}


def _endpoint_link(device: Entry) -> Entry:
    return {
        "a": {
            "netns": "",
            "name": device["host_end"],
            "mac": device["host_mac"],
            "mtu": device["mtu"],
            "addrgenmode": "none",  # its addresses are given
            "side": "node",
        },
        "b": {
            "netns": device["name"],
            "name": device["interface"],
            "mac": device["mac"],
            "mtu": device["mtu"],
            "side": "endpoint",
        },
    }


def _address(netns: str, dev: str, prefix: str) -> Entry:
    return {"netns": netns, "dev": dev, "prefix": prefix, "noprefixroute": None, "broadcast": None, **nodad(prefix)}


def _pair(record: Entry) -> Tuple[Entry, Entry]:
    """Return the address of a direct endpoint and that of the node, its gateway."""
    gateway = _address("", record["host_end"], f"{record['gateway']}/{length_of(record['prefix'])}")
    address = _address(record["endpoint"], record["interface"], record["prefix"])
    return {**address, "noprefixroute": record["noprefixroute"]}, {**gateway, "noprefixroute": True}


def _end_address(end: Entry, key: str) -> Entry:
    address = _address(end.get("netns") or "", end["name"], end[key])
    return {**address, "broadcast": (end.get("broadcast") or "") if key == "address" else None}
