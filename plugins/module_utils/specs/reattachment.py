# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host end of a living endpoint needs to leave a bridge, or to join one, so that no packet is lost. Pure.

Half-way the endpoint is reached as a routed one, and sends all to its node, whatever its host end belongs to: a bridge port
can send by itself, and what comes to the bridge's MAC address, which is that of the host end, too, is for the node.
See docs/decisions/0009-bridge-to-routed.md.
"""

from __future__ import annotations

import ipaddress
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..engine.resource import Desired, Observed, Ref, Resource
from ..engine.step import CHANGE, Step
from ..kernel.messages import RT_TABLE_MAIN
from ..kinds.neighbor import NeighborKey
from ..kinds.route import RouteKey, default_scope, metric_of
from ..kinds.sysctl import SysctlKey, link_sysctl
from ..kinds.ties import LinkKey
from ..ownership import ROUTE_PROTOCOL

DEFAULTS = ("0.0.0.0/0", "::/0")


class Move(NamedTuple):
    """A host end that gets another master.

    :param host, end: the host end, and the other one, the endpoint's.
    :param bridges: those that it leaves and joins.
    :param node_mac, mac: the MAC addresses of the two ends.
    """

    host: LinkKey
    end: LinkKey
    bridges: Tuple[str, ...]
    node_mac: str
    mac: str


def moves(observed: Observed, steps: Iterable[Step]) -> Iterator[Move]:
    """Yield a move for each host end that ``steps`` give another master."""
    for step in steps:
        if step.action != CHANGE or step.after.kind != "link" or "master" not in step.fields:
            continue
        end = observed.get(("link", LinkKey(*(step.before.values.get("peer") or ("", "")))))
        if end is not None and step.before.values["up"]:
            bridges = tuple(name for name in (step.before.values["master"], step.after.values["master"]) if name)
            yield Move(step.after.key, end.key, bridges, step.after.values["mac"], end.values["mac"])


def refs(observed: Observed, steps: Iterable[Step]) -> Set[Ref]:
    """Return the refs of what must be observed for the host ends that ``steps`` move."""
    found: Set[Ref] = set()
    for move in moves(observed, steps):
        found.add(("neighbor", NeighborKey(*move.end, "")))
        found |= {("sysctl", key) for key in (_redirects(move.end), _loss_probes(move.end))}
    return found


def desired(observed: Observed, wanted: List[Desired], switch: List[Step], owner: str) -> Iterator[Desired]:
    """Yield what must be there before host ends move, and until all of them have.

    :param wanted: what there will be in the end; some of it comes sooner.
    :param owner: the set of the rest.
    """
    state = _State(observed, wanted)
    for move in moves(observed, switch):
        if all(state.mac(LinkKey(move.host.netns, bridge)) == move.node_mac for bridge in move.bridges):
            for resource in (*_on_node(state, move), *_in_endpoint(state, move)):
                found = observed.get(resource.ref)
                if resource.kind == "sysctl" or found is None or found.owner == owner:
                    yield Desired(resource if resource.owner else resource.owned(owner))


class _State:
    """What is there and what will be, by the namespace and the device that it is on."""

    def __init__(self, observed: Observed, wanted: List[Desired]) -> None:
        self.observed = observed
        self.on: Dict[Tuple[str, LinkKey], List[Resource]] = {}
        coming = [entry.resource for entry in wanted if entry.present]
        for resource in [*observed.values(), *coming]:  # what comes replaces what is there
            dev = resource.key.dev if resource.kind == "address" else resource.values.get("dev")
            if resource.kind in ("address", "route") and dev:
                self.on.setdefault((resource.kind, LinkKey(resource.netns, dev)), []).append(resource)

    def mac(self, link: LinkKey) -> Optional[str]:
        found = self.observed.get(("link", link))
        return found.values.get("mac") if found else None

    def routes(self, link: LinkKey) -> List[Resource]:
        """Return the routes on ``link`` in the main table."""
        return [one for one in self.on.get(("route", link), []) if one.key.table == RT_TABLE_MAIN]

    def addresses(self, link: LinkKey) -> Iterator[Tuple[Resource, str]]:
        """Yield each address on ``link`` that others can reach, with its length."""
        for one in self.on.get(("address", link), []):
            text = one.key.address if "/" in one.key.address else f"{one.key.address}/{one.values.get('length', 128)}"
            if not ipaddress.ip_interface(text).is_link_local:
                yield one, text


def _on_node(state: _State, move: Move) -> Iterator[Resource]:
    """Yield a route to each address of the endpoint, and its neighbor: as long as it is a port no answer is heard there."""
    routes = {one.key.prefix: one for one in state.routes(move.host) if not one.values.get("via")}
    for text in sorted({text.split("/")[0] for _one, text in state.addresses(move.end)}):
        prefix = str(ipaddress.ip_network(text))
        yield routes.get(prefix) or _route(move.host, prefix, None)
        yield _neighbor(move.host, text, move.mac)


def _in_endpoint(state: _State, move: Move) -> Iterator[Resource]:
    """Yield what makes the endpoint send all to its node: also what is for its subnet, which is on its link."""
    ways = (one.values.get("via") for one in state.routes(move.end) if one.key.prefix in DEFAULTS)
    gateways = list(dict.fromkeys(via for via in ways if via))
    for via in gateways:
        yield _neighbor(move.end, via, move.node_mac)
    # What is held is late, not lost: TCP sends nothing again before its timer ends, which is 200 ms or more; a probe is sent
    # after 8 (tcp_schedule_loss_probe, net/ipv4/tcp_output.c).
    yield Resource("sysctl", _loss_probes(move.end), {"value": "0"})
    networks = [
        ipaddress.ip_interface(text).network
        for one, text in state.addresses(move.end)
        if not one.values.get("noprefixroute")
    ]
    for network in dict.fromkeys(networks):
        alike = [via for via in gateways if ipaddress.ip_address(via).version == network.version]
        # Until the node has the route to another endpoint, it says to reach that directly: IPv4 believes only its gateway
        # (__ip_do_redirect, net/ipv4/route.c), and the node says it with its address in the subnet.
        alike.sort(key=lambda via: ipaddress.ip_address(via) in network)
        if alike and network.prefixlen < network.max_prefixlen:
            yield from (_route(move.end, str(half), alike[0]) for half in network.subnets())
            if network.version == 6:
                yield Resource("sysctl", _redirects(move.end), {"value": "0"})


def _redirects(end: LinkKey) -> SysctlKey:
    return SysctlKey(end.netns, link_sysctl("ipv6", "conf", end.name, "accept_redirects"))


def _loss_probes(end: LinkKey) -> SysctlKey:
    return SysctlKey(end.netns, "net.ipv4.tcp_early_retrans")


def _neighbor(link: LinkKey, address: str, mac: str) -> Resource:
    return Resource("neighbor", NeighborKey(*link, address), {"mac": mac})


def _route(link: LinkKey, prefix: str, via: Optional[str]) -> Resource:
    scope = default_scope(prefix, "unicast", via)
    values = {"type": "unicast", "protocol": ROUTE_PROTOCOL, "via": via, "dev": link.name, "onlink": bool(via)}
    key = RouteKey(link.netns, RT_TABLE_MAIN, prefix, metric_of(prefix, 0))
    return Resource("route", key, {**values, "scope": scope} if scope else values)
