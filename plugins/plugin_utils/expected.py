# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory expects of a node as it really is: the module prepare compares the two. Pure Python."""

from __future__ import annotations

import ipaddress

from .attachments import used_by
from .backends import backend_of
from .values.networks import FAMILIES


def expected_of(model, name, peers):
    """Return the option ``expected`` of the module prepare for node ``name`` with its ``peers``."""
    fabric, values = model["fabric"], model["nodes"][name]
    backend = backend_of(fabric)
    return {
        "backend": fabric["fabric_backend"],
        "node_addresses": [values[address] for _subnet, address, _key in FAMILIES if values[address]],
        "underlay_mtu": values["fabric_underlay_mtu"],
        "prefixes": _prefixes(model["nodes"], name),
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


def _prefixes(nodes, name):
    """Return what the node will have a route for, with the variable that says so."""
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
    return found


def _peers(peers, nodes, name):
    """Return the peers, each by the address that plain routes or tunnels lead to, and which of the two it is."""
    direct = {peer["via"]: peer["name"] for peer in peers.routes()}
    tunnelled = [address for address in peers.remotes() if address not in direct]
    of = {values[address]: other for other, values in nodes.items() for _subnet, address, _key in FAMILIES}
    found = [{"name": other, "address": address, "direct": True} for address, other in direct.items()]
    return found + [
        {"name": of[address], "address": address, "direct": False} for address in tunnelled if of[address] != name
    ]


def _network(prefix):
    return str(ipaddress.ip_interface(prefix).network)
