# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a node: what it forwards, answers for, lets pass, and how it reaches its endpoints. Pure Python."""

from __future__ import annotations

from typing import Iterator

from .fault import Case, Entry, Question, case, fault
from .layout import Layout

# a MAC address that nobody has: locally administered (IEEE 802, 8.2), and no hash of ours
NOBODY = "02:00:00:00:00:99"
FOREIGN_TABLE = 100


@fault(
    "no-forwarding",
    "A node does not forward",
    "Endpoints of the node reach the node and each other on its bridge, and nothing else.",
    "A Linux machine is a host until net.ipv4.ip_forward makes it a router. A packet that is not for the node itself is"
    " dropped silently. The switch silences proxy ARP as well: a host answers for nobody.",
)
def no_forwarding(layout: Layout, node: str) -> Iterator[Case]:
    found = layout.forwarded(node)
    if found:
        end, target, _address = found
        # who knows the gateway already is none the wiser
        flush = f"ip -n {end.netns} neighbor flush dev {end.dev}"
        off, on = (f"sysctl -qw net.ipv4.ip_forward={value}" for value in (0, 1))
        yield case([off, flush], [on, flush], Question(end.label, target), Entry(node, "", "sysctl", ("forward",)))


@fault(
    "no-forwarding-ipv6",
    "A node does not forward IPv6",
    "IPv4 is fine; over IPv6 the endpoints of the node reach the node alone.",
    "Each family has a switch of its own. With net.ipv6.conf.all.forwarding=0 the node is an IPv6 host: it drops what is not"
    " for itself.",
)
def no_forwarding_ipv6(layout: Layout, node: str) -> Iterator[Case]:
    for end, other, _way in layout.to_peers(node):
        if all(layout.model["nodes"][name]["fabric_node_subnet6"] for name in (node, other.node)):
            off, on = (f"sysctl -qw net.ipv6.conf.all.forwarding={value}" for value in (0, 1))
            question = Question(end.label, other.label, family=6)
            yield case([off], [on], question, Entry(node, "", "sysctl", ("forwarding",)))
            return


@fault(
    "proxy-arp-off",
    "A node does not answer for the gateway",
    "One routed endpoint reaches nothing at all, not even its node; the others are fine.",
    "A routed endpoint leaves by a gateway that nobody has, such as 169.254.1.1. Its node answers the ARP request in place of"
    " it, if proxy_arp is on for that very interface.",
)
def proxy_arp_off(layout: Layout, node: str) -> Iterator[Case]:
    found = layout.forwarded(node)
    if found and found[0].attachment == "routed":
        end, target, _address = found
        setting = f"sysctl -qw net.ipv4.conf.{end.host_end}.proxy_arp="
        flush = f"ip -n {end.netns} neighbor flush dev {end.dev}"
        entry = Entry(node, "", "sysctl", (end.host_end,))
        yield case([f"{setting}0", flush], [f"{setting}1", flush], Question(end.label, target), entry)


@fault(
    "no-covering-route",
    "A node has no route that covers the gateway",
    "A routed endpoint gets no answer for its gateway, though proxy_arp is on.",
    "Proxy ARP answers only for addresses to which the node itself would forward: it needs a route that covers the gateway and"
    " leads out of another interface. A node with a default route has one by accident; without it there must be one on"
    " purpose, here by way of lo.",
)
def no_covering_route(layout: Layout, node: str) -> Iterator[Case]:
    if layout.several_segments:  # the node's default route covers everything
        return
    pairs = [(end, other) for end in layout.ends(node, "routed") for other in layout.ends(node) if end != other]
    for end, other in pairs[:1]:
        route = f"{end.gateway}/32 dev lo"
        flush = f"ip -n {end.netns} neighbor flush dev {end.dev}"
        undo = [f"ip route add {route} proto 178 scope link", flush]
        # towards another subnet, as what is on its own link it asks for itself
        target = layout.model["nodes"][node]["fabric_node_address"]
        question = Question(end.label, node if target else other.label)
        yield case([f"ip route del {route}", flush], undo, question, Entry(node, "", "route", (end.gateway,)))


