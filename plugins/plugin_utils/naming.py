# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of a node's interfaces, given or by default, and whether it can have all of them. Pure Python."""

from __future__ import annotations

from .backends.overlay import PAIRS, named, patterns, vtep_of
from .inventory.model import attachments_of

# What the names of endpoints' host ends begin with, where the inventory gives none
HOST_ENDS = ("veth-", "v-", "v")
INTERFACE = "eth0"


def host_end(endpoint):
    """Return the name of the end of an endpoint's veth in the node: host_interface, else the endpoint's own as far as it fits."""
    return endpoint.get("host_interface") or named(HOST_ENDS, endpoint["name"])


def interface_of(endpoint):
    """Return the name of the end of an endpoint's veth in its namespace."""
    return endpoint.get("interface") or INTERFACE


def host_ends(endpoints):
    """Return the names of the ends in the node: patterns (glob(7)) of those by default, and each that is given."""
    given = [endpoint["host_interface"] for endpoint in endpoints if endpoint.get("host_interface")]
    return patterns(HOST_ENDS) * (len(given) < len(endpoints)) + given


def end_faults(nodes):
    """Yield (host, sentence) for each two interfaces that would be one.

    :param nodes: host name -> its normalised variables.
    """
    pairs = {named(PAIRS, name): name for name in nodes} if any(map(_has_pairs, nodes.values())) else {}
    for name, values in nodes.items():
        taken = {}
        tunnels = pairs if _has_pairs(values) else {}
        for where, netns, end, what in [*_of_endpoints(values), *_of_node(values), *_of_links(values)]:
            other = taken.setdefault((netns, end), what)
            if not netns and tunnels.get(end, name) != name:
                other = f"the tunnel to {tunnels[end]} (fabric_ipip_pairs)"
            if other != what:
                yield (
                    name,
                    f"{where} is {end!r} in {netns or 'the node itself'}, which is {other}: choose another name.",
                )


def _has_pairs(values):
    """Say whether a node has a tunnel for each peer, each with a name of its own."""
    return values["fabric_backend"] == "ipip" and values["fabric_ipip_pairs"] and not values["fabric_ipip_name"]


# (the option, the namespace, the name of the interface, what it is) of each


def _of_endpoints(values):
    known = set()
    for number, endpoint in enumerate(values["fabric_endpoints"]):
        name = endpoint["name"]
        if name in known:  # told already
            continue
        known.add(name)
        where = f"fabric_endpoints[{number}]"
        default = "" if endpoint.get("host_interface") else " (by default)"
        yield f"{where}.host_interface{default}", "", host_end(endpoint), f"the host's end of endpoint {name!r}"
        yield f"{where}.interface", name, interface_of(endpoint), f"the interface of endpoint {name!r}"


def _of_node(values):
    if "bridge" in attachments_of(values):
        yield "fabric_bridge", "", values["fabric_bridge"], "fabric_bridge"
    if values["fabric_backend"] == "vxlan":
        yield "fabric_vxlan_name", "", vtep_of(values), "fabric_vxlan_name"
        if values["fabric_vxlan_dev"]:
            yield "fabric_vxlan_dev", "", values["fabric_vxlan_dev"], "fabric_vxlan_dev, an interface of the underlay"
    if values["fabric_backend"] == "ipip" and not _has_pairs(values):
        yield "fabric_ipip_name", "", values["fabric_ipip_name"] or "ipip0", "fabric_ipip_name"


def _of_links(values):
    for number, link in enumerate(values["fabric_links"]):
        for word in ("a", "b"):
            where, end = f"fabric_links[{number}].{word}", link[word]
            yield f"{where}.name", end.get("netns") or "", end["name"], f"that of {where}"
