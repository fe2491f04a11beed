# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of NAT and of firewalls. Pure Python."""

from __future__ import annotations

import shlex
from typing import Any, Dict, Iterator, List

from ...module_utils.engine.step import CREATE, Step
from ...module_utils.kinds.nat import Nat
from ...module_utils.ownership import NFT_TABLE
from ...module_utils.specs import masquerade, port_forward
from ..values.present import first
from .fault import BY, SOURCE, Case, Entry, Question, case, fault
from .layout import Layout

# a table as other programs have it, none of ours
TABLE = "ip site_local"


@fault(
    "masquerade-inside",
    "A node masquerades what stays inside the fabric",
    "Nothing at first: all pairs answer. But endpoints of a peer see the node in place of the one who asks, in their logs and"
    " their access lists.",
    "Masquerade by source alone rewrites all that an endpoint sends, also to other endpoints. The rule needs an exception for"
    " the fabric's own prefixes, before the packet meets it.",
    ping=True,
    effect=SOURCE,
)
def masquerade_inside(layout: Layout, node: str) -> Iterator[Case]:
    for end, other, _way in layout.to_peers(node)[:1]:
        subnet = layout.model["nodes"][node]["fabric_node_subnet"]
        commands = [
            f"nft add table {TABLE}",
            f"nft 'add chain {TABLE} postrouting {{ type nat hook postrouting priority 90; policy accept; }}'",
            f"nft add rule {TABLE} postrouting ip saddr {subnet} masquerade",
        ]
        question = Question(end.label, other.label, "udp", 7)
        yield case(commands, _table_gone(), question, Entry(node, "", "nft", ("masquerade",)))


@fault(
    "no-masquerade",
    "A node does not masquerade what leaves the fabric",
    "Endpoints reach each other and nobody outside. Their packets leave, and no answer comes.",
    "Nobody outside knows the way to an endpoint's private address. The node's own address must be the source of what leaves;"
    " the rule is gone as soon as somebody reloads a firewall with flush ruleset at its beginning.",
)
def no_masquerade(layout: Layout, node: str) -> Iterator[Case]:
    for end, label, _address in layout.outside(node)[-1:]:
        flush = f"nft flush chain inet {NFT_TABLE} postrouting"
        entry = Entry(node, "", "nat", ("masquerade",))
        yield case([flush], _rules(layout, node, "postrouting"), Question(end.label, label), entry)


@fault(
    "no-published-port",
    "A node has lost the rules of its published ports",
    "Connections to a published port of the node are refused: Connection refused. Everything else works.",
    "A published port is a rule that translates the destination before the route is looked up. Without it the packet is for the"
    " node itself, where nobody listens.",
    ping=True,
)
def no_published_port(layout: Layout, node: str) -> Iterator[Case]:
    for asker, port in _published(layout, node, by_itself=False):
        flush = f"nft flush chain inet {NFT_TABLE} prerouting"
        question = Question(asker, node, "tcp", port)
        entry = Entry(node, "", "nat", ("dnat",))
        yield case([flush], _rules(layout, node, "prerouting"), question, entry)
        return


@fault(
    "dnat-too-wide",
    "A published port catches what is only forwarded",
    "The published port works. But endpoints that ask any web server outside get the answer of another endpoint.",
    "A rule by port alone translates every packet to that port, whatever its destination. It must be limited to the node's own"
    " addresses: fib daddr type local.",
    ping=True,
    effect=BY,
)
def dnat_too_wide(layout: Layout, node: str) -> Iterator[Case]:
    for asker, port in _published(layout, node, by_itself=False):
        to = first(rule["to"] for rule in layout.part(node)["publish"] if rule["port"] == str(port))
        commands = [
            f"nft add table {TABLE}",
            f"nft 'add chain {TABLE} prerouting {{ type nat hook prerouting priority -101; policy accept; }}'",
            f"nft add rule {TABLE} prerouting tcp dport {port} dnat to {to}",
        ]
        for _end, label, _address in layout.outside(node)[-1:]:
            question = Question(asker, label, "tcp", port)
            yield case(commands, _table_gone(), question, Entry(node, "", "nft", ("dnat",)))
        return


