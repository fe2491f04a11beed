# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fabric's prefixes and addresses against the node's networks. Each check yields a sentence for each fault."""

from __future__ import annotations

from typing import Iterator, List

from ..expected import Expected
from ..facts.model import Facts, network_of

LOOPBACK = ("127.0.0.0/8", "::1/128")
LINK_LOCAL = network_of("fe80::/10")
MOST_NAMED = 5


def node_address_is_elsewhere(facts: Facts, expected: Expected) -> Iterator[str]:
    """The underlay's address must be on an interface of the node; which one does not matter (lo, a bridge, a VRF's)."""
    there = {one.address: one for one in facts.addresses}
    for address in expected.node_addresses:
        if address not in there:
            variable = "fabric_node_address6" if ":" in address else "fabric_node_address"
            has = named([f"{one.address} ({one.dev})" for one in facts.addresses if _is_of_underlay(one, address)])
            yield (
                f"{variable} {address} is on no interface of this node, which has {has or 'none of that family'}:"
                " set it to the node's own address on the underlay"
            )


def uplink_has_a_name_of_the_fabric(facts: Facts, expected: Expected) -> Iterator[str]:
    """The fabric would take over the node's own interface (fabric_adopt), or refuse it as foreign."""
    login = facts.ssh_address
    own = dict.fromkeys(expected.node_addresses, "this node's address")
    if login and not _covering(expected, login):  # within the fabric it may be the fabric's own
        own.setdefault(login, "the address by which Ansible reaches this node,")
    for one in facts.addresses:
        if one.address in own and one.dev in expected.interfaces:
            yield (
                f"the inventory gives an interface of the fabric the name {one.dev}, and {one.dev} has {own[one.address]}"
                f" {one.address}: choose another name (host_interface, fabric_bridge, an end of fabric_links or the"
                " backend's own variable)"
            )


def connected_network_overlaps(facts: Facts, expected: Expected) -> Iterator[str]:
    """The fabric may not take addresses of a foreign network that the node is connected to."""
    for one in facts.addresses:
        network = network_of(one.prefix)
        if one.ours or one.prefix in LOOPBACK or one.dev == "lo" or LINK_LOCAL.covers(network):
            continue
        for mine, prefix, name in expected.networks:
            if mine.overlaps(network) and not (mine.first == mine.last and network.covers(mine) and mine != network):
                link = facts.link(one.dev)
                what = f"the {link.type} {one.dev}" if link and link.type != "device" else f"the interface {one.dev}"
                how = "overlaps" if mine == network else "lies in" if network.covers(mine) else "contains"
                yield (
                    f"{name} {prefix} {how} {one.prefix}, the network of {what} ({one.address}) on this node:"
                    " choose another prefix, or remove that address"
                )


def controller_is_covered(facts: Facts, expected: Expected) -> Iterator[str]:
    """The fabric may not cut off Ansible's connection; a controller that is reached over the fabric is no fault."""
    if facts.ssh_client is None:
        return
    address, _port = facts.ssh_client
    route = facts.route_to(address)
    if route is not None and route.ours:
        return
    yield from (
        f"{name} {prefix} covers {address}, the address of Ansible's controller: the fabric would cut it off;"
        " choose another prefix"
        for prefix, name in _covering(expected, address)
    )


def gateway_is_covered(facts: Facts, expected: Expected) -> Iterator[str]:
    """The fabric may not capture packets to the default gateway."""
    for via in dict.fromkeys(route.via for route in facts.gateways()):
        yield from (
            f"{name} {prefix} covers {via}, the default gateway of this node: choose another prefix"
            for prefix, name in _covering(expected, via)
        )


def mtu_is_smaller(facts: Facts, expected: Expected) -> Iterator[str]:
    """Packets that are too large for the uplink are lost or fragmented."""
    if not expected.underlay_mtu or not expected.peers:
        return
    for dev in facts.uplinks(expected):
        link = facts.link(dev)
        if link and dev != "lo" and link.mtu < expected.underlay_mtu:
            yield (
                f"fabric_underlay_mtu is {expected.underlay_mtu}, and {dev}, the interface to the peers, has MTU"
                f" {link.mtu}: set fabric_underlay_mtu: {link.mtu} for this node, or raise the interface's MTU"
            )


def peer_is_behind_a_router(facts: Facts, expected: Expected) -> Iterator[str]:
    """A plain route reaches only a peer on the link (ip_fib_check_default, fib_check_nh in net/ipv4/fib_semantics.c)."""
    here = {one.address for one in facts.addresses}
    if not here.issuperset(expected.node_addresses):
        return  # a fault already, and the routes will change with the address
    behind = {}
    for peer in expected.peers:
        route = facts.route_to(peer["address"]) if peer["direct"] else None
        if route is not None and route.via and not route.ours:
            behind.setdefault(route, []).append(f"{peer['name']} ({peer['address']})")
    for route, peers in behind.items():
        yield (
            f"the plain route of {'fabric_cross_subnet' if expected.tunnel else f'fabric_backend {expected.backend}'}"
            f" needs {named(peers)} on the same L2, and this node reaches it through the gateway {route.via} ({route.dev}):"
            " choose a fabric_backend with tunnels, and list the L2 segments in fabric_underlay"
        )


def peers_have_no_route(facts: Facts, expected: Expected) -> Iterator[str]:
    """A warning only: the route may come later."""
    lost = [f"{peer['name']} ({peer['address']})" for peer in expected.peers if facts.route_to(peer["address"]) is None]
    if lost and not _in_a_vrf(facts, expected):
        yield f"this node has no route to {named(lost)}: the fabric reaches no endpoint there until it has one"


def node_address_is_in_a_vrf(facts: Facts, expected: Expected) -> Iterator[str]:
    """The fabric's routes are in the table main, which a VRF's interfaces do not use (vrf in the kernel's documentation)."""
    yield from (
        f"{dev} belongs to the VRF {vrf}, and the fabric's routes are in the table main: its tunnels reach their peers only"
        " by routes in main, or with a route leak and net.ipv4.udp_l3mdev_accept=1"
        for dev, vrf in _in_a_vrf(facts, expected)
    )


def _in_a_vrf(facts, expected):
    """Return (interface, its VRF) of the interfaces with an underlay address of the node."""
    vrfs = {link.name for link in facts.links if link.type == "vrf"}
    found = [facts.link(one.dev) for one in facts.addresses if one.address in expected.node_addresses]
    return [(link.name, link.details["master"]) for link in found if link and link.details.get("master") in vrfs]


def _is_of_underlay(one, address):
    scoped = one.dev == "lo" or LINK_LOCAL.covers(network_of(one.address))
    return not one.ours and not scoped and (":" in one.address) == (":" in address)


def _covering(expected, address):
    mine = network_of(address)
    return [(prefix, name) for network, prefix, name in expected.networks if network.covers(mine)]


def named(words: List[str]) -> str:
    """Return the first few of ``words``, and the number of the others."""
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    return ", ".join(words[:MOST_NAMED]) + more
