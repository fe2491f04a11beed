# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who must reach whom in a fabric, as questions to be asked by packets. Pure Python."""

from __future__ import annotations

from collections import Counter

from .inventory import gateway_of, subnets_of

ADDRESSES = ("fabric_node_address", "fabric_node_address6")


class Everybody:
    """All who can be asked: labels that differ, and the addresses behind them.

    :param model: the compact form of the fabric.
    """

    def __init__(self, model):
        self._model = model
        nodes, outside = model["nodes"], model["fabric"]["fabric_outside"]
        times = Counter(endpoint["name"] for values in nodes.values() for endpoint in values["fabric_endpoints"])
        times.update([*nodes, *(entry["name"] for entry in outside)])
        self.endpoints = [
            (self._label(times, node, endpoint["name"]), node, address)
            for node, values in nodes.items()
            for endpoint in values["fabric_endpoints"]
            for address in _addresses(values, endpoint)
        ]
        self.nodes = [(node, values[key]) for node, values in nodes.items() for key in ADDRESSES if values[key]]
        self.outside = [(entry["name"], entry["address"]) for entry in outside]
        self._times = times

    @staticmethod
    def _label(times, node, endpoint):
        """An endpoint is called by its name alone where no other has it."""
        return endpoint if times[endpoint] == 1 else f"{node}/{endpoint}"

    def labels(self):
        """Return all labels: endpoints, then nodes, then who is outside."""
        found = [label for label, *_rest in self.endpoints + self.nodes + self.outside]
        return list(dict.fromkeys(found))

    def asked_by(self, node):
        """Return what a node is to ask: each of its endpoints everybody, the node its own endpoints.

        :returns: list of ``{"name": label, "netns", "targets": [{"name": label, "address"}]}``.
        """
        values = self._model["nodes"][node]
        gateways = [(node, str(gateway_of(subnet))) for subnet, _key in subnets_of(values)]
        targets = [(label, address) for label, _node, address in self.endpoints] + gateways + self.nodes
        if values["fabric_masquerade"]:  # without it no answer finds its way back from outside
            targets += self.outside
        asked = []
        for endpoint in values["fabric_endpoints"]:
            label = self._label(self._times, node, endpoint["name"])
            asked.append(_question(label, endpoint["name"], targets, _addresses(values, endpoint)))
        own = [(label, address) for label, where, address in self.endpoints if where == node]
        return [*asked, {"name": node, "netns": "", "targets": [_target(*target) for target in own]}]


def _question(label, netns, targets, mine):
    """Return what one endpoint asks: the targets of the families that it has an address of, itself left out."""
    families = {":" in address for address in mine}
    reached = [_target(name, address) for name, address in targets if name != label and (":" in address) in families]
    return {"name": label, "netns": netns, "targets": reached}


def _target(label, address):
    return {"name": label, "address": address}


def _addresses(values, endpoint):
    return [endpoint[key] for _subnet, key in subnets_of(values)]
