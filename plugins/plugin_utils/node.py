# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles need of one node, read from the model of the fabric. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

from .attachments import ATTACHMENTS, used_by
from .attachments.endpoints import Endpoints
from .backends import BACKENDS, backend_of, peers_of
from .backends.peers import Peers
from .engines.part import TASKS, devices_of, engines_part, tasks_of
from .expected import expected_of
from .guard import guard_features, guard_part, policy_part
from .inventory.model import mtu_of, roles_of
from .naming import host_ends
from .values.networks import Values, subnets_of
from .values.ranges import hands_out

Model = Dict[str, Any]
# What the kernel must have for each role
FEATURES = {
    **{attachment.name: attachment.features for attachment in ATTACHMENTS.values()},
    **{backend.name: backend.features for backend in BACKENDS.values()},
    "nat": ("masquerade",),
}
# The owners of the sets of all roles; a user's own tasks have other owners
OWNERS = (*ATTACHMENTS, "forwarding", *BACKENDS, "nat", "publish", "guard", *TASKS, "prepare")


def node_model(model: Model, name: str, secrets: Optional[Values] = None) -> Dict[str, Any]:
    """Return what the roles need of node ``name``: of secrets no more than their names.

    :param secrets: the node's variables that the model does not have; without them the names of preshared keys are missing.
    :raises KeyError: there is no such node.
    """
    fabric, values = model["fabric"], model["nodes"][name]
    subnets = subnets_of(values)
    mtu = mtu_of(fabric, values)
    backend, peers = backend_of(fabric), peers_of(model, name, secrets)
    endpoints = Endpoints(name, values, mtu)
    roles, ipv6 = roles_of(fabric, values), values["fabric_node_subnet6"] is not None
    parts = [{"role": "engines", "tasks": tasks} for tasks in tasks_of(values)]
    parts += [{"role": "nat", "tasks": "publish"}] if values["fabric_publish"] else []
    return {
        "name": name,
        "address": values["fabric_node_address"],
        "address6": values["fabric_node_address6"],
        "backend": fabric["fabric_backend"],
        "attachment": values["fabric_attachment"],
        "mtu": mtu,
        "subnets": [subnet for subnet, _key in subnets],
        "families": ["ipv6" if ":" in subnet else "ipv4" for subnet, _key in subnets],
        **{attachment.name: attachment.part(endpoints) for attachment in ATTACHMENTS.values()},
        "engines": engines_part(model, name, mtu),
        "peers": peers.routes(),
        **dict.fromkeys(BACKENDS),
        backend.name: backend.part(peers, mtu),
        "masquerade": _masquerade(values, fabric["inside"]),
        "publish": [rule for entry in values["fabric_publish"] for rule in _published(values, entry)],
        "guard": guard_part(model, name, endpoints, peers),
        "policy": policy_part(model),
        "guarded": fabric["fabric_guard"],
        "inside": fabric["inside"],
        "outside": fabric["fabric_outside"],
        "arrangement": [{"role": role, "tasks": "main"} for role in roles[:-1]] + parts,
        # whose objects stay: the roles', and what several of them share
        "all_owners": list(OWNERS),
        "backends": list(BACKENDS),
        "owners": [*roles, "forwarding", "prepare"] + [part["tasks"] for part in parts],
        "ours": _ours(model, name, peers),
        "expected": expected_of(model, name, peers),
        "features": _features(roles, ipv6, guard_features(fabric, ipv6)),
    }


def what_is_looked_at(model: Model, name: str) -> Dict[str, Any]:
    """Return the option ``expected`` of the module probe for node ``name``, which reads nothing but the node's network."""
    peers = peers_of(model, name)
    ours = _ours(model, name, peers)
    never_up = {device for _variable, device in devices_of(model["nodes"][name])}
    return {
        **expected_of(model, name, peers),
        "machine": False,
        "interfaces": [device for device in ours["interfaces"] if device not in never_up],
        **{key: ours[key] for key in ("tunnels", "encapsulation")},
    }


def _ours(model: Model, name: str, peers: Peers) -> Dict[str, Any]:
    """Return the fabric's part of the node's network, which other programs leave alone (see the module prepare)."""
    fabric, values = model["fabric"], model["nodes"][name]
    tunnels = backend_of(fabric).tunnels(peers.values)
    ends = [link[end] for link in values["fabric_links"] for end in ("a", "b")]
    links = [end["name"] for end in ends if not end.get("netns")]
    devices = [device for attachment in used_by(values) for _variable, device in attachment.devices(values)]
    devices += [device for _variable, device in devices_of(values)]
    return {
        "interfaces": devices + host_ends(values["fabric_endpoints"]) + links + tunnels,
        "tunnels": tunnels,
        "prefixes": fabric["inside"],
        "remotes": peers.remotes(),
        "encapsulation": str(peers.encapsulation) if peers.encapsulation else None,
    }


def _features(roles: List[str], ipv6: bool, guarded: List[str]) -> List[str]:
    needed = [feature for role in roles for feature in FEATURES.get(role, ())] + (["ipv6"] if ipv6 else [])
    return list(dict.fromkeys([*needed, *guarded]))


def _published(values: Values, entry: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """Yield a rule for each address of the endpoint that has a published port."""
    endpoint = {one["name"]: one for one in values["fabric_endpoints"]}[entry["endpoint"]]
    for subnet, key in subnets_of(values):
        own = f"{endpoint[key]}/{128 if ':' in subnet else 32}"
        if not entry.get("address") or (":" in entry["address"]) == (":" in subnet):
            yield {
                "protocol": entry.get("protocol") or "tcp",
                "port": str(entry["port"]),
                "to": endpoint[key],
                "to_port": str(entry["to_port"]) if entry.get("to_port") else None,
                "address": entry.get("address") or None,
                # on one L2 an answer does not pass the node; elsewhere only what an endpoint asks itself does not
                "hairpin": [subnet if ATTACHMENTS[endpoint["attachment"]].shares_l2 else own],
            }


def _masquerade(values: Values, inside: List[str]) -> List[Dict[str, Any]]:
    engines, leaving = hands_out(values), values["fabric_masquerade"]
    if not leaving and "podman" not in engines:
        return []
    return [
        {
            "source": subnet,
            "exclude": [prefix for prefix in inside if (":" in prefix) == (":" in subnet)],
            # netavark before 1.14 masquerades what goes to another node, too, and what leaves the fabric anyway
            **({"keep": True} if engines else {}),
            **({} if leaving else {"masquerade": False}),
        }
        for subnet, _key in subnets_of(values)
    ]
