# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's engines, their ranges and its endpoints cannot be together. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

from ..attachments import ATTACHMENTS
from ..values.checks import some
from ..values.networks import FAMILIES, GATEWAYS, Values, ip_address, ip_network, subnets_of
from ..values.ranges import divided, hands_out, ranges_of, usual_range, written
from .checks import ENDPOINT_KEYS

RANGE = "fabric_engine_range"
# of a larger subnet Docker's bitmap lacks the last address: its daemon refuses each container (tried with 20.10)
WHOLE_BITMAP = 64


def engine_faults(values: Values) -> Iterator[str]:
    """Yield a sentence for each fault of one node's engines.

    :param values: its normalised variables.
    """
    yield from _namespaces(values)
    engines = hands_out(values)
    if not engines:
        return
    attachment = ATTACHMENTS.get(values["fabric_attachment"])
    if attachment and not attachment.shares_l2:
        yield (
            f"fabric_engines has {engines[0]}, whose containers are on the node's bridge, and fabric_attachment is"
            f" {attachment.name}: set fabric_attachment to bridge, and attachment: {attachment.name} for each endpoint."
        )
    if not subnets_of(values):
        return  # a fault of its own
    yield from _written(values, engines)
    for variable, _address, key in FAMILIES:
        if values[variable]:
            network = ip_network(values[variable])
            if network.prefixlen <= network.max_prefixlen - 2:  # a fault of its own
                yield from _in_subnet(values, variable, network, key)


def _written(values: Values, engines: List[str]) -> Iterator[str]:
    """Check what the variable says by itself."""
    given = values[RANGE]
    if isinstance(given, dict):
        for engine in given:
            if engine not in engines:
                yield f"{RANGE} has a range for {engine}, which is not in fabric_engines: remove the range, or add the engine."
        for engine in engines:
            if engine not in given:
                yield f"{RANGE} has no range for {engine}: add one, or give one prefix for all engines."
    for _engine, prefix in written(given):
        variable = {family.key: family.subnet for family in FAMILIES}["address6" if ":" in prefix else "address"]
        if not values[variable]:
            yield f"{RANGE} has {prefix}, and the node has no {variable}: set it, or omit the prefix."


def _in_subnet(values: Values, variable: str, network: Any, key: str) -> Iterator[str]:
    engines, ranges = hands_out(values), ranges_of(values)
    if any(key not in ranges[engine] for engine in engines):
        whole = usual_range(str(network))
        for _engine, prefix in written(values[RANGE]):
            whole = ip_network(prefix) if ip_network(prefix).version == network.version else whole
        yield (
            f"{whole} of {variable} {network} is too small to be divided among {', '.join(engines)}: set a larger subnet, or"
            f" {RANGE} to a larger part of it."
        )
        return
    found = [(engine, ranges[engine][key]) for engine in engines]
    for engine, one in found:
        where = f"{RANGE}{_by_default(values, network.version)} gives {engine} {one}"
        if divided(one, 1) is None:
            yield f"{where}, which is a single address: give a larger prefix."
        elif not one.subnet_of(network):
            yield f"{where}, which is not in {variable} {network}: choose a part of that subnet."
        elif engine == "docker" and network.prefixlen <= network.max_prefixlen - WHOLE_BITMAP and network[-1] in one:
            yield f"{where}, with the last address of {variable} {network}, which Docker cannot count: choose a part before it."
        else:
            inside = some(
                f"{address}, the address of {whose}" for address, whose in _taken(values, key) if address in one
            )
            if inside:
                yield f"{where}, which contains {inside}: choose another part of the subnet."
    yield from _overlapping(found)


def _by_default(values: Values, version: int) -> str:
    given = any(ip_network(prefix).version == version for _engine, prefix in written(values[RANGE]))
    return "" if given else " (by default)"


def _taken(values: Values, key: str) -> Iterator[Tuple[Any, str]]:
    """Yield (address, whose it is) of the gateway and of the endpoints whose address is written."""
    if values[GATEWAYS[key]]:
        yield ip_address(values[GATEWAYS[key]]), f"the bridge ({GATEWAYS[key]})"
    for endpoint in values["fabric_endpoints"]:
        if endpoint.get(key):
            yield ip_address(endpoint[key]), f"endpoint {endpoint['name']}"


def _overlapping(found: List[Tuple[str, Any]]) -> Iterator[str]:
    for number, (engine, one) in enumerate(found):
        for other, another in found[:number]:
            if one.overlaps(another):
                yield f"{RANGE} gives {engine} {one}, and {other} {another}: two engines cannot hand out one address."


def _namespaces(values: Values) -> Iterator[str]:
    """Check the endpoints that are a container's, a process's or a service's."""
    known: Dict[Any, str] = {}
    for number, endpoint in enumerate(values["fabric_endpoints"]):
        given = [key for key in ENDPOINT_KEYS if endpoint.get(key)]
        where = f"fabric_endpoints[{number}]"
        if len(given) > 1:
            yield f"{where} has {' and '.join(given)}: an endpoint has one of them."
        for key in given:
            what, words = _identity(key, endpoint[key])
            other = known.setdefault(what, endpoint["name"])
            if other != endpoint["name"]:
                yield f"{where}.{key} is {words}, which is already endpoint {other}: it has one place in the fabric."
        if "service" in given and "systemd" not in values["fabric_engines"]:
            yield f"{where} has service {endpoint['service']}, and fabric_engines has no systemd: add it."


def _identity(key: str, value: Any) -> Tuple[Any, str]:
    """Return what distinguishes a namespace from another, and what a sentence calls it."""
    if key == "container":
        return (key, value["engine"], value["name"]), f"the container {value['name']} of {value['engine']}"
    return (key, str(value)), str(value)
