# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults inside endpoints, and between an endpoint and its node. Pure Python."""

from __future__ import annotations

import ipaddress
from typing import Iterator, List, Optional, Tuple

from .fault import Case, Entry, Question, case, fault
from .layout import Endpoint, Layout

# what an endpoint with a larger MTU sends beyond that of the interfaces around it
BEYOND = 100
# the least MTU of IPv6 (RFC 8200, 5), which every path of today has
SMALL = 1280
IP_MAX_PREFIX = 32


def _beside(layout: Layout, node: str) -> Optional[Tuple[Endpoint, str]]:
    """Return (endpoint of the node, label of whom it can ask), whoever that is."""
    found = layout.forwarded(node)
    if found:
        return found[0], found[1]
    pairs = layout.pairs(node) + layout.links(node)
    return (pairs[0][0], pairs[0][1].label) if pairs else None


def _asked(layout: Layout, node: str) -> Optional[Tuple[Endpoint, Endpoint]]:
    """Return (asker, endpoint of the node), whoever asks."""
    found = layout.reaching(node)
    if found:
        return found
    pairs = layout.pairs(node) + layout.links(node)
    return pairs[0] if pairs else None


@fault(
    "no-default-route",
    "An endpoint has no default route",
    "The endpoint reaches nothing beyond its own subnet: connect says Network is unreachable, at once.",
    "A namespace begins with an empty routing table. An address brings only the route to its own prefix; everything else"
    " needs a route of its own, and an endpoint has exactly one, the default route by way of its node.",
)
def no_default_route(layout: Layout, node: str) -> Iterator[Case]:
    found = layout.forwarded(node)
    if found:
        end, target, address = found
        if ipaddress.ip_address(address) in ipaddress.ip_interface(end.prefix).network:
            target = node  # what is on its link the endpoint reaches still
        undo = [end.default]
        command = f"ip -n {end.netns} route del default"
        yield case([command], undo, Question(end.label, target), Entry(node, end.netns, "route", ("default",)))


@fault(
    "wrong-gateway",
    "An endpoint leaves by a gateway that nobody has",
    "The endpoint reaches nothing beyond its own subnet, after some seconds: No route to host.",
    "The kernel accepts any gateway that is on the link. Whether somebody has that address shows only when the first packet"
    " asks by ARP for its MAC address. Nobody answers, and the packet is dropped where it was sent.",
)
def wrong_gateway(layout: Layout, node: str) -> Iterator[Case]:
    found = layout.forwarded(node)
    if found and found[0].attachment == "bridge":
        end, target, _address = found
        nobody = ipaddress.ip_interface(end.prefix).network.broadcast_address - 1
        head = f"ip -n {end.netns} route replace default via"
        commands = [f"{head} {nobody} dev {end.dev} proto 178 scope global"]
        undo = [f"{head} {end.gateway} dev {end.dev} proto 178 scope global", *_forget(end.netns, str(nobody), end.dev)]
        yield case(commands, undo, Question(end.label, target), Entry(node, end.netns, "route", ("default",)))


@fault(
    "prefix-too-wide",
    "An endpoint has a prefix that is too wide",
    "The endpoint reaches its own subnet and what is far away, but not the endpoints of other nodes: No route to host.",
    "The length of a prefix says who is on the same link. An endpoint that believes its peers to be on its link asks for them"
    " by ARP on its own bridge, where they are not, and never asks its gateway.",
)
def prefix_too_wide(layout: Layout, node: str) -> Iterator[Case]:
    for end, other, _way in layout.to_peers(node):
        if end.attachment == "bridge":
            length = IP_MAX_PREFIX - (_number(end) ^ _number(other)).bit_length()
            wide = f"{end.address}/{length} dev {end.dev}"
            # it was seen to be the same address, and leaves a failed neighbor behind
            undo = [f"ip -n {end.netns} address del {wide}", *_forget(end.netns, other.address, end.dev)]
            names = (str(ipaddress.ip_interface(wide.split(" ", 1)[0]).network),)
            entry = Entry(node, end.netns, "route", names)
            yield case([f"ip -n {end.netns} address add {wide}"], undo, Question(end.label, other.label), entry)
            return


@fault(
    "wrong-address",
    "An endpoint has another address than the inventory says",
    "Nobody reaches the endpoint, which itself may reach others.",
    "The address in the inventory is one thing, the one on the interface another. Its node still leads packets to the bridge,"
    " asks by ARP for the address there, and nobody has it.",
)
def wrong_address(layout: Layout, node: str) -> Iterator[Case]:
    found = _asked(layout, node)
    if found and found[1].attachment in ("bridge", "link"):
        asker, end = found
        length = end.prefix.split("/")[1]
        other = ipaddress.ip_interface(end.prefix).network.broadcast_address - 2
        commands = [
            f"ip -n {end.netns} address del {end.prefix} dev {end.dev}",
            f"ip -n {end.netns} address add {other}/{length} dev {end.dev}",
        ]
        undo = [
            f"ip -n {end.netns} address del {other}/{length} dev {end.dev}",
            f"ip -n {end.netns} address add {end.prefix} dev {end.dev}",
        ]
        if end.gateway:
            default = end.default
            commands, undo = [*commands, default], [*undo, default]
        entry = Entry(node, end.netns, "address", (end.address,))
        yield case(commands, undo, Question(asker.label, end.label), entry)


