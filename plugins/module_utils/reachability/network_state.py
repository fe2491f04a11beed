# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that decides about packets on a node, as plain data: objects of any owner, and what the kernel learned by itself.

The engine's kinds say what there is and whose it is, in check mode with what earlier tasks promised; :mod:`network_tables`
reads what no kind is about.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any, Dict, Iterable, List, Optional, Tuple

from ..engine.kind import Scope
from ..engine.resource import Observed, Resource
from ..kernel import nft, procfs
from ..kernel.kernel import Kernel
from ..kernel.messages import IFF_RUNNING
from ..kinds import devconf
from ..kinds.address import Address
from ..kinds.fdb import Fdb
from ..kinds.link import Link
from ..kinds.link_types import OF_LINK, TYPES
from ..kinds.nat import NatKey
from ..kinds.neighbor import Neighbor, Proxy
from ..kinds.route import Route
from ..kinds.wireguard import Wireguard, WireguardPeer
from ..ownership import NFT_TABLE, Ledger
from . import network_tables
from .network_planned import (
    AROUND,
    FOLLOWED,
    IPV4,
    IPV6,
    SYSCTLS,
    USUAL_MTU,
    address_text,
    as_listed,
    connected,
    is_among,
    loopback_addresses,
    new_loopback,
    new_sysctls,
)
from .network_tables import Entry

# linux/if_arp.h
ARPHRD_LOOPBACK = 772
# of what the kernel shows by itself; the owner of a rule of nft is in the ledger
KINDS: Tuple[Any, ...] = (Link(), Address(), Neighbor(), Proxy(), Fdb(), Route(), Wireguard(), WireguardPeer())
COMMON = ("up", "mac", "mtu", "master")


def observe(netns: Optional[List[str]] = None, whole: bool = True) -> Tuple[List[str], Dict[str, Entry]]:
    """Return (the namespaces that are there, the state of each) of this node, without the engine's own run.

    :param netns: namespaces to look at; None: the node's own, and those that the collection made.
    :param whole: read the state; else it is empty.
    :raises OSError: the kernel refuses to be read.
    """
    with closing(Kernel(Ledger())) as kernel:
        named = {"", *kernel.ledger.namespaces()} if netns is None else netns
        where = [ref for ref in sorted(named) if kernel.exists(ref)]
        if not whole:
            return where, {}
        scope = Scope(set(where))
        found = {one.ref: one for kind in KINDS for one in kind.observe(kernel, scope)}
        return where, network_state(kernel, found, where)


def network_state(kernel: Kernel, found: Observed, where: Iterable[str], planned: bool = False) -> Dict[str, Entry]:
    """Return namespace -> its links, addresses, rules, routes, neighbors, proxies, forwarding entries, settings and rules of nft.

    :param found: what the engine's kinds observed in the namespaces ``where`` (all kinds that carry packets), if ``planned``
        with what earlier tasks of a run in check mode would have made.
    :raises OSError: the kernel refuses to be read.
    """
    by_netns: Dict[str, Dict[str, List[Resource]]] = {}
    for resource in found.values():
        by_netns.setdefault(resource.netns, {}).setdefault(resource.kind, []).append(resource)
    present = [ref for ref in sorted(where) if kernel.exists(ref) or (planned and by_netns.get(ref, {}).get("netns"))]
    return {ref: _Namespace(kernel, ref, by_netns.get(ref, {}), planned).state() for ref in present}


