# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Likely causes of packet loss on a node, for verify when pairs are silent. Each check yields sentences."""

from __future__ import annotations

import ipaddress
import re
from fnmatch import fnmatchcase
from typing import Iterator, List

from ...engine.errors import FabricError
from ...kernel import procfs
from ..expected import FORWARDING, Expected
from ..facts import firewall, reading
from ..facts.model import MAIN, Facts, network_of
from . import routing, services, sysctls

# The module prepare gives these firewalls rules for the fabric in other chains: their base chains alone prove nothing.
HANDLED = ("docker", "firewalld", "ufw")
ADDRESS = re.compile(r"(?<![\w.:])[0-9a-fA-F]*[.:][0-9a-fA-F.:]*(?:/\d+)?")
MOST = 4
RP_FILTER = "net.ipv4.conf.{}.rp_filter"


def likely_causes(expected: Expected) -> List[str]:
    """Read the node and return the likely causes of silence, at most :data:`MOST`, the likeliest first.

    :param expected: its ``handled`` is replaced.
    """
    expected.handled = list(HANDLED)
    try:
        facts = reading.read(expected)
        chains, facts.drops = firewall.rules_that_drop()
        facts.chains += chains
        names = [RP_FILTER.format(name) for name in ("all", *(tunnel.replace(".", "/") for tunnel in expected.tunnels))]
        facts.sysctls.update(procfs.read("", names))
    except (FabricError, OSError) as failure:
        return [f"the node could not be read: {failure}"]
    return causes_in(facts, expected)


def causes_in(facts: Facts, expected: Expected) -> List[str]:
    """Return the likely causes in ``facts``, the likeliest first."""
    return [sentence for check in CHECKS for sentence in check(facts, expected)][:MOST]


def nothing_is_forwarded(facts: Facts, expected: Expected) -> Iterator[str]:
    """Without forwarding a node drops packets to others (ip_forward in ip-sysctl, the kernel's documentation)."""
    for version in expected.versions:
        name = FORWARDING[version]
        if facts.sysctls.get(name, "0") != "1":
            yield f"{name} is {facts.sysctls.get(name, 'missing')}: this node forwards no IPv{version}; run site"


def interfaces_are_away(facts: Facts, expected: Expected) -> Iterator[str]:
    """The fabric's interfaces with a fixed name: bridge and tunnels."""
    for name in expected.interfaces:
        if not re.search(r"[*?\[]", name):
            link = facts.link(name)
            if link is None or not link.up:
                yield f"the interface {name} is {'down' if link else 'missing'}: run site"


def routes_are_not_ours(facts: Facts, expected: Expected) -> Iterator[str]:
    """Without the fabric's route to a peer's subnet the default route takes the packets."""
    ours = {}
    for route in sorted(facts.routes, key=lambda one: -one.metric):
        if route.table == MAIN:
            ours[network_of(route.prefix)] = route
    for network, prefix, name in expected.networks:
        route = ours.get(network)
        if " of " not in name:
            continue
        if route is None:
            yield f"there is no route to {prefix} ({name}): run site"
        elif not route.ours:
            yield f"the route to {prefix} ({name}) is '{route}', which is not the fabric's: remove it and run site"


def rules_drop(facts: Facts, expected: Expected) -> Iterator[str]:
    """Rules that drop, whose addresses are all the fabric's, or that name its interfaces or its tunnel."""
    for drop in facts.drops:
        if _names(drop.rule, expected):
            yield f"the chain {drop.place} of this node's firewall has the rule '{drop.rule}': remove it"


def _names(rule, expected):
    networks = [network for network, _prefix, _name in expected.networks]
    networks += [network_of(peer["address"]) for peer in expected.peers]
    found = [network for network in map(_network, ADDRESS.findall(rule)) if network]
    if found:
        return all(any(one.overlaps(other) for other in networks) for one in found)
    quoted = re.findall(r'"([^"]+)"', rule)
    if any(fnmatchcase(name, pattern) for name in quoted for pattern in expected.interfaces):
        return True
    words, tunnel = set(re.findall(r"[\w-]+", rule)), expected.tunnel
    if tunnel is None:
        return False
    return bool(words & tunnel.names) and (tunnel.port is None or tunnel.protocol in words)


def _network(text):
    try:
        return network_of(str(ipaddress.ip_network(text, strict=False)))
    except ValueError:
        return None


def replies_leave_by_another_interface(facts: Facts, expected: Expected) -> Iterator[str]:
    """Strict rp_filter drops packets whose reply would leave by another interface; the larger of two values counts."""
    for tunnel in expected.tunnels:
        names = [RP_FILTER.format(name) for name in ("all", tunnel.replace(".", "/"))]
        if max(facts.sysctls.get(name, "0") for name in names) == "1":
            yield f"rp_filter is strict for {tunnel} (net.ipv4.conf): set it to 2 if replies leave by another interface"


CHECKS = (
    nothing_is_forwarded,
    interfaces_are_away,
    routes_are_not_ours,
    routing.foreign_routes_win,
    routing.rules_decide_first,
    rules_drop,
    services.firewall_drops,
    sysctls.uplink_does_not_forward,
    replies_leave_by_another_interface,
)
