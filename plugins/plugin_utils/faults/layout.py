# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is where in a fabric, as faults need it: endpoints, ways to peers, who answers beyond the nodes. Pure Python."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ..node import node_model
from ..reachability.expectations import Expectations
from ..values.networks import Segments

# the interface of a lab's node on the underlay (see lab/underlay.py)
UNDERLAY = "eth0"
# the mark of routes (module_utils/ownership.py), as ip(8) shows it
PROTOCOL = 178


class Endpoint(NamedTuple):
    """A namespace of a node with one interface: an endpoint, or an end of a link (its attachment is ``link``).

    :param prefix: its address with the length of its prefix; ``gateway`` is empty for an end of a link.
    """

    label: str
    node: str
    netns: str
    dev: str
    host_end: str
    address: str
    prefix: str
    gateway: str
    attachment: str
    onlink: bool
    mac: str
    mtu: int

    @property
    def default(self) -> str:
        """Return the command that adds its default route."""
        onlink = " onlink" if self.onlink else ""
        return (
            f"ip -n {self.netns} route add default via {self.gateway} dev {self.dev} proto {PROTOCOL}"
            f" scope global{onlink}"
        )

    @property
    def route(self) -> str:
        """Return the route that leads to it alone, as a command adds it; a bridge needs none."""
        return f"{self.address}/32 dev {self.host_end} proto {PROTOCOL} scope link"


class Way(NamedTuple):
    """How a node reaches the subnet of a peer.

    :param sort: ``plain``, ``vxlan``, ``ipip`` or ``wireguard``.
    :param words: what follows ``ip route add SUBNET``.
    :param far: a router is between the two nodes.
    """

    peer: str
    subnet: str
    sort: str
    words: str
    far: bool
    mac: str = ""
    dst: str = ""
    gateway: str = ""

    @property
    def route(self) -> str:
        """Return the route, as a command adds it."""
        return f"{self.subnet} {self.words}"


