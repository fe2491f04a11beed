# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab is made of, computed from the inventory: hosts, the L2 segments that join them, and a router if it takes one.

Pure Python. Hosts are the fabric's nodes, the hosts of ``fabric_outside``, and the router. Only the underlay is known to
the router and to what is outside: a way back into the fabric is the fabric's own business.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from pathlib import Path

from ..inventory import segment_of, settled, underlay_of

ROUTER = "router"


def lab_name(inventory_dir, given=None):
    """Return the name of the lab: as given, else the inventory folder's with a digest of where it lies."""
    if given:
        return str(given)
    path = Path(inventory_dir or ".").resolve()
    return f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def digest(topology):
    """Return a short text that differs for topologies that differ."""
    return hashlib.sha256(json.dumps(topology, sort_keys=True).encode()).hexdigest()[:16]


def topology_of(hosts):
    """Return the lab for an inventory.

    :param hosts: host name -> its fabric_* variables.
    :returns: ``{"mtu": int, "segments": int, "hosts": {name: {"links": [{"segment", "addresses"}], "gateways", "router"}}}``
    """
    nodes = {name: settled(variables) for name, variables in hosts.items()}
    first = next(iter(nodes.values()))
    placed = {
        name: [values[key] for key in ("fabric_node_address", "fabric_node_address6") if values[key]]
        for name, values in nodes.items()
    }
    outside = {entry["name"]: [entry["address"]] for entry in first["fabric_outside"]}
    prefixes = underlay_of(first["fabric_underlay"], nodes.values())
    for (address,) in outside.values():
        if not segment_of(address, prefixes):
            length = 64 if ":" in address else 24
            prefixes.append(str(ipaddress.ip_network(f"{address}/{length}", strict=False)))
    segments = _segments(prefixes, [*placed.values(), *outside.values()])
    made = {name: _host(addresses, prefixes, segments) for name, addresses in {**placed, **outside}.items()}
    used = sorted({host["links"][0]["segment"] for host in made.values()})
    if len(used) > 1:
        _join(made, prefixes, segments, used)
    return {"mtu": int(first["fabric_underlay_mtu"]), "segments": len(set(segments.values())), "hosts": made}


def _segments(prefixes, placed):
    """Return prefix -> number of its L2; prefixes of two families that one host is in are on one L2."""
    number = {prefix: index for index, prefix in enumerate(prefixes)}
    for addresses in placed:
        mine = [segment_of(address, prefixes) for address in addresses]
        for other in mine[1:]:
            old, new = number[other], number[mine[0]]
            number = {prefix: new if index == old else index for prefix, index in number.items()}
    order = {old: new for new, old in enumerate(dict.fromkeys(number.values()))}
    return {prefix: order[index] for prefix, index in number.items()}


def _host(addresses, prefixes, segments):
    located = [(address, segment_of(address, prefixes)) for address in addresses]
    return {
        "links": [
            {
                "segment": segments[located[0][1]],
                "addresses": [f"{address}/{prefix.split('/')[1]}" for address, prefix in located],
            }
        ],
        "gateways": [],
        "router": False,
    }


def _join(made, prefixes, segments, used):
    """Add a router with an address in every prefix, and lead everybody's default route over it."""
    taken = {address.split("/")[0] for host in made.values() for address in host["links"][0]["addresses"]}
    router = {prefix: _last_free(prefix, taken) for prefix in prefixes if segments[prefix] in used}
    for host in made.values():
        for address in host["links"][0]["addresses"]:
            prefix = str(ipaddress.ip_interface(address).network)
            host["gateways"].append(router[prefix])
    made[ROUTER if ROUTER not in made else "lab-router"] = {
        "links": [
            {
                "segment": segment,
                "addresses": [
                    f"{address}/{prefix.split('/')[1]}"
                    for prefix, address in router.items()
                    if segments[prefix] == segment
                ],
            }
            for segment in used
        ],
        "gateways": [],
        "router": True,
    }


def _last_free(prefix, taken):
    network = ipaddress.ip_network(prefix)
    address = network.broadcast_address - (1 if network.version == 4 else 0)
    while str(address) in taken:
        address -= 1
    return str(address)
