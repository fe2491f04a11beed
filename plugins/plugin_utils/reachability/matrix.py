# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nodes found: who reaches whom, and what the ways between nodes carry. Pure Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .expectations import itself

WIRE = {"plain": "plain packets", "ipip": "IP in IP (protocol 4)"}


@dataclass(frozen=True)
class Pair:
    """One source and one address of a target.

    :param node: the node that the source is on.
    :param ttl: time to live of the answer; None: there was none.
    :param expected: the time to live that the way to the target leaves; None: nobody knows.
    :param asked: False if the node could not be asked: nothing is known.
    :param asker: the node whose endpoint asks, or the node itself; ``where`` is the same of the target.
    """

    node: str
    source: str
    target: str
    address: str
    ttl: Optional[int] = None
    reason: str = ""
    asked: bool = True
    expected: Optional[int] = None
    asker: str = ""
    where: str = ""

    @property
    def ok(self):
        return self.ttl is not None and self.expected in (None, self.ttl)

    def told(self):
        return f"{self.source} -> {self.target} ({self.address}): {self.fault()}"

    def fault(self):
        """Return what is wrong where it is not ok."""
        if self.ttl is not None:
            return f"the answer has TTL {self.ttl}, not {self.expected}: it went another way"
        return self.reason or "no answer"


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
            known["asker"], known["where"] = node if question["netns"] else itself(node), target["where"]
            found.append(Pair(node, question["name"], target["name"], target["address"], **known))
    return found


@dataclass(frozen=True)
class Path:
    """A way from one node's endpoint to a peer's, and what it proved to be.

    :param wanted: as :meth:`questions.Expectations.paths_from` gives it.
    :param found: as nodenet.fabric.probe returned it.
    """

    node: str
    wanted: dict
    found: dict

    def faults(self):
        """Yield what is not as it must be."""
        mtu, larger = self.wanted["mtu"], self.wanted["larger"]
        way = f"{self.wanted['name']} -> {self.wanted['target']} ({self.wanted['address']})"
        if not self.found["passes"]:
            yield f"{way}: a packet of {mtu} bytes does not pass unfragmented: {self.found['reason'] or 'no answer'}"
        if self.found["larger_passes"]:
            yield f"{way}: a packet of {larger} bytes passes, and the path is said to carry {mtu} at most"
        if self.found.get("larger_vanishes"):
            yield f"{way}: a packet of {larger} bytes is lost, and nobody says that it is too large: who sends such ones hangs"
        if self.found["wire"] != [self.wanted["wire"]]:
            seen = " and ".join(self.found["wire"]) or "nothing"
            yield f"{way}: on the wire is {seen}, not {self.wanted['wire']}"


def path_lines(found):
    """Return a line for each sort of path that was proven."""
    sorts = {}
    for path in found:
        if not list(path.faults()):
            sorts.setdefault(tuple(path.wanted[name] for name in ("wire", "mtu", "larger")), []).append(path)
    return [
        f"{len(paths)} {'path' if len(paths) == 1 else 'paths'} between nodes: {WIRE.get(wire, wire)} on the wire, {mtu} bytes"
        f" pass unfragmented, {larger} do not"
        for (wire, mtu, larger), paths in sorts.items()
    ]


def as_data(found, unasked, paths=(), ports=()):
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
        "ports": [{**vars(port), "asked": len(port.asked), "ok": port.ok} for port in ports],
    }
