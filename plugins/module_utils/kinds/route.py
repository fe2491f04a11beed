# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes (ip-route(8)), found by the kernel's own key: table, prefix and metric."""

from __future__ import annotations

import ipaddress
from typing import Any, Collection, Dict, Iterator, List, NamedTuple, Optional, Set, Union

from ..engine.kind import CONTRACT, EXPAND, SWITCH, Kind, Scope, Tie, Ties
from ..engine.request import Request
from ..engine.resource import Observed, Ref, Resource
from ..engine.step import CHANGE, CREATE, Step
from ..kernel.kernel import Kernel
from ..kernel.messages import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTM_F_CLONED,
    RTNH_F_ONLINK,
    RTPROT_KERNEL,
    Index,
    Message,
)
from ..ownership import ROUTE_PROTOCOL
from .fields import AF_INET, AF_INET6, family
from .shell import ip
from .ties import in_namespace, on_link, on_link_with_ipv4

# linux/rtnetlink.h
TYPES = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8}
SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254}
TYPE_WORDS = {number: word for word, number in TYPES.items()}
SCOPE_WORDS = {number: word for word, number in SCOPES.items()}
PROTOCOLS = {"kernel": RTPROT_KERNEL, "boot": 3, "static": 4, "ra": 9, "dhcp": 16}
BY_KERNEL = (PROTOCOLS["kernel"], PROTOCOLS["ra"])
# link-local prefixes (RFC 3927, RFC 4291): a gateway in one says nothing of the interface
ON_EACH_LINK = ("fe8", "fe9", "fea", "feb", "169.254.")
# IP6_RT_PRIO_USER, linux/ipv6_route.h: what the kernel makes of a metric of 0
IPV6_METRIC = 1024
FIRST_METRIC = 1
# linux/rtnetlink.h
RTAX_MTU = 2


def metric_of(prefix: str, metric: int) -> int:
    """Return the metric under which the kernel keeps a route."""
    return metric or (IPV6_METRIC if family(prefix) == AF_INET6 else 0)


def default_scope(prefix: str, kind: str, via: Optional[str]) -> Optional[str]:
    """Return the scope that ip-route(8) gives; IPv6 routes have none."""
    if family(prefix) == AF_INET6:
        return None
    return "link" if kind == "unicast" and not via else "global"


class RouteKey(NamedTuple):
    netns: str
    table: int
    prefix: str
    metric: int


class KernelRouteKey(NamedTuple):
    """Of a route that the kernel made: each link has its own fe80::/64, and the end of one is not that of another."""

    netns: str
    table: int
    prefix: str
    metric: int
    dev: str


AnyRouteKey = Union[RouteKey, KernelRouteKey]


def _key(*parts: Any) -> AnyRouteKey:
    return KernelRouteKey(*parts) if len(parts) > len(RouteKey._fields) else RouteKey(*parts)


