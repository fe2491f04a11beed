# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom, as a matrix that a person reads at a glance. Pure Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

# More columns than this are not read at a glance: they are counted, by node.
WIDEST = 20
# Wider than this the columns are numbered, and the rows say whose number it is.
WIDTH = 100
WIRE = {"plain": "plain packets", "ipip": "IP in IP (protocol 4)"}
NO_ANSWER, UNASKED, NOT_MEANT = "✗", "?", "·"


@dataclass(frozen=True)
class Pair:
    """One source and one address of a target.

    :param node: the node that the source is on.
    :param ttl: time to live of the answer; None: there was none.
    :param expected: the time to live that the way to the target leaves; None: nobody knows.
    :param asked: False if the node could not be asked: nothing is known.
    """

    node: str
    source: str
    target: str
    address: str
    ttl: Optional[int] = None
    reason: str = ""
    asked: bool = True
    expected: Optional[int] = None

    @property
    def ok(self):
        return self.ttl is not None and self.expected in (None, self.ttl)

    def told(self):
        way = f"{self.source} -> {self.target} ({self.address})"
        if self.ttl is not None:
            return f"{way}: the answer has TTL {self.ttl}, not {self.expected}: it went another way"
        return f"{way}: {self.reason or 'no answer'}"


def pairs(node, asked, answers):
    """Return the pairs of one node.

    :param asked: its questions (see :mod:`questions`).
    :param answers: what nodenet.fabric.probe returned for them; None: the node could not be asked.
    """
    found = []
    for number, question in enumerate(asked):
        for place, target in enumerate(question["targets"]):
            answer = answers[number]["targets"][place] if answers else {}
            known = {"ttl": answer.get("ttl"), "reason": answer.get("reason", ""), "asked": bool(answers)}
            known["expected"] = target["ttl"]
            found.append(Pair(node, question["name"], target["name"], target["address"], **known))
    return found


@dataclass(frozen=True)
class Path:
    """A way from one node's endpoint to a peer's, and what it proved to be.

    :param wanted: as :meth:`questions.Everybody.paths_from` gives it.
    :param found: as nodenet.fabric.probe returned it.
    """

    node: str
    wanted: dict
    found: dict

    def faults(self):
        """Yield what is not as it must be."""
        mtu, way = self.wanted["mtu"], f"{self.wanted['name']} -> {self.wanted['target']} ({self.wanted['address']})"
        if not self.found["passes"]:
            yield f"{way}: a packet of {mtu} bytes does not pass unfragmented: {self.found['reason'] or 'no answer'}"
        if self.found["larger_passes"]:
            yield f"{way}: a packet of {mtu + 1} bytes passes, and the path is said to carry {mtu} at most"
        if self.found["wire"] != [self.wanted["wire"]]:
            seen = " and ".join(self.found["wire"]) or "nothing"
            yield f"{way}: on the wire is {seen}, not {self.wanted['wire']}"


def path_lines(found):
    """Return a line for each sort of path that was proven."""
    sorts = {}
    for path in found:
        if not list(path.faults()):
            sorts.setdefault((path.wanted["wire"], path.wanted["mtu"]), []).append(path)
    return [
        f"{len(paths)} {'path' if len(paths) == 1 else 'paths'} between nodes: {WIRE.get(wire, wire)} on the wire, {mtu} bytes"
        f" pass unfragmented, {mtu + 1} do not"
        for (wire, mtu), paths in sorts.items()
    ]


def as_data(found, unasked, paths=()):
    """Return the pairs and paths as JSON can hold them.

    :param unasked: node that could not be asked -> why.
    """
    told = [
        {
            "node": pair.node,
            "source": pair.source,
            "target": pair.target,
            "address": pair.address,
            "ok": pair.ok,
            "ttl": pair.ttl,
            "expected_ttl": pair.expected,
            "reason": pair.reason,
        }
        for pair in found
    ]
    ways = [{"node": path.node, **path.wanted, **path.found, "faults": list(path.faults())} for path in paths]
    return {
        "pairs": told,
        "answered": sum(pair.ok for pair in found),
        "asked": len(found),
        "unasked": unasked,
        "paths": ways,
    }


def as_text(found, labels, paint=lambda text, colour: text):
    """Return the matrix: a row for each source, a column for each target, in a cell the TTL of the answer.

    :param labels: of all sources and targets, in the order of rows and columns.
    :param paint: takes a text and a colour's name (green, red) and returns what to print.
    """
    cells = {}
    for pair in found:
        cells.setdefault((pair.source, pair.target), []).append(pair)
    sources = _ordered((source for source, _target in cells), labels)
    targets = _ordered((target for _source, target in cells), labels)
    lines = _counted(found, paint) if len(targets) > WIDEST else _table(cells, sources, targets, paint)
    answered = sum(pair.ok for pair in found)
    end = paint(f"{answered} of {len(found)} pairs answer", "green" if answered == len(found) else "red")
    return "\n".join([*lines, "", end])


def _ordered(found, labels):
    found = set(found)
    return [label for label in labels if label in found]


def _table(cells, sources, targets, paint):
    heads, rows = list(targets), {source: source for source in sources}
    numbered = sum(len(target) + 2 for target in targets) > WIDTH
    if numbered:
        heads = [str(number) for number in range(1, len(targets) + 1)]
        number = dict(zip(targets, heads))
        rows = {source: f"{number.get(source, ''):>3} {source}" for source in sources}
    first = max((len(row) for row in rows.values()), default=0)
    widths = [max(len(head), 3) for head in heads]
    yield " " * first + "  " + "  ".join(head.rjust(width) for head, width in zip(heads, widths))
    for source in sources:
        row = [_cell(cells.get((source, target)), width, paint) for target, width in zip(targets, widths)]
        yield rows[source].ljust(first) + "  " + "  ".join(row)
    if numbered:
        yield from (f"{number[target]:>3} {target}" for target in targets if target not in rows)


def _cell(pairs_, width, paint):
    """Return the cell of one source and one target, which may have several addresses: all of them must answer."""
    if pairs_ is None:
        return NOT_MEANT.rjust(width)
    silent = [pair for pair in pairs_ if not pair.ok]
    if not silent:
        ttls = dict.fromkeys(str(pair.ttl) for pair in pairs_)
        return paint("/".join(ttls).rjust(width), "green")
    if not silent[0].asked:
        return paint(UNASKED.rjust(width), "red")
    if silent[0].ttl is not None:
        return paint(f"{silent[0].ttl}!".rjust(width), "red")
    families = {":" in pair.address for pair in silent}
    partly = len(families) == 1 and {":" in pair.address for pair in pairs_} != families
    return paint((NO_ANSWER + (("6" if True in families else "4") if partly else "")).rjust(width), "red")


def _counted(found, paint):
    """A line for each node: how many of what its endpoints and itself asked have answered."""
    nodes = {}
    for pair in found:
        nodes.setdefault(pair.node, []).append(pair)
    first = max(len(node) for node in nodes)
    for node, mine in nodes.items():
        answered = sum(pair.ok for pair in mine)
        ttls = ", ".join(str(ttl) for ttl in sorted({pair.ttl for pair in mine if pair.ok}, reverse=True))
        line = f"{node.ljust(first)}  {answered} of {len(mine)} answer" + (f" (TTL {ttls})" if ttls else "")
        yield paint(line, "green" if answered == len(mine) else "red")
