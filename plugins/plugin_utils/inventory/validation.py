# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of an inventory, a sentence each, before any node is touched. Pure Python.

In this file a fault is a pair: the host that has it, None for the fabric as a whole, and the sentence.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from ..attachments import ATTACHMENTS, used_by
from ..attachments.base import attachment_of
from ..backends import BACKENDS, backend_of
from ..backends.base import Fault
from ..engines.faults import engine_faults
from ..values.addresses import assigned, rivalries
from ..values.checks import choice, shown, some
from ..values.declaration import Variable
from ..values.networks import FAMILIES, GATEWAYS, Segments, Values, ip_address, ip_network, subnets_of, underlay_of
from ..values.ranges import hands_out, kept_ranges
from ..values.taken import Login, Logins
from .collisions import collision_faults
from .guarded import guard_faults
from .interfaces import interface_faults
from .model import normalised
from .published import publish_faults
from .variables import COMMON, FABRIC_WIDE, OF_MODEL, SECRETS, variable_faults


def faults_of(hosts: Dict[str, Values], logins: Optional[Logins] = None, reachability: bool = True) -> List[str]:
    """Return every fault of the inventory.

    :param hosts: host name -> its fabric_* variables.
    :param logins: host name -> (address that Ansible connects to or None, TCP port), of the hosts that it connects to.
    :param reachability: False omits faults of nodes that the backend cannot connect on this underlay.
    """
    logins = logins or {}
    if not hosts:
        return ["The inventory's group fabric has no hosts: list the nodes there."]
    shapes = [(name, sentence) for name, variables in hosts.items() for sentence in variable_faults(variables)]
    if shapes:  # what is malformed cannot be compared
        return _sentences(shapes)
    nodes = {name: normalised(variables) for name, variables in hosts.items()}
    given = list(nodes.values())[0]["fabric_underlay"]
    underlay = underlay_of(given, nodes.values())
    segments = Segments(underlay)
    found: List[Fault] = list(_agreement(nodes))
    found += [(name, sentence) for name, values in nodes.items() for sentence in _node(values, logins.get(name))]
    found += interface_faults(nodes)
    found += _underlay(nodes, segments, given)
    found += _addresses(nodes)
    found += _overlaps(nodes, given, underlay)
    found += _outside(nodes)
    found += [(None, sentence) for sentence in guard_faults(nodes)]
    found += collision_faults(nodes, underlay, logins)
    backend = backend_of(list(nodes.values())[0])
    found += backend.faults(nodes) if backend.name else ()
    found += backend.reach_faults(nodes, segments) if reachability else ()
    return _sentences(found)


def warnings_of(hosts: Dict[str, Values]) -> List[str]:
    """Return a sentence for each setting that is allowed and probably a mistake; the inventory has no faults."""
    nodes = {name: normalised(variables) for name, variables in hosts.items()}
    warnings = [*_public(nodes)]
    first = next(iter(nodes.values()))
    return [*warnings, *backend_of(first).warnings(first), *_rivalries(nodes)]


def _public(nodes: Dict[str, Values]) -> Iterator[str]:
    """Yield a warning for each variable with public addresses."""
    for variable in OF_MODEL:
        found = {
            name: values[variable.name]
            for name, values in nodes.items()
            if variable.public and values[variable.name] and _is_used(variable, values)
        }
        public = [f"{text} of {name}" for name, text in found.items() if ipaddress.ip_interface(text).ip.is_global]
        if public:
            yield f"{variable.name} {some(public)}: {variable.public}"


def _is_used(variable: Variable, values: Values) -> bool:
    of_attachments = (attachment.variables for attachment in used_by(values))
    return any(variable in variables for variables in (COMMON, backend_of(values).variables, *of_attachments))


def _rivalries(nodes: Dict[str, Values]) -> Iterator[str]:
    """Yield a warning for the endpoints whose addresses depend on other endpoints."""
    found = [
        (f"{one.name} on {name} has {one.address}, because {one.rival} has the first choice", one, key)
        for name, values in nodes.items()
        for subnet, key in subnets_of(values)
        for one in rivalries(values["fabric_endpoints"], subnet, key, values[GATEWAYS[key]], kept_ranges(values, key))
    ]
    if found:
        _sentence, first, key = found[0]
        yield (
            f"the address of an endpoint without one is derived from its name, and some of these collide:"
            f" {some(sentence for sentence, _one, _key in found)}. Such an address depends on the other endpoints: write it"
            f" as {{name: {first.name}, {key}: {first.address}}}."
        )


