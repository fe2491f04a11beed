# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller makes of an inventory: one node out of many, with --limit."""

from __future__ import annotations

import json

from . import measure
from .places import ANSIBLE, PLAYBOOK
from .work import Phase, shell, write

UNDERLAY = "192.168.0.0/16"


def address(number):
    return "192.168.{}.{}".format(*divmod(number + 1, 256))


def subnet(number):
    high, low = divmod(number, 256)
    return f"10.{16 + high}.{low}.0/24"


class Inventory:
    """So many nodes with an endpoint each."""

    # a sandbox boots nothing that the fabric could be kept for
    variables = {"ansible_connection": "local", "ansible_become": False, "fabric_persist": False}

    def __init__(self, size, backend="host_gw"):
        self.size = size
        nodes = {
            f"node{number}": {
                "fabric_node_address": address(number),
                "fabric_node_subnet": subnet(number),
                "fabric_endpoints": [{"name": f"ns{number}"}],
            }
            for number in range(size)
        }
        common = {**self.variables, "fabric_backend": backend, "fabric_underlay": [UNDERLAY]}
        self.whole = {"fabric": {"vars": common, "hosts": nodes}}

    def prepare(self):
        self.path = write("hosts.json", [json.dumps(self.whole)])

    def play(self, name, *words):
        """Return the piece of work that is a playbook of the collection."""
        return measure.program(PLAYBOOK, "-i", self.path, f"nodenet.fabric.{name}", *words, env=ANSIBLE)


class Limited(Inventory):
    """The first node, which is this one, out of all: ``--limit node0``."""

    def prepare(self):
        super().prepare()
        shell(f"ip link add under0 type veth peer name under1 && ip address add {address(0)}/16 dev under0")
        shell("ip link set under0 up && ip link set under1 up")

    def phases(self):
        return [
            Phase(name, self.play("site", "--limit", "node0"), self.check) for name in ("one node", "one node again")
        ]

    def check(self):
        found = len(shell("ip route show proto 178").splitlines())
        if found != self.size - 1:
            raise measure.Failed(f"{found} routes to peers, not {self.size - 1}")


CONTESTANTS = {"site --limit": Limited}
