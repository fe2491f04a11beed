# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page says of drift: of all that differs (:mod:`walk.drift`), what is the fabric's business. Pure Python."""

from __future__ import annotations

from typing import Iterable, Iterator, List, NamedTuple

from ..values.networks import ip_network
from ..walk import drift as walk_drift
from ..walk.fabric import Fabric

MISSING, ALTERED, LEFT, FOREIGN = walk_drift.MISSING, walk_drift.ALTERED, "left over", walk_drift.FOREIGN


class Row(NamedTuple):
    """One difference, in words.

    :ivar text: what is there, or of a missing entry what should be.
    :ivar word: missing, altered, left over (of the collection, and not in the inventory) or foreign.
    :ivar declared: what an altered entry should be.
    :ivar command: what makes the declared one by hand, or the empty text.
    """

    node: str
    netns: str
    kind: str
    text: str
    word: str
    declared: str = ""
    owner: str = ""
    command: str = ""


def rows(observed: Fabric, declared: Fabric, asked: Iterable[str], inside: Iterable[str] = ()) -> List[Row]:
    """Return every difference of the nodes that were ``asked``, each once.

    :param inside: prefixes of the fabric: a foreign route or address that is on none of its interfaces counts if it touches one.
    """
    nodes, prefixes = set(asked), [ip_network(one) for one in inside]
    found = [
        Row(box.node, box.netns, "namespace", box.netns, MISSING)
        for box in declared.boxes()
        if box.node in nodes and observed.box(*box.key) is None
    ]
    for one in walk_drift.drift(observed, declared):
        if one.node in nodes and (one.word != FOREIGN or _counts(one, declared, prefixes)):
            found.append(_row(one))
    return [*dict.fromkeys(found), *(row for row in _left(observed, declared, nodes))]


def _row(one: walk_drift.Drift) -> Row:
    word = LEFT if one.word == FOREIGN and one.entry.owner else one.word
    made = one.declared or one.entry
    return Row(
        one.node,
        one.netns,
        one.entry.kind,
        one.entry.text,
        word,
        one.declared.text if one.declared and word == ALTERED else "",
        made.owner or "",
        (made.command or "") if word in (MISSING, ALTERED) else "",
    )


def _left(observed: Fabric, declared: Fabric, nodes: Iterable[str]) -> Iterator[Row]:
    """Yield namespaces and devices of the collection that the inventory no longer has."""
    for box in observed.boxes():
        want = declared.box(*box.key)
        for link in box.links.values():
            if link.owner and box.node in nodes and (want is None or link.name not in want.links):
                yield Row(box.node, box.netns, "link", link.name, LEFT, "", link.owner)


def _counts(one: walk_drift.Drift, declared: Fabric, inside: List) -> bool:
    """Say whether a foreign entry is the collection's, on an interface of the fabric, or about its addresses."""
    if one.entry.owner:
        return True
    box = declared.box(one.node, one.netns)
    link = box.links.get(one.device) if box is not None else None
    if one.entry.assumed:
        return False
    if link is not None and not link.assumed:
        return True
    word = next((word for word in one.entry.text.split() if "/" in word), "")
    try:
        prefix = ip_network(word, strict=False)
    except ValueError:
        return one.entry.kind not in ("route", "address", "neighbor", "fdb")
    return any(prefix.version == other.version and prefix.overlaps(other) for other in inside)
