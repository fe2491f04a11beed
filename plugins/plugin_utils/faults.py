# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an inventory: every fault, a sentence each, before any node is touched. Pure Python."""

from __future__ import annotations

import difflib
import ipaddress
import re

from .inventory import (
    DEFAULTS,
    FABRIC_WIDE,
    FAMILIES,
    IFNAME_MAX,
    OVERHEAD,
    assigned,
    gateway_of,
    overhead,
    segment_of,
    settled,
    underlay_of,
)

ATTACHMENTS = ("bridge", "routed", "direct")
ENDPOINT_KEYS = ("name", "address", "address6")
OUTSIDE_KEYS = ("name", "address")
# Variables of the collection that roles and the lab read by themselves.
OTHERS = ("fabric_lab", "fabric_verify_format", "fabric_verify_output", "fabric_persist", "fabric_repair", "fabric_routed_gateway",
          "fabric_checked", "fabric_node")
# RFC 2460: IPv6 needs 1280; RFC 791: every host takes 576
MTU_MIN, MTU_MAX = 576, 65535


def faults_of(hosts):
    """Return every fault of the inventory.

    :param hosts: host name -> its fabric_* variables.
    """
    if not hosts:
        return ["The inventory's group fabric has no hosts: list the nodes there."]
    found = [fault for name, variables in hosts.items() for fault in _shape(name, variables)]
    if found:  # what has the wrong shape cannot be looked at more closely
        return found
    nodes = {name: settled(variables) for name, variables in hosts.items()}
    underlay = underlay_of(next(iter(nodes.values()))["fabric_underlay"], nodes.values())
    found += _agreement(nodes)
    found += [fault for name, values in nodes.items() for fault in _node(name, values, underlay)]
    found += _addresses(nodes)
    found += _overlaps(nodes, underlay)
    return found + list(_reach(nodes, underlay))


def warnings_of(hosts):
    """Return what is allowed and rarely meant."""
    found = []
    for name, variables in hosts.items():
        for subnet, _address, _key in FAMILIES:
            if variables.get(subnet):
                network = ipaddress.ip_network(variables[subnet])
                if network.is_global:
                    found.append(f"{name}: {subnet} {network} is a public prefix: hosts of that prefix in the world"
                                 " cannot be reached from the fabric.")
    return found


# the shape of one host's variables


def _shape(name, variables):
    known = [*DEFAULTS, *OTHERS]
    for variable in variables:
        if variable not in known:
            yield f"{name}: there is no variable {variable}{_meant(variable, known)}"
    for variable in ("fabric_endpoints", "fabric_links", "fabric_publish", "fabric_outside", "fabric_underlay"):
        if not isinstance(variables.get(variable) or [], list):
            yield f"{name}: {variable} is not a list."
    yield from _entries(name, variables, "fabric_endpoints", ENDPOINT_KEYS, ("name",))
    yield from _entries(name, variables, "fabric_outside", OUTSIDE_KEYS, OUTSIDE_KEYS)
    for variable in ("fabric_node_address", "fabric_node_address6"):
        yield from _address(name, variable, variables.get(variable), 6 if variable.endswith("6") else 4)
    for variable in ("fabric_node_subnet", "fabric_node_subnet6"):
        yield from _prefix(name, variable, variables.get(variable), 6 if variable.endswith("6") else 4)
    underlay = variables.get("fabric_underlay")
    for text in underlay if isinstance(underlay, list) else ():
        yield from _prefix(name, "fabric_underlay", text)
    yield from _numbers(name, variables)


def _entries(name, variables, variable, keys, needed):
    entries = variables.get(variable)
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        where = f"{name}: {variable}[{number}]"
        if not isinstance(entry, dict):
            yield f"{where} is {entry!r}, not a mapping such as {{name: ns1}}."
            continue
        for key in entry:
            if key not in keys:
                yield f"{where} has no key {key!r}{_meant(key, keys)}"
        for key in needed:
            if not entry.get(key):
                yield f"{where} has no {key}."
        for key in ("address", "address6"):
            version = 6 if key == "address6" else (4 if variable == "fabric_endpoints" else None)
            yield from _address(f"{where}", key, entry.get(key), version)


