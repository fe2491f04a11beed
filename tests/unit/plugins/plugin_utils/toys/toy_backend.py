# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend as CONTRIBUTING's recipe asks for one: IP in UDP, through one device for all peers."""

from __future__ import annotations

from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.encapsulation import Encapsulation
from ansible_collections.nodenet.fabric.plugins.plugin_utils.backends.base import Backend, Device, Port
from ansible_collections.nodenet.fabric.plugins.plugin_utils.values.declaration import integer, interface_name


class Toy(Backend):
    name = "toy"
    title = "Toy"
    features = ("wireguard",)
    variables = (
        integer("fabric_toy_port", 4754, 1, 65535, fabric_wide=True),
        interface_name("fabric_toy_name", "toy0"),
    )

    def overhead(self, version):
        return 48 if version == 6 else 28

    def node_faults(self, values, peers):
        if peers > 3:
            yield f"fabric_backend toy has at most 3 peers, and the node has {peers}: use another."

    def devices(self, values):
        yield Device("fabric_toy_name", values["fabric_toy_name"])

    def ports(self, values):
        yield Port("fabric_toy_port", "udp", values["fabric_toy_port"])

    def encapsulation(self, values):
        return Encapsulation("udp", values["fabric_toy_port"])

    def tunnels(self, values):
        return [values["fabric_toy_name"]]

    def part(self, peers, mtu):
        return {
            "name": peers.values["fabric_toy_name"],
            "mtu": mtu,
            "peers": [{"subnet": one.subnet, "dst": peers.tunnel_end(one.values)} for one in peers.tunnelled],
        }
