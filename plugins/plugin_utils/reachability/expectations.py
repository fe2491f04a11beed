# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expected reachability: which sources must reach which targets, as probes to send. Pure Python."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List

from ..attachments import ATTACHMENTS, used_by
from ..backends import peers_of
from ..inventory.model import mtu_of
from ..values.networks import FAMILIES, Segments, subnets_of
from .policy import Policy

ADDRESSES = ("fabric_node_address", "fabric_node_address6")
# Linux' default (net.ipv4.ip_default_ttl); each node on the path takes one off.
TTL = 64


class Expectations:
    """All sources and targets of a fabric, with unique labels.

    :param model: the model of the fabric.
    """

    def __init__(self, model: Dict[str, Any]) -> None:
        self._model = model
        nodes, outside = model["nodes"], model["fabric"]["fabric_outside"]
        times = Counter(name for values in nodes.values() for name in _namespaces(values))
        times.update([*nodes, *(entry["name"] for entry in outside)])
        self._times = times
        self._segments = Segments(model["fabric"]["fabric_underlay"])
        self._policy = Policy(model["fabric"])
        self.endpoints = [
            (self.label_of(node, endpoint["name"]), node, endpoint, address)
            for node, values in nodes.items()
            for endpoint in values["fabric_endpoints"]
            for address in _addresses(values, endpoint)
        ]
        self.nodes = [(node, values[key]) for node, values in nodes.items() for key in ADDRESSES if values[key]]
        self.outside = [(entry["name"], entry["address"]) for entry in outside]

    def label_of(self, node, netns):
        """Return a namespace's name, with its node where the name is not unique; the node's own has the node's name."""
        return netns if self._times[netns] == 1 else f"{node}/{netns}" if netns else node

    def labels(self) -> List[str]:
        """Return all labels: endpoints and ends of links, then nodes, then hosts outside."""
        found = [
            self.label_of(node, netns) for node, values in self._model["nodes"].items() for netns in _namespaces(values)
        ]
        return list(dict.fromkeys([*found, *(label for label, _address in self.nodes + self.outside)]))

    def probes_from(self, node: str) -> List[Dict[str, Any]]:
        """Return the probes of a node: from each endpoint to all, from each end of a link to the other, from the node to endpoints.

        :returns: list of ``{"name": label, "netns", "targets": [{"name": label, "address", "ttl": expected or None, "where",
            "must"}]}``; ``where`` is the node of an endpoint, or describes another target; ``must``: False if the policy cuts it.
        """
        values = self._model["nodes"][node]
        probes = [self._from_endpoint(node, values, endpoint) for endpoint in values["fabric_endpoints"]]
        probes += [probe for link in values["fabric_links"] for probe in self._from_link(node, link)]
        return [*probes, {"name": node, "netns": "", "targets": self._from_node(node)}]

    def cut_from(self, node: str) -> List[Dict[str, Any]]:
        """Return those probes of a node that the policy cuts."""
        found = self.probes_from(node)
        cut = [{**probe, "targets": [one for one in probe["targets"] if not one["must"]]} for probe in found]
        return [probe for probe in cut if probe["targets"]]

    def _from_node(self, node):
        """Return the endpoints whose replies find their way back to the node: its own, and of peers with a route to it."""
        subnets = {":" in subnet for subnet, _key in subnets_of(self._model["nodes"][node])}
        plain = {(peer["name"], ":" in peer["subnet"]) for peer in peers_of(self._model, node).routes()}
        return [
            _target(label, address, TTL if where == node else TTL - 1, where)
            for label, where, _endpoint, address in self.endpoints
            # through a tunnel the node's source address is in its own subnet
            if where == node or (":" in address) in subnets or (where, ":" in address) in plain
        ]

    def _from_endpoint(self, node, values, endpoint):
        label = self.label_of(node, endpoint["name"])
        targets = [
            _target(
                other,
                address,
                TTL - _hops(node, endpoint, where, one),
                where,
                self._policy.allows(endpoint["name"], one["name"]),
            )
            for other, where, one, address in self.endpoints
            if other != label
        ]
        targets += [_target(node, address, TTL, itself(node)) for address in _gateways(values, endpoint)]
        targets += [
            _target(other, address, self._ttl_of_node(values, address), itself(other)) for other, address in self.nodes
        ]
        if values["fabric_masquerade"]:  # without it replies from outside have no route back
            targets += [_target(label, address, None, label) for label, address in self.outside]
        families = {":" in address for address in _addresses(values, endpoint)}
        reached = [target for target in targets if (":" in target["address"]) in families]
        return {"name": label, "netns": netns_of(endpoint), "targets": reached}

    def _ttl_of_node(self, values, address):
        """Return the expected TTL of a node's own address, which no tunnel shortens; None: routers are between."""
        mine = [values[key] for key in ADDRESSES if values[key]]
        if address in mine:
            return TTL
        near = self._segments.of(address) in [self._segments.of(own) for own in mine]
        return TTL - 1 if near else None

    def _from_link(self, node, link):
        for end, other in ((link["a"], link["b"]), (link["b"], link["a"])):
            netns, there = (one.get("netns") or "" for one in (end, other))
            targets = [
                _target(self.label_of(node, there), other[key].split("/")[0], TTL, node if there else itself(node))
                for key in ("address", "address6")
                if end.get(key) and other.get(key)
            ]
            yield {"name": self.label_of(node, netns), "netns": netns, "targets": targets}

    def paths_from(self, node: str) -> List[Dict[str, Any]]:
        """Return the paths from a node to its peers, with the path MTU and the encapsulation to measure.

        :returns: list of ``{"name", "netns", "target": label, "peer", "address", "mtu", "larger", "wire", "underlay"}``,
            with ``tunnel_end`` and ``tunnel_port`` if its packets are encrypted; ``larger`` is the endpoint's MTU if it is
            larger than the path MTU, else one byte more.
        """
        nodes, peers, found = self._model["nodes"], peers_of(self._model, node), []
        values = nodes[node]
        for peer, other in nodes.items():
            wire = peers.wire(peer) if peer != node else {}
            for _subnet, _address, key in FAMILIES:
                own, whom = self._ends(values, other, key) if wire.get(key) else ({}, {})
                if own:
                    found.append(
                        {
                            "name": self.label_of(node, own["name"]),
                            "netns": netns_of(own),
                            "target": self.label_of(peer, whom["name"]),
                            "peer": peer,
                            "address": whom[key],
                            **self._sizes(values, other),
                            "wire": wire[key],
                            **peers.sealed(peer, key),
                            "underlay": [values[address] for address in ADDRESSES if values[address]],
                        }
                    )
        return found

    def _ends(self, values, other, key):
        """Return the first endpoints of two nodes that have an address of a family and may ping each other; two empty ones: none."""
        here, there = ([one for one in each["fabric_endpoints"] if one.get(key)] for each in (values, other))
        ways = ((one, two) for one in here for two in there if self._policy.allows(one["name"], two["name"]))
        return next(ways, ({}, {}))

    def _sizes(self, values, other):
        own, others = (mtu_of(self._model["fabric"], one) for one in (values, other))
        return {"mtu": min(own, others), "larger": max(own, min(own, others) + 1)}


