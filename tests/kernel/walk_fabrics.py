# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small fabrics by chance, as commands of iproute2: nodes on a switch or a router, endpoints, routes or VXLAN between them."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

# namespaces: the switch or router, the nodes n1…, and the endpoints e11… of each
UPLINK = "sw"
ENDPOINT_MTU = {"host-gw": 1500, "vxlan": 1450, "ipip": 1480}


class Recipe(NamedTuple):
    """What a fabric is made of, by chance."""

    attachments: Tuple[str, ...]  # one for each node
    backend: str
    routed: bool  # a router is between the nodes
    dual: bool
    learning: bool
    masquerade: bool
    endpoints: int

    @classmethod
    def by(cls, chance, ipip: bool = False) -> Recipe:
        """Return a recipe by chance; ``ipip``: the kernel has such tunnels."""
        nodes = chance.choice((2, 2, 3))
        backend = chance.choice(("host-gw", "vxlan", *(["ipip"] if ipip else [])))
        return cls(
            tuple(chance.choice(("bridge", "bridge", "routed", "direct")) for _node in range(nodes)),
            backend,
            backend != "host-gw" and chance.random() < 0.5,
            backend != "ipip" and chance.random() < 0.4,
            chance.random() < 0.2,
            chance.random() < 0.4,
            chance.choice((1, 2, 2)),
        )


