# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace of a node with its tables ready to be asked: routes, neighbors, FDB, sysctls, addresses. Pure Python.

Sources: linux/inetdevice.h (IN_DEV_ORCONF, IN_DEV_MAXCONF), inet_select_addr (net/ipv4/devinet.c), RFC 6724 and
ipv6_dev_get_saddr (net/ipv6/addrconf.c).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Dict, List, Optional, Set, Tuple

from .lookup import Fib, contains, number, split, version_of
from .nft import NftRule, Ruleset
from .packet import Packet
from .state import Address, FdbEntry, Link, Namespace, Neighbor, Proxy, Route

# an entry with one of these states has a MAC address that is used (NUD_VALID and stale ones, linux/neighbour.h)
USED = frozenset({"permanent", "noarp", "reachable", "stale", "delay", "probe"})
# nothing that arrives changes these (neigh_update, net/core/neighbour.c)
FIXED = frozenset({"permanent", "noarp"})
# linux/rtnetlink.h: the larger, the narrower
SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}


class Box:
    """One namespace. What a walk itself teaches (ARP, learned FDB) is kept by the walk, not here."""

    __slots__ = (
        "addresses",
        "bridge_fdb",
        "fdb",
        "fib",
        "key",
        "links",
        "neighbors",
        "netns",
        "node",
        "nft",
        "own",
        "own_macs",
        "ports",
        "proxy_entries",
        "state",
        "sysctls",
    )

    nft: Optional[Ruleset]

    def __init__(self, node: str, netns: str, state: Namespace) -> None:
        self.node, self.netns, self.state = node, netns, state
        self.key = (node, netns)
        self.links: Dict[str, Link] = {link.name: link for link in state.links}
        self.sysctls = state.sysctls
        self.fib = Fib(state, self.links)
        self.addresses: Dict[str, List[Address]] = {}
        for address in state.addresses:
            self.addresses.setdefault(address.dev, []).append(address)
        self.own = {one.address.partition("/")[0]: one for one in state.addresses}
        self.neighbors: Dict[Tuple[str, str], Neighbor] = {(one.dev, one.address): one for one in state.neighbors}
        self.proxy_entries: Dict[Tuple[str, str], Proxy] = {(one.dev, one.address): one for one in state.proxies}
        self.ports: Dict[str, List[str]] = {}
        for link in state.links:
            if link.master:
                self.ports.setdefault(link.master, []).append(link.name)
        self.fdb: Dict[Tuple[str, str], List[FdbEntry]] = {}
        self.bridge_fdb: Dict[Tuple[str, str], FdbEntry] = {}
        self.own_macs: Set[str] = set()  # bridges of which the state has the own entries
        self._index_fdb()
        self.nft = None

    def _index_fdb(self):
        for entry in self.state.fdb:
            if not entry.master:
                self.fdb.setdefault((entry.dev, entry.mac), []).append(entry)
                continue
            link = self.links.get(entry.dev)
            bridge = entry.dev if link is None or link.type == "bridge" else link.master
            if entry.vlan is None:
                self.bridge_fdb[bridge, entry.mac] = entry
                if entry.state == "permanent":
                    self.own_macs.add(bridge)

    def rules(self) -> Ruleset:
        """Return the rules of nftables, which are sorted when they are first needed."""
        if self.nft is None:
            self.nft = Ruleset(self.state.nftables)
        return self.nft

    def nft_frames(self) -> List[NftRule]:
        """Return the rules that see frames: the model does not follow them."""
        return self.rules().frames

    def unread(self, dev: Optional[str] = None) -> str:
        """Return a sentence about what decides here and was not read: on a device (tc, XDP), or of all packets; "": nothing."""
        for sentence in self.state.unknown:
            of_device = sentence.startswith(("tc:", "XDP:"))
            if (of_device and dev in sentence.replace(",", " ").split()) or (dev is None and not of_device):
                return sentence
        return ""

    # --- settings ---

    def conf(self, version: int, dev: str, name: str) -> int:
        """Return the setting of one device."""
        if dev in ("all", "default"):
            if (version, name) == (4, "forwarding"):
                return int(self.sysctls.get("net.ipv4.ip_forward", 0))
            return int(self.sysctls.get(f"net.ipv{version}.conf.{dev}.{name}", 0))
        link = self.links.get(dev)
        settings = (link.ipv4 if version == 4 else link.ipv6) if link else {}
        if name in settings:
            return int(settings[name])
        found = self.sysctls.get(f"net.ipv{version}.conf.{dev.replace('.', '/')}.{name}")
        return int(found) if found is not None else self.conf(version, "default", name)

    def either(self, version: int, dev: str, name: str) -> int:
        """Return the larger of the setting of a device and that of all."""
        return max(self.conf(version, "all", name), self.conf(version, dev, name))

    def forwards(self, version: int, dev: str) -> bool:
        """Say whether what arrives by a device is sent on; IPv6 asks for all at once (ip6_forward, net/ipv6/ip6_output.c)."""
        if version == 4:
            return bool(self.conf(4, dev, "forwarding"))
        return bool(self.conf(6, "all", "forwarding") or self.conf(6, dev, "force_forwarding"))

    def has_ipv6(self, dev: str) -> bool:
        """Say whether a device has IPv6: an MTU of less than 1280 bytes ends it (addrconf_notify, net/ipv6/addrconf.c)."""
        link = self.links.get(dev)
        if link is None or link.mtu < 1280:
            return False
        return not self.conf(6, dev, "disable_ipv6") and self.sysctls.get("net.ipv6") != "none"

    # --- addresses ---

    def is_local(self, address: str) -> bool:
        """Say whether an address is one of this namespace (ip-route(8), type local)."""
        return self.fib.lookup(address).type == "local"

    def primary(self, dev: str, version: int = 4) -> List[Address]:
        """Return the addresses of a device, but for IPv4's secondary ones: a later address of the same prefix."""
        seen, found = set(), []
        for one in self.addresses.get(dev, ()):
            key = split(one.address)
            if key[0] == version and (version == 6 or key not in seen):
                seen.add(key)
                found.append(one)
        return found

    def select(self, dev: str, towards: Optional[str], scope: int = 0) -> Optional[str]:
        """Return the IPv4 address that the kernel chooses on a device for packets to ``towards`` (inet_select_addr)."""
        for one in (
            dev,
            *sorted((name for name in self.links if name != dev), key=lambda name: self.links[name].index),
        ):
            fit = [address for address in self.primary(one) if SCOPES.get(address.scope, 0) <= scope]
            if one != dev:
                fit = [address for address in fit if address.scope != "link"]
            for address in fit if one == dev else ():
                if towards is None or contains(address.peer or address.address, towards):
                    return address.address.partition("/")[0]
            if fit:
                return fit[0].address.partition("/")[0]
        return None

    def source(self, dst: str, route: Optional[Route], dev: str, via: Optional[str]) -> Optional[str]:
        """Return the address from which a program that does not choose one sends to ``dst``."""
        if self.is_local(dst):
            return dst
        if route is not None and route.src:
            return route.src
        if version_of(dst) == 6:
            return self.source6(dst, dev)
        scope = SCOPES.get((route.scope if route else None) or ("global" if via else "link"), 0)
        return self.select(dev, via if via and version_of(via) == 4 else None, scope)

    def source6(self, dst: str, dev: Optional[str]) -> Optional[str]:
        """Return the IPv6 address that RFC 6724 chooses: its scope, its device, its label, the longest common prefix."""
        ranked = []
        for name, addresses in self.addresses.items():
            link = self.links.get(name)
            for one in addresses:
                text = one.address.partition("/")[0]
                if version_of(text) == 4 or one.tentative or link is None or not link.up or text == "::1":
                    continue
                if _scope(dst) == 2 and name != dev:
                    continue
                fits = _scope(text) == _scope(dst), _scope(text) > _scope(dst), not one.deprecated
                same = _common(text, dst, split(one.address)[1])
                ranked.append(((*fits, name == dev, _label(text) == _label(dst), same), text))
        return max(ranked, key=lambda item: item[0])[1] if ranked else None

    def link_local(self, dev: str) -> Optional[str]:
        """Return the link-local IPv6 address of a device: the oldest, which is the last of a dump (ipv6_get_lladdr)."""
        for one in reversed(self.addresses.get(dev, ())):
            if one.address.startswith("fe80:") and not one.tentative:
                return one.address.partition("/")[0]
        return None

    def accepts(self, packet: Packet, dev: str) -> bool:
        """Say whether a frame is for a device: eth_type_trans (net/ethernet/eth.c)."""
        link = self.links[dev]
        return packet.dst is None or packet.dst == link.mac or is_group(packet.dst)


def is_group(mac: str) -> bool:
    """Say whether a MAC address is that of a group, or the broadcast address (IEEE 802)."""
    return mac[1] in "13579bdf"


@lru_cache(maxsize=1 << 14)
def _scope(address):
    """Return an address's scope in the numbers of RFC 4291: link-local 2, global 14."""
    return 2 if number(address) >> 118 == 0x3FA else 14


@lru_cache(maxsize=1 << 14)
def _label(address):
    """Return the label of RFC 6724, 2.1."""
    value = number(address)
    if value >> 121 == 0xFC >> 1:
        return 13
    return {0x2002: 2}.get(value >> 112, 5 if value >> 96 == 0x20010000 else 1)


def _common(one, other, most):
    """Return how many bits two addresses have in common, at most ``most``."""
    return min(most, 128 - (number(one) ^ number(other)).bit_length())
