# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of the nodes' probes: pairs that answer or not, and paths between nodes. Pure Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence

from ...module_utils.reachability.encapsulation import described
from .expectations import itself


@dataclass(frozen=True)
class Pair:
    """The result for one source and one address of a target.

    :param node: the node that the source is on.
    :param ttl: TTL of the answer; None: no answer.
    :param expected: expected TTL; None: unknown.
    :param asked: False: the node could not be asked.
    :param asker: the node of the source endpoint, or the node itself; ``where`` is the same for the target.
    :param must: False: the policy cuts it, and no answer is what must be.
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
    must: bool = True

    @property
    def ok(self) -> bool:
        if not self.must:
            return self.asked and self.ttl is None
        return self.ttl is not None and self.expected in (None, self.ttl)

    def line(self) -> str:
        """Return the line for a pair that is not ok."""
        return f"{self.source} -> {self.target} ({self.address}): {self.fault()}"

    def fault(self) -> str:
        """Return what is wrong with a pair that is not ok."""
        if self.ttl is not None and not self.must:
            return "it answers, and fabric_policy does not let it"
        if self.ttl is not None:
            return f"the answer has TTL {self.ttl}, not {self.expected}: it took another path"
        return self.reason or "no answer"


def pairs(node: str, probes: List[Dict[str, Any]], answers: Optional[List[Dict[str, Any]]]) -> List[Pair]:
    """Return the pairs of one node.

    :param probes: its probes (see :mod:`expectations`).
    :param answers: the results of nodenet.fabric.probe for them; None: the node could not be asked.
    """
    found = []
    for number, probe in enumerate(probes):
        for place, target in enumerate(probe["targets"]):
            answer = answers[number]["targets"][place] if answers else {}
            known = {"ttl": answer.get("ttl"), "reason": answer.get("reason", ""), "asked": bool(answers)}
            known["expected"], known["must"] = target["ttl"], target["must"]
            known["asker"], known["where"] = node if probe["netns"] else itself(node), target["where"]
            found.append(Pair(node, probe["name"], target["name"], target["address"], **known))
    return found


@dataclass(frozen=True)
class Path:
    """A path from one node's endpoint to a peer's, and its measurement.

    :param wanted: an entry of :meth:`expectations.Expectations.paths_from`.
    :param found: the result of nodenet.fabric.probe.
    """

    node: str
    wanted: dict
    found: dict

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each difference."""
        mtu, larger = self.wanted["mtu"], self.wanted["larger"]
        path = f"{self.wanted['name']} -> {self.wanted['target']} ({self.wanted['address']})"
        if not self.found["passes"]:
            yield f"{path}: a packet of {mtu} bytes does not pass unfragmented: {self.found['reason'] or 'no answer'}"
        if self.found["larger_passes"]:
            yield f"{path}: a packet of {larger} bytes passes, and the path MTU should be {mtu}"
        if self.found.get("larger_vanishes"):
            yield f"{path}: a packet of {larger} bytes is lost without an ICMP error: connections with such packets hang"
        if self.found["wire"] != [self.wanted["wire"]]:
            seen = " and ".join(self.found["wire"]) or "nothing"
            yield f"{path}: the wire carries {seen}, not {self.wanted['wire']}"


def path_lines(found: Sequence[Path]) -> List[str]:
    """Return a line for each encapsulation and MTU, with the number of paths without faults."""
    sorts: Dict[tuple, List[Path]] = {}
    for path in found:
        if not list(path.faults()):
            sorts.setdefault(tuple(path.wanted[name] for name in ("wire", "mtu", "larger")), []).append(path)
    return [
        f"{len(paths)} {'path' if len(paths) == 1 else 'paths'} between nodes: {described(wire)} on the wire, {mtu} bytes"
        f" pass unfragmented, {larger} do not"
        for (wire, mtu, larger), paths in sorts.items()
    ]


def as_data(
    found: Sequence[Pair], unasked: Dict[str, str], paths: Sequence[Path] = (), ports: Sequence[Any] = ()
) -> Dict[str, Any]:
    """Return pairs, paths and ports as data for JSON.

    :param unasked: node that could not be asked -> why.
    """
    listed = [
        {
            "node": pair.node,
            "source": pair.source,
            "target": pair.target,
            "address": pair.address,
            "ok": pair.ok,
            "ttl": pair.ttl,
            "expected_ttl": pair.expected,
            "reason": pair.reason,
            **({} if pair.must else {"must": False}),
        }
        for pair in found
    ]
    measured = [{"node": path.node, **path.wanted, **path.found, "faults": list(path.faults())} for path in paths]
    return {
        "pairs": listed,
        "answered": sum(pair.ok for pair in found if pair.must),
        "asked": sum(pair.must for pair in found),
        "unasked": unasked,
        "paths": measured,
        "ports": [{**vars(port), "asked": len(port.asked), "ok": port.ok} for port in ports],
    }