class Fabric:
    """The commands that make a fabric: ``links`` once, ``lines`` again whenever it is to be mended."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.nodes = [f"n{number}" for number in range(1, len(recipe.attachments) + 1)]
        self.endpoints: Dict[str, str] = {}  # endpoint -> its node
        self.addresses: Dict[str, List[str]] = {UPLINK: []}  # where packets are sent to
        self.links: List[str] = []
        self.lines: Dict[str, List[str]] = {}  # namespace -> lines of ip -batch
        self.fdb: Dict[str, List[str]] = {}
        self.sysctls: Dict[str, Dict[str, str]] = {}
        self.rules: Dict[str, str] = {}  # namespace -> rules of nft
        self._underlay()
        for number, attachment in enumerate(recipe.attachments, 1):
            self._node(number, attachment)

    @property
    def names(self) -> List[str]:
        """The namespaces."""
        return [UPLINK, *self.nodes, *self.endpoints]

    def _add(self, netns: str, *lines: str) -> None:
        self.lines.setdefault(netns, []).extend(lines)

    def _set(self, netns: str, **settings: str) -> None:
        self.sysctls.setdefault(netns, {}).update({name.replace("__", "."): value for name, value in settings.items()})

    def _pair(self, one: Tuple[str, str], other: Tuple[str, str], number: int, mtu: int = 1500) -> None:
        names = f"name {one[1]} netns {one[0]} address {mac(number, 1)} mtu {mtu}"
        peer = f"name {other[1]} netns {other[0]} address {mac(number, 2)} mtu {mtu}"
        self.links.append(f"link add {names} type veth peer {peer}")
        for (netns, dev), end in ((one, 1), (other, 2)):
            self._add(netns, f"link set dev {dev} up mtu {mtu} address {mac(number, end)}")
            for version in ("ipv4",):
                self._set(netns, **{f"net.{version}.neigh.{dev}.proxy_delay": "0"})
            if self.recipe.dual:
                self._set(netns, **{f"net.ipv6.neigh.{dev}.proxy_delay": "0"})

    def _underlay(self) -> None:
        self._set(UPLINK, **{"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"})
        if not self.recipe.routed:
            self.links.append(f"-n {UPLINK} link add br0 address {mac(200, 1)} type bridge")
        for number, node in enumerate(self.nodes, 1):
            self._pair((UPLINK, f"p{number}"), (node, "eth0"), 100 + number)
            if self.recipe.routed:
                self._add(UPLINK, f"address replace 192.168.{number}.254/24 dev p{number}")
            else:
                self._add(UPLINK, f"link set dev p{number} master br0")
        if not self.recipe.routed:
            self._add(UPLINK, f"link set dev br0 up address {mac(200, 1)}", "address replace 192.168.1.254/24 dev br0")
            self._add(UPLINK, *(["address replace fd99::fe/64 dev br0 nodad"] if self.recipe.dual else []))
        self.addresses[UPLINK] = ["192.168.1.254"]

    def underlay(self, number: int) -> str:
        """Return a node's address on the underlay."""
        return f"192.168.{number if self.recipe.routed else 1}.{number}"

    def _node(self, number: int, attachment: str) -> None:
        node = f"n{number}"
        segment = number if self.recipe.routed else 1
        self._set(node, **{"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"})
        self._add(node, f"address replace {self.underlay(number)}/24 dev eth0")
        self._add(node, f"route replace default via 192.168.{segment}.254")
        self.addresses[node] = [self.underlay(number)]
        if self.recipe.dual and not self.recipe.routed:
            self._add(node, f"address replace fd99::{number}/64 dev eth0 nodad")
            self.addresses[node].append(f"fd99::{number}")
        if attachment == "bridge":
            self.links.append(f"-n {node} link add br0 address {mac(210 + number, 1)} type bridge")
            self._add(node, f"link set dev br0 up address {mac(210 + number, 1)}")
            self._add(node, f"address replace 10.{number}.0.1/24 dev br0")
            if self.recipe.dual:
                self._add(
                    node,
                    f"address replace fd00:{number}::1/64 dev br0 nodad",
                    "address replace fe80::1/64 dev br0 nodad",
                )
        for position in range(1, self.recipe.endpoints + 1):
            self._endpoint(number, position, attachment)
        self._tunnel(number)
        for other in range(1, len(self.nodes) + 1):
            if other != number:
                self._way(number, other)
        if self.recipe.masquerade:
            inside = "{ 10.0.0.0/8, 224.0.0.0/4 }"
            self.rules[node] = (
                f"table inet nodenet_fabric {{ chain postrouting {{ type nat hook postrouting priority srcnat; policy accept;"
                f" ip saddr {{ 10.{number}.0.0/24 }} ip daddr != {inside} masquerade fully-random; }}; }}"
            )

    def _endpoint(self, number: int, position: int, attachment: str) -> None:
        node, name, dev = f"n{number}", f"e{number}{position}", f"v{position}"
        host = position + 1
        self.endpoints[name] = node
        self.addresses[name] = [f"10.{number}.0.{host}"]
        self._pair((node, dev), (name, "eth0"), number * 10 + position, ENDPOINT_MTU[self.recipe.backend])
        if self.recipe.dual:
            self.addresses[name].append(f"fd00:{number}::{host}")
        {"bridge": self._by_bridge, "routed": self._by_route, "direct": self._directly}[attachment](
            number, host, node, name, dev
        )

    def _by_bridge(self, number: int, host: int, node: str, name: str, dev: str) -> None:
        self._add(node, f"link set dev {dev} master br0")
        self._add(
            name, f"address replace 10.{number}.0.{host}/24 dev eth0", f"route replace default via 10.{number}.0.1"
        )
        if self.recipe.dual:
            self._add(name, f"address replace fd00:{number}::{host}/64 dev eth0 nodad")
            self._add(name, "route replace default via fe80::1 dev eth0")

    def _by_route(self, number: int, host: int, node: str, name: str, dev: str) -> None:
        self._set(node, **{f"net.ipv4.conf.{dev}.proxy_arp": "1"})
        self._add(node, f"route replace 10.{number}.0.{host}/32 dev {dev}")
        self._add(name, f"address replace 10.{number}.0.{host}/32 dev eth0")
        self._add(name, "route replace 169.254.1.1 dev eth0", "route replace default via 169.254.1.1 dev eth0")
        self._on_a_pair(number, host, node, name, dev)

    def _directly(self, number: int, host: int, node: str, name: str, dev: str) -> None:
        self._set(node, **{f"net.ipv4.conf.{dev}.proxy_arp": "1"})
        self._add(
            node, f"address replace 10.{number}.0.1/32 dev {dev}", f"route replace 10.{number}.0.{host}/32 dev {dev}"
        )
        self._add(
            name, f"address replace 10.{number}.0.{host}/24 dev eth0", f"route replace default via 10.{number}.0.1"
        )
        self._on_a_pair(number, host, node, name, dev)

    def _on_a_pair(self, number: int, host: int, node: str, name: str, dev: str) -> None:
        """IPv6 on a veth pair without a bridge: the node answers by its link-local address."""
        if not self.recipe.dual:
            return
        self._add(
            node, f"address replace fe80::1/64 dev {dev} nodad", f"route replace fd00:{number}::{host}/128 dev {dev}"
        )
        self._add(name, f"address replace fd00:{number}::{host}/128 dev eth0 nodad")
        self._add(name, "route replace default via fe80::1 dev eth0")

    def _tunnel(self, number: int) -> None:
        if self.recipe.backend == "ipip":
            self.links.append(f"-n n{number} link add ip0 mtu 1480 type ipip local {self.underlay(number)}")
            self._add(f"n{number}", "link set dev ip0 up mtu 1480", f"address replace 10.{number}.0.1/32 dev ip0")
        if self.recipe.backend != "vxlan":
            return
        node, learning = f"n{number}", "" if self.recipe.learning else "no"
        made = f"address {mac(220 + number, 1)} mtu 1450 type vxlan id 7 dstport 8472 local {self.underlay(number)}"
        self.links.append(f"-n {node} link add vx0 {made} {learning}learning")
        self._add(node, f"link set dev vx0 up mtu 1450 address {mac(220 + number, 1)}")
        self._add(node, f"address replace 10.{number}.0.0/32 dev vx0")
        self._add(node, *([f"address replace fd00:{number}::/128 dev vx0 nodad"] if self.recipe.dual else []))

    def _way(self, number: int, other: int) -> None:
        """The way to the endpoints of another node."""
        node = f"n{number}"
        if self.recipe.backend == "vxlan":
            self._add(node, f"neighbor replace 10.{other}.0.0 lladdr {mac(220 + other, 1)} dev vx0 nud permanent")
            self._add(node, f"route replace 10.{other}.0.0/24 via 10.{other}.0.0 dev vx0 onlink")
            fdb = f"fdb replace {mac(220 + other, 1)} dev vx0 dst {self.underlay(other)} self permanent"
            self.fdb.setdefault(node, []).append(fdb)
            if self.recipe.dual:
                self._add(node, f"neighbor replace fd00:{other}:: lladdr {mac(220 + other, 1)} dev vx0 nud permanent")
                self._add(node, f"route replace fd00:{other}::/64 via fd00:{other}:: dev vx0 onlink")
            return
        by = " dev ip0 onlink" if self.recipe.backend == "ipip" else ""
        self._add(node, f"route replace 10.{other}.0.0/24 via {self.underlay(other)}{by}")
        if self.recipe.dual:
            self._add(node, f"route replace fd00:{other}::/64 via fd99::{other}")

    def pairs(self) -> List[Tuple[str, str, str]]:
        """Return (from, to, address) of every way that is asked about."""
        return [
            (one, other, address)
            for one in self.names
            for other, addresses in self.addresses.items()
            for address in addresses
            if one != other and not (":" in address and one in self._without_ipv6())
        ]

    def _without_ipv6(self) -> Tuple[str, ...]:
        return () if self.recipe.dual and not self.recipe.routed else (UPLINK, *self.nodes)


def mac(number: int, end: int) -> str:
    """Return a MAC address of our own."""
    return f"02:00:00:00:{number:02x}:{end:02x}"


def node_of(fabric: Fabric, netns: str) -> Optional[str]:
    """Return the node to which a namespace belongs, or None: the underlay's own."""
    return fabric.endpoints.get(netns, netns if netns in fabric.nodes else None)