class Route(Kind[AnyRouteKey]):
    """``values``: type, via, dev, scope, onlink, protocol, src, mtu, lock (of the MTU: larger packets are fragmented)."""

    name = "route"
    title = "route"
    key = staticmethod(_key)
    tied_to = ("netns", "link", "route", "ipv4")

    def ties(self, resource: Resource[AnyRouteKey]) -> Ties:
        netns, table, prefix = resource.netns, resource.key.table, resource.key.prefix
        dev, via = resource.values.get("dev"), resource.values.get("via")
        inet6 = family(prefix) == AF_INET6
        found = (on_link if inet6 else on_link_with_ipv4)(netns, dev) if dev else in_namespace(netns)
        # a gateway may be on the link by a route of its own (169.254.1.1)
        if via and not resource.values.get("onlink"):
            gateway = f"{via}/128" if family(via) == AF_INET6 else f"{via}/32"
            if gateway != prefix:
                return (*found, Tie(("route", RouteKey(netns, table, gateway, metric_of(gateway, 0))), binds=False))
        return found

    def words(self, resource: Resource[AnyRouteKey]) -> str:
        _netns, table, prefix, metric, *_dev = resource.key
        more = f" metric {metric}" if metric != metric_of(prefix, 0) else ""
        return prefix + more + (f" table {table}" if table != RT_TABLE_MAIN else "")

    def restorable(self, resource: Resource[AnyRouteKey]) -> bool:
        return resource.values.get("protocol") not in BY_KERNEL

    def come_in_switch(self, resources: List[Resource[AnyRouteKey]], observed: Observed) -> Set[Ref]:
        """A route that takes packets from a less specific one; what only the default route had goes nowhere yet."""
        tables = {(one.netns, one.key.table) for one in resources}
        there = {
            (one.netns, one.key.table, *_bits(one.key.prefix))
            for one in observed.values()
            if one.kind == self.name and (one.netns, one.key.table) in tables and one.values["type"] == "unicast"
        }
        return {one.ref for one in resources if _is_in_another(one, there)}

    def changes_in(self, field: str, before: Resource[AnyRouteKey], after: Resource[AnyRouteKey]) -> str:
        """A route's own MTU shrinks and grows as that of a link."""
        if field == "mtu":
            return EXPAND if after.values["mtu"] else CONTRACT
        return SWITCH

    def altered(self, found: Resource[AnyRouteKey], values: Dict[str, Any]) -> Resource[AnyRouteKey]:
        """A route to another gateway is without the old interface, unless one is desired: the kernel finds it."""
        altered = found.merged(values)
        via = altered.values["via"]
        by_itself = via and not altered.values["onlink"] and not via.startswith(ON_EACH_LINK)
        another = any(altered.values[name] != found.values[name] for name in ("via", "onlink"))
        return altered.merged({"dev": None}) if another and by_itself and "dev" not in values else altered

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[AnyRouteKey]]:
        for netns in scope.netns:
            for fields, attrs in kernel.routes(netns, managed):
                yield self._observed(kernel, netns, fields, attrs)

    def _observed(self, kernel, netns, fields, attrs):
        table = attrs.get("RTA_TABLE", fields["table"])
        kind = TYPE_WORDS[fields["type"]]
        inet6 = fields["family"] == AF_INET6
        prefix = f"{attrs.get('RTA_DST', '::' if inet6 else '0.0.0.0')}/{fields['dst_len']}"
        key: AnyRouteKey = RouteKey(netns, table, prefix, attrs.get("RTA_PRIORITY", 0))
        if fields["proto"] in BY_KERNEL:
            key = KernelRouteKey(*key[:4], kernel.link_name(netns, attrs.get("RTA_OIF")))
        owner = kernel.ledger.owner((self.name, key))
        if owner is None and fields["proto"] == ROUTE_PROTOCOL:
            owner = ""
        return Resource(self.name, key, _values(kernel, netns, kind, fields, attrs), owner)

    def create(self, resource: Resource[AnyRouteKey], companions: Collection[Resource[AnyRouteKey]]) -> List[Request]:
        return [self._request("new", NLM_F_CREATE | NLM_F_EXCL, resource)]

    def change(
        self, before: Resource[AnyRouteKey], after: Resource[AnyRouteKey], fields: Collection[str]
    ) -> List[Request]:
        if _hides_gateway(after, fields):
            gateway = _to_gateway(after)
            replaced = self._request("new", NLM_F_CREATE | NLM_F_REPLACE, after)
            return [*self.create(gateway, ()), replaced, *self.delete(gateway)]
        return [self._request("new", NLM_F_CREATE | NLM_F_REPLACE, after)]

    def delete(self, resource: Resource[AnyRouteKey]) -> List[Request]:
        return [self._request("del", 0, resource)]

    @staticmethod
    def _request(verb, flags, resource):
        netns, table, prefix, metric, *_dev = resource.key
        values = resource.values
        network, _slash, length = prefix.partition("/")
        scope = SCOPES[values.get("scope") or "global"]
        fields = {
            "family": family(prefix),
            "dst_len": int(length),
            "table": table if table < 256 else 0,
            "type": TYPES[values.get("type", "unicast")],
            "proto": values.get("protocol", ROUTE_PROTOCOL),
            "scope": scope,
            "flags": RTNH_F_ONLINK if values.get("onlink") else 0,
        }
        attrs = [("RTA_TABLE", table), ("RTA_DST", network)]
        attrs += [("RTA_PRIORITY", metric)] if metric else []
        attrs += [
            (attr, values[name]) for name, attr in (("via", "RTA_GATEWAY"), ("src", "RTA_PREFSRC")) if values.get(name)
        ]
        if values.get("dev") and values.get("type", "unicast") == "unicast":
            attrs.append(("RTA_OIF", Index(netns, values["dev"])))
        if values.get("mtu"):
            locked = [("RTAX_LOCK", 1 << RTAX_MTU)] if values.get("lock") else []
            attrs.append(("RTA_METRICS", {"attrs": [*locked, ("RTAX_MTU", values["mtu"])]}))
        return Request(netns, Message(verb, "route", flags, fields, attrs), local=True)

    def commands(self, step: Step) -> List[str]:
        if step.action == CHANGE and _hides_gateway(step.after, step.fields):
            gateway = _to_gateway(step.after)
            commands = (("add", gateway), ("replace", step.after), ("del", gateway))
            return [line for verb, resource in commands for line in self._command(verb, resource)]
        if step.action == CHANGE:
            return self._command("replace", step.after)
        return self._command("add" if step.action == CREATE else "del", step.resource)

    @staticmethod
    def _command(verb, resource):
        netns, table, prefix, metric, *_dev = resource.key
        values = resource.values
        words = [] if values.get("type", "unicast") == "unicast" else [values["type"]]
        words.append(prefix)
        for word in ("via", "dev", "src"):
            if values.get(word) and not (word == "dev" and values.get("type", "unicast") != "unicast"):
                words += [word, values[word]]
        words += ["metric", metric] if metric else []
        words += ["table", table] if table != RT_TABLE_MAIN else []
        words += ["proto", values["protocol"]] if "protocol" in values else []
        if verb != "del":
            words += ["scope", values["scope"]] if values.get("scope") else []
            words += ["mtu", *(["lock"] if values.get("lock") else []), values["mtu"]] if values.get("mtu") else []
            words += ["onlink"] if values.get("onlink") else []
        inet6 = ["-6"] if family(prefix) == AF_INET6 else []
        return [ip(netns, *inet6, "route", verb, *words)]


