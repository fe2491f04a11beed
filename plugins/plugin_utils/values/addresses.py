# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which address each endpoint has: as the inventory says, else one by a digest of its name. Pure Python.

An endpoint goes through the addresses of its subnet in a sequence of its own and takes the first that is free. All go
step by step together, so that whoever has the first address of its sequence keeps it, whatever the order of the list and
whoever comes and goes; only of two that come to one address in the same step has the later one, by name, to go on.
"""

from __future__ import annotations

import hashlib
from math import gcd
from typing import NamedTuple

from .networks import ip_address, ip_network


class Rivalry(NamedTuple):
    """An endpoint without ``address`` that has not the first of its sequence, because ``rival`` has it."""

    name: str
    rival: str
    address: str


class Sequence:
    """The order in which an endpoint goes through a subnet; the subnet's first address, a bridge's, comes last."""

    def __init__(self, network, name):
        digest = hashlib.sha256(name.encode()).digest()
        self._first = int(network.network_address)
        self.size = _usable(network) - 1
        self._start = int.from_bytes(digest[:16], "big") % self.size
        step = 1 + int.from_bytes(digest[16:], "big") % self.size
        while gcd(step, self.size) != 1:  # so that it comes to every address once
            step += 1
        self._step = step

    def at(self, number):
        """Return the address, as a number, of step ``number``."""
        if number == self.size:
            return self._first + 1
        return self._first + 2 + (self._start + number * self._step) % self.size


def assigned(endpoints, subnet, key, gateway=None):
    """Return endpoint name -> address in ``subnet``.

    :param key: ``address`` or ``address6``.
    :param gateway: the address that the node has for itself, if any.
    :raises ValueError: the subnet is full.
    """
    return _assign(endpoints, ip_network(subnet), key, gateway)[0]


def rivalries(endpoints, subnet, key, gateway=None):
    """Return the rivalries between endpoints for the addresses of ``subnet``; arguments as of :func:`assigned`."""
    return _assign(endpoints, ip_network(subnet), key, gateway)[1]


def _usable(network):
    """Return how many addresses hosts may have: not the network's own, nor IPv4's broadcast address."""
    return network.num_addresses - (2 if network.version == 4 else 1)


def _assign(endpoints, network, key, gateway):
    found = {one["name"]: ip_address(one[key]) for one in endpoints if one.get(key)}
    taken = {int(address): name for name, address in found.items()}
    if gateway:
        taken.setdefault(int(ip_address(gateway)), None)
    waiting = {name: Sequence(network, name) for name in sorted({one["name"] for one in endpoints} - found.keys())}
    step, rivals = 0, {}
    while waiting:
        left = {}
        for name, sequence in waiting.items():
            if step > sequence.size:
                raise ValueError(f"{network} has no address left for {name}")
            number = sequence.at(step)
            if number in taken:
                left[name] = sequence
                if taken[number] is not None:
                    rivals.setdefault(name, taken[number])
            else:
                taken[number] = name
                found[name] = type(network.network_address)(number)
        waiting, step = left, step + 1
    texts = {one["name"]: str(found[one["name"]]) for one in endpoints}
    return texts, [Rivalry(name, rival, texts[name]) for name, rival in rivals.items()]
