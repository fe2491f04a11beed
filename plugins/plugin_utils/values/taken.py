# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has which address in the whole fabric. Pure Python."""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from contextlib import suppress
from functools import cached_property
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from .addresses import assigned
from .networks import FAMILIES, GATEWAYS, Segments, Values, ip_address, ip_network, subnets_of
from .ranges import kept_ranges

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
Login = Tuple[Optional[str], int]
Logins = Dict[str, Login]


class Taken:
    """Who has which address; the index is built on first use, as in a large fabric it takes its time.

    :param underlay: the prefixes of the underlay.
    :param logins: host name -> (address that Ansible connects to or None, port).
    """

    def __init__(self, nodes: Dict[str, Values], underlay: Iterable[str], logins: Logins):
        self._nodes, self._logins, self._prefixes = nodes, logins, list(underlay)
        # address of a tunnel -> the node that has it
        self.tunnels: Dict[Address, str] = {}

    @cached_property
    def underlay(self) -> Segments:
        return Segments(self._prefixes)

    @cached_property
    def _networks(self) -> List[Any]:
        return [ip_network(text) for text in self._prefixes]

    @cached_property
    def _owners(self) -> Dict[Address, str]:
        found: Dict[Address, str] = {}
        for address, whose in self._all():
            if address:
                found.setdefault(ip_address(address), whose)
        return found

    def _all(self) -> Iterator[Tuple[Optional[str], str]]:
        for name, values in self._nodes.items():
            for family in FAMILIES:
                yield values[family.address], f"the address of {name}"
            for endpoint, address in _endpoints(values):
                yield address, f"the address of endpoint {endpoint} on {name}"
            for variable in GATEWAYS.values():
                yield values[variable], f"the address of the bridge on {name}"
        for entry in list(self._nodes.values())[0]["fabric_outside"]:
            yield entry["address"], f"the address of {entry['name']} outside"
        for name, (login, _port) in self._logins.items():
            yield login, f"the address by which Ansible reaches {name}"

    @cached_property
    def _numbers(self) -> Dict[int, List[int]]:
        return {version: sorted(int(ip) for ip in self._owners if ip.version == version) for version in (4, 6)}

    def whose(self, ip: Address) -> Optional[str]:
        """Return whose address ``ip`` is, or None."""
        return self._owners.get(ip)

    def covered(self, network: Network) -> Optional[str]:
        """Return what a route to ``network`` would take away: an address and whose it is, or a prefix of the underlay."""
        numbers = self._numbers[network.version]
        at = bisect_left(numbers, int(network.network_address))
        if at < len(numbers) and numbers[at] <= int(network.broadcast_address):
            ip = type(network.network_address)(numbers[at])
            return f"{ip}, {self._owners[ip]}"
        near = (one for one in self._networks if one.version == network.version and one.overlaps(network))
        return next((f"{one} of the underlay" for one in near), None)


def _endpoints(values: Values) -> Iterator[Tuple[str, str]]:
    """Yield (name, address) of a node's endpoints, given or assigned; of a subnet that is full only those given."""
    for endpoint in values["fabric_endpoints"]:
        yield from ((endpoint["name"], endpoint[key]) for key in GATEWAYS if endpoint.get(key))
    for subnet, key in subnets_of(values):
        if not all(endpoint.get(key) for endpoint in values["fabric_endpoints"]):
            with suppress(ValueError):
                yield from assigned(
                    values["fabric_endpoints"], subnet, key, values[GATEWAYS[key]], kept_ranges(values, key)
                ).items()


def taken_by(where: str, ip: Address, whose: Optional[str]) -> Optional[str]:
    """Return a sentence for the address ``ip`` of the variable ``where``, if it is somebody's."""
    return f"{where} is {ip}, which is {whose}: choose another address." if whose else None


def covers(where: str, interface: Interface, taken: Taken) -> Optional[str]:
    """Return a sentence for what the route of an address with its prefix takes away from who has the interface."""
    covered = None if interface.ip.is_link_local else taken.covered(interface.network)
    if not covered:
        return None
    return (
        f"{where} {interface} routes {interface.network} into that link, and with it {covered}: choose another prefix."
    )
