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

from ..inventory.model import normalised
from ..values.networks import segment_of, underlay_of

ROUTER, OTHER_ROUTER = "router", "lab-router"


def lab_name(given=None, folder=None, sources=()):
    """Return the name of the lab: as given, else the inventory folder's with a digest of where it lies.

    :param folder: the inventory's folder; a host that is not in the inventory has none.
    :param sources: where Ansible read the inventory from, in that case.
    """
    if given:
        return str(given)
    path = Path(folder or next(iter(sources or ()), "."))
    path = (path.parent if path.is_file() else path).resolve()
    return f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def digest(topology):
    """Return a short text that differs for topologies that differ."""
    return hashlib.sha256(json.dumps(topology, sort_keys=True).encode()).hexdigest()[:16]


def topology_of(hosts):
    """Return the lab for an inventory.

    :param hosts: host name -> its fabric_* variables; they are sound (see :mod:`faults`).
    :returns: ``{"mtu": int, "segments": int, "hosts": {name: {"links": [{"segment", "addresses"}], "gateways", "router"}}}``;
        a host whose MTU is smaller than that of the others has its own ``mtu``.
    :raises ValueError: a host outside has the name or the address of another host.
    """
    nodes = {name: normalised(variables) for name, variables in hosts.items()}
    first = next(iter(nodes.values()))
    placed = {name: _addresses(values) for name, values in nodes.items()}
    _place_outside(placed, first["fabric_outside"])
    prefixes = underlay_of(first["fabric_underlay"], nodes.values())
    for address in (address for addresses in placed.values() for address in addresses):
        if not segment_of(address, prefixes):
            prefixes.append(_segment_around(address, prefixes))
    segments = _segments(prefixes, placed.values())
    made = {name: _host(addresses, prefixes, segments) for name, addresses in placed.items()}
    used = sorted({host["links"][0]["segment"] for host in made.values()})
    if len(used) > 1:
        _join(made, prefixes, segments, used)
    mtu = max(values["fabric_underlay_mtu"] for values in nodes.values())
    for name, values in nodes.items():
        if values["fabric_underlay_mtu"] < mtu:
            made[name]["mtu"] = values["fabric_underlay_mtu"]
    return {"mtu": mtu, "segments": len(set(segments.values())), "hosts": made}


def _addresses(values):
    given = [values[key] for key in ("fabric_node_address", "fabric_node_address6")]
    return [str(ipaddress.ip_address(address)) for address in given if address]


def _place_outside(placed, outside):
    known = {address: name for name, addresses in placed.items() for address in addresses}
    for entry in outside:
        name, address = entry["name"], str(ipaddress.ip_address(entry["address"]))
        if name in placed:
            raise ValueError(f"fabric_outside: there is another host called {name!r}")
        if address in known:
            raise ValueError(f"fabric_outside: {name} has {address}, which {known[address]} has too")
        placed[name], known[address] = [address], name


def _segment_around(address, prefixes):
    """Return the prefix around an address that is on no segment, as wide as usual or as fits beside the others."""
    others = [ipaddress.ip_network(prefix) for prefix in prefixes]
    for length in range(64 if ":" in address else 24, 128 if ":" in address else 32):
        network = ipaddress.ip_network(f"{address}/{length}", strict=False)
        if not any(network.version == other.version and network.overlaps(other) for other in others):
            break
    return str(network)


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
    link = {
        "segment": segments[located[0][1]],
        "addresses": [f"{address}/{_length(prefix)}" for address, prefix in located],
    }
    return {"links": [link], "gateways": [], "router": False}


def _join(made, prefixes, segments, used):
    """Add a router with an address in every prefix, and lead every host's default route over it."""
    taken = {address.split("/")[0] for host in made.values() for address in host["links"][0]["addresses"]}
    router = {prefix: _last_free(prefix, taken) for prefix in prefixes if segments[prefix] in used}
    for host in made.values():
        for address in host["links"][0]["addresses"]:
            host["gateways"].append(router[str(ipaddress.ip_interface(address).network)])
    links = [
        {
            "segment": segment,
            "addresses": [
                f"{address}/{_length(prefix)}" for prefix, address in router.items() if segments[prefix] == segment
            ],
        }
        for segment in used
    ]
    made[OTHER_ROUTER if ROUTER in made else ROUTER] = {"links": links, "gateways": [], "router": True}


def _last_free(prefix, taken):
    network = ipaddress.ip_network(prefix)
    address = network.broadcast_address - (1 if network.version == 4 and network.prefixlen < 31 else 0)
    while str(address) in taken:
        address -= 1
    return str(address)


def _length(prefix):
    return ipaddress.ip_network(prefix).prefixlen