@fault(
    "address-of-another",
    "An endpoint has another's address, too",
    "The endpoint gets answers from an address that it believes to be elsewhere, and they are its own: with a TTL of 64.",
    "An address of one's own wins over every route: table local is asked first. The packet never leaves the endpoint, which"
    " answers itself. A ping proves that somebody answers, not who.",
    ping=True,
    effect="by",
)
def address_of_another(layout: Layout, node: str) -> Iterator[Case]:
    pairs = [(end, other) for end, other, _way in layout.to_peers(node)] + layout.pairs(node)
    for end, other in pairs[:1]:
        words = f"{other.address}/32 dev lo"
        entry = Entry(node, end.netns, "address", (other.address,))
        commands = [f"ip -n {end.netns} address add {words}"]
        undo = [f"ip -n {end.netns} address del {words}"]
        yield case(commands, undo, Question(end.label, other.label, "udp", 7), entry)


@fault(
    "mtu-too-large",
    "An endpoint's MTU is too large",
    "A ping passes, and so do small requests; a large packet from the endpoint is lost without any ICMP error, and a"
    " connection hangs as soon as it carries data.",
    "Nobody fragments between the two ends of a veth pair: what is larger than the MTU of the other end is dropped there,"
    " silently. The MTU must be right inside the namespaces too, not on the tunnel alone.",
    ping=True,
)
def mtu_too_large(layout: Layout, node: str) -> Iterator[Case]:
    found = _beside(layout, node)
    if found:
        end, target = found
        commands, undo = (
            [f"ip -n {end.netns} link set dev {end.dev} mtu {mtu}"] for mtu in (end.mtu + BEYOND, end.mtu)
        )
        question = Question(end.label, target, size=end.mtu + BEYOND)
        yield case(commands, undo, question, Entry(node, end.netns, "link", (end.dev,)))


@fault(
    "mtu-too-small",
    "The node's end of a veth pair has a smaller MTU than the endpoint's",
    "A ping passes; a packet of the size that the endpoint believes to be possible is lost without an ICMP error.",
    "Both ends of a veth pair need the same MTU. The smaller one drops what is larger, and as no router is in between,"
    " nobody says so: path MTU discovery has nothing to go by.",
    ping=True,
)
def mtu_too_small(layout: Layout, node: str) -> Iterator[Case]:
    found = _beside(layout, node)
    if found and found[0].host_end:
        end, target = found
        commands, undo = ([f"ip link set dev {end.host_end} mtu {mtu}"] for mtu in (SMALL, end.mtu))
        yield case(commands, undo, Question(end.label, target, size=end.mtu), Entry(node, "", "link", (end.host_end,)))


@fault(
    "link-down",
    "The node's end of a veth pair is down",
    "The endpoint is dead: nobody reaches it, it reaches nobody, its interface has no carrier.",
    "A veth pair has a carrier only while both ends are up. A link that goes down takes its routes with it, and the kernel"
    " does not put them back when it comes up again.",
)
def link_down(layout: Layout, node: str) -> Iterator[Case]:
    found = _beside(layout, node)
    if found and found[0].host_end:
        end, target = found
        undo = [f"ip link set dev {end.host_end} up"]
        undo += [f"ip route add {end.route}"] if end.attachment != "bridge" else []
        commands = [f"ip link set dev {end.host_end} down"]
        yield case(commands, undo, Question(end.label, target), Entry(node, "", "link", (end.host_end,)))


@fault(
    "arp-silent",
    "An endpoint does not answer ARP",
    "Nobody reaches the endpoint, until it has sent something itself: then its neighbors know its MAC address for a while.",
    "Reachability on a link begins with ARP. With arp_ignore=8 an interface answers for none of its addresses (ip-sysctl), so"
    " the one who asks never learns where to send the packet.",
)
def arp_silent(layout: Layout, node: str) -> Iterator[Case]:
    found = _asked(layout, node)
    if found and found[1].attachment in ("bridge", "link"):
        asker, end = found
        setting = f"ip netns exec {end.netns} sysctl -qw net.ipv4.conf.{end.dev}.arp_ignore="
        flush = _flush(layout, node, end)
        question = Question(asker.label, end.label)
        yield case(
            [f"{setting}8", *flush], [f"{setting}0", *flush], question, Entry(node, end.netns, "sysctl", (end.dev,))
        )


def _flush(layout: Layout, node: str, end: Endpoint) -> List[str]:
    """Return the commands after which nobody on the node knows the endpoint's MAC address."""
    others = [one for one in [*layout.ends(node, "bridge"), *sum(layout.links(node), ())] if one.netns != end.netns]
    bridge = layout.part(node)["bridge"]["name"] if end.attachment == "bridge" else ""
    # what it still has to confirm it would ask for, and whoever is asked learns
    found = [f"ip -n {end.netns} neighbor flush dev {end.dev}"]
    found += [f"ip -n {one.netns} neighbor flush to {end.address} dev {one.dev}" for one in others]
    return found + ([f"ip neighbor flush to {end.address} dev {bridge}"] if bridge else [])


def _forget(netns: str, address: str, dev: str) -> List[str]:
    return [f"ip -n {netns} neighbor flush to {address} dev {dev}"]


def _number(end: Endpoint) -> int:
    return int(ipaddress.ip_address(end.address))


FAULTS = (
    no_default_route,
    wrong_gateway,
    prefix_too_wide,
    wrong_address,
    address_of_another,
    mtu_too_large,
    mtu_too_small,
    link_down,
    arp_silent,
)
