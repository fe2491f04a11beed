# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node needs only while it and its peers may be in different phases of a change. Pure.

Such objects belong to a set of their own, which nobody declares in contract: there they are removed.
"""

from __future__ import annotations

import ipaddress
from typing import Dict, Iterable, Iterator, List, Optional, Set, Tuple, Union

from ..engine import phases
from ..engine.resource import Desired, Observed, Ref, Resource
from ..engine.step import CHANGE, Plan, Step
from ..kernel.messages import RT_TABLE_MAIN
from ..kinds import nat
from ..kinds.devconf import LOOSE, MTU6
from ..kinds.devconf import STRICT as FILTER
from ..kinds.fields import given
from ..kinds.route import RouteKey, metric_of
from ..kinds.sysctl import Sysctl, SysctlKey, link_sysctl
from ..kinds.ties import LinkKey
from ..ownership import ROUTE_PROTOCOL
from . import reattachment

OWNER = "transition"
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
# net.ipv4.conf.*.rp_filter, ip-sysctl: a packet's source is looked up by the way it came, or by any
STRICT, ANY_WAY = "1", "2"


class Transition(phases.Transition):
    """The recipes, one method for each."""

    def refs(self, observed: Observed, plan: Plan) -> Set[Ref]:
        return {
            _rp_filter(netns, name) for netns, dev in _devices(observed, plan.steps) for name in (dev, "all", "default")
        } | reattachment.refs(observed, plan.steps)

    def desired(self, observed: Observed, desired: List[Desired], switch: List[Step]) -> List[Desired]:
        return [
            *self._loose_filters(observed, desired, switch),
            *self._small_packets(observed, desired, switch),
            *self._plain_sources(observed, desired),
            *_with_small_packets(reattachment.desired(observed, desired, switch, OWNER), _smaller_mtu(switch)),
        ]

    @staticmethod
    def _small_packets(observed: Observed, desired: List[Desired], switch: List[Step]) -> Iterator[Desired]:
        """An endpoint whose MTU changes sends what fits into the smaller one until all take the larger one.

        Each of its routes has a half on either side, with that MTU: so the routes stay as they are. The MTU is locked, as TCP
        sends once more as much as before (ip_queue_xmit, net/ipv4/ip_output.c, learns of a route after the size is chosen).
        """
        yield from _small_by_link(switch)
        known = observed.keys() | {one.resource.ref for one in desired}
        small = _smaller_mtu(switch)
        for found in observed.values() if small else ():
            mtu = small.get(LinkKey(found.netns, found.values.get("dev", "")))
            if mtu is None or found.kind != "route" or found.owner == OWNER or found.key.table != RT_TABLE_MAIN:
                continue
            for half in _halves(found.key.prefix):
                values = {name: found.values.get(name) for name in ("type", "via", "dev", "scope", "onlink", "src")}
                values.update(mtu=min(mtu, found.values.get("mtu") or mtu), protocol=ROUTE_PROTOCOL, lock=True)
                ref = "route", RouteKey(found.netns, RT_TABLE_MAIN, half, metric_of(half, 0))
                if ref not in known or _owner(observed, ref) == OWNER:
                    yield Desired(Resource(*ref, given(**values), OWNER))

    @staticmethod
    def _plain_sources(observed: Observed, desired: List[Desired]) -> Iterator[Desired]:
        """Between prefixes of the fabric, old ones and new ones, nothing is masqueraded."""
        old = {ref: one for ref, one in observed.items() if one.owner is not None and _masquerades(one)}
        new = {one.resource.ref: one.resource for one in desired if one.present and _masquerades(one.resource)}
        alone: Dict[int, Dict[str, None]] = {4: {}, 6: {}}
        for one in (*old.values(), *new.values()):
            for prefix in nat.kept(one.values["postrouting"]):
                alone[ipaddress.ip_network(prefix).version][prefix] = None
        for one in {**old, **new}.values():
            found = alone[ipaddress.ip_network(one.key.name).version]
            rules = {
                name: nat.keeping(one.values[name], found) for name in nat.CHAINS if nat.kept(one.values.get(name))
            }
            if any(one.values[name] != rule for name, rule in rules.items()):
                yield Desired(Resource(one.kind, one.key, rules, one.owner))

    @staticmethod
    def _loose_filters(observed: Observed, desired: List[Desired], switch: List[Step]) -> Iterator[Desired]:
        """Packets of a peer that sends by the other way come by a device that the route back does not leave by."""
        types = {one.resource.ref: one.resource.values.get("type") for one in desired}
        for netns, dev in _devices(observed, switch):
            link = ("link", LinkKey(netns, dev))
            found = observed.get(link)
            if (found.values.get("type") if found else types.get(link)) in LOOSE:
                continue  # these are so by themselves
            values = [_value(observed, netns, name) for name in (dev, "all")]
            if max(values, default="0") == STRICT:
                yield _sysctl(netns, dev, ANY_WAY, _former(observed, netns, dev))


def _devices(observed: Observed, steps: List[Step]) -> List[Tuple[str, str]]:
    """Return (namespace, device) of the old and the new way of each IPv4 route that moves to another device.

    What an endpoint sends comes by the bridge of its host end, and what is sent to it leaves by that itself.
    """
    moved = [
        (step.before, step.after)
        for step in steps
        if step.action == CHANGE and step.after.kind == "route" and ":" not in step.after.key.prefix
    ]
    networks = _networks(observed) if moved else []
    moves = reattachment.moves(observed, steps)
    found: Dict[Tuple[str, str], None] = {(move.host.netns, bridge): None for move in moves for bridge in move.bridges}
    for ways in moved:
        devices = [_device(networks, route) for route in ways]
        if devices[0] != devices[1]:
            found.update(((ways[0].netns, dev), None) for dev in devices if dev)
    return list(found)


def _networks(observed: Observed) -> List[Tuple[str, Network, Optional[str]]]:
    """Return (namespace, network, device) of each route without a gateway, the most specific first."""
    found = [
        (one.netns, ipaddress.ip_network(one.key.prefix), one.values.get("dev"))
        for one in observed.values()
        if one.kind == "route" and not one.values.get("via") and ":" not in one.key.prefix
    ]
    return sorted(found, key=lambda way: way[1].prefixlen, reverse=True)


def _device(networks: Iterable[Tuple[str, Network, Optional[str]]], route: Resource) -> Optional[str]:
    """Return the device of a route; where nobody names one, that of the gateway."""
    via, dev = route.values.get("via"), route.values.get("dev")
    if dev or not via:
        return dev
    gateway = ipaddress.ip_address(via)
    return next((dev for netns, network, dev in networks if netns == route.netns and gateway in network), None)


def _masquerades(one: Resource) -> bool:
    return one.kind == "nat" and one.key.word == "masquerade" and bool(one.values.get("postrouting"))


def _small_by_link(switch: List[Step]) -> Iterator[Desired]:
    """IPv6 has an MTU of the link itself, for what is sent: where the link's shrinks, TCP must know before it sends again."""
    for step in switch:
        if _resizes_endpoint(step) and MTU6 in step.fields and step.after.values["mtu"] < step.before.values["mtu"]:
            yield Desired(Resource("link", step.after.key, {MTU6: step.after.values[MTU6]}, step.after.owner))


