# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All namespaces of all nodes, and what joins them: veth pairs, and the segments of the underlay. Pure Python."""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from .box import Box
from .lookup import version_of
from .state import Link, NodeState, Underlay

JOINED = frozenset({"veth", "bridge", "vxlan", "ipip", "wireguard", "loopback", "dummy"})


class Port(NamedTuple):
    """A device of a namespace."""

    box: Box
    dev: str


class Uplink(NamedTuple):
    """A device of a node on a segment of the underlay. ``holder`` has the addresses: the device, or the bridge it is in."""

    node: str
    netns: str
    dev: str
    holder: str


class Segment:
    """One L2 of the underlay: who is on it."""

    def __init__(self) -> None:
        self.uplinks: List[Uplink] = []
        self.by_address: Dict[str, List[Uplink]] = {}
        self.by_mac: Dict[str, List[Uplink]] = {}
        self.by_box: Dict[Tuple[str, str], List[Uplink]] = {}
        self.others: List[Uplink] = []  # with more behind them than their own addresses: bridges, proxies


class Fabric:
    """The nodes of a walk. Namespaces are indexed when a packet first comes to them."""

    def __init__(self, states: Iterable[NodeState], underlay: Optional[Underlay] = None) -> None:
        self.states = {state.node: state for state in states}
        self.underlay = underlay or Underlay()
        self.segments: Dict[str, Segment] = {}
        self.uplinks: Dict[str, Uplink] = {}  # address -> the device of a node that has it
        self.beside: Dict[str, List[str]] = {}  # segment -> those of the other IP version on the same wire
        self._boxes: Dict[Tuple[str, str], Box] = {}
        self._holders: Optional[Dict[str, List[Tuple[str, str]]]] = None
        if self.underlay.prefixes:
            for state in self.states.values():
                self._place(state)

    @property
    def source(self) -> str:
        """Where the states are from: observed, planned or declared."""
        return next((state.source for state in self.states.values()), "observed")

    def box(self, node: str, netns: str = "") -> Optional[Box]:
        """Return a namespace, or None: it is not known."""
        key = node, netns
        if key not in self._boxes:
            state = self.states.get(node)
            if state is None or netns not in state.namespaces:
                return None
            self._boxes[key] = Box(node, netns, state.namespaces[netns])
        return self._boxes[key]

    def boxes(self) -> Iterator[Box]:
        """Yield every namespace."""
        for node, state in self.states.items():
            for netns in state.namespaces:
                box = self.box(node, netns)
                if box is not None:
                    yield box

    def holds(self, address: str) -> Optional[Box]:
        """Return the namespace that has an address, the first of several, or None."""
        found = self.holders(address)
        return self.box(*found[0]) if found else None

    def holders(self, address: str) -> List[Tuple[str, str]]:
        """Return the keys of the namespaces that have an address, on any device."""
        if self._holders is None:
            self._holders = {}
            for node, state in self.states.items():
                for netns, namespace in state.namespaces.items():
                    for one in namespace.addresses:
                        self._holders.setdefault(one.address.partition("/")[0], []).append((node, netns))
        return self._holders.get(address, [])

    def peer(self, box: Box, link: Link) -> Optional[Port]:
        """Return the other end of a veth, or None: it is outside of what is known."""
        if link.type != "veth" or not link.peer:
            return None
        other = self.box(box.node, link.peer[0])
        return Port(other, link.peer[1]) if other is not None and link.peer[1] in other.links else None

    # --- the underlay ---

    def _place(self, state):
        for netns, namespace in state.namespaces.items():
            by_dev: Dict[str, List[str]] = {}
            for address in namespace.addresses:
                text = address.address.partition("/")[0]
                if self.underlay.of(text):
                    by_dev.setdefault(address.dev, []).append(text)
            links = {link.name: link for link in namespace.links} if by_dev else {}
            proxying = {proxy.dev for proxy in namespace.proxies}
            for dev, addresses in by_dev.items():
                for link in self._leading_out(state, namespace, links, dev):
                    uplink = Uplink(state.node, netns, link.name, dev)
                    self._join(uplink, link, links, addresses, dev in proxying)

    def _leading_out(self, state, namespace, links, dev):
        """Return the links by which a device leads out of its node: itself, or ports of the bridge."""
        link = links.get(dev)
        if link is None:
            return []
        ports = [one for one in links.values() if one.master == dev] if link.type == "bridge" else [link]
        return [one for one in ports if self._is_outside(state, one)]

    @staticmethod
    def _is_outside(state, link):
        if link.type == "veth":
            return not link.peer or link.peer[0] not in state.namespaces or link.peer[0] == "?"
        return link.type not in JOINED

    def _join(self, uplink, link, links, addresses, proxying):
        holder = links[uplink.holder]
        # a walk to the tunnels' own devices does not lead here
        names = {self.underlay.of(address) for address in addresses}
        for name in names:
            there = self.beside.setdefault(name, [])
            there += sorted(one for one in names if version_of(one) != version_of(name) and one not in there)
        odd = proxying or holder.type == "bridge" or holder.ipv4.get("proxy_arp") or holder.ipv6.get("proxy_ndp")
        for address in addresses:
            segment = self.segments.setdefault(self.underlay.of(address), Segment())
            segment.by_address.setdefault(address, []).append(uplink)
            self.uplinks.setdefault(address, uplink)
            if uplink in segment.uplinks:
                continue
            segment.uplinks.append(uplink)
            segment.by_box.setdefault((uplink.node, uplink.netns), []).append(uplink)
            for mac in sorted({link.mac, holder.mac}):
                segment.by_mac.setdefault(mac, []).append(uplink)
            if odd:
                segment.others.append(uplink)

    def segments_of(self, box: Box, dev: str) -> List[str]:
        """Return the segments that a device of a node is on: those of its addresses or its bridge's, and what shares their wire.

        A node that has lost its IPv6 address is still on the wire where other nodes have both.
        """
        link = box.links[dev]
        found: List[str] = []
        for one in (dev, link.master):
            for address in box.addresses.get(one, ()):
                segment = self.underlay.of(address.address.partition("/")[0])
                if segment and segment not in found:
                    found.append(segment)
        versions = {version_of(name) for name in found}
        also = [other for name in found for other in self.beside.get(name, ()) if version_of(other) not in versions]
        return [*found, *dict.fromkeys(also)]

    def leads_out(self, box: Box, link: Link) -> bool:
        """Say whether a device leads to the underlay."""
        return self._is_outside(self.states[box.node], link)
