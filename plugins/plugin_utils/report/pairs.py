# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pairs of a fabric are walked for its report. Pure Python."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from ..reachability.expectations import Expectations

MOST_PAIRS = 2500  # pairs of 50 endpoints


class End(NamedTuple):
    """A source or target: an endpoint, a node itself, a host outside (whose node is empty)."""

    label: str
    node: str
    netns: str = ""


class Pairs(NamedTuple):
    """The pairs to walk, of how many, and which of them must reach each other.

    :ivar promised: the addresses that each pair of labels must reach, as ``verify`` asks them.
    """

    ends: List[End]
    chosen: List[Tuple[str, str]]
    total: int
    promised: Dict[Tuple[str, str], List[str]]


def pairs_of(model: Dict[str, Any], most: int = MOST_PAIRS) -> Pairs:
    """Return at most ``most`` pairs of a fabric.

    If there are more, those of the first endpoint of each node come first, so that each pair of nodes has one, then those of the
    second, and so on.
    """
    expectations = Expectations(model)
    probes = [(node, probe) for node in model["nodes"] for probe in expectations.probes_from(node)]
    where = {probe["name"]: (node, probe["netns"]) for node, probe in probes}
    ends = [End(label, *where.get(label, ("", ""))) for label in expectations.labels()]
    promised: Dict[Tuple[str, str], List[str]] = {}
    for _node, probe in probes:
        for target in probe["targets"]:
            if target["must"]:
                promised.setdefault((probe["name"], target["name"]), []).append(target["address"])
    sources = [end for end in ends if end.node]
    total = len(sources) * (len(ends) - 1)
    return Pairs(ends, list(islice(_ordered(sources, ends), most)), total, promised)


def _ordered(sources: Sequence[End], ends: Sequence[End]):
    """Yield every pair, in squares that grow by an endpoint of each node."""
    ranks: Dict[str, int] = {}
    rank = {}
    for end in ends:
        rank[end.label] = ranks[end.node] = ranks.get(end.node, -1) + 1
    squares: List[List[Tuple[str, str]]] = [[] for _rank in range(max(rank.values(), default=-1) + 1)]
    for one in sources:
        for other in ends:
            if one != other:
                squares[max(rank[one.label], rank[other.label])].append((one.label, other.label))
    return chain.from_iterable(squares)