def _sentences(found: Sequence[Fault]) -> List[str]:
    """Return the faults as sentences; a fault of many hosts is one sentence."""
    hosts: Dict[str, List[Optional[str]]] = {}
    for host, sentence in found:
        hosts.setdefault(sentence, []).append(host)
    return [sentence if names[0] is None else f"{some(names)}: {sentence}" for sentence, names in hosts.items()]


# one node


def _node(values: Values, login: Optional[Login]) -> Iterator[str]:
    if not (values["fabric_node_address"] or values["fabric_node_address6"]):
        yield "fabric_node_address is missing: set it to the node's address on the underlay."
    bare = not (values["fabric_node_subnet"] or values["fabric_node_subnet6"])
    if bare and (values["fabric_endpoints"] or hands_out(values) or not values["fabric_links"]):
        yield "fabric_node_subnet is missing: set it to the subnet of the node's endpoints."
    for variable, choices in (("fabric_backend", tuple(BACKENDS)), ("fabric_attachment", tuple(ATTACHMENTS))):
        yield from choice(variable, values[variable], choices)
    yield from _names(values)
    yield from _attached(values)
    yield from engine_faults(values)
    yield from publish_faults(values, login)
    for subnet, _address, key in FAMILIES:
        if values[subnet]:
            yield from _in_subnet(values, subnet, ip_network(values[subnet]), key)
        elif any(endpoint.get(key) for endpoint in values["fabric_endpoints"]):
            yield f"an endpoint has an {key}, and the node has no {subnet}: set {subnet}, or omit the {key}."


def _names(values: Values) -> Iterator[str]:
    for name, times in Counter(endpoint["name"] for endpoint in values["fabric_endpoints"]).items():
        if times > 1:
            yield f"fabric_endpoints has {times} endpoints called {name!r}: each needs its own name."


def _attached(values: Values) -> Iterator[str]:
    """Check the attachments of endpoints, and the keys that are for one attachment alone."""
    for attachment in used_by(values):
        yield from attachment.node_faults(values)
    for number, endpoint in enumerate(values["fabric_endpoints"]):
        where, name = f"fabric_endpoints[{number}]", attachment_of(values, endpoint)
        if endpoint.get("attachment"):
            yield from choice(f"{where}.attachment", name, tuple(ATTACHMENTS))
        for other in ATTACHMENTS.values():
            for key in other.endpoint_keys:
                if endpoint.get(key) and name != other.name:
                    yield (
                        f"{where}.{key} has no effect on an endpoint with attachment {name}: it is for attachment"
                        f" {other.name}."
                    )


def _in_subnet(values: Values, variable: str, network: Any, key: str) -> Iterator[str]:
    """Check a node's endpoints against its subnet of one family."""
    if network.prefixlen > network.max_prefixlen - 2:
        yield f"{variable} is {network}, too small for a gateway and an endpoint: it must be at least a /{network.max_prefixlen - 2}."
        return
    reserved = {
        network.network_address: "the network's own address",
    }
    if network.version == 4:
        reserved[network.broadcast_address] = "the broadcast address"
    gateway = values[GATEWAYS[key]] and ip_address(values[GATEWAYS[key]])
    if gateway and (gateway in reserved or gateway not in network):
        yield f"{GATEWAYS[key]} is {gateway}, which no host of {variable} {network} can have: choose an address of that subnet."
    elif gateway:
        reserved[gateway] = "the address of the node's bridge"
    for endpoint in values["fabric_endpoints"]:
        found = ip_address(endpoint[key]) if endpoint.get(key) else None
        if found and found not in network:
            yield f"endpoint {endpoint['name']} has {found}, which is not in {variable} {network}: choose an address of that subnet."
        elif found in reserved:
            yield f"endpoint {endpoint['name']} has {found}, which is {reserved[found]} in {network}: choose another address."
    try:
        assigned(values["fabric_endpoints"], str(network), key, values[GATEWAYS[key]], kept_ranges(values, key))
    except ValueError as full:
        yield f"{variable} {full}: set a larger subnet, or remove endpoints."


# nodes among each other


