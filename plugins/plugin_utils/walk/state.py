# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides about packets on a node: links, addresses, rules, routes, neighbors, FDB, sysctls, nftables. Pure Python.

The same record is observed on a node, planned by a run in check mode, or declared by the inventory. Each entry is a tuple with
the fields of ip(8) and bridge(8); in JSON, fields that have their default are left out.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple, Type

from ..values.networks import Segments

Plain = Dict[str, Any]

# linux/rtnetlink.h: RT_TABLE_*
TABLES = {"default": 253, "main": 254, "local": 255}
MAIN, LOCAL = 254, 255
# the underlay's interface in a state that the inventory declares, which does not name it
ASSUMED_DEVICE = "underlay0"


class Link(NamedTuple):
    """A device. ``more`` has what its type has, and what it has as a port of a bridge (kinds/link_types.py names both)."""

    name: str
    type: str = "device"
    index: int = 0  # type: ignore[assignment]
    up: bool = True
    running: bool = True  # it has a carrier
    arp: bool = True
    mac: str = ""
    mtu: int = 1500
    master: str = ""
    peer: Optional[Tuple[str, str]] = None  # the other end of a veth: namespace, name
    lower: str = ""
    owner: Optional[str] = None
    ipv4: Dict[str, int] = {}
    ipv6: Dict[str, int] = {}
    more: Plain = {}
    assumed: bool = False

    @property
    def carries(self) -> bool:
        """Whether it sends and receives: is up, and has a carrier."""
        return self.up and self.running


class Address(NamedTuple):
    """An address of a device, in the order of the kernel's dump: the first of a subnet is the primary one."""

    dev: str
    address: str  # with its prefix length
    scope: str = "global"
    peer: Optional[str] = None  # with its prefix length
    broadcast: Optional[str] = None
    tentative: bool = False
    deprecated: bool = False
    owner: Optional[str] = None
    assumed: bool = False


class Rule(NamedTuple):
    """A policy rule (ip-rule(8)); ``plain``: it looks into ``table`` for every packet."""

    family: int
    priority: int
    table: int = MAIN
    plain: bool = True
    text: str = ""


class Nexthop(NamedTuple):
    via: Optional[str] = None
    dev: Optional[str] = None
    weight: int = 1
    onlink: bool = False
    dead: bool = False


class Route(NamedTuple):
    """A route, but for those of the table local, which follow from the addresses."""

    prefix: str
    table: int = MAIN
    type: str = "unicast"
    via: Optional[str] = None
    dev: Optional[str] = None
    metric: int = 0
    protocol: Optional[int] = None
    scope: Optional[str] = None
    onlink: bool = False
    mtu: Optional[int] = None
    src: Optional[str] = None
    nexthops: Tuple[Nexthop, ...] = ()
    dead: bool = False
    owner: Optional[str] = None
    assumed: bool = False

    @property
    def ways(self) -> Tuple[Nexthop, ...]:
        """The gateways and devices that it leads to; several: the kernel chooses by a hash of the flow."""
        return self.nexthops or (Nexthop(self.via, self.dev, 1, self.onlink, self.dead),)


class Neighbor(NamedTuple):
    dev: str
    address: str
    mac: Optional[str] = None
    state: str = "permanent"
    owner: Optional[str] = None
    assumed: bool = False


class Proxy(NamedTuple):
    """An address for which the node answers on a device (ip neighbor add proxy)."""

    dev: str
    address: str
    owner: Optional[str] = None
    assumed: bool = False


class FdbEntry(NamedTuple):
    """A forwarding entry: ``master``: of the bridge that ``dev`` is a port of; else the device's own, with its ``dst``."""

    dev: str
    mac: str
    dst: Optional[str] = None
    vlan: Optional[int] = None
    state: str = "permanent"
    master: bool = False
    owner: Optional[str] = None
    assumed: bool = False


# the rules that each namespace has by itself (fib_default_rules_init, net/ipv4/fib_rules.c; net/ipv6/fib6_rules.c)
DEFAULT_RULES = (
    Rule(4, 0, LOCAL, True, "0: from all lookup local"),
    Rule(4, 32766, MAIN, True, "32766: from all lookup main"),
    Rule(4, 32767, 253, True, "32767: from all lookup default"),
    Rule(6, 0, LOCAL, True, "0: from all lookup local"),
    Rule(6, 32766, MAIN, True, "32766: from all lookup main"),
)
# the parts of a namespace -> what each entry is
ENTRIES: Dict[str, Type[Any]] = {
    "links": Link,
    "addresses": Address,
    "rules": Rule,
    "routes": Route,
    "neighbors": Neighbor,
    "proxies": Proxy,
    "fdb": FdbEntry,
}


