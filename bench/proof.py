# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proof of a plan costs: all pairs of a fabric with four endpoints on each node, from the inventory alone."""

from __future__ import annotations

import gc
from importlib import import_module

from . import measure
from .controller import address, subnet
from .work import Phase

UTILS = "ansible_collections.nodenet.fabric.plugins.plugin_utils."
ENDPOINTS = 4


class Alike:
    """Nodes that differ in their own names and addresses alone, on one L2."""

    common = {"fabric_backend": "host_gw", "fabric_underlay": ["192.168.0.0/16"]}

    def __init__(self, size):
        self.size = size
        names = [f"e{number}" for number in range(ENDPOINTS)]
        self.hosts = {
            f"node{number}": {
                **self.common,
                "fabric_node_address": address(number),
                "fabric_node_subnet": subnet(number),
                "fabric_endpoints": [{"name": name} for name in names],
                **self.own(number),
            }
            for number in range(size)
        }

    def own(self, number):
        """Return what the node of that number has otherwise than others."""
        return {}

    def prepare(self):
        """Nothing: no node is touched."""

    def phases(self):
        return [Phase("all pairs", _Proof(self.hosts), lambda: None)]


class Mixed(Alike):
    """Nodes on two L2s with two MTUs, bridged and routed endpoints, and VXLAN between the L2s."""

    common = {
        "fabric_backend": "vxlan",
        "fabric_cross_subnet": True,
        "fabric_underlay": ["192.168.0.0/16", "192.169.0.0/16"],
    }

    def own(self, number):
        found = {"fabric_underlay_mtu": 9000} if number % 3 == 0 else {}
        if number % 2:
            found["fabric_node_address"] = address(number).replace("192.168.", "192.169.")
        if number % 5 == 0:
            found["fabric_attachment"] = "routed"
        return found


class _Proof:
    """The proof, of an inventory that was read and checked before the clock starts."""

    def __init__(self, hosts):
        self.hosts = hosts

    def begin(self):
        faults = import_module(UTILS + "inventory.validation").faults_of(self.hosts)
        if faults:
            raise measure.Failed(faults[0])
        self.model = import_module(UTILS + "inventory.model").fabric_model(self.hosts)
        self.prove = import_module(UTILS + "proof.pairs").prove
        gc.collect()

    def __call__(self):
        found = self.prove(self.model)
        endpoints = ENDPOINTS * len(self.hosts)
        if found.faults or found.reach < endpoints * (endpoints - 1):
            raise measure.Failed(f"{found.reach} of {found.pairs} pairs reach each other")
        return {"pairs": found.pairs, "walked": found.walked}


CONTESTANTS = {"prove, nodes alike": Alike, "prove, nodes of many sorts": Mixed}
