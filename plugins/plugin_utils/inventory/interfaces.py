# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two interfaces of a node that would have one name. Pure Python."""

from __future__ import annotations

from typing import Dict, Iterator, Set, Tuple

from ..attachments import used_by
from ..backends import backend_of
from ..engines.part import devices_of
from ..naming import host_end, interface_of
from ..values.networks import Values


def interface_faults(nodes: Dict[str, Values]) -> Iterator[Tuple[str, str]]:
    """Yield (host, sentence) for each two interfaces that would be one.

    :param nodes: host name -> its normalised variables.
    """
    peers: Dict[str, Dict[str, str]] = {}  # backend -> interface -> the peer that it leads to
    for name, values in nodes.items():
        taken: Dict[Tuple[str, str], str] = {}
        backend = backend_of(values)
        by_peer = backend.names_peers_by(values)
        if by_peer and backend.name not in peers:
            peers[backend.name] = {backend.peer_device(peer): peer for peer in nodes}
        tunnels = peers[backend.name] if by_peer else {}
        for where, netns, end, what in [*_of_endpoints(values), *_of_node(values), *_of_links(values)]:
            other = taken.setdefault((netns, end), what)
            if not netns and tunnels.get(end, name) != name:
                other = f"the tunnel to {tunnels[end]} ({by_peer})"
            if other != what:
                yield (
                    name,
                    f"{where} is {end!r} in {netns or 'the node itself'}, which is {other}: choose another name.",
                )


# (the option, the namespace, the name of the interface, what it is) of each


def _of_endpoints(values: Values) -> Iterator[Tuple[str, str, str, str]]:
    known: Set[str] = set()
    for number, endpoint in enumerate(values["fabric_endpoints"]):
        name = endpoint["name"]
        if name in known:  # a fault of its own
            continue
        known.add(name)
        where = f"fabric_endpoints[{number}]"
        default = "" if endpoint.get("host_interface") else " (by default)"
        yield f"{where}.host_interface{default}", "", host_end(endpoint), f"the host's end of endpoint {name!r}"
        yield f"{where}.interface", name, interface_of(endpoint), f"the interface of endpoint {name!r}"


def _of_node(values: Values) -> Iterator[Tuple[str, str, str, str]]:
    for attachment in used_by(values):
        yield from ((variable, "", name, variable) for variable, name in attachment.devices(values))
    yield from ((variable, "", name, f"that of {variable}") for variable, name in devices_of(values))
    for device in backend_of(values).devices(values):
        yield device.variable, "", device.name, device.title


def _of_links(values: Values) -> Iterator[Tuple[str, str, str, str]]:
    for number, link in enumerate(values["fabric_links"]):
        for word in ("a", "b"):
            where, end = f"fabric_links[{number}].{word}", link[word]
            yield f"{where}.name", end.get("netns") or "", end["name"], f"that of {where}"
