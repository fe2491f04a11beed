# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fabric as the inventory describes it: what is computed over all of its nodes, once, and what one node needs of it.

Pure Python without Ansible. The *compact* form is a dict that JSON can hold, linear in the number of nodes; the view of
one node (:func:`node_view`) is computed from it, linear in the number of its endpoints and peers.
"""

from __future__ import annotations

import hashlib
import ipaddress

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
    "fabric_bridge": "fabric0",
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
FABRIC_WIDE = ("fabric_backend", "fabric_cross_subnet", "fabric_vxlan_vni", "fabric_vxlan_port", "fabric_underlay", "fabric_outside")

# Bytes that a backend adds to each packet: RFC 2003; RFC 7348 over IPv4 (over IPv6 20 more)
OVERHEAD = {"host_gw": 0, "ipip": 20, "vxlan": 50}
# What the kernel must be able to do for each
FEATURES = {"bridge": ["netns", "veth", "bridge"], "host_gw": [], "ipip": ["ipip"], "vxlan": ["vxlan"]}
IFNAME_MAX = 15
FAMILIES = (("fabric_node_subnet", "fabric_node_address", "address"), ("fabric_node_subnet6", "fabric_node_address6", "address6"))


def settled(variables):
    """Return ``variables`` of one host (fabric_* name -> value) with the defaults for what is unset."""
    return {name: variables[name] if variables.get(name) is not None else default for name, default in DEFAULTS.items()}


def compact(hosts):
    """Return the compact form of the fabric.

    :param hosts: host name -> its fabric_* variables; they are sound (see :mod:`faults`).
    """
    nodes = {name: settled(variables) for name, variables in hosts.items()}
    first = next(iter(nodes.values()), dict(DEFAULTS))
    wide = {name: first[name] for name in FABRIC_WIDE}
    wide["fabric_underlay"] = underlay_of(first["fabric_underlay"], nodes.values())
    own = [name for name in DEFAULTS if name not in FABRIC_WIDE]
    return {"fabric": wide, "nodes": {name: {key: values[key] for key in own} for name, values in nodes.items()}}


def underlay_of(given, nodes):
    """Return the prefixes of the underlay, one for each L2 segment: as given, else the /24 or /64 around each address."""
    if given:
        return [str(ipaddress.ip_network(text)) for text in given]
    found = []
    for values in nodes:
        for variable, length in (("fabric_node_address", 24), ("fabric_node_address6", 64)):
            if values[variable]:
                found.append(str(ipaddress.ip_network(f"{values[variable]}/{length}", strict=False)))
    return list(dict.fromkeys(found))


def segment_of(address, underlay):
    """Return the prefix of ``underlay`` that ``address`` lies in, or None."""
    ip = ipaddress.ip_address(address)
    return next((text for text in underlay if ip in ipaddress.ip_network(text)), None)


def mac_of(*words):
    """Return a MAC address derived from ``words``: locally administered, always the same, for a node made anew too."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def host_end(endpoint):
    """Return the name of the host's end of an endpoint's veth: readable, and never too long."""
    name = f"veth-{endpoint}"
    if len(name) <= IFNAME_MAX:
        return name
    return f"veth-{endpoint[:4]}-{hashlib.sha256(endpoint.encode()).hexdigest()[:5]}"


def gateway_of(subnet):
    """Return the first address of a node's subnet, which its bridge has."""
    return ipaddress.ip_network(subnet).network_address + 1


def assigned(endpoints, subnet, key):
    """Return endpoint name -> address in ``subnet``: as given, else the next free one, in the order of the list.

    :param key: ``address`` or ``address6``.
    :raises ValueError: the subnet is full.
    """
    network = ipaddress.ip_network(subnet)
    explicit = {endpoint["name"]: ipaddress.ip_address(endpoint[key]) for endpoint in endpoints if endpoint.get(key)}
    taken = {gateway_of(subnet), *explicit.values()}
    last = network.broadcast_address - (1 if network.version == 4 else 0)
    candidate, found = gateway_of(subnet), {}
    for endpoint in endpoints:
        name = endpoint["name"]
        if name not in explicit:
            while candidate in taken:
                candidate += 1
            if candidate > last:
                raise ValueError(f"{subnet} has no address left for {name}")
            taken.add(candidate)
        found[name] = explicit.get(name, candidate)
    return {name: str(address) for name, address in found.items()}