@fault(
    "hairpin-off",
    "A bridge sends nothing back out of the port that it came from",
    "The published port answers all but the endpoint behind it, which asks the node for its own service.",
    "The node translates the destination to the very endpoint that asks, and the frame must leave by the port that it came in"
    " by. A bridge never does that unless the port is in hairpin mode.",
    ping=True,
)
def hairpin_off(layout: Layout, node: str) -> Iterator[Case]:
    for asker, port in _published(layout, node, by_itself=True):
        end = first(one for one in layout.ends(node, "bridge") if one.label == asker)
        commands, undo = ([f"bridge link set dev {end.host_end} hairpin {word}"] for word in ("off", "on"))
        question = Question(asker, node, "tcp", port)
        yield case(commands, undo, question, Entry(node, "", "link", (end.host_end,)))
        return


@fault(
    "forward-policy-drop",
    "A firewall drops what the node forwards",
    "Endpoints reach their node, which reaches everybody; nothing passes through it.",
    "Docker sets the policy of its FORWARD chain to drop, firewalld has a zone for it. Every base chain of the hook must accept"
    " a packet, whoever made it: one that drops is enough.",
)
def forward_policy_drop(layout: Layout, node: str) -> Iterator[Case]:
    found = layout.forwarded(node)
    if found:
        end, target, _address = found
        commands = [
            f"nft add table {TABLE}",
            f"nft 'add chain {TABLE} forward {{ type filter hook forward priority 0; policy drop; }}'",
        ]
        yield case(commands, _table_gone(), Question(end.label, target), Entry(node, "", "nft", ("forward",)))


@fault(
    "tunnel-blocked",
    "A firewall drops the tunnel's packets",
    "No peer reaches the endpoints of the node. The nodes themselves answer a ping.",
    "To the underlay a tunnel is UDP to a port of the node. A firewall in front of the node's own services, which nobody"
    " considers part of the network, drops it in the hook input, before it is decapsulated.",
)
def tunnel_blocked(layout: Layout, node: str) -> Iterator[Case]:
    for peer in layout.nodes:
        for end, other, way in layout.to_peers(peer, "vxlan"):
            if way.peer == node:
                port = layout.part(node)["vxlan"]["port"]
                commands = [
                    f"nft add table {TABLE}",
                    f"nft 'add chain {TABLE} input {{ type filter hook input priority 0; policy accept; }}'",
                    f"nft add rule {TABLE} input udp dport {port} drop",
                ]
                question = Question(end.label, other.label)
                yield case(commands, _table_gone(), question, Entry(node, "", "nft", (str(port),)))
                return


def _table_gone() -> List[str]:
    return [f"nft delete table {TABLE}"]


def _published(layout: Layout, node: str, by_itself: bool) -> Iterator[Any]:
    """Yield (label of an endpoint on the bridge, TCP port of the node): of another endpoint's service, or of its own."""
    for rule in layout.part(node)["publish"]:
        if rule["protocol"] == "tcp" and rule["port"].isdigit() and ":" not in rule["to"]:
            for end in layout.ends(node, "bridge"):
                if (end.address == rule["to"]) == by_itself:
                    yield end.label, int(rule["port"])


def _rules(layout: Layout, node: str, chain: str) -> List[str]:
    """Return the commands that put the node's own rules into ``chain``, as the plan shows them."""
    part, found = layout.part(node), []
    for spec, entries in ((masquerade, part["masquerade"]), (port_forward, part["publish"])):
        for entry in entries:
            options: Dict[str, Any] = {name: option.get("default") for name, option in spec.OPTIONS.items()}
            for resource in spec.resources({**options, "netns": "", "state": "present", **entry}):
                found += Nat().commands(Step(CREATE, None, resource))
    return [line for line in found if shlex.split(line)[-1].startswith(f"add rule inet {NFT_TABLE} {chain} ")]


FAULTS = (
    masquerade_inside,
    no_masquerade,
    no_published_port,
    dnat_too_wide,
    hairpin_off,
    forward_policy_drop,
    tunnel_blocked,
)
