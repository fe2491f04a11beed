# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backend can do between these nodes, and what it cannot. Pure Python."""

from __future__ import annotations

from ..inventory.model import FAMILIES, OVERHEAD, most_mtu, underlay_version
from ..inventory.variables import MTU_MIN

# RFC 8200, 5
MTU_MIN_IPV6 = 1280
# More hosts than this are counted, not named.
MOST_NAMED = 5


def backend_faults(nodes, segments):
    """Yield (host or None, sentence) for each thing that the fabric's backend cannot do.

    :param nodes: host name -> its normalised variables.
    :param segments: the Segments of the underlay.
    """
    backend = list(nodes.values())[0]["fabric_backend"]
    if backend not in OVERHEAD:
        return
    version = underlay_version(nodes.values())
    for name, values in nodes.items():
        yield from ((name, sentence) for sentence in _mtu(backend, version, values))
        yield from ((name, sentence) for sentence in _families(backend, values, len(nodes) > 2))
    if backend == "host_gw":
        yield from _on_link(nodes, segments)
    elif version is None and all(
        values["fabric_node_address"] or values["fabric_node_address6"] for values in nodes.values()
    ):
        yield (
            None,
            f"fabric_backend {backend} needs addresses of one family on all nodes: some have only fabric_node_address,"
            " others only fabric_node_address6.",
        )


def _mtu(backend, version, values):
    most = most_mtu(backend, version, values)
    mtu = most if values["fabric_mtu"] == "auto" else values["fabric_mtu"]
    least = MTU_MIN_IPV6 if values["fabric_node_subnet6"] else MTU_MIN
    if mtu > most:
        yield (
            f"fabric_mtu is {mtu}, and {backend} leaves at most {most} of the underlay's {values['fabric_underlay_mtu']}"
            " (fabric_underlay_mtu): leave it at auto."
        )
    elif mtu < least:
        yield f"packets have {mtu} bytes by fabric_mtu and fabric_underlay_mtu: endpoints need {least} at least."


def _families(backend, values, many):
    if backend == "ipip" and values["fabric_ipip_name"] and values["fabric_ipip_pairs"] and many:
        yield (
            f"fabric_ipip_name is {values['fabric_ipip_name']!r}, and with fabric_ipip_pairs the node has a tunnel for each"
            " of its peers: leave the name out."
        )
    if backend == "ipip" and (values["fabric_node_subnet6"] or not values["fabric_node_address"]):
        yield "fabric_backend ipip carries IPv4 over IPv4 alone: leave fabric_node_subnet6 out, or use vxlan."
    if backend == "host_gw" and (values["fabric_node_address"] or values["fabric_node_address6"]):
        for subnet, address, _key in FAMILIES:
            if values[subnet] and not values[address]:
                yield f"{subnet} is set and {address} is not: with host_gw peers reach a subnet by an address of its family."


def _on_link(nodes, segments):
    """host_gw leads to a peer by its address alone: the peer must be on the same link."""
    for subnet, address, _key in FAMILIES:
        apart = {}
        for name, values in nodes.items():
            segment = segments.of(values[address]) if values[address] and values[subnet] else None
            if segment:
                apart.setdefault(segment, []).append(name)
        if len(apart) > 1:
            told = "; ".join(f"{some(names)} on {segment}" for segment, names in list(apart.items())[:MOST_NAMED])
            more = f"; {len(apart) - MOST_NAMED} more" if len(apart) > MOST_NAMED else ""
            yield (
                None,
                f"fabric_backend host_gw needs all nodes on one L2, and they are not ({told}{more}): a plain route cannot"
                " lead to a peer behind a router. Use ipip or vxlan, or, if they do share one L2, say so with"
                " fabric_underlay.",
            )


def some(words):
    """Return ``words`` as a person tells them: the first few, and how many more."""
    words = list(dict.fromkeys(words))
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    return ", ".join(words[:MOST_NAMED]) + more