def _address(where, variable, text, version=None):
    if text is not None:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            yield f"{where}: {variable} is {text!r}, which is not an address{_without_length(text)}."
        else:
            if version and address.version != version:
                yield f"{where}: {variable} is {text}, which is not IPv{version}."


def _without_length(text):
    return f": leave {text[text.index('/'):]} out" if isinstance(text, str) and "/" in text else ""


def _prefix(where, variable, text, version=None):
    if text is None:
        return
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        try:
            yield f"{where}: {variable} is {text}, with host bits set: the prefix is {ipaddress.ip_network(text, strict=False)}."
        except ValueError:
            yield f"{where}: {variable} is {text!r}, which is not a prefix such as 172.245.0.0/24."
    else:
        if version and network.version != version:
            yield f"{where}: {variable} is {text}, which is not IPv{version}."


def _numbers(name, variables):
    for variable, low, high in (("fabric_vxlan_vni", 1, 2**24 - 1), ("fabric_vxlan_port", 1, 65535), ("fabric_underlay_mtu", MTU_MIN, MTU_MAX)):
        value = variables.get(variable)
        if value is not None and (not _is_int(value) or not low <= int(value) <= high):
            yield f"{name}: {variable} is {value!r}, out of range: {low} to {high}."
    mtu = variables.get("fabric_mtu")
    if mtu not in (None, "auto") and (not _is_int(mtu) or not MTU_MIN <= int(mtu) <= MTU_MAX):
        yield f"{name}: fabric_mtu is {mtu!r}: it is auto, or a number from {MTU_MIN} to {MTU_MAX}."
    for variable in ("fabric_masquerade", "fabric_cross_subnet"):
        if not isinstance(variables.get(variable, True), bool):
            yield f"{name}: {variable} is {variables[variable]!r}: it is true or false."


def _is_int(value):
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, str) and value.isdigit()))


def _meant(word, known):
    close = difflib.get_close_matches(str(word), known, 1)
    return f": did you mean {close[0]}?" if close else "."


# one node


def _agreement(nodes):
    first, values = next(iter(nodes.items()))
    for name, other in nodes.items():
        for variable in FABRIC_WIDE:
            if other[variable] != values[variable]:
                yield (f"{name}: {variable} is {other[variable]!r} and {values[variable]!r} on {first}: it is one for the whole"
                       " fabric, set it for the group.")


def _node(name, values, underlay):
    if not (values["fabric_node_address"] or values["fabric_node_address6"]):
        yield f"{name}: fabric_node_address is missing: the node's address on the underlay."
    if not (values["fabric_node_subnet"] or values["fabric_node_subnet6"]):
        yield f"{name}: fabric_node_subnet is missing: the subnet of the node's endpoints."
    for variable, choices in (("fabric_backend", tuple(OVERHEAD)), ("fabric_attachment", ATTACHMENTS)):
        if values[variable] not in choices:
            yield f"{name}: {variable} is {values[variable]!r}: it is one of {', '.join(choices)}."
    for subnet, address, _key in FAMILIES:
        if values[address] and not segment_of(values[address], underlay):
            yield f"{name}: {address} {values[address]} is in no prefix of fabric_underlay ({', '.join(underlay)})."
        if values[subnet] and not values[address] and values["fabric_backend"] == "host_gw":
            yield f"{name}: {subnet} is set and {address} is not: with host_gw peers reach a subnet by an address of its family."
    yield from _name(name, "fabric_bridge", values["fabric_bridge"])
    yield from _mtu(name, values)
    yield from _endpoints(name, values)


def _mtu(name, values):
    if values["fabric_mtu"] != "auto" and values["fabric_backend"] in OVERHEAD:
        most = int(values["fabric_underlay_mtu"]) - overhead(values["fabric_backend"], values)
        if int(values["fabric_mtu"]) > most:
            yield (f"{name}: fabric_mtu is {values['fabric_mtu']}, and {values['fabric_backend']} leaves at most {most} of the"
                   f" underlay's {values['fabric_underlay_mtu']} (fabric_underlay_mtu).")


def _name(where, variable, text):
    if not isinstance(text, str) or not text or re.search(r"[/:\s]", text) or text in (".", ".."):
        yield f"{where}: {variable} is {text!r}, which is not a name: no '/', ':' or white space, and not empty."
    elif len(text.encode()) > IFNAME_MAX:
        yield f"{where}: {variable} is {text!r}, which has {len(text.encode())} characters: a name has at most {IFNAME_MAX}."