@fault(
    "no-route-to-endpoint",
    "A node has no route to one of its endpoints",
    "Nobody reaches the endpoint, and it gets no answer; its own packets leave as before.",
    "Without a bridge nothing says by which veth pair an endpoint is reached but a route for its one address. Where it is"
    " missing, the next wider route decides: a blackhole for the node's subnet, or the default route.",
)
def no_route_to_endpoint(layout: Layout, node: str) -> Iterator[Case]:
    for asker, end in layout.pairs(node, "routed", "direct"):
        commands = [f"ip route del {end.address}/32 dev {end.host_end}"]
        entry = Entry(node, "", "route", (end.address,))
        yield case(commands, [f"ip route add {end.route}"], Question(asker.label, end.label), entry)


@fault(
    "stale-neighbor",
    "A node knows an endpoint by an old MAC address",
    "Nobody beyond the node's bridge reaches the endpoint, which is there and up.",
    "A permanent neighbor entry is believed for ever. An endpoint that was made anew has another MAC address; frames to the old"
    " one reach the bridge, and nobody takes them.",
)
def stale_neighbor(layout: Layout, node: str) -> Iterator[Case]:
    found = layout.reaching(node)
    if found and found[1].attachment == "bridge":
        asker, end = found
        bridge = layout.part(node)["bridge"]["name"]
        commands = [f"ip neighbor replace {end.address} lladdr {NOBODY} dev {bridge} nud permanent"]
        undo = [f"ip neighbor del {end.address} dev {bridge}"]
        yield case(commands, undo, Question(asker.label, end.label), Entry(node, "", "neighbor", (end.address,)))


@fault(
    "mac-on-the-wrong-port",
    "A bridge holds an endpoint's MAC address at another port",
    "One endpoint of the bridge cannot be reached; it is up, and ARP finds it.",
    "A static entry of a bridge's forwarding database outlives what the bridge learns from frames. All frames for that MAC"
    " address leave by the port of the entry, whoever is behind it.",
)
def mac_on_the_wrong_port(layout: Layout, node: str) -> Iterator[Case]:
    for asker, end in layout.pairs(node, "bridge"):
        words = f"{end.mac} dev {asker.host_end} master"
        commands, undo = [f"bridge fdb replace {words} static"], [f"bridge fdb del {words}"]
        yield case(commands, undo, Question(asker.label, end.label), Entry(node, "", "fdb", (end.mac,)))


@fault(
    "isolated-ports",
    "Ports of a bridge are isolated from each other",
    "Two endpoints on one bridge do not reach each other, and reach everybody else.",
    "A bridge forwards nothing from one isolated port to another (bridge(8), isolated): what guests of a hotel want, and"
    " containers of one application do not.",
)
def isolated_ports(layout: Layout, node: str) -> Iterator[Case]:
    for asker, end in layout.pairs(node, "bridge"):
        commands, undo = (
            [f"bridge link set dev {one.host_end} isolated {value}" for one in (asker, end)] for value in ("on", "off")
        )
        yield case(commands, undo, Question(asker.label, end.label), Entry(node, "", "link", (end.host_end,)))


@fault(
    "rule-to-another-table",
    "A rule sends packets to another routing table",
    "Endpoints of a peer cannot be reached, though ip route shows the route.",
    "ip route shows the table main. Which table is asked is said by ip rule, in order of priority, and the first table with a"
    " matching route decides: VPN clients and multi-homed hosts have rules that nobody remembers.",
)
def rule_to_another_table(layout: Layout, node: str) -> Iterator[Case]:
    for end, other, way in layout.to_peers(node)[:1]:
        commands = [
            f"ip route add unreachable {way.subnet} table {FOREIGN_TABLE}",
            f"ip rule add priority {FOREIGN_TABLE} lookup {FOREIGN_TABLE}",
        ]
        undo = [
            f"ip rule del priority {FOREIGN_TABLE}",
            f"ip route del unreachable {way.subnet} table {FOREIGN_TABLE}",
        ]
        entry = Entry(node, "", "rule", (f"lookup {FOREIGN_TABLE}",))
        yield case(commands, undo, Question(end.label, other.label), entry)


FAULTS = (
    no_forwarding,
    no_forwarding_ipv6,
    proxy_arp_off,
    no_covering_route,
    no_route_to_endpoint,
    stale_neighbor,
    mac_on_the_wrong_port,
    isolated_ports,
    rule_to_another_table,
)
