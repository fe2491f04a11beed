# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of a node's published ports. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional, Set

from ..backends import backend_of
from ..values.checks import ports, shown
from ..values.networks import Values, ip_address
from ..values.taken import Login


def publish_faults(values: Values, login: Optional[Login]) -> Iterator[str]:
    """Yield a sentence for each fault of ``fabric_publish`` of one node.

    A port of one address may also be published at all addresses: at that address the entry for it wins.

    :param values: the node's normalised variables.
    :param login: (address that Ansible connects to or None, its TCP port), or None where it does not connect.
    """
    names = {endpoint["name"] for endpoint in values["fabric_endpoints"]}
    taken: Dict[Any, Set[int]] = {}
    for number, entry in enumerate(values["fabric_publish"]):
        where, protocol = f"fabric_publish[{number}]", entry.get("protocol") or "tcp"
        if entry["endpoint"] not in names:
            yield f"{where}.endpoint is {shown(entry['endpoint'])}: the node has no endpoint of that name."
        given, to_port = ports(entry["port"]), entry.get("to_port")
        if to_port and len(ports(to_port)) not in (1, len(given)):
            yield f"{where}.to_port {to_port} has {len(ports(to_port))} ports, and port {entry['port']} has {len(given)}."
        yield from _cut(where, protocol, given, _address(entry), values, login)
        others = taken.setdefault((protocol, _address(entry)), set())
        again = sorted(others.intersection(given))
        if again:
            yield f"{where} publishes {protocol} port {again[0]} a second time: choose another port."
        others.update(given)


def _address(entry: Dict[str, Any]) -> Any:
    return ip_address(entry["address"]) if entry.get("address") else None


def _cut(
    where: str, protocol: str, given: range, address: Any, values: Values, login: Optional[Login]
) -> Iterator[str]:
    """Yield a sentence for each port that the node itself needs."""
    own = [ip_address(values[name]) for name in ("fabric_node_address", "fabric_node_address6") if values[name]]
    backend = backend_of(values)
    for port in backend.ports(values):
        if port.protocol == protocol and port.number in given and address in (None, *own):
            yield (
                f"{where} publishes {protocol} port {port.number}, at which the node's {backend.title} tunnel ends"
                f" ({port.variable}): choose other ports."
            )
    if login is None or protocol != "tcp" or login[1] not in given:
        return
    reached = [ip_address(login[0])] if login[0] else own
    if address in (None, *reached):
        yield (
            f"{where} publishes tcp port {login[1]}, by which Ansible reaches the node: choose another port, or publish it"
            " at another address of the node."
        )
