# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an inventory: every fault, a sentence each, before any node is touched. Pure Python.

Within this file a fault is a pair of the host that it is of, None for none, and the sentence.
"""

from __future__ import annotations

import ipaddress
from collections import Counter

from ..attachments import ATTACHMENTS, used_by
from ..attachments.base import attachment_of
from ..backends import BACKENDS, backend_of
from ..values.addresses import assigned, rivalries
from ..values.checks import choice, shown, some
from ..values.networks import FAMILIES, GATEWAYS, Segments, ip_address, ip_network, subnets_of, underlay_of
from .collisions import collision_faults
from .interfaces import interface_faults
from .model import normalised
from .published import publish_faults
from .variables import COMMON, FABRIC_WIDE, OF_MODEL, variable_faults


def faults_of(hosts, logins=None, reachability=True):
    """Return every fault of the inventory.

    :param hosts: host name -> its fabric_* variables.
    :param logins: host name -> (address that Ansible connects to or None, TCP port), of the hosts that it connects to.
    :param reachability: False leaves out that nodes are where their backend cannot reach them.
    """
    logins = logins or {}
    if not hosts:
        return ["The inventory's group fabric has no hosts: list the nodes there."]
    shapes = [(name, sentence) for name, variables in hosts.items() for sentence in variable_faults(variables)]
    if shapes:  # what cannot be read cannot be compared either
        return _told(shapes)
    nodes = {name: normalised(variables) for name, variables in hosts.items()}
    given = list(nodes.values())[0]["fabric_underlay"]
    underlay = underlay_of(given, nodes.values())
    segments = Segments(underlay)
    found = list(_agreement(nodes))
    found += [(name, sentence) for name, values in nodes.items() for sentence in _node(values, logins.get(name))]
    found += interface_faults(nodes)
    found += _underlay(nodes, segments, given)
    found += _addresses(nodes)
    found += _overlaps(nodes, given, underlay)
    found += _outside(nodes)
    found += collision_faults(nodes, underlay, logins)
    backend = backend_of(list(nodes.values())[0])
    found += backend.faults(nodes) if backend.name else ()
    found += backend.reach_faults(nodes, segments) if reachability else ()
    return _told(found)


def warnings_of(hosts):
    """Return what is allowed and rarely meant; the inventory has no faults."""
    nodes = {name: normalised(variables) for name, variables in hosts.items()}
    warnings = [*_public(nodes)]
    first = next(iter(nodes.values()))
    return [*warnings, *backend_of(first).warnings(first), *_rivalries(nodes)]


def _public(nodes):
    """Yield a warning for each variable with addresses of others in the world."""
    for variable in OF_MODEL:
        found = {
            name: values[variable.name]
            for name, values in nodes.items()
            if variable.public and values[variable.name] and _is_used(variable, values)
        }
        public = [f"{text} of {name}" for name, text in found.items() if ipaddress.ip_interface(text).ip.is_global]
        if public:
            yield f"{variable.name} {some(public)}: {variable.public}"


def _is_used(variable, values):
    in_use = (*used_by(values), backend_of(values))
    return variable in COMMON or any(variable in one.variables for one in in_use)


def _rivalries(nodes):
    """Yield a warning of endpoints whose addresses depend on who else is there."""
    found = [
        (f"{one.name} on {name} has {one.address}, as {one.rival} has the one before", one, key)
        for name, values in nodes.items()
        for subnet, key in subnets_of(values)
        for one in rivalries(values["fabric_endpoints"], subnet, key, values[GATEWAYS[key]])
    ]
    if found:
        _sentence, first, key = found[0]
        yield (
            f"fabric_endpoints without an address get one by their names, and some come to one that another endpoint has:"
            f" {some(sentence for sentence, _one, _key in found)}. Their addresses depend on who else is there: write them,"
            f" {{name: {first.name}, {key}: {first.address}}}."
        )


def _told(found):
    """Return the faults as sentences; one that many hosts have is reported once."""
    hosts = {}
    for host, sentence in found:
        hosts.setdefault(sentence, []).append(host)
    return [sentence if names[0] is None else f"{some(names)}: {sentence}" for sentence, names in hosts.items()]


# one node


def _node(values, login):
    if not (values["fabric_node_address"] or values["fabric_node_address6"]):
        yield "fabric_node_address is missing: set it to the node's address on the underlay."
    bare = not (values["fabric_node_subnet"] or values["fabric_node_subnet6"])
    if bare and (values["fabric_endpoints"] or not values["fabric_links"]):
        yield "fabric_node_subnet is missing: set it to the subnet of the node's endpoints."
    for variable, choices in (("fabric_backend", tuple(BACKENDS)), ("fabric_attachment", tuple(ATTACHMENTS))):
        yield from choice(variable, values[variable], choices)
    yield from _names(values)
    yield from _attached(values)
    yield from publish_faults(values, login)
    for subnet, _address, key in FAMILIES:
        if values[subnet]:
            yield from _in_subnet(values, subnet, ip_network(values[subnet]), key)
        elif any(endpoint.get(key) for endpoint in values["fabric_endpoints"]):
            yield f"an endpoint has an {key}, and the node has no {subnet}: set it, or leave the {key} out."


def _names(values):
    for name, times in Counter(endpoint["name"] for endpoint in values["fabric_endpoints"]).items():
        if times > 1:
            yield f"fabric_endpoints has {times} endpoints called {name!r}: give each a name of its own."


def _attached(values):
    """Check the attachments of endpoints, and the keys that are for one attachment alone."""
    for attachment in used_by(values):
        yield from attachment.node_faults(values)
    for number, endpoint in enumerate(values["fabric_endpoints"]):
        where, attachment = f"fabric_endpoints[{number}]", attachment_of(values, endpoint)
        if endpoint.get("attachment"):
            yield from choice(f"{where}.attachment", attachment, tuple(ATTACHMENTS))
        for other in ATTACHMENTS.values():
            for key in other.endpoint_keys:
                if endpoint.get(key) and attachment != other.name:
                    yield (
                        f"{where}.{key} says nothing to an endpoint that is attached by {attachment}: it is for"
                        f" {other.name} ones."
                    )


def _in_subnet(values, variable, network, key):
    """Check a node's endpoints against its subnet of one family."""
    if network.prefixlen > network.max_prefixlen - 2:
        yield f"{variable} is {network}, too small for a bridge and an endpoint: a /{network.max_prefixlen - 2} at least."
        return
    reserved = {
        network.network_address: "the network's own address",
    }
    if network.version == 4:
        reserved[network.broadcast_address] = "the broadcast address"
    gateway = values[GATEWAYS[key]] and ip_address(values[GATEWAYS[key]])
    if gateway and (gateway in reserved or gateway not in network):
        yield f"{GATEWAYS[key]} is {gateway}, which no host of {variable} {network} can have: choose one of its addresses."
    elif gateway:
        reserved[gateway] = "the address of the node's bridge"
    for endpoint in values["fabric_endpoints"]:
        found = ip_address(endpoint[key]) if endpoint.get(key) else None
        if found and found not in network:
            yield f"endpoint {endpoint['name']} has {found}, outside of {variable} {network}: give it one of that subnet."
        elif found in reserved:
            yield f"endpoint {endpoint['name']} has {found}, which is {reserved[found]} in {network}: give it another."
    try:
        assigned(values["fabric_endpoints"], str(network), key, values[GATEWAYS[key]])
    except ValueError as full:
        yield f"{variable} {full}: give the node a larger subnet, or fewer endpoints."


