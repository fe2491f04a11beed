# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of each node as the inventory alone declares it, with no node at hand.

What is declared are the resources of the roles' own task files (:mod:`role_sets`). What the kernel makes of them by itself is
added: connected routes, link-local addresses, a bridge's own forwarding entries. What no variable says (the underlay's
interface, its router) is assumed, and marked so.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Optional

from ...module_utils.engine.resource import Resource
from ...module_utils.specs.sets import described
from ..node import node_model
from ..values.networks import FAMILIES
from .assumed import add_underlay
from .kernel_made import KERNEL, DeclaredNamespace
from .role_sets import role_sets

Json = Dict[str, Any]
# kinds of the node's network -> what adds one of its resources to a namespace
KINDS = {
    "sysctl": DeclaredNamespace.add_sysctl,
    "link": DeclaredNamespace.add_link,
    "port": DeclaredNamespace.add_port,
    "address": DeclaredNamespace.add_address,
    "neighbor": DeclaredNamespace.add_neighbor,
    "proxy": DeclaredNamespace.add_proxy,
    "fdb": DeclaredNamespace.add_fdb,
    "route": DeclaredNamespace.add_route,
    "nat": DeclaredNamespace.add_nat,
    "nft_table": DeclaredNamespace.add_table,
    "wireguard": DeclaredNamespace.add_wireguard,
    "wireguard_peer": DeclaredNamespace.add_wireguard_peer,
}
# kinds that say nothing of how packets go
OTHERS = ("config_file", "container_network")


def declared_states(model: Json, names: Optional[Iterable[str]] = None) -> Dict[str, Json]:
    """Return name -> the state of each node that ``names`` has, of all by default.

    :param model: the model of the fabric; the inventory has no faults.
    """
    return {name: declared_state(model, name) for name in (model["nodes"] if names is None else names)}


def declared_state(model: Json, name: str) -> Json:
    """Return the state of node ``name``; ``refused`` are the entries that the kernel would not take, each with the reason."""
    return state_of(model, name, described(role_sets(node_model(model, name)), [*KINDS, "netns"]))


def state_of(model: Json, name: str, resources: Iterable[Resource], source: str = "declared") -> Json:
    """Return the state of node ``name`` if it has ``resources``; where its address is not among them, its underlay is assumed.

    What the kernel has made of observed addresses is left out of them, and made again.
    """
    found = [one for one in resources if not (one.kind == "route" and one.values.get("protocol") == KERNEL)]
    namespaces = {"": DeclaredNamespace("")}
    for one in found:
        if one.kind == "netns":
            namespaces[one.key.name] = DeclaredNamespace(one.key.name, one.values.get("ipv6"))
    for one in found:
        if one.kind != "netns" and one.netns not in namespaces:  # the user's own
            namespaces[one.netns] = DeclaredNamespace(one.netns)
    here = {one.key.address.partition("/")[0] for one in found if one.kind == "address" and not one.netns}
    if here.isdisjoint(model["nodes"][name][family.address] for family in FAMILIES):
        add_underlay(model, name, namespaces[""], found)
    for kind, add in KINDS.items():  # in this order: a link before its addresses, addresses before routes
        for one in sorted(found, key=_with_gateway) if kind == "route" else found:
            if one.kind == kind:
                add(namespaces[one.netns], one)
    for netns in namespaces.values():
        netns.complete(namespaces)
    return {
        "node": name,
        "source": source,
        "namespaces": {key: netns.plain() for key, netns in namespaces.items()},
        "refused": [entry for netns in namespaces.values() for entry in netns.refused],
    }


def _with_gateway(one: Resource) -> bool:
    """Say whether it is made after those that its gateway may be found by."""
    return bool(one.values.get("via"))
