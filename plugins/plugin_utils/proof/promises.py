# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fabric promises, as questions for a walk: who must reach whom, and who must not. Pure Python.

Who must reach whom is what ``verify`` asks with packets (:mod:`reachability.expectations`, :mod:`reachability.ports`). Who must
not: a namespace of ``fabric_links`` that is no endpoint reaches the other ends of its links alone; what is not masqueraded does
not reach hosts outside; and a packet to an address of a subnet that no endpoint has ends at the node of that subnet.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..inventory.model import mtu_of
from ..reachability.expectations import Expectations, itself, netns_of
from ..reachability.policy import Policy
from ..reachability.ports import port_checks
from ..values.networks import FAMILIES, GATEWAYS, subnets_of
from ..values.present import first

Json = Dict[str, Any]
# what is asked: that it arrives and an answer comes back, that none does, that it ends where it is for
REACH, NOT, ENDS = "must", "must not", "must end there"
LINK = "a namespace of a link"


class Question(NamedTuple):
    """One packet, and what must become of it.

    :param source: the label of who sends; ``endpoint``: its name where it is an endpoint; ``target``: the label of whom for.
    :param where: the node of the target, or None: it is of no node. ``whom``: the name of the endpoint that has the address;
        ``there``: the namespace that has it.
    :param ttl: that of the answer as it arrives, or None: unknown.
    :param mtu: bytes of the IP packet that must pass whole, or None: nothing is promised.
    :param listener: (namespace, port) that must get it, if it is for a published port.
    """

    must: str
    source: str
    node: str
    netns: str
    target: str
    address: str
    where: Optional[str] = None
    endpoint: str = ""
    whom: str = ""
    ttl: Optional[int] = None
    mtu: Optional[int] = None
    protocol: str = "icmp"
    port: Optional[int] = None
    listener: Optional[Tuple[str, int]] = None
    there: str = ""


