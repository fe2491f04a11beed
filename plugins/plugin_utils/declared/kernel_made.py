# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One namespace as declared resources describe it, and what the kernel makes of them by itself."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, Optional

from ...module_utils.engine.resource import Resource
from ...module_utils.kinds.devconf import LOOSE, STRICT
from ...module_utils.kinds.fields import link_local
from ...module_utils.kinds.link_types import OF_LINK, TYPES
from ...module_utils.kinds.sysctl import link_of
from ..walk.state import DEFAULT_RULES, MAIN, to_plain
from .nft_rules import ruleset
from .nft_tables import table_objects

Json = Dict[str, Any]
KERNEL = 2  # linux/rtnetlink.h: RTPROT_KERNEL
IPV6_PREFIX_METRIC = 256  # IP6_RT_PRIO_ADDRCONF, net/ipv6/addrconf.c
# what each link has of net.ipv4.conf and net.ipv6.conf where nobody says otherwise
OF_IPV4 = (
    "forwarding",
    "rp_filter",
    "proxy_arp",
    "accept_local",
    "arp_ignore",
    "arp_announce",
    "route_localnet",
    "arp_filter",
    "log_martians",
)
OF_IPV6 = ("forwarding", "proxy_ndp", "disable_ipv6")
FORWARDING = {"ipv4": "net.ipv4.ip_forward", "ipv6": "net.ipv6.conf.all.forwarding"}


