# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers of one node behind a VTEP: neighbor, forwarding entry and route for each; added, added again, one removed."""

from __future__ import annotations

from dataclasses import dataclass

from . import measure, ours
from .places import SCRATCH
from .work import Phase, shell, write

DEVICE = "fabric.1"


@dataclass(frozen=True)
class Peer:
    """Number 0, 1, …: all addresses come from it."""

    number: int

    @property
    def gateway(self):
        return self._address(10)

    @property
    def subnet(self):
        high, low = divmod(self.number, 256)
        return f"11.{high}.{low}.0/24"

    @property
    def node(self):
        return self._address(12)

    @property
    def mac(self):
        return "02:00:00:00:{:02x}:{:02x}".format(*divmod(self.number, 256))

    def _address(self, first):
        return "{}.1.{}.{}".format(first, *divmod(self.number, 256))


class Contestant:
    """A way to write peers down. The VTEP is there beforehand."""

    def __init__(self, size):
        self.peers = [Peer(number) for number in range(size)]

    def prepare(self):
        """Make the VTEP with our own modules, so that it is ours to them."""
        link = {"name": DEVICE, "vni": 1, "port": 8472, "local": "12.0.0.1", "learning": False, "addrgenmode": "none"}
        tasks = [
            ours.task("vxlan", [link], owner="vxlan"),
            ours.task("address", [{"dev": DEVICE, "address": "10.0.0.0/32"}], owner="vxlan"),
        ]
        ours.session([one.checked() for one in tasks])

    def work(self, name, peers, without=None):
        """Return the piece of work that writes ``peers`` down, or takes ``without`` away from them."""
        raise NotImplementedError

    def phases(self):
        whole, last = self.peers, self.peers[-1]
        return [
            Phase("add", self.work("add", whole), lambda: self.check(len(whole))),
            Phase("again", self.work("again", whole), lambda: self.check(len(whole))),
            Phase("remove one", self.work("remove", whole[:-1], last), lambda: self.check(len(whole) - 1)),
        ]

    @staticmethod
    def check(count):
        """See that all three tables have as many entries as there are peers."""
        for command in (
            f"ip neigh show dev {DEVICE} nud permanent",
            f"bridge fdb show dev {DEVICE}",
            f"ip route show dev {DEVICE}",
        ):
            found = len(shell(command).splitlines())
            if found != count:
                raise measure.Failed(f"{command}: {found} entries, not {count}")


class Engine(Contestant):
    """Ours, in one process that has imported everything: what the vxlan role's three tasks say, in one session."""

    way = staticmethod(ours.session)

    @staticmethod
    def tasks(peers, **options):
        """Return the tasks of the role vxlan."""
        return [
            ours.task(
                "neighbor", ({"dev": DEVICE, "address": one.gateway, "mac": one.mac} for one in peers), **options
            ),
            ours.task("vxlan_fdb", ({"dev": DEVICE, "mac": one.mac, "dst": one.node} for one in peers), **options),
            ours.task(
                "route",
                ({"prefix": one.subnet, "via": one.gateway, "dev": DEVICE, "onlink": True} for one in peers),
                **options,
            ),
        ]

    def work(self, name, peers, without=None):
        tasks = self.tasks([without], state="absent") if without else self.tasks(peers)
        return ours.Inline(self.way, tasks)


class EngineWithImport(Engine):
    """The same, from the start of its Python."""

    def work(self, name, peers, without=None):
        tasks = self.tasks([without], state="absent") if without else self.tasks(peers)
        return ours.fresh(self.way, tasks, SCRATCH, name)


class Batch(Contestant):
    """``ip -batch`` and ``bridge -batch``."""

    def work(self, name, peers, without=None):
        verb = "del" if without else "replace" if name == "again" else "add"
        changed = [without] if without else peers
        permanent = "" if without else "nud permanent"
        neighbors = (f"neigh {verb} {one.gateway} lladdr {one.mac} dev {DEVICE} {permanent}" for one in changed)
        fdb = (f"fdb {verb} {one.mac} dev {DEVICE} dst {one.node} self {permanent and 'permanent'}" for one in changed)
        routes = (f"route {verb} {one.subnet} via {one.gateway} dev {DEVICE} onlink" for one in changed)
        lines = [
            f"ip -batch {write(name + '-neighbors', neighbors)}",
            f"bridge -batch {write(name + '-fdb', fdb)}",
            f"ip -batch {write(name + '-routes', routes)}",
        ]
        return measure.program("sh", "-e", write(name, lines))


CONTESTANTS = {
    "engine": Engine,
    "engine, with its import": EngineWithImport,
    "ip -batch, bridge -batch": Batch,
}