def _agreement(nodes: Dict[str, Values]) -> Iterator[Fault]:
    first, values = list(nodes.items())[0]
    for name, other in nodes.items():
        for variable in FABRIC_WIDE:
            if other[variable] != values[variable] and variable in SECRETS:
                yield (
                    name,
                    f"{variable} is another than on {first}: the whole fabric has one value, set it for the group.",
                )
            elif other[variable] != values[variable]:
                yield (
                    name,
                    f"{variable} is {shown(other[variable])}, and {shown(values[variable])} on {first}: the whole fabric has"
                    " one value, set it for the group.",
                )


def _underlay(nodes: Dict[str, Values], segments: Segments, given: List[str]) -> Iterator[Fault]:
    for name, values in nodes.items():
        for variable in ("fabric_node_address", "fabric_node_address6"):
            if values[variable] and not segments.of(values[variable]):
                yield (
                    name,
                    f"{variable} {values[variable]} is in no prefix of fabric_underlay ({', '.join(given)}): add one.",
                )


def _addresses(nodes: Dict[str, Values]) -> Iterator[Fault]:
    """Two nodes with one address; two endpoints with one, or one with that of a node's bridge."""
    known: Dict[str, str] = {}
    endpoints: Dict[Any, str] = {}
    for name, values in nodes.items():
        for variable in ("fabric_node_address", "fabric_node_address6"):
            other = known.setdefault(values[variable], name) if values[variable] else name
            if other != name:
                yield name, f"{variable} {values[variable]} is also the address of {other}: each node needs its own."
        for endpoint in values["fabric_endpoints"]:
            for key in ("address", "address6"):
                if endpoint.get(key):
                    address, whose = ip_address(endpoint[key]), f"{endpoint['name']} on {name}"
                    if endpoints.setdefault(address, whose) != whose:
                        yield (
                            name,
                            f"endpoint {endpoint['name']} has {address}, which {endpoints[address]} also has:"
                            " each endpoint needs its own.",
                        )


def _overlaps(nodes: Dict[str, Values], given: List[str], underlay: List[str]) -> Iterator[Fault]:
    """Subnets that overlap each other or the underlay: once they are sorted, an overlap is with what came before."""
    remedy = "" if given else " (without fabric_underlay the underlay is the /24 or /64 around each node's address)"
    ranges: List[Tuple[Any, str]] = [
        (ip_network(values[subnet]), f"{subnet} of {name}")
        for name, values in nodes.items()
        for subnet, _address, _key in FAMILIES
        if values[subnet]
    ] + [(ip_network(text), "fabric_underlay") for text in underlay]
    ranges.sort(key=lambda item: (item[0].version, int(item[0].network_address), item[0].prefixlen))
    widest: Optional[Tuple[Any, str]] = None
    for network, whose in ranges:
        if widest and widest[0].version == network.version and widest[0].broadcast_address >= network.network_address:
            hint = remedy if "fabric_underlay" in (whose, widest[1]) else ""
            yield None, f"{whose} ({network}) overlaps {widest[1]} ({widest[0]}){hint}: choose another prefix for one."
        else:
            widest = (network, whose)


def _outside(nodes: Dict[str, Values]) -> Iterator[Fault]:
    """A host outside has no address of the fabric, and its own name."""
    first = list(nodes.values())[0]
    subnets = Segments(values[subnet] for values in nodes.values() for subnet, *_rest in FAMILIES if values[subnet])
    taken = {values[key] for values in nodes.values() for key in ("fabric_node_address", "fabric_node_address6")}
    names = Counter([*nodes, *(entry["name"] for entry in first["fabric_outside"])])
    for number, entry in enumerate(first["fabric_outside"]):
        where = f"fabric_outside[{number}]"
        if names[entry["name"]] > 1:
            yield (
                None,
                f"{where}.name {entry['name']!r} is also the name of a node or of another host outside: choose another name.",
            )
        if str(ip_address(entry["address"])) in taken:
            yield (
                None,
                f"{where}.address {entry['address']} is the address of a node: set the address of a host outside the fabric.",
            )
        if subnets.of(entry["address"]):
            yield (
                None,
                f"{where}.address {entry['address']} is in {subnets.of(entry['address'])}, a subnet of the fabric: set the"
                " address of a host outside the fabric.",
            )