class Questions:
    """All questions about a fabric.

    :param model: its model.
    """

    def __init__(self, model: Json) -> None:
        self._model, self._nodes = model, model["nodes"]
        self._expected = Expectations(model)
        # address -> (node, endpoint, namespace)
        self._owners = {
            address: (node, one["name"], netns_of(one)) for _label, node, one, address in self._expected.endpoints
        }
        self._policy = Policy(model["fabric"])
        self._mtu = {name: mtu_of(model["fabric"], values) for name, values in self._nodes.items()}

    def all(self) -> Iterator[Question]:
        """Yield every question."""
        for node in self._nodes:
            yield from self._must(node)
            yield from self._published(node)
            yield from self._apart(node)
        yield from self._unused()

    def _must(self, node: str) -> Iterator[Question]:
        endpoints = {netns_of(one): one["name"] for one in self._nodes[node]["fabric_endpoints"]}
        for probe in self._expected.probes_from(node):
            mine = endpoints.get(probe["netns"], "") if probe["netns"] else ""
            for target in probe["targets"]:
                where, whom, there = self._owner(node, target)
                mtu = min(self._mtu[node], self._mtu[where]) if mine and whom and where else None
                one = Question(
                    REACH if target["must"] else NOT,
                    probe["name"],
                    node,
                    probe["netns"],
                    target["name"],
                    target["address"],
                    where,
                    mine,
                    whom,
                    target["ttl"],
                    mtu,
                    there=there,
                )
                yield one
                yield from self._opened(one)

    def _opened(self, one: Question) -> Iterator[Question]:
        """Yield what the policy lets an endpoint open to another of another group, port by port, and a port that it does not."""
        for protocol, port in self._policy.ports(one.endpoint, one.whom) if one.whom else ():
            must = REACH if self._policy.allows(one.endpoint, one.whom, protocol, port) else NOT
            yield one._replace(must=must, protocol=protocol, port=port, ttl=None, mtu=None)

    def _owner(self, node: str, target: Json) -> Tuple[Optional[str], str, str]:
        """Return the node of a target, the name of the endpoint that it is, and its namespace; ``node`` asks."""
        if target["address"] in self._owners:
            return self._owners[target["address"]]
        where = next((name for name in self._nodes if target["where"] in (name, itself(name))), None)
        ends = [link[end] for link in self._nodes[node]["fabric_links"] for end in ("a", "b")] if where == node else []
        netns = [
            end.get("netns") or ""
            for end in ends
            for key in ("address", "address6")
            if (end.get(key) or "").split("/")[0] == target["address"]
        ]
        return where, "", next(iter(netns), "")

    def _published(self, node: str) -> Iterator[Question]:
        for check in port_checks(self._model, node):
            values = self._nodes[check["of"]]
            endpoint = first(one for one in values["fabric_endpoints"] if one["name"] == check["endpoint"])
            listener = netns_of(endpoint), self._listening(check)
            yield Question(
                REACH,
                check["name"],
                node,
                check["netns"],
                f"published {check['protocol']} port {check['port']} of {check['of']}",
                check["address"],
                check["of"],
                check["netns"],
                check["endpoint"],
                protocol=check["protocol"],
                port=check["port"],
                listener=listener,
                there=listener[0],
            )

    def _listening(self, check: Json) -> int:
        """Return the port of the endpoint behind a published one."""
        if check["listener"]:
            return check["listener"]["port"]
        same = ("of", "endpoint", "protocol", "address", "port")
        own = port_checks(self._model, check["of"])
        return next(
            one["listener"]["port"] for one in own if one["listener"] and all(one[key] == check[key] for key in same)
        )

    # who must not

    def _apart(self, node: str) -> Iterator[Question]:
        values, outside = self._nodes[node], self._expected.outside
        names = {one["name"] for one in values["fabric_endpoints"]}
        ends = [link[end] for link in values["fabric_links"] for end in ("a", "b")]
        for netns in dict.fromkeys(end["netns"] for end in ends if end.get("netns") and end["netns"] not in names):
            near = self._linked(values, netns)
            targets = [
                (label, address, where, one["name"], netns_of(one))
                for label, where, one, address in self._expected.endpoints
                if (where, one["name"]) not in near
            ]
            targets += [(label, address, label, "", "") for label, address in self._expected.nodes if label not in near]
            targets += [(label, address, None, "", "") for label, address in outside]
            label = first(probe["name"] for probe in self._expected.probes_from(node) if probe["netns"] == netns)
            for target, address, where, whom, there in targets:
                yield Question(NOT, label, node, netns, target, address, where, LINK, whom, there=there)
        if not values["fabric_masquerade"]:
            for probe in self._expected.probes_from(node):
                name = self._name(node, probe["netns"])
                for label, address in outside if name else ():
                    yield Question(NOT, probe["name"], node, probe["netns"], label, address, None, name)

    def _linked(self, values: Json, netns: str) -> Set[Any]:
        """Return what a namespace may reach by its links: (node, endpoint), or the node itself."""
        name = next(name for name, one in self._nodes.items() if one is values)
        found: Set[Any] = set()
        for link in values["fabric_links"]:
            for end, other in ((link["a"], link["b"]), (link["b"], link["a"])):
                if (end.get("netns") or "") == netns:
                    found.add((name, other["netns"]) if other.get("netns") else name)
        return found

    def _unused(self) -> Iterator[Question]:
        """Yield packets to an address of each subnet that nobody has, from all nodes and endpoints."""
        for where, values in self._nodes.items():
            others = [name for name in self._nodes if name != where]
            for subnet, key in subnets_of(values):
                address = self._free(subnet, values, key)
                for node in [where, *others] if address else ():
                    for netns, label in self._senders(node, key):
                        target = f"an unused address of {where}"
                        yield Question(ENDS, label, node, netns, target, address or "", where, self._name(node, netns))

    def _senders(self, node: str, key: str) -> List[Tuple[str, str]]:
        """Return (namespace, label) of the node itself, and of each of its endpoints with an address of the family."""
        found = [one for one in self._nodes[node]["fabric_endpoints"] if one.get(key)]
        labels = {netns_of(one): label for label, where, one, _address in self._expected.endpoints if where == node}
        return [("", node), *((netns_of(one), labels[netns_of(one)]) for one in found)]

    def _name(self, node: str, netns: str) -> str:
        """Return the name of the endpoint that has a namespace, or ""."""
        return next((one["name"] for one in self._nodes[node]["fabric_endpoints"] if netns_of(one) == netns), "")

    @staticmethod
    def _free(subnet: str, values: Json, key: str) -> Optional[str]:
        """Return an address of ``subnet`` that nobody has; None: there is none."""
        network: Any = ipaddress.ip_network(subnet)
        taken = {one.get(key) for one in values["fabric_endpoints"]} | {values[GATEWAYS[key]]}
        taken |= {values[family.address] for family in FAMILIES}
        first, last = int(network.network_address) + 1, int(network.broadcast_address) - 1
        kind = type(network.network_address)
        numbers = range(last, max(first, last - 2 * len(taken) - 2) - 1, -1)
        return next((str(kind(number)) for number in numbers if str(kind(number)) not in taken), None)
