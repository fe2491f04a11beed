# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup of a route, as the kernel does it: policy rules, the longest prefix, the metric. Pure Python.

Sources: fib_rules_lookup (net/core/fib_rules.c), fib_table_lookup (net/ipv4/fib_trie.c), fib6_table_lookup and rt6_select
(net/ipv6/route.c), fib_add_ifaddr (net/ipv4/fib_frontend.c), addrconf_f6i_alloc (net/ipv6/route.c); ip-route(8), ip-rule(8).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from ..values.networks import ip_address
from .state import DEFAULT_RULES, LOCAL, Address, Link, Namespace, Nexthop, Route, Rule

BITS = {4: 32, 6: 128}
# what ends a lookup without a way, and the kernel's answer (fib_props, net/ipv4/fib_semantics.c)
ERRORS = {
    "blackhole": "Invalid argument",
    "unreachable": "No route to host",
    "prohibit": "Permission denied",
}


@lru_cache(maxsize=1 << 17)
def number(address: str) -> int:
    """Return an address as a number."""
    return int(ip_address(address))


@lru_cache(maxsize=1 << 17)
def version_of(address: str) -> int:
    """Return the IP version of an address or a prefix."""
    return 6 if ":" in address else 4


@lru_cache(maxsize=1 << 17)
def split(prefix: str) -> Tuple[int, int, int]:
    """Return (version, length, the bits of that length) of a prefix, or of an address with its prefix length."""
    address, _slash, length = prefix.partition("/")
    version = version_of(address)
    bits = int(length) if length else BITS[version]
    return version, bits, number(address) >> (BITS[version] - bits)


def contains(prefix: str, address: str) -> bool:
    """Say whether an address is in a prefix."""
    version, length, bits = split(prefix)
    return version == version_of(address) and number(address) >> (BITS[version] - length) == bits


class Found(NamedTuple):
    """The result of a lookup.

    :param type: unicast, local, broadcast, or what ends it: blackhole, unreachable, prohibit; None: nothing fits.
    :param ways: where it leads; several: the kernel chooses one by a hash of the flow.
    :param unknown: a sentence: something decides that the model does not know.
    """

    type: Optional[str]
    route: Optional[Route] = None
    ways: Tuple[Nexthop, ...] = ()
    rule: Optional[Rule] = None
    unknown: str = ""


NOTHING = Found(None)


class Table:
    """The routes of one table and IP version by the length of their prefix: a lookup does not grow with their number."""

    __slots__ = ("bits", "lengths", "order")

    def __init__(self, version: int) -> None:
        self.bits = BITS[version]
        self.lengths: Dict[int, Dict[int, List[Route]]] = {}
        self.order: List[int] = []

    def add(self, route: Route) -> None:
        """Add a route, after those of its prefix whose metric is not greater."""
        _version, length, bits = split(route.prefix)
        if length not in self.lengths:
            self.lengths[length] = {}
            self.order = sorted(self.lengths, reverse=True)
        routes = self.lengths[length].setdefault(bits, [])
        routes.append(route)
        if len(routes) > 1:
            routes.sort(key=lambda one: one.metric)

    def matches(self, address: int) -> Iterable[Route]:
        """Yield the routes that contain an address, the most specific first."""
        for length in self.order:
            yield from self.lengths[length].get(address >> (self.bits - length), ())