def _hops(node, endpoint, where, other):
    """Return how many nodes are between two endpoints."""
    if node != where:
        return 2
    same = endpoint["attachment"] == other["attachment"]
    return 0 if same and ATTACHMENTS[endpoint["attachment"]].shares_l2 else 1


def _gateways(values, endpoint):
    """Return the node's addresses that are an endpoint's gateway; no interface has the gateway of a routed one."""
    found = [address for attachment in used_by(values) for address in attachment.node_addresses(values)]
    found += ATTACHMENTS[endpoint["attachment"]].gateways(values, endpoint)
    return list(dict.fromkeys(found))


def _namespaces(values):
    """Return the namespaces of a node that can be a source, endpoints first."""
    ends = [end.get("netns") for link in values["fabric_links"] for end in (link["a"], link["b"]) if end.get("netns")]
    return list(dict.fromkeys([*(endpoint["name"] for endpoint in values["fabric_endpoints"]), *ends]))


def itself(node: str) -> str:
    """Return the text for a node as a source or target, as opposed to its endpoints."""
    return f"{node} itself"


def netns_of(endpoint: Dict[str, Any]) -> str:
    """Return the namespace of an endpoint: of a container, which the inventory does not name, the path."""
    return endpoint.get("netns") or endpoint["name"]


def _target(label, address, ttl, where, must=True):
    return {"name": label, "address": address, "ttl": ttl, "where": where, "must": must}


def _addresses(values, endpoint):
    return [endpoint[key] for _subnet, key in subnets_of(values) if endpoint.get(key)]
