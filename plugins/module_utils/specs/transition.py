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
from ..kinds import nat
from ..kinds.devconf import LOOSE
from ..kinds.devconf import STRICT as FILTER
from ..kinds.sysctl import Sysctl, SysctlKey, link_sysctl
from ..kinds.ties import LinkKey
from . import halves, reattachment

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

    def desired(
        self, observed: Observed, desired: List[Desired], switch: List[Step], gone: Set[Ref], phase: str
    ) -> List[Desired]:
        return [
            *self._loose_filters(observed, desired, switch),
            *halves.small_packets(observed, desired, switch, OWNER),
            *self._plain_sources(observed, desired),
            *halves.sources(observed, desired, gone, phase, OWNER),
            *halves.with_small_packets(reattachment.desired(observed, desired, switch, OWNER), switch, OWNER),
        ]

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
