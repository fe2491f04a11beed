# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix as text: by endpoint; by node if there are many endpoints; a line for each node if there are many nodes."""

from __future__ import annotations

from typing import Callable, Sequence

from .matrix import Pair

# Most columns
WIDEST = 20
# Most characters in a line; in a wider table the columns are numbered, and the rows show the numbers
WIDTH = 100
NO_ANSWER, UNASKED, NO_PROBE, CUT = "✗", "?", "·", "–"
# sign in a cell -> its legend
SIGNS = {
    NO_ANSWER: "✗ no answer (✗4, ✗6: only in that family)",
    "!": "61! it took another path",
    UNASKED: "? the node could not be asked",
    NO_PROBE: "· not asked",
    CUT: "– no answer, as fabric_policy says",
}


def as_text(
    found: Sequence[Pair], labels: Sequence[str], paint: Callable[[str, str], str] = lambda text, colour: text
) -> str:
    """Return the matrix: a row for each source, a column for each target, in a cell the TTL of the answer.

    :param labels: all sources and targets, in the order of rows and columns.
    :param paint: takes a text and a colour's name (green, red) and returns what to print.
    """
    cells = _cells(found, lambda pair: (pair.source, pair.target))
    sources, targets = _ordered(cells, labels)
    if len(targets) <= WIDEST:
        lines = _table({key: _cell(mine) for key, mine in cells.items()}, sources, targets, paint)
    else:
        lines = _by_node(found, labels, paint)
    asked, cut = ([pair for pair in found if pair.must == must] for must in (True, False))
    answered, silent = (sum(pair.ok for pair in some) for some in (asked, cut))
    also = f"; {silent:,} of {len(cut):,} that fabric_policy cuts do not" if cut else ""
    whole = (answered, silent) == (len(asked), len(cut))
    return "\n".join([*lines, paint(f"{answered:,} of {len(asked):,} pairs answer{also}", "green" if whole else "red")])


def _by_node(found, labels, paint):
    """A row and a column for each node, for its endpoints and itself; with too many nodes a line for each."""
    cells = _cells(found, lambda pair: (pair.node, pair.where.rpartition(" itself")[0] or pair.where))
    nodes, targets = _ordered(cells, labels)
    if len(targets) > WIDEST:
        yield from _counted(found, paint)
        return
    lines = _table({key: _node_cell(mine) for key, mine in cells.items()}, nodes, targets, paint)
    yield from ("endpoints and node, by node:", *lines)


def _cells(found, place):
    cells = {}
    for pair in found:
        cells.setdefault(place(pair), []).append(pair)
    return cells


def _ordered(cells, labels):
    order = {label: number for number, label in enumerate(labels)}
    return [sorted({key[side] for key in cells}, key=lambda label: order.get(label, len(order))) for side in (0, 1)]


def _table(cells, sources, targets, paint):
    """Return the lines of a table, an empty line, and its legend."""
    heads, rows = list(targets), {source: source for source in sources}
    numbered = sum(len(target) + 2 for target in targets) > WIDTH
    if numbered:
        heads = [str(number) for number in range(1, len(targets) + 1)]
        number = dict(zip(targets, heads))
        rows = {source: f"{number.get(source, ''):>3} {source}" for source in sources}
    first = max((len(row) for row in rows.values()), default=0)
    texts = [[cells.get((source, target), (NO_PROBE, None))[0] for source in sources] for target in targets]
    widths = [max(3, *map(len, [head, *column])) for head, column in zip(heads, texts)]
    lines = [" " * first + "  " + "  ".join(head.rjust(width) for head, width in zip(heads, widths))]
    for source in sources:
        row = [
            _painted(cells.get((source, target), (NO_PROBE, None)), width, paint)
            for target, width in zip(targets, widths)
        ]
        lines.append(rows[source].ljust(first) + "  " + "  ".join(row))
    if numbered:
        lines += [f"{number[target]:>3} {target}" for target in targets if target not in rows]
    return [*lines, "", legend("".join(text for column in texts for text in column))]


def legend(signs: str) -> str:
    """Return the legend of the signs that are in a table."""
    used = [text for sign, text in SIGNS.items() if sign in signs]
    number = ["a number is the TTL of the answer"] if any(sign.isdigit() for sign in signs) else []
    return "; ".join(number + (["2/50: 2 of 50 answer"] if "/" in signs else []) + used)


def _painted(cell, width, paint):
    text, colour = cell
    return paint(text.rjust(width), colour) if colour else text.rjust(width)


def _cell(pairs):
    """Return the cell of one source and one target; all addresses of the target must answer."""
    silent = [pair for pair in pairs if not pair.ok]
    if not silent:
        return "|".join(dict.fromkeys(CUT if pair.ttl is None else str(pair.ttl) for pair in pairs)), "green"
    if not silent[0].asked:
        return UNASKED, "red"
    if silent[0].ttl is not None:
        return f"{silent[0].ttl}!", "red"
    families = {":" in pair.address for pair in silent}
    partly = len(families) == 1 and {":" in pair.address for pair in pairs} != families
    return NO_ANSWER + (("6" if True in families else "4") if partly else ""), "red"


def _node_cell(pairs):
    """Return the cell of one node and another: the TTLs if all pairs answer, else how many do."""
    answered = sum(pair.ok for pair in pairs)
    if answered == len(pairs):
        ttls = sorted({pair.ttl for pair in pairs if pair.ttl is not None})
        return "|".join([str(ttl) for ttl in ttls] or [CUT]), "green"
    if not any(pair.asked for pair in pairs):
        return UNASKED, "red"
    return (f"{answered:,}/{len(pairs):,}" if answered else NO_ANSWER), "red"


def _counted(found, paint):
    """A line for each node: how many of its pairs answer."""
    nodes = _cells(found, lambda pair: pair.node)
    first = max(len(node) for node in nodes)
    for node, mine in nodes.items():
        answered = sum(pair.ok for pair in mine)
        ttls = ", ".join(str(ttl) for ttl in sorted({pair.ttl for pair in mine if pair.ok and pair.must}, reverse=True))
        line = f"{node.ljust(first)}  {answered:,} of {len(mine):,} answer" + (f" (TTL {ttls})" if ttls else "")
        yield paint(line, "green" if answered == len(mine) else "red")
    yield ""
