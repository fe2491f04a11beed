# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of nftables by chance."""

from __future__ import annotations

import random

from walk_change import Change, device
from walk_fabrics import UPLINK, Fabric

MATCHES = (
    "ip saddr 10.{number}.0.0/24",
    "ip daddr 10.{number}.0.{host}",
    "ip daddr != {{ 10.0.0.0/8, 192.168.1.0/24 }}",
    'iifname "{dev}"',
    'oifname "{dev}"',
    'oifname != "{dev}"',
    "meta l4proto udp",
    "udp dport {{ 33001, 8472 }}",
    "udp dport 8472",
    "udp sport 33001",
    "ct state new",
    "ct state established,related",
    "ct state invalid",
    "fib daddr type local",
    "fib daddr type != local",
    "ip6 saddr fd00::/16",
    "icmpv6 type nd-neighbor-solicit",
    "meta nfproto ipv6",
    "ip ttl 63",
    "ct status dnat",
    "udp dport vmap {{ 33001 : drop, 8053 : accept }}",
    "ip saddr @hosts",
    "ip length > 1300",
    "",
)
VERDICTS = ("drop", "drop", "accept", "return", "jump other", "goto other", "reject", "counter", "meta mark set 7")


def rules(fabric: Fabric, chance: random.Random) -> Change:
    """A table of filters: a chain at any hook with two rules, and one that it may jump to."""
    netns = chance.choice([*fabric.nodes, *fabric.nodes, *fabric.endpoints, UPLINK])
    match = chance.choice(MATCHES)
    verdict = chance.choice(VERDICTS) if "vmap" not in match else ""
    family = "ip" if not any(word in match for word in ("6", "nfproto")) and chance.random() < 0.3 else "inet"
    match = match.format(number=chance.randrange(1, 4), host=chance.choice((2, 3)), dev=device(fabric, chance, netns))
    match = match if chance.random() < 0.7 else f"ip protocol udp {match}"
    hook = chance.choice(("input", "output", "forward", "forward", "prerouting", "postrouting"))
    priority, policy = chance.choice((-150, 0, 10)), chance.choice(("accept", "accept", "drop"))
    other = chance.choice(("accept", "drop", "ip saddr 10.1.0.2 drop", "return", "meta mark 7 drop"))
    last = chance.choice(("accept", "counter", "ip saddr 10.1.0.0/24 drop", "meta mark 7 accept"))
    lines = [
        f"add table {family} t",
        f"add set {family} t hosts {{ type ipv4_addr; flags interval; elements = {{ 10.1.0.0/25, 10.2.0.3 }}; }}",
        f"add chain {family} t other",
        f"add rule {family} t other {other}",
        f"add chain {family} t c {{ type filter hook {hook} priority {priority}; policy {policy}; }}",
        f"add rule {family} t c {match} {verdict}",
        f"add rule {family} t c {last}",
    ]
    return Change(netns, [f"nft {line}" for line in lines], [f"nft delete table {family} t"])


def nat(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice([*fabric.nodes, *fabric.nodes, *fabric.endpoints])
    number, host = chance.randrange(1, len(fabric.nodes) + 1), chance.choice((2, 3))
    port_ = chance.choice(("33001", "8053", "8053"))
    hook, priority, verdict = chance.choice(
        [
            ("prerouting", "-100", f"udp dport {port_} dnat ip to 10.{number}.0.{host}:33001"),
            ("prerouting", "-100", f"fib daddr type local udp dport {port_} dnat ip to 10.{number}.0.{host}:33001"),
            ("output", "-100", f"udp dport {port_} dnat ip to 10.{number}.0.{host}:33001"),
            ("postrouting", "100", f"ip saddr 10.{number}.0.0/24 masquerade"),
            ("postrouting", "100", f'oifname "{device(fabric, chance, netns)}" masquerade fully-random'),
            ("postrouting", "99", "ip saddr 10.0.0.0/8 ip daddr 10.0.0.0/8 snat ip to ip saddr"),
            ("postrouting", "99", f"ip saddr 10.{number}.0.0/24 snat ip to 10.{number}.0.77"),
            ("postrouting", "100", "ip daddr 10.0.0.0/8 masquerade"),
        ]
    )
    lines = [
        "add table inet n",
        f"add chain inet n c {{ type nat hook {hook} priority {priority}; policy accept; }}",
        f"add rule inet n c {verdict}",
    ]
    return Change(netns, [f"nft {line}" for line in lines], ["nft delete table inet n"])