class Fib:
    """The rules and tables of a namespace, with what follows from its addresses."""

    def __init__(self, namespace: Namespace, links: Dict[str, Link]) -> None:
        self.links = links
        self.tables: Dict[Tuple[int, int], Table] = {}
        self.rules = {
            version: sorted(
                # a kernel without policy routing lists none
                [one for one in namespace.rules if one.family == version]
                or [one for one in DEFAULT_RULES if one.family == version],
                key=lambda one: one.priority,
            )
            for version in (4, 6)
        }
        self.ignoring = {
            version: frozenset(name for name in links if self._ignores(namespace, version, name)) for version in (4, 6)
        }
        self._known: Dict[Tuple[str, Optional[str]], Found] = {}
        for route in namespace.routes:
            if route.table != LOCAL:
                self._add(route)
        for route in local_routes(namespace.addresses, links):
            self._add(route)

    def _ignores(self, namespace, version, name):
        setting = f"net.ipv{version}.conf.%s.ignore_routes_with_linkdown"
        return any(namespace.sysctls.get(setting % one) == "1" for one in ("all", name))

    def _add(self, route):
        version = version_of(route.prefix)
        key = version, route.table
        if key not in self.tables:
            self.tables[key] = Table(version)
        self.tables[key].add(route)

    def lookup(self, address: str, oif: Optional[str] = None) -> Found:
        """Return what the kernel finds for an address.

        :param oif: only routes over this device count.
        """
        found = self._known.get((address, oif))
        if found is None:
            found = self._known[address, oif] = self._lookup(address, oif)
        return found

    def _lookup(self, address, oif):
        version, target = version_of(address), number(address)
        for rule in self.rules[version]:
            table = self.tables.get((version, rule.table))
            found = self._in_table(table, version, target, oif) if table else NOTHING
            if not rule.plain:
                if (
                    found is not NOTHING
                    or rule.table not in (LOCAL, 253, 254)
                    and not table
                    and "lookup" not in rule.text
                ):
                    return Found(None, rule=rule, unknown=f"the policy rule {rule.text!r} may decide about {address}")
                continue
            if found is not NOTHING:
                return found._replace(rule=rule)
        return NOTHING

    def _in_table(self, table, version, target, oif):
        for route in table.matches(target):
            if route.type == "throw":
                return NOTHING
            if route.type in ERRORS or route.type == "broadcast":
                if oif is None or version == 6:
                    return Found(route.type, route)
                continue
            if route.type not in ("unicast", "local", "anycast"):
                return Found(None, route, unknown=f"a route of type {route.type} decides about {route.prefix}")
            ways = tuple(way for way in route.ways if self._lives(way, version, route.type, oif))
            if ways:
                return Found("local" if route.type == "anycast" else route.type, route, ways)
        return NOTHING

    def _lives(self, way, version, kind, oif):
        """Say whether a way counts: its device is up, and the one that is asked for."""
        link = self.links.get(way.dev)
        if oif is not None and way.dev != oif or way.dead:
            return False
        if kind == "local" or link is None:
            return True
        return link.up and (link.running or way.dev not in self.ignoring[version])


def local_routes(addresses: Iterable[Address], links: Dict[str, Link]) -> Iterable[Route]:
    """Yield the routes of the table local.

    An IPv4 address is the node's also while its device is down (fib_sync_down_dev spares what has no wider scope); an IPv6
    address is not, nor while duplicate address detection asks for it. A router answers for the first address of each IPv6
    prefix (RFC 4291, 2.6.1).
    """
    for address in addresses:
        text = address.address.partition("/")[0]
        version, length, bits = split(address.address)
        link = links.get(address.dev)
        up = link is not None and link.up
        if version == 4:
            yield _local(f"{text}/32", address)
            if link is not None and link.type == "loopback" and length < 32:
                yield _local(f"{ip_address(bits << (32 - length))}/{length}", address)
            elif up and length < 31:
                last = ip_address((bits << (32 - length)) | ((1 << (32 - length)) - 1))
                yield _local(f"{last}/32", address, "broadcast")
            if up and address.broadcast:
                yield _local(f"{address.broadcast}/32", address, "broadcast")
        elif up and not address.tentative:
            yield _local(f"{text}/128", address)
            if link is not None and link.ipv6.get("forwarding") and length < 127 and not text.startswith("fe80"):
                first = bits << (128 - length)
                if first != number(text):
                    yield _local(f"{_ipv6(first)}/128", address, "anycast")


@lru_cache(maxsize=1 << 12)
def _ipv6(value):
    """Return the IPv6 address of a number, which may be a small one."""
    return str(ip_address("::").__class__(value))


def _local(prefix, address, kind="local"):
    return Route(prefix, LOCAL, kind, dev=address.dev, owner=address.owner, assumed=address.assumed)