class Layout:
    """A fabric.

    :param model: the model of the fabric.
    """

    def __init__(self, model: Dict[str, Any]) -> None:
        self.model = model
        self.nodes = list(model["nodes"])
        self._labels = Expectations(model)
        self._segments = Segments(model["fabric"]["fabric_underlay"])
        self.part = lru_cache(maxsize=None)(lambda name: node_model(model, name))
        self._ends = {name: list(self._endpoints(name)) for name in self.nodes}

    @property
    def several_segments(self) -> bool:
        """Say whether the lab of the fabric has a router, over which each node has a default route."""
        addresses = [values["fabric_node_address"] for values in self.model["nodes"].values()]
        addresses += [entry["address"] for entry in self.model["fabric"]["fabric_outside"]]
        known = [self._segments.of(address) or address for address in addresses if address and ":" not in address]
        return len(set(known)) > 1

    def ends(self, node: str, *attachments: str) -> List[Endpoint]:
        """Return a node's endpoints with one of ``attachments``, all of them by default, without the ends of links."""
        wanted = attachments or ("bridge", "routed", "direct")
        return [end for end in self._ends[node] if end.attachment in wanted]

    def pairs(self, node: str, *attachments: str) -> List[Tuple[Endpoint, Endpoint]]:
        """Return the first two of these endpoints of a node, as a list of one pair or of none."""
        found = self.ends(node, *attachments)
        return [(found[0], found[1])] if len(found) > 1 else []

    def to_peers(self, node: str, *sorts: str) -> List[Tuple[Endpoint, Endpoint, Way]]:
        """Return (endpoint of the node, endpoint of a peer, the way there) for each peer that is reached in one of ``sorts``."""
        return [
            (self.ends(node)[0], self.ends(way.peer)[0], way)
            for way in self.ways(node)
            if (not sorts or way.sort in sorts) and self.ends(node) and self.ends(way.peer)
        ]

    def outside(self, node: str) -> List[Tuple[Endpoint, str, str]]:
        """Return (endpoint of the node, label, address) for each host outside that answers it."""
        if not self.part(node)["masquerade"] or not self.ends(node):
            return []
        hosts = self.model["fabric"]["fabric_outside"]
        return [(self.ends(node)[0], entry["name"], entry["address"]) for entry in hosts if ":" not in entry["address"]]

    def forwarded(self, node: str) -> Optional[Tuple[Endpoint, str, str]]:
        """Return (endpoint of the node, label, address) of a packet that the node forwards, or None."""
        found = [(here, there.label, there.address) for here, there, _way in self.to_peers(node)]
        found += [
            (one, other.label, other.address)
            for one in self.ends(node)
            for other in self.ends(node)
            if one != other and "bridge" not in (one.attachment, other.attachment)
        ]
        return next(iter([*found, *self.outside(node)]), None)

    def reaching(self, node: str) -> Optional[Tuple[Endpoint, Endpoint]]:
        """Return (asker, endpoint of the node) of a packet that the node forwards to its endpoint, or None."""
        for peer in self.nodes:
            for here, there, way in self.to_peers(peer):
                if way.peer == node:
                    return here, there
        return next(iter(self.pairs(node, "routed", "direct")), None)

    def ways(self, node: str) -> Iterator[Way]:
        """Yield the way to each IPv4 subnet of each peer."""
        part, tail = self.part(node), f"proto {PROTOCOL} scope global"
        for one in part["peers"]:
            if ":" not in one["subnet"]:
                words = f"via {one['via']} dev {UNDERLAY} {tail}"
                yield Way(one["name"], one["subnet"], "plain", words, False, gateway=one["via"])
        for one in (part["vxlan"] or {"peers": ()})["peers"]:
            if ":" not in one["subnet"]:
                words = f"via {one['gateway']} dev {part['vxlan']['name']} {tail} onlink"
                ends = {"mac": one["mac"], "dst": one["dst"], "gateway": one["gateway"]}
                yield Way(one["name"], one["subnet"], "vxlan", words, self._far(node, one["name"]), **ends)
        for one in (part["wireguard"] or {"routes": ()})["routes"]:
            if ":" not in one["subnet"]:
                words = f"dev {part['wireguard']['name']} proto {PROTOCOL} scope link"
                yield Way(one["name"], one["subnet"], "wireguard", words, self._far(node, one["name"]))
        if part["ipip"]:
            yield from self._ipip(node, {one["prefix"]: one for one in part["ipip"]["routes"]}, tail)

    def _ipip(self, node: str, routes: Dict[str, Dict[str, Any]], tail: str) -> Iterator[Way]:
        for peer, values in self.model["nodes"].items():
            one = routes.get(values["fabric_node_subnet"])
            if one:
                words = f"{'via ' + one['via'] + ' ' if one['via'] else ''}dev {one['dev']} {tail}"
                words += " onlink" if one["onlink"] else ""
                dst = values["fabric_node_address"]
                yield Way(peer, one["prefix"], "ipip", words, self._far(node, peer), dst=dst, gateway=dst)

    def _far(self, node: str, peer: str) -> bool:
        own, other = (self.model["nodes"][name]["fabric_node_address"] for name in (node, peer))
        return bool(own and other) and self._segments.of(own) != self._segments.of(other)

    def _endpoints(self, node: str) -> Iterator[Endpoint]:
        part = self.part(node)
        for attachment, known, records in self._records(part):
            for record in records:
                device = known.get(record["endpoint"])
                # of a container the inventory does not know the namespace
                if record["family"] == "ipv4" and device and not device.get("container") and not device.get("pid"):
                    yield Endpoint(
                        self._labels.label_of(node, record["endpoint"]),
                        node,
                        record["endpoint"],
                        record["interface"],
                        record["host_end"],
                        record["address"],
                        record["prefix"],
                        record["gateway"],
                        attachment,
                        bool(record.get("onlink")),
                        device["mac"],
                        part["mtu"],
                    )

    @staticmethod
    def _records(part: Dict[str, Any]) -> Iterator[Tuple[str, Dict[str, Any], List[Dict[str, Any]]]]:
        """Yield (attachment, endpoint -> its device, records of addresses)."""
        for name in ("bridge", "routed"):
            yield name, {one["name"]: one for one in part[name]["endpoints"]}, part[name]["addresses"]
        ends = {link["b"]["netns"]: {"mac": link["b"]["mac"]} for link in part["direct"]["links"]}
        yield "direct", ends, part["direct"]["endpoints"]

    def links(self, node: str) -> List[Tuple[Endpoint, Endpoint]]:
        """Return both ends of each link of a node between two namespaces."""
        return [
            (self._end(node, link["a"]), self._end(node, link["b"]))
            for link in self.model["nodes"][node]["fabric_links"]
            if all(link[end].get("netns") and link[end].get("address") for end in ("a", "b"))
        ]

    def _end(self, node: str, end: Dict[str, Any]) -> Endpoint:
        label = self._labels.label_of(node, end["netns"])
        address = end["address"].split("/")[0]
        return Endpoint(
            label, node, end["netns"], end["name"], "", address, end["address"], "", "link", False, "", 1500
        )