class Namespace:
    """The state of one network namespace."""

    __slots__ = (*ENTRIES, "sysctls", "nftables", "unknown")

    def __init__(
        self,
        *,
        links: Iterable[Link] = (),
        addresses: Iterable[Address] = (),
        rules: Iterable[Rule] = DEFAULT_RULES,
        routes: Iterable[Route] = (),
        neighbors: Iterable[Neighbor] = (),
        proxies: Iterable[Proxy] = (),
        fdb: Iterable[FdbEntry] = (),
        sysctls: Optional[Dict[str, str]] = None,
        nftables: Optional[List[Plain]] = None,
        unknown: Iterable[str] = (),
    ):
        self.links, self.addresses, self.rules = list(links), list(addresses), list(rules)
        self.routes, self.neighbors, self.proxies = list(routes), list(neighbors), list(proxies)
        self.fdb, self.sysctls = list(fdb), dict(sysctls or {})
        self.nftables, self.unknown = nftables, list(unknown)


class NodeState(NamedTuple):
    """The state of a node: its namespaces by the reference that the modules have for them, "" is its own."""

    node: str
    namespaces: Dict[str, Namespace]
    source: str = "observed"


class Underlay:
    """What joins the nodes: segments, each one L2. Between two of them is a router that knows only the underlay's addresses.

    :param outside: addresses of hosts beyond the nodes that answer (fabric_outside).
    """

    def __init__(self, segments: Iterable[str] = (), outside: Iterable[str] = ()):
        self.prefixes = tuple(segments)
        self.segments = Segments(self.prefixes)
        self.outside = frozenset(outside)

    def of(self, address: str) -> Optional[str]:
        """Return the segment of an address, or None."""
        return self.segments.of(address)


def node_state(plain: Plain) -> NodeState:
    """Return the state of a node in JSON's form."""
    namespaces = {name: namespace(found) for name, found in plain["namespaces"].items()}
    return NodeState(plain["node"], namespaces, plain.get("source", "observed"))


def namespace(plain: Plain) -> Namespace:
    """Return the state of a namespace in JSON's form."""
    parts = {part: [entry_of(cls, one) for one in plain[part]] for part, cls in ENTRIES.items() if plain.get(part)}
    return Namespace(
        sysctls=plain.get("sysctls"), nftables=plain.get("nftables"), unknown=plain.get("unknown", ()), **parts
    )


def entry_of(cls: Type[Any], plain: Plain) -> Any:
    """Return an entry in JSON's form; fields of a link that every link does not have are in its ``more``."""
    known = {name: value for name, value in plain.items() if name in cls._fields and value is not None}
    if "table" in known:
        known["table"] = TABLES.get(known["table"]) or int(known["table"])
    if "nexthops" in known:
        known["nexthops"] = tuple(entry_of(Nexthop, one) for one in known["nexthops"])
    if cls is Link:
        known["peer"] = tuple(known["peer"]) if known.get("peer") else None
        known["more"] = {name: value for name, value in plain.items() if name not in cls._fields}
    return cls(**known)


def to_plain(state: Any) -> Any:
    """Return a state, or a part of it, in JSON's form."""
    if isinstance(state, NodeState):
        namespaces = {name: to_plain(found) for name, found in state.namespaces.items()}
        return {"node": state.node, "source": state.source, "namespaces": namespaces}
    if isinstance(state, Namespace):
        parts = {part: [to_plain(one) for one in getattr(state, part)] for part in ENTRIES}
        return {**parts, "sysctls": state.sysctls, "nftables": state.nftables, "unknown": state.unknown}
    defaults = state._field_defaults
    found = {
        name: value
        for name, value in state._asdict().items()
        if name != "more" and (name not in defaults or value != defaults[name])
    }
    if found.get("nexthops"):
        found["nexthops"] = [to_plain(one) for one in found["nexthops"]]
    if found.get("peer") and isinstance(state, Link):
        found["peer"] = list(found["peer"])
    return {**found, **getattr(state, "more", {})}
