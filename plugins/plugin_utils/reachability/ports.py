# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks which published port, and what came of it. Pure Python."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import List

from ..inventory.networks import FAMILIES, subnets_of
from ..inventory.values import ports

# One endpoint sends six ICMP errors to one host at once, and then one a second (icmp_ratelimit, net/ipv4/icmp.c).
MOST_UDP = 6


def port_questions(model, node):
    """Return what a node asks of published ports.

    Of its own: from itself, from the endpoint that the port leads to, and from another endpoint of the node. Of those of the
    node before it in the inventory: from itself, as a host outside. Of a range the first and the last port.

    :returns: list of ``{"name": who asks, "of": node, "endpoint", "netns", "protocol", "address", "port", "listener"}``.
    """
    nodes = list(model["nodes"])
    before = nodes[nodes.index(node) - 1]
    own = [
        {"name": netns or node, "netns": netns, **question}
        for question in _published(model, node)
        for netns in _askers(model["nodes"][node], question)
    ]
    return own + ([] if before == node else list(_from_outside(model, node, before)))


def _published(model, node):
    values = model["nodes"][node]
    endpoints = {endpoint["name"]: endpoint for endpoint in values["fabric_endpoints"]}
    # what is published at one address wins over the same port of all
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
    """Yield (key of the endpoint's address, address of the node) of each at which a port is published."""
    given = entry.get("address")
    for _subnet, node_address, key in FAMILIES:
        if key in [one for _prefix, one in subnets_of(values)]:
            address = (
                given if given and (":" in given) == (key == "address6") else None if given else values[node_address]
            )
            if address:
                yield key, address


def _ends(entry):
    """Return (port, port of the endpoint) of the first and the last port."""
    given = ports(entry["port"])
    to = ports(entry["to_port"]) if entry.get("to_port") else given
    return sorted({(given[0], to[0]), (given[-1], to[-1])})


def _askers(values, question):
    others = [one["name"] for one in values["fabric_endpoints"] if one["name"] != question["endpoint"]]
    return ["", question["endpoint"], *others[:1]]


def _from_outside(model, node, before):
    values, times = model["nodes"][node], {}
    for question in _published(model, before):
        if not values["fabric_node_address6" if ":" in question["address"] else "fabric_node_address"]:
            continue
        if question["protocol"] == "udp":
            times[question["endpoint"]] = times.get(question["endpoint"], 0) + 1
        if question["protocol"] == "tcp" or times[question["endpoint"]] <= MOST_UDP:
            yield {"name": node, "netns": "", **question, "listener": None}


def _ip(text):
    return str(ipaddress.ip_address(text))


@dataclass
class Port:
    """A published port, and what those who asked it found.

    :param asked: (who asked, whether it answered, why not), none where it could not be asked.
    """

    node: str
    protocol: str
    port: int
    address: str
    endpoint: str
    asked: List[tuple]

    @property
    def ok(self):
        return all(ok for _who, ok, _why in self.asked)

    def told(self):
        """Return what is wrong where it is not ok: who got no answer, and why."""
        whys = {}
        for who, ok, why in self.asked:
            if not ok:
                whys.setdefault(why or "no answer", []).append(who)
        causes = "; ".join(f"{why} (asked from {', '.join(who)})" for why, who in whys.items())
        return (
            f"published {self.protocol} port {self.port} of {self.node} ({self.address}) -> {self.endpoint}: {causes}"
        )


def published_ports(questions, answers):
    """Return the ports as :class:`Port`, in the order in which they are asked.

    :param questions: node that asks -> its questions.
    :param answers: node that asks -> what nodenet.fabric.probe returned for them; none for who could not be asked.
    """
    found, services = {}, {}
    for node, asked in questions.items():
        for question, answer in zip(asked, answers.get(node) or ()):
            key = tuple(question[name] for name in ("of", "protocol", "port", "address", "endpoint"))
            services.setdefault(key, set()).add(answer["served"])
            found.setdefault(key, []).append((question, answer))
    return [
        Port(
            *key,
            [
                (one["name"], answer["ok"], answer["reason"])
                for one, answer in both
                if _says(one, answer, services[key])
            ],
        )
        for key, both in found.items()
    ]


def _says(question, answer, served):
    """Say whether an answer counts: what a service of UDP answers to is not known, so that its silence says nothing."""
    if question["protocol"] == "tcp" or answer["ok"]:
        return True
    return answer["served"] != "service" if question["listener"] else "probe" in served


def port_lines(found):
    """Return the line that counts the ports that answer, none where no port was asked."""
    asked = [port for port in found if port.asked]
    if not found:
        return []
    rest = len(found) - len(asked)
    also = f"; {rest} not asked, where a service of UDP listens" if rest else ""
    return [f"published ports: {sum(port.ok for port in asked):,} of {len(asked):,} answer{also}"]
