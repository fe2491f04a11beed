# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fabric as the inventory describes it: what is computed over all of its nodes, once, and what one node needs of it.

Pure Python without Ansible. The *model* is a dict that JSON can hold, linear in the number of nodes; the view of
one node (:mod:`view`) is read from it.
"""

from __future__ import annotations

import ipaddress

from .addresses import assigned

DEFAULTS = {
    "fabric_backend": "host_gw",
    "fabric_attachment": "bridge",
    "fabric_cross_subnet": False,
    "fabric_mtu": "auto",
    "fabric_masquerade": True,
    "fabric_vxlan_vni": 1,
    "fabric_vxlan_port": 8472,
    "fabric_underlay": [],
    "fabric_underlay_mtu": 1500,
    "fabric_vxlan_name": None,
    "fabric_vxlan_dev": None,
    "fabric_ipip_name": None,
    "fabric_ipip_pairs": False,
    "fabric_ipip_address": None,
    "fabric_bridge": "fabric0",
    "fabric_bridge_address": None,
    "fabric_bridge_address6": None,
    "fabric_routed_gateway": "169.254.1.1",
    "fabric_endpoints": [],
    "fabric_links": [],
    "fabric_publish": [],
    "fabric_outside": [],
    "fabric_node_address": None,
    "fabric_node_subnet": None,
    "fabric_node_address6": None,
    "fabric_node_subnet6": None,
}
# What is one for the whole fabric; the first node says it, and the others must agree.
FABRIC_WIDE = (
    "fabric_backend",
    "fabric_cross_subnet",
    "fabric_ipip_pairs",
    "fabric_vxlan_vni",
    "fabric_vxlan_port",
    "fabric_underlay",
    "fabric_outside",
)
NUMBERS = ("fabric_vxlan_vni", "fabric_vxlan_port", "fabric_underlay_mtu")
BOOLEANS = ("fabric_cross_subnet", "fabric_masquerade", "fabric_ipip_pairs")
LISTS = ("fabric_endpoints", "fabric_links", "fabric_publish", "fabric_outside", "fabric_underlay")
# (a node's subnet, its address on the underlay, an endpoint's address), of each family
FAMILIES = (
    ("fabric_node_subnet", "fabric_node_address", "address"),
    ("fabric_node_subnet6", "fabric_node_address6", "address6"),
)
# an endpoint's address -> the address in the subnet that endpoints of a bridge leave by
GATEWAYS = {"address": "fabric_bridge_address", "address6": "fabric_bridge_address6"}
# As Ansible reads them; -e and INI inventories give text.
TRUE, FALSE = (True, "true", "yes", "on", "1"), (False, "false", "no", "off", "0")

# Bytes that a backend adds to each packet: RFC 2003; RFC 7348 over IPv4 (over IPv6 20 more)
OVERHEAD = {"host_gw": 0, "ipip": 20, "vxlan": 50}


def normalised(variables):
    """Return ``variables`` of one host (fabric_* name -> value) in their normal form, with the defaults for what is unset.

    They have the right shape (see :mod:`shape`).
    """
    found = {name: default if variables.get(name) is None else variables[name] for name, default in DEFAULTS.items()}
    for name in NUMBERS:
        found[name] = int(found[name])
    for name in BOOLEANS:
        found[name] = boolean(found[name])
    if found["fabric_mtu"] != "auto":
        found["fabric_mtu"] = int(found["fabric_mtu"])
    for subnet, address, _key in FAMILIES:
        found[subnet] = found[subnet] and str(ipaddress.ip_network(found[subnet]))
        found[address] = found[address] and str(ipaddress.ip_address(found[address]))
    for subnet, _address, key in FAMILIES:
        given = found[GATEWAYS[key]]
        found[GATEWAYS[key]] = str(ipaddress.ip_address(given)) if given else _first(found, subnet)
    found["fabric_underlay"] = [str(ipaddress.ip_network(text)) for text in found["fabric_underlay"]]
    return found


def _first(values, subnet):
    """Return the first address of a node's subnet where a gateway is in need of one; elsewhere an endpoint may have it."""
    needed = attachments_of(values) & {"bridge", "direct"}
    return str(ipaddress.ip_network(values[subnet]).network_address + 1) if values[subnet] and needed else None


def attachment_of(values, endpoint):
    """Return how an endpoint is attached: as itself says, else as its node does."""
    return endpoint.get("attachment") or values["fabric_attachment"]


def attachments_of(values):
    """Return the attachments that a node uses."""
    found = {attachment_of(values, endpoint) for endpoint in values["fabric_endpoints"]}
    return found or ({values["fabric_attachment"]} if subnets_of(values) else set())


def boolean(value):
    """Return the truth value that Ansible reads in ``value``.

    :raises ValueError: it is none.
    """
    word = value.lower() if isinstance(value, str) else value
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise ValueError(f"{value!r} is neither true nor false")