def _hides_gateway(after, fields):
    """Say whether a route's IPv6 gateway is in its own prefix, and the old route leads elsewhere.

    ip6_route_check_nh_onlink (net/ipv6/route.c) looks the gateway up and refuses one behind another interface: for that moment
    the gateway has a route of its own (:func:`_to_gateway`).
    """
    return bool("dev" in fields and after.values.get("onlink") and family(after.key.prefix) == AF_INET6)


def _to_gateway(route):
    """Return a route to the gateway of ``route`` alone, on its interface; it comes before others, and is nobody's."""
    values = {"type": "unicast", "dev": route.values["dev"], "protocol": ROUTE_PROTOCOL}
    key = route.key._replace(prefix=f"{route.values['via']}/128", metric=FIRST_METRIC)
    return Resource(route.kind, key, values)


def _bits(prefix):
    """Return (version, length, the bits of that length) of ``prefix``."""
    network = ipaddress.ip_network(prefix)
    return (
        network.version,
        network.prefixlen,
        int(network.network_address) >> (network.max_prefixlen - network.prefixlen),
    )


def _is_in_another(route, there):
    """Say whether one of ``there``, but a default route, is less specific than ``route``."""
    version, length, bits = _bits(route.key.prefix)
    return any(
        (route.netns, route.key.table, version, length - less, bits >> less) in there for less in range(1, length)
    )


def managed(*head: int) -> bool:
    """Say by the head of its message whether people make such a route: others are in the table ``local``, or cached."""
    inet, _length, _source, _tos, table, _protocol, _scope, kind, flags = head
    return table != RT_TABLE_LOCAL and inet in (AF_INET, AF_INET6) and kind in TYPE_WORDS and not flags & RTM_F_CLONED


def _values(kernel, netns, kind, fields, attrs):
    values = {
        "type": kind,
        "via": attrs.get("RTA_GATEWAY"),
        "dev": kernel.link_name(netns, attrs.get("RTA_OIF")),
        "protocol": fields["proto"],
        "onlink": bool(fields["flags"] & RTNH_F_ONLINK),
        "src": attrs.get("RTA_PREFSRC"),
        "mtu": attrs.get("RTAX_MTU"),
        "lock": bool(attrs.get("RTAX_LOCK", 0) >> RTAX_MTU & 1),
    }
    if fields["family"] == AF_INET:
        values["scope"] = SCOPE_WORDS.get(fields["scope"], fields["scope"])
    return values
