# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet's way over nodes that are nothing but resources: what the kernel does with routes, ports, neighbors and tunnels."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.ties import LinkKey

UPLINK = "uplink"
MOST_HOPS = 8


class Lost(Exception):
    """The packet does not arrive."""


class Way(NamedTuple):
    dev: str
    via: str | None


class Fabric:
    """``nodes``: name -> ref -> Resource; ``addresses``: name -> its address on the underlay; ``strict``: rp_filter of all."""

    def __init__(self, nodes, addresses, strict=False):
        self.nodes, self.addresses, self.strict = nodes, addresses, strict
        self.by_address = {address: name for name, address in addresses.items()}

    def walk(self, node, netns, source, target):
        """Return the names of the devices that a packet takes from an endpoint.

        :raises Lost: with the reason.
        """
        where, came, trace = (node, netns), None, []
        if not self._is_local(*where, source):
            raise Lost(f"{netns} on {node} does not have {source}")
        for _hop in range(MOST_HOPS):
            if self._is_local(*where, target):
                return trace
            self._refuse_spoofed(*where, came, source)
            where, came = self._next(*where, target)
            trace.append(came)
        raise Lost(f"goes round: {trace}")

    def _next(self, node, netns, target):
        """Return ((node, namespace), device that it comes in by)."""
        way = self._route(node, netns, target)
        if way.dev == UPLINK:
            if way.via not in self.by_address:
                raise Lost(f"{node}: no node has {way.via}")
            return (self.by_address[way.via], ""), UPLINK
        link = self.nodes[node].get(("link", LinkKey(netns, way.dev)))
        if link is None:
            raise Lost(f"{node} {netns}: no {way.dev}")
        if link.values["type"] == "ipip":
            return self._from_ipip(node, link, link.values.get("remote") or way.via)
        if link.values["type"] == "vxlan":
            return self._decapsulated(node, link, way)
        return self._over_l2(node, netns, link, way.via or target)

    def _decapsulated(self, node, link, way):
        there = self.nodes[node]
        mac = there.get(("neighbor", ("", link.key.name, way.via)))
        entry = mac and there.get(("fdb", ("", link.key.name, mac.values["mac"], "")))
        if not entry:
            raise Lost(f"{node}: {link.key.name} has no entry for {way.via}")
        peer = self.by_address[entry.values["dst"]]
        for other in self.nodes[peer].values():
            same = ("type", "vni", "port")
            if other.kind == "link" and all(other.values.get(name) == link.values[name] for name in same):
                if other.values["mac"] != mac.values["mac"]:
                    raise Lost(f"{peer}: {other.key.name} has another MAC address")
                return (peer, ""), other.key.name
        raise Lost(f"{peer}: nothing receives VNI {link.values['vni']} on port {link.values['port']}")

    def _from_ipip(self, node, link, remote):
        peer = self.by_address[remote]
        tunnels = [one for one in self.nodes[peer].values() if one.kind == "link" and one.values["type"] == "ipip"]
        for other in tunnels:
            if other.values.get("remote") in (None, self.addresses[node]):
                return (peer, ""), other.key.name
        raise Lost(f"{peer}: no tunnel receives from {node}")

    def _over_l2(self, node, netns, link, target):
        """Return where the frame for ``target`` arrives."""
        there = self.nodes[node]
        known = there.get(("neighbor", (netns, link.key.name, target))) if netns else None
        if known:
            return self._by_mac(node, LinkKey(*link.values["peer"]), known.values["mac"])
        if link.values["type"] == "bridge":
            ports = [one for one in there.values() if one.kind == "link" and one.values.get("master") == link.key.name]
        else:
            ports = [link]
        for port in ports:
            peer = LinkKey(*port.values["peer"])
            if self._is_local(node, peer.netns, target, peer.name):
                return (node, peer.netns), peer.name
        peer = LinkKey(*link.values["peer"]) if link.values["type"] == "veth" else None
        if peer is None or peer.netns:
            raise Lost(f"{node}: nobody behind {link.key.name} has {target}")
        return self._at_the_node(node, peer, target)

    def _by_mac(self, node, end, mac):
        """Return where a frame to ``mac`` arrives that comes out of the host end ``end``."""
        there = self.nodes[node]
        receives = there["link", end].values.get("master") or end.name
        if there["link", LinkKey("", receives)].values["mac"] != mac:
            raise Lost(f"{node}: {receives} has not the MAC address {mac}")
        return (node, ""), receives

    def _at_the_node(self, node, end, target):
        there = self.nodes[node]
        master = there["link", end].values.get("master")
        receives = master or end.name
        if self._is_local(node, "", target) or self._answers_for(node, receives, target):
            return (node, ""), receives
        for one in there.values():
            if master and one.kind == "link" and one.values.get("master") == master:
                peer = LinkKey(*one.values["peer"])
                if self._is_local(node, peer.netns, target, peer.name):
                    return (node, peer.netns), peer.name
        raise Lost(f"{node}: nobody on {receives} answers for {target}")

    def _answers_for(self, node, dev, target):
        """Proxy ARP, and the neighbor entry that an endpoint has of its gateway: one MAC address for all ends of a node."""
        setting = self.nodes[node].get(("sysctl", ("", f"net.ipv4.conf.{dev}.proxy_arp")))
        proxied = ("proxy", ("", dev, target)) in self.nodes[node]
        return proxied or (setting is not None and setting.values["value"] == "1")

    # what a namespace does

    def _is_local(self, node, netns, address, dev=None):
        if not netns and address == self.addresses[node]:
            return dev in (None, UPLINK)
        return any(
            one.kind == "address"
            and one.netns == netns
            and one.key.address.split("/")[0] == address
            and dev in (None, one.key.dev)
            for one in self.nodes[node].values()
        )

    def _route(self, node, netns, target):
        found = []
        ip = ipaddress.ip_address(target)
        for one in self.nodes[node].values():
            if one.netns != netns or one.kind not in ("route", "address"):
                continue
            text = one.key.prefix if one.kind == "route" else one.key.address
            network = ipaddress.ip_network(text, strict=False)
            if ip in network and (one.kind == "route" or network.prefixlen < 32):
                metric = one.key.metric if one.kind == "route" else 0
                found.append((-network.prefixlen, metric, one))
        if not found:
            raise Lost(f"{node} {netns}: no route to {target}")
        best = min(found, key=lambda entry: entry[:2])[2]
        if best.kind == "address":
            return Way(best.key.dev, None)
        if best.values["type"] != "unicast":
            raise Lost(f"{node} {netns}: {best.key.prefix} is {best.values['type']}")
        via = best.values.get("via")
        dev = best.values.get("dev") or UPLINK
        return Way(dev, via)

    def _refuse_spoofed(self, node, netns, came, source):
        if came is None or not self.strict:
            return
        setting = self.nodes[node].get(("sysctl", (netns, f"net.ipv4.conf.{came}.rp_filter")))
        link = self.nodes[node].get(("link", LinkKey(netns, came)))
        loose = link is not None and link.values["type"] in ("vxlan", "ipip")
        if loose or (setting is not None and setting.values["value"] == "2"):
            return
        if self._route(node, netns, source).dev != came:
            raise Lost(f"{node}: {source} came by {came}, and the way back is another")
