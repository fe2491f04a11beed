# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign routes and policy rules that precede the fabric's routes. Each check yields warnings."""

from __future__ import annotations

from typing import Iterator

from ..expected import Expected
from ..facts.model import MAIN, Facts, network_of
from .addressing import named

# the metric of a route if none is given (linux/ipv6_route.h: IP6_RT_PRIO_USER)
USUAL_METRIC = {4: 0, 6: 1024}
ENDS = ("blackhole", "unreachable", "prohibit")
WHOLE = {4: network_of("0.0.0.0/0"), 6: network_of("::/0")}


def foreign_routes_win(facts: Facts, expected: Expected) -> Iterator[str]:
    """A longer prefix wins, and of the same prefix the smaller metric (fib_table_lookup in net/ipv4/fib_trie.c)."""
    connected = {one.prefix for one in facts.addresses}
    foreign = [
        (network_of(route.prefix), route)
        for route in facts.routes
        if route.table == MAIN and not route.ours and route.prefix not in connected
    ]
    for mine, prefix, name in expected.networks:
        preferred = [
            f"'{route}'"
            for network, route in foreign
            if mine.covers(network) and (network != mine or route.metric < USUAL_METRIC[mine.version])
        ]
        if preferred:
            yield (
                f"{name} {prefix}: the node prefers {named(preferred)} to the fabric's routes:"
                " remove it if the fabric needs the whole prefix"
            )


def rules_decide_first(facts: Facts, expected: Expected) -> Iterator[str]:
    """A rule before the table main that finds a route in another table (fib_rules_lookup)."""
    tables = {}
    for route in facts.routes:
        if route.table != MAIN:
            tables.setdefault(route.table, []).append(network_of(route.prefix))
    for version in expected.versions:
        for rule in sorted((one for one in facts.rules if one.version == version), key=lambda one: one.priority):
            if rule.action == "lookup" and rule.table == MAIN and _is_for_all(rule):
                break
            affected = [
                f"{name} {prefix}"
                for network, prefix, name in expected.networks
                if network.version == version and _takes(rule, network, tables)
            ]
            if affected:
                yield (
                    f"the policy rule '{rule}' precedes the table main for {named(affected)}:"
                    " remove it, or give it a priority above 32766"
                )


def _is_for_all(rule):
    return not (rule.source or rule.destination or rule.selects)


def _takes(rule, network, tables):
    """Say whether a rule may route packets to ``network``."""
    aim = network_of(rule.destination) if rule.destination else WHOLE[network.version]
    if not aim.overlaps(network):
        return False
    if rule.action in ENDS:
        return True
    if rule.action != "lookup" or rule.suppresses:
        return False
    return any(found.overlaps(network) for found in tables.get(rule.table, ()))
