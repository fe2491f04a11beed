# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address families, subnets, and the segments of the underlay. Pure Python."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

Values = Dict[str, Any]

# the same few texts are parsed again and again, and what comes of them cannot be changed
ip_network = lru_cache(maxsize=None)(ipaddress.ip_network)
ip_address = lru_cache(maxsize=None)(ipaddress.ip_address)


class Family(NamedTuple):
    """The variables of one IP version: a node's subnet, its address on the underlay, an endpoint's address."""

    subnet: str
    address: str
    key: str


FAMILIES = (
    Family("fabric_node_subnet", "fabric_node_address", "address"),
    Family("fabric_node_subnet6", "fabric_node_address6", "address6"),
)
# an endpoint's address -> the address in the subnet that endpoints of a bridge leave by
GATEWAYS = {"address": "fabric_bridge_address", "address6": "fabric_bridge_address6"}


class Segments:
    """The prefixes of the underlay, indexed by length: a lookup does not grow with their number."""

    def __init__(self, underlay: Iterable[str]):
        self._lengths: Dict[Tuple[int, int], Dict[int, str]] = {}
        for text in underlay:
            network = ip_network(text)
            by_bits = self._lengths.setdefault((network.version, network.prefixlen), {})
            by_bits[int(network.network_address)] = text

    def of(self, address: str) -> Optional[str]:
        """Return the longest prefix that contains ``address``, or None."""
        ip = ip_address(address)
        for (version, length), by_bits in sorted(self._lengths.items(), key=lambda item: -item[0][1]):
            shift = ip.max_prefixlen - length
            text = by_bits.get(int(ip) >> shift << shift) if version == ip.version else None
            if text:
                return text
        return None


def segment_of(address: str, underlay: Iterable[str]) -> Optional[str]:
    """Return the longest prefix of ``underlay`` that contains ``address``, or None."""
    return Segments(underlay).of(address)


def underlay_of(given: List[str], nodes: Iterable[Values]) -> List[str]:
    """Return the prefixes of the underlay, one for each L2: those given, else the /24 or /64 around each node's address."""
    if given:
        return [str(ip_network(text)) for text in given]
    found = []
    for values in nodes:
        for variable, length in (("fabric_node_address", 24), ("fabric_node_address6", 64)):
            if values[variable]:
                found.append(str(ip_network(f"{values[variable]}/{length}", strict=False)))
    return list(dict.fromkeys(found))


def underlay_version(nodes: Iterable[Values]) -> Optional[int]:
    """Return the IP version of a tunnel between any two of ``nodes``: 4 if all have an IPv4 address, else 6; None: neither."""
    nodes = list(nodes)
    for version, variable in ((4, "fabric_node_address"), (6, "fabric_node_address6")):
        if all(values[variable] for values in nodes):
            return version
    return None


def subnets_of(values: Values) -> List[Tuple[str, str]]:
    """Return (subnet, key of an endpoint's address in it) for each family of which the node has a subnet."""
    return [(values[family.subnet], family.key) for family in FAMILIES if values[family.subnet]]


def endpoint_mtu(values: Values, overhead: int) -> int:
    """Return the MTU in bytes of a node's endpoints, if a backend adds ``overhead`` bytes to each packet."""
    return values["fabric_underlay_mtu"] - overhead if values["fabric_mtu"] == "auto" else values["fabric_mtu"]


def network_address(subnet: str) -> str:
    """Return the first address of ``subnet``, which no host has."""
    return str(ip_network(subnet).network_address)


def collapsed(subnets: Iterable[str]) -> List[str]:
    """Return the fewest prefixes that cover ``subnets`` and nothing else."""
    networks: List[Any] = [ip_network(subnet) for subnet in subnets]
    return [
        str(network)
        for version in (4, 6)
        for network in ipaddress.collapse_addresses(one for one in networks if one.version == version)
    ]
