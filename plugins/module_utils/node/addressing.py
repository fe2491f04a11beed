# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the fabric's prefixes and addresses meet what the node is connected to: each check yields what is wrong."""

from __future__ import annotations

from .facts import network_of

LOOPBACK = ("127.0.0.0/8", "::1/128")
LINK_LOCAL = network_of("fe80::/10")
MOST_NAMED = 5


def node_address_is_elsewhere(facts, expected):
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


def uplink_has_a_name_of_the_fabric(facts, expected):
    """What an inventory calls as the node's own interface would take its place, or be made of it (fabric_adopt)."""
    for one in facts.addresses:
        if one.address in expected.node_addresses and one.dev in expected.interfaces:
            yield (
                f"{one.dev} has this node's address {one.address}, and the inventory gives an interface of the fabric that name"
                " (host_interface, fabric_bridge, fabric_vxlan_name, fabric_ipip_name or an end of fabric_links): choose another"
            )


def connected_network_overlaps(facts, expected):
    """A network that the node is really connected to, and that is not the fabric's, keeps its addresses."""
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
                    f"{name} {prefix} {how} {one.prefix}, which this node is connected to by {what} ({one.address}):"
                    " choose another prefix, or remove that one"
                )


def controller_is_covered(facts, expected):
    """The way by which Ansible came goes on to be one; a node that is reached over the fabric itself has it already."""
    if facts.came_from is None:
        return
    address, _port = facts.came_from
    way = facts.way_to(address)
    if way is not None and way.ours:
        return
    yield from (
        f"{name} {prefix} covers {address}, from which Ansible came to this node: the fabric would cut it off;"
        " choose another prefix"
        for prefix, name in _covering(expected, address)
    )


def gateway_is_covered(facts, expected):
    """What leads out of the node is not led into the fabric."""
    for via in dict.fromkeys(route.via for route in facts.gateways()):
        yield from (
            f"{name} {prefix} covers {via}, the default gateway of this node: choose another"
            for prefix, name in _covering(expected, via)
        )


def mtu_is_smaller(facts, expected):
    """What the uplink does not carry is lost, or in fragments."""
    if not expected.underlay_mtu or not expected.peers:
        return
    for dev in facts.uplinks(expected):
        link = facts.link(dev)
        if link and dev != "lo" and link.mtu < expected.underlay_mtu:
            yield (
                f"fabric_underlay_mtu is {expected.underlay_mtu}, and {dev}, which leads to the peers, has an MTU of"
                f" {link.mtu}: set fabric_underlay_mtu: {link.mtu} for this node, or raise the interface's MTU"
            )


def peer_is_behind_a_router(facts, expected):
    """A plain route leads to a peer on the link alone (ip_fib_check_default, fib_check_nh in net/ipv4/fib_semantics.c)."""
    here = {one.address for one in facts.addresses}
    if not here.issuperset(expected.node_addresses):
        return  # told already, and then no way is as it will be
    behind = {}
    for peer in expected.peers:
        way = facts.way_to(peer["address"]) if peer["direct"] else None
        if way is not None and way.via and not way.ours:
            behind.setdefault(way, []).append(f"{peer['name']} ({peer['address']})")
    for way, peers in behind.items():
        yield (
            f"the plain route of {'fabric_cross_subnet' if expected.backend != 'host_gw' else 'fabric_backend host_gw'}"
            f" needs {named(peers)} on the link, and this node reaches it by the gateway {way.via} ({way.dev}):"
            " use vxlan or ipip, and say with fabric_underlay who shares an L2"
        )


def peers_without_a_way(facts, expected):
    """Tell what no route leads to now; it may come later."""
    lost = [f"{peer['name']} ({peer['address']})" for peer in expected.peers if facts.way_to(peer["address"]) is None]
    if lost and not _in_a_vrf(facts, expected):
        yield f"this node has no route to {named(lost)}: the fabric reaches no endpoint there until it has one"


def node_address_is_in_a_vrf(facts, expected):
    """The fabric's routes are in the table main, which a VRF's interfaces do not look at (vrf in the kernel's documentation)."""
    yield from (
        f"{dev} belongs to the VRF {vrf}: the fabric's routes are in the table main, and its tunnels reach their peers only"
        " where main leads there, or net.ipv4.udp_l3mdev_accept=1 and a route leak say so"
        for dev, vrf in _in_a_vrf(facts, expected)
    )


def _in_a_vrf(facts, expected):
    """Return (interface, its VRF) of those that have an address of the node."""
    vrfs = {link.name for link in facts.links if link.type == "vrf"}
    found = [facts.link(one.dev) for one in facts.addresses if one.address in expected.node_addresses]
    return [(link.name, link.details["master"]) for link in found if link and link.details.get("master") in vrfs]


def _is_of_underlay(one, address):
    scoped = one.dev == "lo" or LINK_LOCAL.covers(network_of(one.address))
    return not one.ours and not scoped and (":" in one.address) == (":" in address)


def _covering(expected, address):
    mine = network_of(address)
    return [(prefix, name) for network, prefix, name in expected.networks if network.covers(mine)]


def named(words):
    """Return ``words`` as a person tells them: the first few, and how many more."""
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    return ", ".join(words[:MOST_NAMED]) + more