def _smaller_mtu(switch: List[Step]) -> Dict[LinkKey, int]:
    """Return the end of an endpoint whose MTU changes -> the smaller of both."""
    return {
        step.after.key: min(step.before.values["mtu"], step.after.values["mtu"])
        for step in switch
        if step.before is not None and _resizes_endpoint(step)
    }


def _with_small_packets(entries: Iterable[Desired], small: Dict[LinkKey, int]) -> Iterator[Desired]:
    """Yield ``entries``, of which the routes of endpoints have the MTU of those of :meth:`Transition._small_packets`."""
    for entry in entries:
        route = entry.resource
        mtu = small.get(LinkKey(route.netns, route.values.get("dev") or "")) if route.owner == OWNER else None
        is_large = route.kind == "route" and mtu is not None
        yield entry._replace(resource=route.merged({"mtu": mtu, "lock": True})) if is_large else entry


def _resizes_endpoint(step: Step) -> bool:
    """Say whether ``step`` changes the MTU of the end of a veth that is in an endpoint."""
    link = step.after
    if step.action != CHANGE or link.kind != "link" or "mtu" not in step.fields:
        return False
    peer = link.values.get("peer")
    return bool(link.netns and peer and peer[0] != link.netns)


def _halves(prefix: str) -> List[str]:
    network = ipaddress.ip_network(prefix)
    if network.is_link_local or network.is_multicast or network.prefixlen == network.max_prefixlen:
        return []
    return [str(half) for half in network.subnets()]


def _owner(observed: Observed, ref: Ref) -> Optional[str]:
    return observed[ref].owner if ref in observed else None


def _rp_filter(netns: str, name: str) -> Ref:
    return Sysctl.name, SysctlKey(netns, link_sysctl("ipv4", "conf", name, "rp_filter"))


def _value(observed: Observed, netns: str, name: str) -> str:
    found = observed.get(_rp_filter(netns, name)) or observed.get(_rp_filter(netns, "default"))
    return found.values["value"] if found else "0"


def _former(observed: Observed, netns: str, dev: str) -> Dict[str, str]:
    """Return what a link that is to be made has by itself: one that leaves the filter to ``all`` has none of its own."""
    link = observed.get(("link", LinkKey(netns, dev)))
    is_new = _rp_filter(netns, dev) not in observed
    return {"before": "0"} if link and is_new and link.values.get(FILTER) is False else {}


def _sysctl(netns: str, dev: str, value: str, former: Dict[str, str]) -> Desired:
    kind, key = _rp_filter(netns, dev)
    return Desired(Resource(kind, key, {"value": value, **former}, OWNER))