def mtu_of(fabric, values):
    """Return the MTU of what lies in the fabric: as given, else what the backend leaves of the underlay's."""
    if values["fabric_mtu"] != "auto":
        return int(values["fabric_mtu"])
    return int(values["fabric_underlay_mtu"]) - overhead(fabric["fabric_backend"], values)


def overhead(backend, values):
    """Return the bytes that ``backend`` adds on the underlay of a node."""
    over_ipv6 = backend == "vxlan" and not values["fabric_node_address"]
    return OVERHEAD[backend] + (20 if over_ipv6 else 0)


def node_view(model, name):
    """Return what the roles need of node ``name``.

    :raises KeyError: there is no such node.
    """
    fabric, values = model["fabric"], model["nodes"][name]
    subnets = subnets_of(values)
    mtu = mtu_of(fabric, values)
    ipv6 = values["fabric_node_subnet6"] is not None
    addresses = {subnet: assigned(values["fabric_endpoints"], subnet, key) for subnet, key in subnets}
    inside = _collapsed(subnet for node in model["nodes"].values() for subnet, _key in subnets_of(node))
    return {
        "name": name,
        "address": values["fabric_node_address"],
        "address6": values["fabric_node_address6"],
        "backend": fabric["fabric_backend"],
        "attachment": values["fabric_attachment"],
        "bridge": {"name": values["fabric_bridge"], "mac": mac_of(name, "bridge", values["fabric_bridge"]), "mtu": mtu},
        "mtu": mtu,
        "subnets": [subnet for subnet, _key in subnets],
        "families": ["ipv6" if ":" in subnet else "ipv4" for subnet, _key in subnets],
        "gateways": [{"prefix": f"{gateway_of(subnet)}/{_length(subnet)}", **_nodad(subnet)} for subnet, _key in subnets],
        "endpoints": [_endpoint(name, endpoint, mtu, ipv6) for endpoint in values["fabric_endpoints"]],
        "addresses": [_address(endpoint["name"], subnet, addresses[subnet]) for subnet, _key in subnets
                      for endpoint in values["fabric_endpoints"]],
        "peers": [peer for other, node in model["nodes"].items() if other != name for peer in _peers(other, node)],
        "masquerade": _masquerade(subnets, inside) if values["fabric_masquerade"] else [],
        "inside": inside,
        "outside": fabric["fabric_outside"],
        "roles": roles_of(fabric, values),
        "features": list(dict.fromkeys(feature for role in roles_of(fabric, values) for feature in FEATURES.get(role, [])
                                       + (["masquerade"] if role == "nat" else []) + (["ipv6"] if ipv6 else []))),
    }


def roles_of(fabric, values):
    """Return the roles that arrange a node, in order."""
    return [values["fabric_attachment"], fabric["fabric_backend"], "nat"]


def subnets_of(values):
    """Return (subnet, key of an endpoint's address in it) for each family that the node has a subnet of."""
    return [(str(ipaddress.ip_network(values[subnet])), key) for subnet, _address_name, key in FAMILIES if values[subnet]]


def _endpoint(node, endpoint, mtu, ipv6):
    name = endpoint["name"]
    return {"name": name, "host_end": host_end(name), "mac": mac_of(node, name, "eth0"),
            "host_mac": mac_of(node, name, "host"), "mtu": mtu, "ipv6": ipv6}


def _address(endpoint, subnet, addresses):
    default = "::/0" if ":" in subnet else "0.0.0.0/0"
    return {"endpoint": endpoint, "prefix": f"{addresses[endpoint]}/{_length(subnet)}", "gateway": str(gateway_of(subnet)),
            "default": default, **_nodad(subnet)}


def _peers(name, values):
    """Return the subnets of a peer, each by way of its address of that family."""
    return [{"name": name, "subnet": str(ipaddress.ip_network(values[subnet])), "via": values[address]}
            for subnet, address, _key in FAMILIES if values[subnet] and values[address]]


def _masquerade(subnets, inside):
    return [{"source": subnet, "exclude": [prefix for prefix in inside if (":" in prefix) == (":" in subnet)]}
            for subnet, _key in subnets]


def _nodad(subnet):
    """An address of ours is nobody else's: IPv6 need not ask before it is used (RFC 4862, 5.4)."""
    return {"nodad": True if ":" in subnet else None}


def _length(subnet):
    return ipaddress.ip_network(subnet).prefixlen


def _collapsed(subnets):
    networks = [ipaddress.ip_network(subnet) for subnet in subnets]
    return [str(network) for version in (4, 6)
            for network in ipaddress.collapse_addresses(one for one in networks if one.version == version)]
