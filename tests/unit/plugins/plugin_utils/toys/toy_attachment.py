# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An attachment as CONTRIBUTING's recipe asks for one: endpoints on a switch of their own."""

from __future__ import annotations

from functools import partial

from ansible_collections.nodenet.fabric.plugins.plugin_utils.attachments.base import Attachment, subnet_gateways
from ansible_collections.nodenet.fabric.plugins.plugin_utils.values import checks as check
from ansible_collections.nodenet.fabric.plugins.plugin_utils.values.declaration import interface_name
from ansible_collections.nodenet.fabric.plugins.plugin_utils.values.networks import GATEWAYS


class Toy(Attachment):
    name = "toy"
    variables = (interface_name("fabric_toy_switch", "toy0"),)
    endpoint_keys = {"vlan": partial(check.number, low=1, high=4094)}
    features = ("netns", "veth", "vlan_filtering")
    needs_gateway = shares_l2 = True

    def node_faults(self, values):
        if len(values["fabric_endpoints"]) > 2:
            yield "a toy switch has 2 ports: attach some with attachment: bridge."

    def devices(self, values):
        yield "fabric_toy_switch", values["fabric_toy_switch"]

    def node_addresses(self, values):
        return subnet_gateways(values)

    def part(self, endpoints):
        addresses = endpoints.addresses(
            self.name, lambda _endpoint, key: endpoints.values[GATEWAYS[key]], lambda _endpoint, _subnet: 24
        )
        return {"name": endpoints.values["fabric_toy_switch"], "addresses": addresses}
