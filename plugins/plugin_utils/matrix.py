# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom: what is to be asked, and what came of it, as a matrix that a person reads. Pure Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .inventory import assigned, subnets_of

# More columns than this are not read at a glance: they are counted, by node.
WIDEST = 20


@dataclass(frozen=True)
class Pair:
    """One source and one target; ``ttl`` None: no answer."""

    source: str
    target: str
    address: str
    ttl: Optional[int]
    reason: str = ""

    @property
    def ok(self):
        return self.ttl is not None

    def told(self):
        return f"{self.source} -> {self.target} ({self.address})" + (f": {self.reason}" if self.reason else "")


def endpoints_of(values):
    """Return (name, address) of each endpoint of a node, for each family."""
    return [
        (name, address)
        for subnet, key in subnets_of(values)
        for name, address in assigned(values["fabric_endpoints"], subnet, key).items()
    ]


def nodes_of(model):
    """Return (name, underlay address) of each node, for each family."""
    return [
        (name, values[key])
        for name, values in model["nodes"].items()
        for key in ("fabric_node_address", "fabric_node_address6")
        if values[key]
    ]


def inside_of(model):
    """Return (name, address) of all endpoints, then of all nodes."""
    return [pair for node in model["nodes"].values() for pair in endpoints_of(node)] + nodes_of(model)


def outside_of(model):
    """Return (name, address) of the hosts outside of the fabric."""
    return [(entry["name"], entry["address"]) for entry in model["fabric"]["fabric_outside"]]


def questions(model, name):
    """Return what node ``name`` is to ask: each of its endpoints everybody, the node its endpoints.

    :returns: list of ``{"name", "netns", "targets": [{"name", "address"}]}``.
    """
    values = model["nodes"][name]
    own = endpoints_of(values)
    everybody = inside_of(model)
    if values["fabric_masquerade"]:  # without it no answer finds its way back from outside
        everybody += outside_of(model)
    asked = [
        {"name": endpoint["name"], "netns": endpoint["name"], "targets": _reachable(endpoint["name"], own, everybody)}
        for endpoint in values["fabric_endpoints"]
    ]
    return [
        *asked,
        {"name": name, "netns": "", "targets": [{"name": target, "address": address} for target, address in own]},
    ]


def _reachable(endpoint, own, everybody):
    """Return the targets of the families that the endpoint has an address of, itself left out."""
    mine = {address for name, address in own if name == endpoint}
    families = {":" in address for address in mine}
    return [
        {"name": name, "address": address}
        for name, address in everybody
        if address not in mine and (":" in address) in families
    ]


def pairs(asked, answers):
    """Return the pairs of one node; ``answers`` None: the node could not be asked, and nothing is known of its pairs."""
    found = []
    for number, question in enumerate(asked):
        answered = answers[number]["targets"] if answers else [None] * len(question["targets"])
        found += [
            Pair(
                question["name"],
                target["name"],
                target["address"],
                answer["ttl"] if answer else None,
                answer["reason"] if answer else "the node could not be asked",
            )
            for target, answer in zip(question["targets"], answered)
        ]
    return found


def as_data(found):
    """Return the pairs as JSON can hold them."""
    return {
        "pairs": [
            {
                "source": pair.source,
                "target": pair.target,
                "address": pair.address,
                "ok": pair.ok,
                "ttl": pair.ttl,
                "reason": pair.reason,
            }
            for pair in found
        ],
        "answered": sum(pair.ok for pair in found),
        "asked": len(found),
    }


def as_text(found, order, paint=lambda text, colour: text):
    """Return the matrix: a row for each source, a column for each target, in a cell the TTL of the answer.

    :param order: the addresses of all targets, in the order of the columns.
    :param paint: takes a text and a colour's name (green, red, yellow) and returns what to print.
    """
    place = {address: number for number, address in enumerate(order)}
    columns = list(dict.fromkeys(_column(pair, found) for pair in sorted(found, key=lambda pair: place[pair.address])))
    lines = _counted(found, paint) if len(columns) > WIDEST else _cells(found, columns, paint)
    answered = sum(pair.ok for pair in found)
    colour = "green" if answered == len(found) else "red"
    return "\n".join([*lines, "", paint(f"{answered} of {len(found)} pairs answer", colour)])


def _column(pair, found):
    """A target of two families has a column for each."""
    both = {":" in other.address for other in found if other.target == pair.target}
    return f"{pair.target}/{'6' if ':' in pair.address else '4'}" if len(both) > 1 else pair.target


def _cells(found, columns, paint):
    cells = {(pair.source, _column(pair, found)): pair for pair in found}
    sources = list(dict.fromkeys(pair.source for pair in found))
    first = max(len(source) for source in sources)
    widths = [max(len(column), 3) for column in columns]
    yield " " * first + "  " + "  ".join(column.rjust(width) for column, width in zip(columns, widths))
    for source in sources:
        row = [_cell(cells.get((source, column)), width, paint) for column, width in zip(columns, widths)]
        yield source.ljust(first) + "  " + "  ".join(row)


def _cell(pair, width, paint):
    if pair is None:
        return "·".rjust(width)
    return paint((str(pair.ttl) if pair.ok else "✗").rjust(width), "green" if pair.ok else "red")


def _counted(found, paint):
    sources = {}
    for pair in found:
        sources.setdefault(pair.source, []).append(pair)
    first = max(len(source) for source in sources)
    for source, mine in sources.items():
        answered = sum(pair.ok for pair in mine)
        ttls = ", ".join(str(ttl) for ttl in sorted({pair.ttl for pair in mine if pair.ok}, reverse=True))
        yield paint(
            f"{source.ljust(first)}  {answered} of {len(mine)} answer (TTL {ttls or 'none'})",
            "green" if answered == len(mine) else "red",
        )
