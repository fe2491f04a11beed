# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of published ports: which source checks which port, and the results. Pure Python."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Set, Tuple

from ..values.checks import ports
from ..values.networks import FAMILIES, subnets_of
from .policy import Policy

# One endpoint sends six ICMP errors to one host at once, and then one a second (icmp_ratelimit, net/ipv4/icmp.c).
MOST_UDP = 6


def port_checks(model: Dict[str, Any], node: str) -> List[Dict[str, Any]]:
    """Return a node's checks of published ports.

    Its own ports: from the node, from the published endpoint, and from another endpoint of the node. The ports of the
    previous node in the inventory: from the node, as a host outside. Of a range the first and the last port.

    :returns: list of ``{"name": label of the source, "of": node, "endpoint", "netns", "protocol", "address", "port", "listener"}``.
    """
    nodes, policy = list(model["nodes"]), Policy(model["fabric"])
    before = nodes[nodes.index(node) - 1]
    own = [
        {"name": netns or node, "netns": netns, **port}
        for port in _published(model, node)
        for netns in _sources(model["nodes"][node], port)
        if policy.allows(netns, port["endpoint"], port["protocol"], port["listener"]["port"])
    ]
    return own + ([] if before == node else list(_from_outside(model, node, before)))


def _published(model, node):
    values = model["nodes"][node]
    endpoints = {endpoint["name"]: endpoint for endpoint in values["fabric_endpoints"]}
    # a port published at one address precedes the same port at all addresses
    particular = {
        (entry.get("protocol") or "tcp", _ip(entry["address"]), port)
        for entry in values["fabric_publish"]
        if entry.get("address")
        for port in ports(entry["port"])
    }
    for entry in values["fabric_publish"]:
        protocol, endpoint = entry.get("protocol") or "tcp", endpoints[entry["endpoint"]]
        for key, address in _addresses(values, entry):
            for port, to_port in _ends(entry):
                if entry.get("address") or (protocol, _ip(address), port) not in particular:
                    yield {
                        "of": node,
                        "endpoint": endpoint["name"],
                        "protocol": protocol,
                        "address": address,
                        "port": port,
                        "listener": {"netns": endpoint["name"], "address": endpoint[key], "port": to_port},
                    }


def _addresses(values, entry):
    """Yield (key of the endpoint's address, address of the node) for each address at which a port is published."""
    given = entry.get("address")
    for _subnet, node_address, key in FAMILIES:
        if key in [one for _prefix, one in subnets_of(values)]:
            address = (
                given if given and (":" in given) == (key == "address6") else None if given else values[node_address]
            )
            if address:
                yield key, address


def _ends(entry):
    """Return (port, port of the endpoint) for the first and the last port."""
    given = ports(entry["port"])
    to = ports(entry["to_port"]) if entry.get("to_port") else given
    return sorted({(given[0], to[0]), (given[-1], to[-1])})


def _sources(values, port):
    others = [one["name"] for one in values["fabric_endpoints"] if one["name"] != port["endpoint"]]
    return ["", port["endpoint"], *others[:1]]


def _from_outside(model, node, before):
    values, times = model["nodes"][node], {}
    for port in _published(model, before):
        if not values["fabric_node_address6" if ":" in port["address"] else "fabric_node_address"]:
            continue
        if port["protocol"] == "udp":
            times[port["endpoint"]] = times.get(port["endpoint"], 0) + 1
        if port["protocol"] == "tcp" or times[port["endpoint"]] <= MOST_UDP:
            yield {"name": node, "netns": "", **port, "listener": None}


def _ip(text):
    return str(ipaddress.ip_address(text))


@dataclass
class Port:
    """A published port, and the results of its checks.

    :param asked: (label of the source, whether the port answered, reason), empty if it could not be checked.
    """

    node: str
    protocol: str
    port: int
    address: str
    endpoint: str
    asked: List[tuple]

    @property
    def ok(self) -> bool:
        return all(ok for _who, ok, _why in self.asked)

    def line(self) -> str:
        """Return the line for a port that is not ok: the reasons, and the sources that got no answer."""
        sources: Dict[str, List[str]] = {}
        for source, ok, reason in self.asked:
            if not ok:
                sources.setdefault(reason or "no answer", []).append(source)
        causes = "; ".join(f"{reason} (asked from {', '.join(names)})" for reason, names in sources.items())
        return (
            f"published {self.protocol} port {self.port} of {self.node} ({self.address}) -> {self.endpoint}: {causes}"
        )


def published_ports(checks: Dict[str, List[Dict[str, Any]]], answers: Dict[str, Any]) -> List[Port]:
    """Return the ports in the order of their checks.

    :param checks: node -> its checks.
    :param answers: node -> the results of nodenet.fabric.probe; None: the node could not be asked.
    """
    found: Dict[Tuple[str, str, int, str, str], List[tuple]] = {}
    services: Dict[tuple, Set[Any]] = {}
    for node, mine in checks.items():
        for check, answer in zip(mine, answers.get(node) or ()):
            key = check["of"], check["protocol"], check["port"], check["address"], check["endpoint"]
            services.setdefault(key, set()).add(answer["served"])
            found.setdefault(key, []).append((check, answer))
    return [
        Port(
            *key,
            [
                (one["name"], answer["ok"], answer["reason"])
                for one, answer in both
                if _counts(one, answer, services[key])
            ],
        )
        for key, both in found.items()
    ]


def _counts(check, answer, served):
    """Say whether a result counts: the protocol of a UDP service is unknown, and its silence proves nothing."""
    if check["protocol"] == "tcp" or answer["ok"]:
        return True
    return answer["served"] != "service" if check["listener"] else "probe" in served


def port_lines(found: Sequence[Port]) -> List[str]:
    """Return the line that counts the ports that answer, [] without published ports."""
    asked = [port for port in found if port.asked]
    if not found:
        return []
    rest = len(found) - len(asked)
    also = f"; {rest} not asked: a UDP service listens there" if rest else ""
    return [f"published ports: {sum(port.ok for port in asked):,} of {len(asked):,} answer{also}"]
