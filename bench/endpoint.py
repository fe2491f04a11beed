# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One endpoint, what each contestant of the benchmark does with many, and the commands that make one by hand."""

from __future__ import annotations

import os
from dataclasses import dataclass

from . import measure
from .work import Phase, shell

GATEWAY, LENGTH = "10.0.0.1", 16


@dataclass(frozen=True)
class Endpoint:
    """Number 1, 2, …: all names and addresses come from it."""

    number: int

    @property
    def netns(self):
        return f"ns{self.number}"

    @property
    def host_end(self):
        return f"h{self.number}"

    @property
    def mac(self):
        return "02:00:00:00:{:02x}:{:02x}".format(*divmod(self.number, 256))

    @property
    def address(self):
        high, low = divmod(self.number + 1, 256)  # after the gateway's
        return f"10.0.{high}.{low}"

    @property
    def prefix(self):
        return f"{self.address}/{LENGTH}"


class Contestant:
    """A way to make endpoints. Each writes its scripts in ``prepare``, which is not measured."""

    def __init__(self, size):
        self.endpoints = [Endpoint(number) for number in range(1, size + 1)]

    def prepare(self):
        """Make what the work needs beforehand."""

    def create(self):
        raise NotImplementedError

    def again(self):
        raise NotImplementedError

    def delete(self):
        raise NotImplementedError

    def phases(self):
        return [
            Phase("create", self.create(), self.check_made),
            Phase("again", self.again(), self.check_made),
            Phase("delete", self.delete(), self.check_gone, lambda: not host_ends()),
        ]

    def check_made(self):
        """See that all is there, and that packets pass between the first, the last and the bridge."""
        names = set(os.listdir("/run/netns"))
        lacking = [one for one in self.endpoints if one.netns not in names]
        if lacking or host_ends() != len(self.endpoints):
            raise measure.Failed(f"lacks namespaces {lacking[:3]} or host ends: {host_ends()}")
        first, last = self.endpoints[0], self.endpoints[-1]
        for one, target in ((first, GATEWAY), (last, GATEWAY), (first, last.address)):
            shell(f"ip netns exec {one.netns} ping -q -n -c 1 -W 2 {target}")

    def check_gone(self):
        left = [one.netns for one in self.endpoints if os.path.exists(f"/run/netns/{one.netns}")]
        if left:
            raise measure.Failed(f"not removed: {left[:3]}")


def host_ends():
    """Return how many host ends of veths the node has: all that begin with h, veth or v-."""
    with open("/proc/self/net/dev", encoding="ascii") as source:
        return sum(line.lstrip().startswith(("h", "v")) for line in source)


BRIDGE = ["ip link add br0 type bridge", f"ip address add {GATEWAY}/{LENGTH} dev br0", "ip link set br0 up"]


def inside(one):
    """Return the commands of ``ip`` for the inside of an endpoint."""
    return [
        "link set lo up",
        f"address add {one.prefix} dev eth0",
        "link set eth0 up",
        f"route add default via {GATEWAY}",
    ]


def replacing(line):
    return line.replace("address add ", "address replace ").replace("route add ", "route replace ")
