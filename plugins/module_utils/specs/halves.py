# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an endpoint sends while a change is on its way: a route stays as it is, and each of its halves has one of its own. Pure."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Iterable, Iterator, List, Set, Tuple

from ..engine.kind import EXPAND
from ..engine.resource import Desired, Observed, Ref, Resource
from ..engine.step import CHANGE, Step
from ..kernel.messages import RT_TABLE_MAIN
from ..kinds.devconf import MTU6
from ..kinds.fields import given
from ..kinds.route import RouteKey, metric_of
from ..kinds.ties import LinkKey
from ..ownership import ROUTE_PROTOCOL

# namespace, link, IP version
Place = Tuple[str, str, int]


def small_packets(observed: Observed, desired: List[Desired], switch: List[Step], owner: str) -> Iterator[Desired]:
    """Yield what makes an endpoint whose MTU changes send what fits into the smaller one until all take the larger one.

    The MTU is locked, as TCP sends once more as much as before (ip_queue_xmit, net/ipv4/ip_output.c, learns of a route after the
    size is chosen). IPv6 has no fragments for that, but an MTU of the link itself, for what is sent, which TCP learns of at once.
    """
    small = _smaller_mtu(switch)
    for end in (step.after for step in switch if _resizes_endpoint(step) and MTU6 in step.fields):
        if end.values["mtu"] == small[end.key]:
            yield Desired(Resource("link", end.key, {MTU6: small[end.key]}, end.owner))
    taken = {one.resource.ref for one in desired} if small else set()
    for route in _routes(observed, owner) if small else ():
        mtu = small.get(LinkKey(route.netns, route.values.get("dev", "")))
        if mtu is not None:
            own = min(mtu, route.values.get("mtu") or mtu)
            yield from _halves(route, observed, taken, owner, mtu=own, lock=True)


def with_small_packets(entries: Iterable[Desired], switch: List[Step], owner: str) -> Iterator[Desired]:
    """Yield ``entries``, of which the routes of endpoints have the MTU of :func:`small_packets`."""
    small = _smaller_mtu(switch)
    for entry in entries:
        route = entry.resource
        mtu = small.get(LinkKey(route.netns, route.values.get("dev") or "")) if route.owner == owner else None
        is_large = route.kind == "route" and mtu is not None
        yield entry._replace(resource=route.merged({"mtu": mtu, "lock": True})) if is_large else entry


def sources(observed: Observed, desired: List[Desired], gone: Set[Ref], phase: str, owner: str) -> Iterator[Desired]:
    """Yield what makes an endpoint that gets another address send from the old one until switch, and then from the new one.

    Else it would change when the kernel likes: with the gateway, with the order of addresses, or as the old one ends.
    """
    old = _addresses(observed[ref] for ref in gone if ref in observed)
    new = _addresses(one.resource for one in desired if one.present) if old else {}
    found = {place: old[place] if phase == EXPAND else address for place, address in new.items() if place in old}
    taken = {one.resource.ref for one in desired} if found else set()
    for route in _routes(observed, owner) if found else ():
        network = ipaddress.ip_network(route.key.prefix)
        source = found.get((route.netns, route.values.get("dev", ""), network.version))
        if source and not network.prefixlen:
            yield from _halves(route, observed, taken, owner, src=source)


def _routes(observed: Observed, owner: str) -> Iterator[Resource]:
    for one in observed.values():
        if one.kind == "route" and one.netns and one.owner != owner and one.key.table == RT_TABLE_MAIN:
            yield one


def _halves(route: Resource, observed: Observed, taken: Set[Ref], owner: str, **values: Any) -> Iterator[Desired]:
    """Yield a route with ``values`` to each half of where ``route`` leads, by the same way, unless there is one already."""
    network = ipaddress.ip_network(route.key.prefix)
    if network.is_link_local or network.is_multicast or network.prefixlen == network.max_prefixlen:
        return
    own = {name: route.values.get(name) for name in ("type", "via", "dev", "scope", "onlink", "src")}
    wanted = given(**{**own, "protocol": ROUTE_PROTOCOL, **values})
    for half in map(str, network.subnets()):
        ref = "route", RouteKey(route.netns, RT_TABLE_MAIN, half, metric_of(half, 0))
        found = observed.get(ref)
        if found.owner == owner if found else ref not in taken:
            yield Desired(Resource(*ref, wanted, owner))


def _smaller_mtu(switch: List[Step]) -> Dict[LinkKey, int]:
    """Return the end of an endpoint whose MTU changes -> the smaller of both."""
    return {
        step.after.key: min(step.before.values["mtu"], step.after.values["mtu"])
        for step in switch
        if _resizes_endpoint(step)
    }


def _resizes_endpoint(step: Step) -> bool:
    """Say whether ``step`` changes the MTU of the end of a veth that is in an endpoint."""
    link = step.after
    if step.action != CHANGE or link.kind != "link" or "mtu" not in step.fields:
        return False
    peer = link.values.get("peer")
    return bool(link.netns and peer and peer[0] != link.netns)


def _addresses(found: Iterable[Resource]) -> Dict[Place, str]:
    """Return place -> address, the first of each, of those in endpoints."""
    places: Dict[Place, str] = {}
    for one in found:
        if one.kind == "address" and one.netns:
            address = ipaddress.ip_interface(one.key.address)
            if not address.is_link_local:
                places.setdefault((one.netns, one.key.dev, address.version), str(address.ip))
    return places