def fabric_model(hosts):
    """Return the model of the fabric: ``{"fabric": what is one for all, "nodes": name -> its own}``.

    Names of variables stay as users know them; each endpoint has its addresses.

    :param hosts: host name -> its fabric_* variables; they are sound (see :mod:`faults`).
    """
    nodes = {name: normalised(variables) for name, variables in hosts.items()}
    first = next(iter(nodes.values()), dict(DEFAULTS))
    wide = {name: first[name] for name in FABRIC_WIDE}
    wide["fabric_underlay"] = underlay_of(first["fabric_underlay"], nodes.values())
    wide["underlay_version"] = underlay_version(nodes.values())
    wide["inside"] = collapsed(subnet for values in nodes.values() for subnet, _key in subnets_of(values))
    return {"fabric": wide, "nodes": {name: _own(values) for name, values in nodes.items()}}


def _own(values):
    """Return what a node has of its own, its endpoints with all of their addresses."""
    own = {name: value for name, value in values.items() if name not in FABRIC_WIDE}
    addresses = {
        key: assigned(values["fabric_endpoints"], subnet, key, values[GATEWAYS[key]])
        for subnet, key in subnets_of(values)
    }
    own["fabric_endpoints"] = [
        {
            **{name: value for name, value in endpoint.items() if value not in (None, "")},
            "attachment": attachment_of(values, endpoint),
            **{key: found[endpoint["name"]] for key, found in addresses.items()},
            # those of its addresses that the inventory does not write
            "unwritten": [key for key in addresses if not endpoint.get(key)],
        }
        for endpoint in values["fabric_endpoints"]
    ]
    return own


def underlay_of(given, nodes):
    """Return the prefixes of the underlay, one for each L2: as given, else the /24 or /64 around each address."""
    if given:
        return [str(ipaddress.ip_network(text)) for text in given]
    found = []
    for values in nodes:
        for variable, length in (("fabric_node_address", 24), ("fabric_node_address6", 64)):
            if values[variable]:
                found.append(str(ipaddress.ip_network(f"{values[variable]}/{length}", strict=False)))
    return list(dict.fromkeys(found))


def underlay_version(nodes):
    """Return the IP version that a tunnel between any two of ``nodes`` uses: 4 if all have it, else 6; None: neither."""
    nodes = list(nodes)
    for version, variable in ((4, "fabric_node_address"), (6, "fabric_node_address6")):
        if all(values[variable] for values in nodes):
            return version
    return None


class Segments:
    """The prefixes of the underlay, made to be asked for many addresses."""

    def __init__(self, underlay):
        self._lengths = {}
        for text in underlay:
            network = ipaddress.ip_network(text)
            by_bits = self._lengths.setdefault((network.version, network.prefixlen), {})
            by_bits[int(network.network_address)] = text

    def of(self, address):
        """Return the prefix that ``address`` lies in, the longest of several, or None."""
        ip = ipaddress.ip_address(address)
        for (version, length), by_bits in sorted(self._lengths.items(), key=lambda item: -item[0][1]):
            shift = ip.max_prefixlen - length
            text = by_bits.get(int(ip) >> shift << shift) if version == ip.version else None
            if text:
                return text
        return None


def segment_of(address, underlay):
    """Return the prefix of ``underlay`` that ``address`` lies in, or None."""
    return Segments(underlay).of(address)


def most_mtu(backend, version, values):
    """Return the bytes that ``backend`` leaves of each packet on a node's underlay of IP version ``version``."""
    over_ipv6 = 20 if backend == "vxlan" and version == 6 else 0
    return values["fabric_underlay_mtu"] - OVERHEAD[backend] - over_ipv6


def mtu_of(fabric, values):
    """Return the MTU of a node's endpoints in bytes."""
    most = most_mtu(fabric["fabric_backend"], fabric["underlay_version"], values)
    return most if values["fabric_mtu"] == "auto" else values["fabric_mtu"]


def roles_of(fabric, values):
    """Return the roles that arrange a node, in order."""
    attachments = attachments_of(values) | ({"direct"} if values["fabric_links"] else set())
    return [*sorted(attachments), fabric["fabric_backend"], "nat"]


def subnets_of(values):
    """Return (subnet, key of an endpoint's address in it) for each family that the node has a subnet of."""
    return [(values[subnet], key) for subnet, _address_name, key in FAMILIES if values[subnet]]


def collapsed(subnets):
    """Return the fewest prefixes that cover ``subnets`` and nothing else."""
    networks = [ipaddress.ip_network(subnet) for subnet in subnets]
    return [
        str(network)
        for version in (4, 6)
        for network in ipaddress.collapse_addresses(one for one in networks if one.version == version)
    ]
