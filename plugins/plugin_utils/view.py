# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles need of one node, read from the compact form of the fabric. Pure Python."""

from __future__ import annotations

import base64
import hashlib

from .inventory import FAMILIES, gateway_of, most_mtu, roles_of, subnets_of

# What the kernel must be able to do for each
FEATURES = {
    "bridge": ["netns", "veth", "bridge"],
    "host_gw": [],
    "ipip": ["ipip"],
    "vxlan": ["vxlan"],
    "nat": ["masquerade"],
}
IFNAME_MAX = 15
# The bridge's own on its link; an endpoint derives one from its MAC address.
LINK_LOCAL = "fe80::1/64"


def node_view(model, name):
    """Return what the roles need of node ``name``.

    :raises KeyError: there is no such node.
    """
    fabric, values = model["fabric"], model["nodes"][name]
    subnets = subnets_of(values)
    most = most_mtu(fabric["fabric_backend"], fabric["underlay_version"], values)
    mtu = most if values["fabric_mtu"] == "auto" else values["fabric_mtu"]
    ipv6 = values["fabric_node_subnet6"] is not None
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
        "gateways": [{"prefix": prefix, **_nodad(prefix)} for prefix in _gateways(subnets, ipv6)],
        "endpoints": [_endpoint(name, endpoint, mtu, ipv6) for endpoint in values["fabric_endpoints"]],
        "addresses": [_address(endpoint, *of) for of in subnets for endpoint in values["fabric_endpoints"]],
        "peers": [peer for other, node in model["nodes"].items() if other != name for peer in _peers(other, node)],
        "masquerade": _masquerade(subnets, fabric["inside"]) if values["fabric_masquerade"] else [],
        "inside": fabric["inside"],
        "outside": fabric["fabric_outside"],
        "roles": roles_of(fabric, values),
        "features": _features(roles_of(fabric, values), ipv6),
    }


def mac_of(*words):
    """Return a MAC address derived from ``words``: locally administered, always the same, for a node made anew too."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def host_end(endpoint):
    """Return the name of the host's end of an endpoint's veth: the endpoint's own as far as it fits."""
    for name in (f"veth-{endpoint}", f"v-{endpoint}"):
        if len(name.encode()) <= IFNAME_MAX:
            return name
    # 40 bits: names that begin alike, as those of replicas do, do not meet
    return f"v{endpoint[:5]}-{base64.b32encode(hashlib.sha256(endpoint.encode()).digest())[:8].decode().lower()}"


def _features(roles, ipv6):
    needed = [feature for role in roles for feature in FEATURES.get(role, [])] + (["ipv6"] if ipv6 else [])
    return list(dict.fromkeys(needed))


def _gateways(subnets, ipv6):
    """Return what the node's bridge has: its address in each subnet, and what it asks for neighbors from (RFC 4861, 7.2.2).

    Without a link-local address the kernel sends no question on behalf of a packet that is only forwarded, and an endpoint
    that has not spoken yet is not reached.
    """
    return [_with_length(gateway_of(subnet), subnet) for subnet, _key in subnets] + [LINK_LOCAL] * ipv6


def _endpoint(node, endpoint, mtu, ipv6):
    name = endpoint["name"]
    return {
        "name": name,
        "host_end": host_end(name),
        "mac": mac_of(node, name, "eth0"),
        "host_mac": mac_of(node, name, "host"),
        "mtu": mtu,
        "ipv6": ipv6,
    }


def _address(endpoint, subnet, key):
    return {
        "endpoint": endpoint["name"],
        "prefix": _with_length(endpoint[key], subnet),
        "gateway": str(gateway_of(subnet)),
        "default": "::/0" if ":" in subnet else "0.0.0.0/0",
        **_nodad(subnet),
    }


def _peers(name, values):
    """Return the subnets of a peer, each by way of its address of that family."""
    return [
        {"name": name, "subnet": values[subnet], "via": values[address]}
        for subnet, address, _key in FAMILIES
        if values[subnet] and values[address]
    ]


def _masquerade(subnets, inside):
    return [
        {"source": subnet, "exclude": [prefix for prefix in inside if (":" in prefix) == (":" in subnet)]}
        for subnet, _key in subnets
    ]


def _nodad(subnet):
    """An address of ours is nobody else's: IPv6 need not ask before it is used (RFC 4862, 5.4)."""
    return {"nodad": True if ":" in subnet else None}


def _with_length(address, subnet):
    return f"{address}/{subnet.split('/')[1]}"