class DeclaredNamespace:
    """One namespace of a node, built up resource by resource.

    :ivar refused: what the kernel would not take, each ``{"netns", "kind", "text", "why"}``.
    """

    def __init__(self, netns: str, ipv6: Optional[bool] = None) -> None:
        self.netns = netns
        self.links: Dict[str, Json] = {}
        self.addresses: List[Json] = []
        self.routes: List[Json] = []
        self.neighbors: List[Json] = []
        self.proxies: List[Json] = []
        self.fdb: List[Json] = []
        self.nat: List[Resource] = []
        self.tables: List[Resource] = []
        self.refused: List[Json] = []
        self.sysctls: Dict[str, str] = {
            **{f"net.ipv4.conf.all.{name}": "0" for name in OF_IPV4},
            **{f"net.ipv6.conf.all.{name}": "0" for name in OF_IPV6},
            FORWARDING["ipv4"]: "0",
            "net.ipv4.ip_default_ttl": "64",
            "net.ipv6.conf.all.disable_ipv6": "1" if ipv6 is False else "0",
        }
        self._eui64: List[str] = []
        self.put_link("lo", "loopback", {"up": True, "mtu": 65536, "mac": "00:00:00:00:00:00"})

    def put_link(self, name: str, kind: str, values: Json, owner: Optional[str] = None, **more: Any) -> Json:
        """Add a link, and return it."""
        link = {
            "name": name,
            "index": len(self.links) + 1,
            "type": kind,
            "up": bool(values.get("up", True)),
            "arp": bool(values.get("arp", kind not in ("ipip", "loopback", "wireguard"))),
            "mac": values.get("mac"),
            "mtu": values.get("mtu") or 1500,
            "master": values.get("master") or "",
            "lower": values.get("lower") or "",
            "peer": None,
            "owner": owner,
            **more,
        }
        self.links[name] = link
        return link

    # what resources describe

    def add_sysctl(self, one: Resource) -> None:
        self.sysctls[one.key.name] = one.values["value"]
        if one.key.name == FORWARDING["ipv4"]:
            self.sysctls["net.ipv4.conf.all.forwarding"] = one.values["value"]

    def add_link(self, one: Resource) -> None:
        values = one.values
        kind = "loopback" if one.key.name == "lo" else values["type"]
        own = {name: values[name] for name in TYPES.get(kind, ()) if values.get(name) is not None and name != "lower"}
        port = {name: values.get(name, OF_LINK[name].new) for name in OF_LINK} if values.get("master") else {}
        found = self.put_link(one.key.name, kind, values, one.owner, **own, **port)
        if values.get("peer"):
            found["peer"] = list(values["peer"])
        rp_filter = 1 if values.get(STRICT) else LOOSE.get(kind, 0)
        found["ipv4"] = {"rp_filter": rp_filter}
        found["ipv4"].update((name, int(values[name])) for name in OF_IPV4 if name in values)
        if values.get("addrgenmode") in (None, "eui64") and found["mac"]:
            self._eui64.append(one.key.name)

    def add_port(self, one: Resource) -> None:
        found = self.links[one.key.name]
        found.update({name: field.new for name, field in OF_LINK.items() if name not in found})
        found.update(one.values)

    def add_address(self, one: Resource) -> None:
        values, text = one.values, one.key.address
        address = text if "/" in text else f"{text}/{values['length']}"
        route = not values.get("noprefixroute") and values.get("prefixroute") is not False
        self.put_address(one.key.dev, address, one.owner, values.get("scope"), route)

    def put_address(
        self, dev: str, address: str, owner: Optional[str], scope: Optional[str] = None, route: bool = True, **more: Any
    ) -> None:
        """Add an address that is not there yet, and the route that the kernel makes of it."""
        if any((one["dev"], one["address"]) == (dev, address) for one in self.addresses):
            return
        ip = ipaddress.ip_interface(address)
        word = scope or ("link" if ip.version == 6 and ip.is_link_local else "global")
        entry = {"dev": dev, "address": address, "scope": word, "tentative": False, "owner": owner, **more}
        self.addresses.append(entry)
        full = ip.network.prefixlen == ip.network.max_prefixlen
        if not route or (full and ip.version == 4):
            return
        made: Json = {"scope": "link", "src": str(ip.ip)} if ip.version == 4 else {"metric": IPV6_PREFIX_METRIC}
        self.put_route(str(ip.network), {"dev": dev, "protocol": KERNEL, **made}, None, **more)

    def add_neighbor(self, one: Resource) -> None:
        entry = {"dev": one.key.dev, "address": one.key.address, "mac": one.values["mac"], "state": "permanent"}
        self.neighbors.append({**entry, "owner": one.owner})

    def add_proxy(self, one: Resource) -> None:
        self.proxies.append({"dev": one.key.dev, "address": one.key.address, "owner": one.owner})

    def add_fdb(self, one: Resource) -> None:
        entry = {"dev": one.key.dev, "mac": one.key.mac, "dst": one.values["dst"], "state": "permanent"}
        self.fdb.append({**entry, "master": False, "owner": one.owner})

    def add_wireguard(self, one: Resource) -> None:
        self.links[one.key.name].update(one.values)

    def add_wireguard_peer(self, one: Resource) -> None:
        """Add a peer to its device; an allowed IP belongs to the peer that claimed it last."""
        known = {"public_key": one.key.public_key, "allowed_ips": [], **one.values, "owner": one.owner}
        self.links[one.key.dev].setdefault("peers", []).append({**known, "allowed_ips": list(known["allowed_ips"])})

    def add_nat(self, one: Resource) -> None:
        self.nat.append(one)

    def add_table(self, one: Resource) -> None:
        self.tables.append(one)

    def add_route(self, one: Resource) -> None:
        values = {**one.values, "table": one.key.table, "metric": one.key.metric}
        if values["type"] == "unicast":
            fault = self._resolve(values)
            if fault:
                words = f"{one.key.prefix} via {values.get('via')}" if values.get("via") else one.key.prefix
                text = words + (f" dev {values['dev']}" if values.get("dev") else "")
                entry = {"netns": self.netns, "kind": "route", "text": text, "owner": one.owner, "why": fault}
                self.refused.append(entry)
                return
        self.put_route(one.key.prefix, values, one.owner)

    def put_route(self, prefix: str, values: Json, owner: Optional[str], **more: Any) -> None:
        names = ("via", "dev", "scope", "src", "mtu")
        found = {name: values[name] for name in names if values.get(name) is not None}
        if ":" in prefix and values.get("type", "unicast") != "unicast":
            found["dev"] = "lo"  # fib6_nh_init, net/ipv6/route.c: what IPv6 refuses is by the loopback
        found.update(table=values.get("table", MAIN), prefix=prefix, type=values.get("type", "unicast"))
        found.update(metric=values.get("metric", 0), protocol=values["protocol"], onlink=bool(values.get("onlink")))
        self.routes.append({**found, "nexthops": [], "owner": owner, **more})

    def _resolve(self, values: Json) -> Optional[str]:
        """Find the interface of a route's gateway, and return why the kernel refuses the route (fib_check_nh, net/ipv4/fib_semantics.c)."""
        dev, via = values.get("dev"), values.get("via")
        if dev and dev not in self.links:
            return f"there is no interface {dev}"
        if not via or values.get("onlink") or (dev and ":" in via and ipaddress.ip_address(via).is_link_local):
            return None
        gateway = ipaddress.ip_address(via)
        near = [
            (network.prefixlen, route)
            for route in self.routes
            for network in (ipaddress.ip_network(route["prefix"]),)
            if network.version == gateway.version and gateway in network and dev in (None, route.get("dev"))
        ]
        best = max(near, key=lambda one: one[0], default=None)
        if best is None or best[1].get("via") or not best[1].get("dev"):
            return f"the gateway {via} is on no link" + (f" of {dev}" if dev else "")
        values["dev"] = best[1]["dev"]
        return None

    # what the kernel adds

    def complete(self, namespaces: Dict[str, DeclaredNamespace]) -> None:
        """Add what follows from all of the resources; ``namespaces`` are those of the node."""
        for link in self.links.values():
            peer = link["peer"]
            other = namespaces[peer[0]].links.get(peer[1]) if peer and peer[0] in namespaces else None
            # the other end of a veth of the node's own may be where nobody looks
            link["running"] = link["up"] and (other["up"] if other else not peer or peer[0] not in namespaces)
            ipv4 = {name: int(self.sysctls.get(f"net.ipv4.conf.default.{name}", "0")) for name in OF_IPV4}
            ipv4["forwarding"] = int(self.sysctls[FORWARDING["ipv4"]])
            ipv6 = dict.fromkeys(OF_IPV6, 0)
            ipv6["forwarding"] = int(self.sysctls[FORWARDING["ipv6"]])
            ipv6["disable_ipv6"] = int(self.sysctls["net.ipv6.conf.all.disable_ipv6"])
            link["ipv4"], link["ipv6"] = {**ipv4, **link.get("ipv4", {})}, {**ipv6, **link.get("ipv6", {})}
        self._own_settings()
        self._loopback()
        self._link_local()
        self._bridge_entries()

    def _own_settings(self) -> None:
        for name, value in self.sysctls.items():
            dev = link_of(name)
            if dev in self.links and ".conf." in name:
                family, setting = name.split(".")[1], name.rpartition(".")[2]
                if setting in self.links[dev][family]:
                    self.links[dev][family][setting] = int(value)

    def _loopback(self) -> None:
        self.put_address("lo", "127.0.0.1/8", None, "host", route=False)
        if self.sysctls["net.ipv6.conf.all.disable_ipv6"] == "0":
            self.put_address("lo", "::1/128", None, "host", route=False)

    def _link_local(self) -> None:
        """Add the addresses that IPv6 derives from MAC addresses (RFC 4291, appendix A)."""
        for name in self._eui64:
            link = self.links[name]
            if not link["ipv6"]["disable_ipv6"] and link["up"] and not link["master"]:
                self.put_address(name, f"{link_local(link['mac'])}/64", None, "link")

    def _bridge_entries(self) -> None:
        """A bridge keeps its own MAC address and those of its ports as permanent entries (br_fdb_add_local, net/bridge/br_fdb.c)."""
        known = set()
        for link in sorted(self.links.values(), key=lambda link: link["type"] != "bridge"):
            bridge = link["master"] or link["name"]
            if link["mac"] and (link["master"] or link["type"] == "bridge") and (bridge, link["mac"]) not in known:
                known.add((bridge, link["mac"]))
                entry = {"dev": link["name"], "mac": link["mac"], "dst": None, "state": "permanent", "master": True}
                self.fdb.append({**entry, "owner": None})

    def plain(self) -> Json:
        """Return the namespace as JSON holds it."""
        return {
            "links": list(self.links.values()),
            "addresses": self.addresses,
            "rules": [to_plain(rule) for rule in DEFAULT_RULES],
            "routes": self.routes,
            "neighbors": self.neighbors,
            "proxies": self.proxies,
            "fdb": self.fdb,
            "sysctls": {name: value for name, value in self.sysctls.items() if not link_of(name)},
            "nftables": ruleset(self.nat) + [found for table in self.tables for found in table_objects(table)],
            "unknown": [],
        }