def _endpoints(name, values):
    seen = set()
    for number, endpoint in enumerate(values["fabric_endpoints"]):
        yield from _name(name, f"fabric_endpoints[{number}].name", endpoint["name"])
        if endpoint["name"] in seen:
            yield f"{name}: two endpoints are called {endpoint['name']!r}."
        seen.add(endpoint["name"])
    for subnet, _address_name, key in FAMILIES:
        if values[subnet]:
            yield from _in_subnet(name, values, ipaddress.ip_network(values[subnet]), key)
        elif any(endpoint.get(key) for endpoint in values["fabric_endpoints"]):
            yield f"{name}: an endpoint has an {key}, and the node has no {subnet}."


def _in_subnet(name, values, network, key):
    given = [endpoint for endpoint in values["fabric_endpoints"] if endpoint.get(key)]
    reserved = {network.network_address: "the network's own address", gateway_of(network): "the address of the node's bridge"}
    if network.version == 4:
        reserved[network.broadcast_address] = "the broadcast address"
    for endpoint in given:
        address = ipaddress.ip_address(endpoint[key])
        if address not in network:
            yield f"{name}: endpoint {endpoint['name']} has {address}, which is outside of the node's subnet {network}."
        elif address in reserved and network.prefixlen < network.max_prefixlen - 1:
            yield f"{name}: endpoint {endpoint['name']} has {address}, which is {reserved[address]} in {network}."
    try:
        assigned(values["fabric_endpoints"], str(network), key)
    except ValueError as full:
        yield f"{name}: {full}."


# nodes among each other


def _addresses(nodes):
    """Two nodes with one address; two endpoints with one."""
    known, endpoints = {}, {}
    for name, values in nodes.items():
        for variable in ("fabric_node_address", "fabric_node_address6"):
            if values[variable]:
                address = ipaddress.ip_address(values[variable])
                if address in known:
                    yield f"{name}: {variable} {address} is that of {known[address]} too."
                known.setdefault(address, name)
        for endpoint in values["fabric_endpoints"]:
            for key in ("address", "address6"):
                if endpoint.get(key):
                    address, whose = ipaddress.ip_address(endpoint[key]), f"{endpoint['name']} on {name}"
                    if address in endpoints:
                        yield f"{name}: endpoint {endpoint['name']} has {address}, which {endpoints[address]} has too."
                    endpoints.setdefault(address, whose)


def _overlaps(nodes, underlay):
    """Subnets that overlap each other or the underlay; sorted, an overlap is with what came before."""
    ranges = [(ipaddress.ip_network(values[subnet]), f"{subnet} of {name}") for name, values in nodes.items()
              for subnet, _address, _key in FAMILIES if values[subnet]]
    ranges += [(ipaddress.ip_network(text), "the underlay") for text in underlay]
    ranges.sort(key=lambda item: (item[0].version, int(item[0].network_address), item[0].prefixlen))
    widest = None
    for network, whose in ranges:
        if widest and widest[0].version == network.version and widest[0].broadcast_address >= network.network_address:
            if not (whose == widest[1] == "the underlay"):
                yield f"{whose} ({network}) overlaps {widest[1]} ({widest[0]})."
            if network.broadcast_address <= widest[0].broadcast_address:
                continue
        widest = (network, whose)


def _reach(nodes, underlay):
    """host_gw leads to a peer by its address alone: the peer must be on the same link."""
    first = next(iter(nodes.values()))
    if first["fabric_backend"] != "host_gw":
        return
    for address in ("fabric_node_address", "fabric_node_address6"):
        segments = {}
        for name, values in nodes.items():
            if values[address]:
                segments.setdefault(segment_of(values[address], underlay), []).append(name)
        if len(segments) > 1:
            told = "; ".join(f"{', '.join(names[:5])}{' …' if len(names) > 5 else ''} on {segment}" for segment, names in segments.items())
            yield (f"fabric_backend host_gw needs all nodes on one L2, and they are not ({told}): a plain route cannot lead to a"
                   " peer behind a router. Use ipip or vxlan, or, if they do share one L2, say so with fabric_underlay.")