# nodes among each other


def _agreement(nodes):
    first, values = list(nodes.items())[0]
    for name, other in nodes.items():
        for variable in FABRIC_WIDE:
            if other[variable] != values[variable]:
                yield (
                    name,
                    f"{variable} is {shown(other[variable])}, and {shown(values[variable])} on {first}: it is one for the whole"
                    " fabric, set it for the group.",
                )


def _underlay(nodes, segments, given):
    for name, values in nodes.items():
        for variable in ("fabric_node_address", "fabric_node_address6"):
            if values[variable] and not segments.of(values[variable]):
                yield (
                    name,
                    f"{variable} {values[variable]} is in no prefix of fabric_underlay ({', '.join(given)}): add its.",
                )


def _addresses(nodes):
    """Two nodes with one address; two endpoints with one, or one with that of a node's bridge."""
    known, endpoints = {}, {}
    for name, values in nodes.items():
        for variable in ("fabric_node_address", "fabric_node_address6"):
            other = known.setdefault(values[variable], name) if values[variable] else name
            if other != name:
                yield name, f"{variable} {values[variable]} is that of {other} too: each node has its own."
        for endpoint in values["fabric_endpoints"]:
            for key in ("address", "address6"):
                if endpoint.get(key):
                    address, whose = ip_address(endpoint[key]), f"{endpoint['name']} on {name}"
                    if endpoints.setdefault(address, whose) != whose:
                        yield (
                            name,
                            f"endpoint {endpoint['name']} has {address}, which {endpoints[address]} has too:"
                            " each has its own.",
                        )


def _overlaps(nodes, given, underlay):
    """Subnets that overlap each other or the underlay: once they are sorted, an overlap is with what came before."""
    remedy = (
        "" if given else " (the underlay is taken for the /24 or /64 around each node's address: see fabric_underlay)"
    )
    ranges = [
        (ip_network(values[subnet]), f"{subnet} of {name}")
        for name, values in nodes.items()
        for subnet, _address, _key in FAMILIES
        if values[subnet]
    ] + [(ip_network(text), "fabric_underlay") for text in underlay]
    ranges.sort(key=lambda item: (item[0].version, int(item[0].network_address), item[0].prefixlen))
    widest = None
    for network, whose in ranges:
        if widest and widest[0].version == network.version and widest[0].broadcast_address >= network.network_address:
            hint = remedy if "fabric_underlay" in (whose, widest[1]) else ""
            yield None, f"{whose} ({network}) overlaps {widest[1]} ({widest[0]}){hint}: choose another prefix for one."
        else:
            widest = (network, whose)


def _outside(nodes):
    """Who is outside must not be inside, and needs a name of its own."""
    first = list(nodes.values())[0]
    subnets = Segments(values[subnet] for values in nodes.values() for subnet, *_rest in FAMILIES if values[subnet])
    taken = {values[key] for values in nodes.values() for key in ("fabric_node_address", "fabric_node_address6")}
    names = Counter([*nodes, *(entry["name"] for entry in first["fabric_outside"])])
    for number, entry in enumerate(first["fabric_outside"]):
        where = f"fabric_outside[{number}]"
        if names[entry["name"]] > 1:
            yield None, f"{where}.name {entry['name']!r} is that of a node or of another host outside: choose another."
        if str(ip_address(entry["address"])) in taken:
            yield (
                None,
                f"{where}.address {entry['address']} is a node's: give the address of a host outside of the fabric.",
            )
        if subnets.of(entry["address"]):
            yield (
                None,
                f"{where}.address {entry['address']} is in {subnets.of(entry['address'])}, a subnet of the fabric.",
            )
