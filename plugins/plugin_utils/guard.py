# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What guards a node, and which groups of endpoints may talk, as the role guard reads it. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Tuple

from .attachments import ATTACHMENTS, used_by
from .attachments.endpoints import GATEWAY6, Endpoints
from .backends import backend_of
from .backends.peers import Peers
from .engines.part import devices_of
from .inventory.guarded import allowed_addresses
from .inventory.model import has_guard, open_tunnels_of
from .values.networks import Values, subnets_of

Model = Dict[str, Any]


def guard_part(model: Model, name: str, endpoints: Endpoints, peers: Peers) -> List[Dict[str, Any]]:
    """Return what the module guard makes on node ``name``: nothing, or one guard."""
    fabric, values = model["fabric"], model["nodes"][name]
    if not has_guard(fabric):
        return []
    pairs = [_endpoint(values, endpoints, one) for one in _pairs(endpoints)]
    found = {
        "name": "guard",
        "peers": [address for one in model["nodes"].values() for address in _addresses(one)],
        **open_tunnels_of(fabric),
    }
    bridges = [device for one in used_by(values) for _variable, device in one.devices(values)]
    bridges += [device for _variable, device in devices_of(values)]
    if not fabric["fabric_guard"]:
        routed = [one["interface"] for one in pairs if not one["bridge"]]
        return [{**found, "tunnels_only": True, "interfaces": [*bridges, *routed]}]
    return [
        {
            **found,
            "endpoints": pairs,
            "bridge": _bridge(values, endpoints),
            "interfaces": bridges,
            "tunnels": _tunnels(model, name, peers),
            "subnets": fabric["inside"],
            # a peer that sends by itself does so from its own address
            "direct": [one.subnet for one in peers.direct]
            + [one.address for one in peers.direct if one.address]
            + [
                text
                for one in peers.direct
                for endpoint in one.values["fabric_endpoints"]
                for text in allowed_addresses(endpoint)
            ],
            "expose": fabric["fabric_expose"],
            "metadata": fabric["fabric_guard_metadata"],
        }
    ]


def _pairs(endpoints: Endpoints) -> Iterator[Tuple[str, Dict[str, Any]]]:
    for attachment in ATTACHMENTS:
        yield from ((attachment, one) for one in endpoints.devices(attachment))


def _endpoint(values: Values, endpoints: Endpoints, pair: Tuple[str, Dict[str, Any]]) -> Dict[str, Any]:
    attachment, device = pair
    whole = {one["name"]: one for one in values["fabric_endpoints"]}[device["name"]]
    return {
        "interface": device["host_end"],
        "mac": device["mac"],
        "addresses": [*(whole[key] for _subnet, key in endpoints.subnets), *allowed_addresses(whole)],
        "bridge": values["fabric_bridge"] if ATTACHMENTS[attachment].shares_l2 else None,
    }


def _bridge(values: Values, endpoints: Endpoints) -> Optional[Dict[str, Any]]:
    """Return the bridge whose further ports, as those of engines, use addresses of the node's subnets that nobody else has."""
    for one in used_by(values):
        if one.shares_l2:
            return {
                "name": values["fabric_bridge"],
                "addresses": [*one.node_addresses(values), *([GATEWAY6] if endpoints.ipv6 else [])],
                "subnets": [subnet for subnet, _key in endpoints.subnets],
            }
    return None


def _addresses(values: Values) -> List[str]:
    return [values[key] for key in ("fabric_node_address", "fabric_node_address6") if values[key]]


def _tunnels(model: Model, name: str, peers: Peers) -> List[str]:
    """Return the names of a node's tunnels; where each peer has its own, of all of these."""
    backend = backend_of(model["fabric"])
    if backend.names_peers_by(peers.values):
        return [backend.peer_device(peer) for peer in model["nodes"] if peer != name]
    return backend.tunnels(peers.values)


def policy_part(model: Model) -> List[Dict[str, Any]]:
    """Return what the module policy makes on each node: nothing, or one policy."""
    fabric = model["fabric"]
    groups = fabric["fabric_groups"]
    if not groups:
        return []
    found: Dict[str, List[str]] = {}
    for values in model["nodes"].values():
        for endpoint in values["fabric_endpoints"]:
            addresses = [*(endpoint[key] for _subnet, key in subnets_of(values)), *allowed_addresses(endpoint)]
            found.setdefault(endpoint["name"], []).extend(addresses)
    return [
        {
            "name": "policy",
            "groups": [
                {"name": group, "addresses": [text for name in names for text in found.get(name, ())]}
                for group, names in groups.items()
            ],
            "rules": [
                {**rule, "port": str(rule["port"])} if rule.get("port") is not None else rule
                for rule in fabric["fabric_policy"]
            ],
            "bridge": fabric["fabric_policy_bridge"],
        }
    ]


def guard_features(fabric: Dict[str, Any], ipv6: bool) -> List[str]:
    """Return what the kernel must have for the guard and for the policy, and nft where endpoints have IPv6."""
    guard = ["bridge_filter"] if fabric["fabric_guard"] else ["inet_filter"] if has_guard(fabric) else []
    guard += ["nd_target"] if fabric["fabric_guard"] and ipv6 else []
    policy = ["intervals", *(["bridge_conntrack"] if fabric["fabric_policy_bridge"] else [])]
    return guard + (policy if fabric["fabric_groups"] else [])