class _Namespace:
    """One namespace: ``objects`` are its resources by kind."""

    def __init__(self, kernel: Kernel, netns: str, objects: Dict[str, List[Resource]], planned: bool) -> None:
        self.kernel, self.netns, self.objects, self.planned = kernel, netns, objects, planned
        self.exists = kernel.exists(netns)
        self.raw = {attrs["IFLA_IFNAME"]: (fields, attrs) for fields, attrs in kernel.links(netns).values()}
        self.sysctls = self._sysctls()
        self.links = [self._link(one) for one in objects.get("link", ())]
        if not self.exists:
            self.links.insert(0, new_loopback(self.sysctls))

    def state(self) -> Entry:
        """Return the record of this namespace."""
        rules = self._nftables()
        unknown = network_tables.unknown(self.kernel, self.netns) if self.exists else []
        if rules is None:
            unknown.append("nftables: nft is missing or cannot print the rules of this namespace")
        return {
            "links": sorted(self.links, key=lambda one: one.get("index") or 1 << 31),
            "addresses": self._addresses(),
            "rules": network_tables.rules(self.kernel, self.netns),
            "routes": self._routes(),
            "neighbors": self._neighbors(),
            "proxies": [
                {"dev": one.key.dev, "address": one.key.address, "owner": one.owner}
                for one in self.objects.get("proxy", ())
            ],
            "fdb": self._fdb(),
            "sysctls": self.sysctls,
            "nftables": rules,
            "unknown": unknown,
        }

    # settings

    def _sysctls(self):
        found = procfs.read(self.netns, SYSCTLS) if self.exists else new_sysctls(self.objects["netns"][0])
        self.changed = set()  # settings that a task changes
        if self.planned:
            wanted = {one.key.name: one.values["value"] for one in self.objects.get("sysctl", ())}
            for name, others in FOLLOWED.items():
                if name in wanted and wanted[name] != found.get(name):
                    wanted.update(dict.fromkeys((other for other in others if other not in wanted), wanted[name]))
            self.changed = {name for name, value in wanted.items() if found.get(name) != value}
            found.update(wanted)
        return {name: value for name, value in found.items() if name in SYSCTLS}

    # links

    def _link(self, resource):
        fields, attrs = self.raw.get(resource.key.name, ({}, {}))
        values = resource.values
        typed = (*TYPES.get(values["type"], ()), *(OF_LINK if values.get("master") else ()))
        found = {name: values[name] for name in (*COMMON, *typed) if name in values}
        running = bool(fields["flags"] & IFF_RUNNING) if fields else values.get("up")
        kind = "loopback" if fields.get("ifi_type") == ARPHRD_LOOPBACK else values["type"]
        peer = values.get("peer")
        return {
            "name": resource.key.name,
            "index": fields.get("index"),
            "type": kind,
            "running": bool(running and values.get("up")),
            "arp": values.get("arp", kind not in ("loopback", "ipip", "wireguard")),
            "lower": values.get("lower") or self._lower(attrs),
            "master": "",
            "mtu": USUAL_MTU - AROUND.get(kind, 0),
            "owner": resource.owner,
            "ipv4": self._settings(resource, attrs.get("IFLA_INET_CONF"), IPV4, devconf.IPV4, 4),
            "ipv6": self._settings(resource, attrs.get("IFLA_INET6_CONF"), IPV6, {}, 6),
            **({"peer": list(peer) if peer[0] != "?" else None} if peer else {}),
            **found,
            **(self._keys(resource.key.name) if kind == "wireguard" else {}),
        }

    def _keys(self, name):
        """Return what a WireGuard device has beside its link, with its peers."""
        own = [one.values for one in self.objects.get("wireguard", ()) if one.key.name == name]
        peers = [
            {"public_key": one.key.public_key, **one.values, "owner": one.owner}
            for one in self.objects.get("wireguard_peer", ())
            if one.key.dev == name
        ]
        return {**(own[0] if own else {}), "peers": peers}

    def _lower(self, attrs):
        """Return the link that one of no type of ours stands on (a VLAN, a MACVLAN), "" for none in this namespace."""
        below = attrs.get("IFLA_LINK") if attrs.get("IFLA_LINK_NETNSID") is None else None
        return (self.kernel.link_name(self.netns, below) if below else None) or ""

    def _settings(self, resource, numbers, table, fields, version):
        """Return name -> number; those of a link to come are its namespace's defaults, and what a task desires."""
        first = 1 if version == 4 else 0
        group = f"net.ipv{version}.conf"
        if numbers:
            found = {name: numbers[place - first] for name, place in table.items()}
        else:
            found = {name: int(self.sysctls.get(f"{group}.default.{name}", 0)) for name in table}
        if self.planned:
            found.update(
                (name, int(self.sysctls[f"{group}.default.{name}"])) for name in table if self._follows(group, name)
            )
            wanted = {name: value for name, value in resource.values.items() if name in fields}
            names = {fields[name][1]: devconf.number(name, resource.values) for name in wanted}
            found.update((name, number) for name, number in names.items() if name in table)
            own = f"{group}.{resource.key.name.replace('.', '/')}."
            settings = {one.key.name: one.values["value"] for one in self.objects.get("sysctl", ())}
            found.update((name, int(settings[own + name])) for name in table if own + name in settings)
        return found

    def _follows(self, group, name):
        """Say whether all links get another value of a setting with that of all."""
        return {f"{group}.all.{name}", f"{group}.default.{name}"} <= self.changed

    # addresses and routes

    def _addresses(self):
        flags = network_tables.address_flags(self.kernel, self.netns)
        own = [] if self.exists else loopback_addresses(self.sysctls)
        return own + [
            {
                "dev": one.key.dev,
                "address": address_text(one),
                "scope": one.values.get("scope", "global"),
                "tentative": False,
                "owner": one.owner,
                **flags.get((one.key.dev, address_text(one)), {}),
            }
            for one in self.objects.get("address", ())
        ]

    def _routes(self):
        paths = network_tables.paths(self.kernel, self.netns)
        links = {one["name"]: one for one in self.links}
        found = [self._route(one, paths) for one in self.objects.get("route", ())]
        if self.planned:
            found = [one for one in found if self._is_left(one, links)]
            found += [one for one in connected(links, self.objects.get("address", ())) if not is_among(one, found)]
        return found + [one for one in paths.values() if one["type"] not in network_tables.ENGINES_TYPES]

    @staticmethod
    def _route(resource, paths):
        _netns, table, prefix, metric, *_dev = resource.key
        values = {name: value for name, value in resource.values.items() if name != "lock" or value}
        path = paths.get((table, prefix, metric, values.get("dev")), {})
        return {
            "table": table,
            "prefix": prefix,
            "metric": metric,
            "type": "unicast",
            "onlink": False,
            **values,
            "nexthops": path.get("nexthops", []),
            **({"encap": path["encap"]} if "encap" in path else {}),
            "owner": resource.owner,
        }

    def _is_left(self, route, links):
        """Say whether a route outlasts what is planned: its link is there, and of a connected one the address."""
        if route.get("dev") and route["dev"] not in links:
            return False
        own = route.get("protocol") == 2 and route.get("src")
        return not own or any(address_text(one).partition("/")[0] == own for one in self.objects.get("address", ()))

    # neighbors and forwarding entries

    def _neighbors(self):
        mine = {(one.key.dev, one.key.address): one for one in self.objects.get("neighbor", ())}
        found = []
        for entry in network_tables.neighbors(self.kernel, self.netns):
            one = mine.pop((entry["dev"], entry["address"]), None)
            if one is not None:
                found.append({**entry, "mac": one.values.get("mac"), "owner": one.owner})
            elif not (self.planned and entry["state"] == "permanent"):  # else it is to go
                found.append({**entry, "owner": None})
        to_come = mine.values() if self.planned else ()
        return found + [
            {
                "dev": one.key.dev,
                "address": one.key.address,
                "mac": one.values.get("mac"),
                "state": "permanent",
                "owner": one.owner,
            }
            for one in to_come
        ]

    def _fdb(self):
        mine = {(one.key.dev, one.key.mac, one.values["dst"]): one for one in self.objects.get("fdb", ())}
        found = []
        for entry in network_tables.forwarding(self.kernel, self.netns):
            one = mine.pop((entry["dev"], entry["mac"], entry["dst"]), None)
            if one is not None or not (self.planned and entry["dst"] and entry["state"] == "permanent"):
                found.append({**entry, "owner": one.owner if one else None})
        to_come = mine.values() if self.planned else ()
        return found + [
            {
                "dev": one.key.dev,
                "mac": one.key.mac,
                "dst": one.values["dst"],
                "state": "permanent",
                "master": False,
                "owner": one.owner,
            }
            for one in to_come
        ]

    # nftables

    def _nftables(self):
        """Return the rules of all tables; one of ours carries its ``owner``."""
        rules = nft.ruleset(self.netns) if self.exists else []
        if rules is None:
            return None
        rules = [entry for entry in rules if "metainfo" not in entry]
        nat = self.objects.get("nat", [])
        if self.planned:
            rules = [entry for entry in rules if not _is_ours(entry)] + as_listed(nat)
        owners = {one.key: one.owner for one in nat}
        for entry in rules:
            if "rule" in entry and _is_ours(entry):
                word, _space, name = entry["rule"].get("comment", "").partition(" ")
                key = NatKey(self.netns, word, name)
                entry["rule"]["owner"] = owners.get(key, self.kernel.ledger.owner(("nat", key)) or "")
        return rules


def _is_ours(entry):
    """Say whether an object that nft listed is in our table, or that table itself."""
    kind, found = next(iter(entry.items()))
    return (found.get("name") if kind == "table" else found.get("table")) == NFT_TABLE
