# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory expects of a node, which the modules prepare and probe compare with the real node. Pure Python."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List

from .attachments import used_by
from .backends import backend_of
from .backends.base import Backend
from .backends.peers import Peers
from .values.networks import FAMILIES, Values


def expected_of(model: Dict[str, Any], name: str, peers: Peers) -> Dict[str, Any]:
    """Return the option ``expected`` of the module prepare for node ``name`` with its ``peers``."""
    fabric, values = model["fabric"], model["nodes"][name]
    backend = backend_of(fabric)
    return {
        "backend": fabric["fabric_backend"],
        "node_addresses": [values[address] for _subnet, address, _key in FAMILIES if values[address]],
        "underlay_mtu": values["fabric_underlay_mtu"],
        "prefixes": _prefixes(model["nodes"], name, backend),
        "peers": _peers(peers, model["nodes"], name),
        "published": [
            {
                "name": f"fabric_publish[{number}]",
                "protocol": entry.get("protocol") or "tcp",
                "port": str(entry["port"]),
                "address": entry.get("address") or None,
            }
            for number, entry in enumerate(values["fabric_publish"])
        ],
        "endpoints": len(values["fabric_endpoints"]),
        "port_variable": next((port.variable for port in backend.ports(peers.values)), None),
        "lower_interfaces": [
            {"name": device.variable, "interface": device.name}
            for device in backend.devices(peers.values)
            if device.lower
        ],
        **backend.expected(peers.values),
    }


def _prefixes(nodes: Dict[str, Values], name: str, backend: Backend) -> List[Dict[str, str]]:
    """Return the prefixes of the node's routes, each with the name of its variable."""
    found = [
        {"prefix": values[subnet], "name": subnet if other == name else f"{subnet} of {other}"}
        for other, values in nodes.items()
        for subnet, _address, _key in FAMILIES
        if values[subnet]
    ]
    own = nodes[name]
    for number, link in enumerate(own["fabric_links"]):
        for word in ("a", "b"):
            if not link[word].get("netns"):  # an end in the node itself
                found += [
                    {"prefix": _network(link[word][key]), "name": f"fabric_links[{number}].{word}.{key}"}
                    for key in ("address", "address6")
                    if link[word].get(key)
                ]
    for attachment in used_by(own):
        found += [{"prefix": prefix, "name": variable} for variable, prefix in attachment.prefixes(own)]
    return found + [{"prefix": _network(given), "name": variable} for variable, given in backend.addresses(own)]


def _peers(peers: Peers, nodes: Dict[str, Values], name: str) -> List[Dict[str, Any]]:
    """Return the peers, each with its address on the underlay, and whether a plain route leads there."""
    direct = {peer["via"]: peer["name"] for peer in peers.routes()}
    tunnelled = [address for address in peers.remotes() if address not in direct]
    of = {values[address]: other for other, values in nodes.items() for _subnet, address, _key in FAMILIES}
    found = [{"name": other, "address": address, "direct": True} for address, other in direct.items()]
    return found + [
        {"name": of[address], "address": address, "direct": False} for address in tunnelled if of[address] != name
    ]


def _network(prefix: str) -> str:
    return str(ipaddress.ip_interface(prefix).network)
