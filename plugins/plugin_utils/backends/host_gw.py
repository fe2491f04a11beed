# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_gw: plain routes between nodes on one L2. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

from ..values.checks import MOST_NAMED, some
from ..values.networks import FAMILIES, Segments, Values
from .base import Backend, Fault
from .peers import Peers


class HostGw(Backend):
    """A plain route to each peer's subnet, by way of the peer."""

    name, title = "host_gw", "host-gw"

    def node_faults(self, values: Values, peers: int) -> Iterator[str]:
        if values["fabric_node_address"] or values["fabric_node_address6"]:
            for subnet, address, _key in FAMILIES:
                if values[subnet] and not values[address]:
                    yield (
                        f"{subnet} is set and {address} is not: with host_gw the node's address is the gateway to its"
                        f" subnet, set {address}."
                    )

    def reach_faults(self, nodes: Dict[str, Values], segments: Segments) -> Iterator[Fault]:
        """A plain route needs its gateway on the link."""
        for subnet, address, _key in FAMILIES:
            apart: Dict[str, List[str]] = {}
            for name, values in nodes.items():
                segment = segments.of(values[address]) if values[address] and values[subnet] else None
                if segment:
                    apart.setdefault(segment, []).append(name)
            if len(apart) > 1:
                where = "; ".join(f"{some(names)} on {segment}" for segment, names in list(apart.items())[:MOST_NAMED])
                more = f"; {len(apart) - MOST_NAMED} more" if len(apart) > MOST_NAMED else ""
                yield (
                    None,
                    f"fabric_backend host_gw needs all nodes on one L2, and they are not ({where}{more}): a plain route"
                    " does not reach a peer behind a router. Use ipip or vxlan, or list the prefix of the L2 in"
                    " fabric_underlay if it is one.",
                )

    def warnings(self, values: Values) -> Iterator[str]:
        if values["fabric_cross_subnet"]:
            yield "fabric_cross_subnet has no effect with fabric_backend host_gw, which has no tunnels."

    def part(self, peers: Peers, mtu: int) -> Dict[str, Any]:
        return {"peers": peers.routes()}
