# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of each endpoint: the one that the inventory gives, else one derived from its name. Pure Python.

Each name gives a sequence of all addresses of the subnet, and the endpoint takes the first free one. All endpoints try
their first address, then those left try their second, and so on: an endpoint that has its first address keeps it whatever
the order of the list and whichever endpoints come and go. Of two that try one address in the same step, the one whose name
comes first has it. Addresses that an engine hands out are passed over.
"""

from __future__ import annotations

import hashlib
from math import gcd
from typing import Any, Dict, List, NamedTuple, Optional, Tuple
from typing import Sequence as Several

from .networks import ip_address, ip_network

Endpoints = List[Dict[str, Any]]
# of each subnet at least this part is left to endpoints, so that each finds an address soon
LEAST_SHARE = 256


class Rivalry(NamedTuple):
    """An endpoint without ``address`` that has not the first of its sequence, because ``rival`` has it."""

    name: str
    rival: str
    address: str


class Sequence:
    """The order in which an endpoint goes through a subnet; the subnet's first address, a bridge's, comes last."""

    def __init__(self, network: Any, name: str):
        digest = hashlib.sha256(name.encode()).digest()
        self._first = int(network.network_address)
        self.size = _usable(network) - 1
        self._start = int.from_bytes(digest[:16], "big") % self.size
        step = 1 + int.from_bytes(digest[16:], "big") % self.size
        while gcd(step, self.size) != 1:  # so that it comes to every address once
            step += 1
        self._step = step

    def at(self, number: int) -> int:
        """Return the address, as a number, of step ``number``."""
        if number == self.size:
            return self._first + 1
        return self._first + 2 + (self._start + number * self._step) % self.size


def assigned(
    endpoints: Endpoints, subnet: str, key: str, gateway: Optional[str] = None, kept: Several[Any] = ()
) -> Dict[str, str]:
    """Return endpoint name -> address in ``subnet``.

    :param key: ``address`` or ``address6``.
    :param gateway: the address that the node has for itself, if any.
    :param kept: networks of which no endpoint gets an address, see :mod:`ranges`.
    :raises ValueError: the subnet is full.
    """
    return _assign(endpoints, ip_network(subnet), key, gateway, kept)[0]


def rivalries(
    endpoints: Endpoints, subnet: str, key: str, gateway: Optional[str] = None, kept: Several[Any] = ()
) -> List[Rivalry]:
    """Return the rivalries between endpoints for the addresses of ``subnet``; arguments as of :func:`assigned`."""
    return _assign(endpoints, ip_network(subnet), key, gateway, kept)[1]


def _usable(network: Any) -> int:
    """Return how many addresses hosts may have: not the network's own, nor IPv4's broadcast address."""
    return network.num_addresses - (2 if network.version == 4 else 1)


def _assign(
    endpoints: Endpoints, network: Any, key: str, gateway: Optional[str], kept: Several[Any]
) -> Tuple[Dict[str, str], List[Rivalry]]:
    found = {one["name"]: ip_address(one[key]) for one in endpoints if one.get(key)}
    taken = {int(address): name for name, address in found.items()}
    if gateway:
        taken.setdefault(int(ip_address(gateway)), None)
    waiting = {name: Sequence(network, name) for name in sorted({one["name"] for one in endpoints} - found.keys())}
    rivals: Dict[str, str] = {}
    bounds = [(int(one.network_address), int(one.broadcast_address)) for one in kept if one.overlaps(network)]
    if waiting and sum(last - first + 1 for first, last in bounds) * LEAST_SHARE > network.num_addresses * (
        LEAST_SHARE - 1
    ):
        raise ValueError(f"{network} has too few addresses beside those that engines hand out for {min(waiting)}")
    step = 0
    while waiting:
        left = {}
        for name, sequence in waiting.items():
            if step > sequence.size:
                raise ValueError(f"{network} has no address left for {name}")
            number = sequence.at(step)
            if any(first <= number <= last for first, last in bounds):
                left[name] = sequence
            elif number in taken:
                left[name] = sequence
                if taken[number] is not None:
                    rivals.setdefault(name, taken[number])
            else:
                taken[number] = name
                found[name] = type(network.network_address)(number)
        waiting, step = left, step + 1
    texts = {one["name"]: str(found[one["name"]]) for one in endpoints}
    return texts, [Rivalry(name, rival, texts[name]) for name, rival in rivals.items()]
