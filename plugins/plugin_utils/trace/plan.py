# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walks of one run: what is predicted, who sends which packet and is asked what, and what comes of it. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ..declared.states import declared_states
from ..walk import compare
from ..walk.drift import drift
from ..walk.fabric import Fabric
from ..walk.hop import DELIVERED, DROPPED, Place, Walk, Way, to_plain
from ..walk.state import NodeState, Underlay, node_state
from ..walk.walker import walk
from .ends import Ends

Plain = Dict[str, Any]
PROTOCOLS = ("icmp", "tcp", "udp")
DECLARED, OBSERVED, PLANNED = "declared", "observed", "planned"
# commands that mend are typed on the node, unless they are ansible-playbook's
ON_THE_NODE = ("ip ", "bridge ", "nft ", "sysctl ")
# how many packets one capture distinguishes
MOST_WALKS = 4094
# the IP packet of a SYN with one option, as the module capture sends it
SYN_BYTES = {4: 44, 6: 64}


class Asked(NamedTuple):
    """What a run of walk is about.

    :param start, end: labels or addresses; None: all.
    :param port: of UDP and TCP.
    :param size: bytes of the IP packet; None: those of ping(8).
    :param family: 4 or 6; None: any.
    """

    start: Optional[str] = None
    end: Optional[str] = None
    protocol: str = "icmp"
    port: Optional[int] = None
    size: Optional[int] = None
    family: Optional[int] = None


class Walks:
    """The predicted walks of a run, in their order, which is their number in the capture.

    :param model: the model of the fabric.
    :param states: the state of each node in JSON's form; of a node that could not be read there is none.
    :raises EndFault: an end is unknown.
    """

    def __init__(self, model: Plain, states: Iterable[Plain], asked: Asked) -> None:
        self.model, self.asked = model, asked
        self.ends = Ends(model)
        self.pairs = self.ends.pairs(asked.start, asked.end, asked.family)
        self.fabric = _fabric(model, [node_state(one) for one in states])
        self.predicted = [self._walk(self.fabric, *pair) for pair in self.pairs]

    def _walk(self, fabric: Fabric, start: Place, end: Place) -> Walk:
        asked, version = self.asked, 6 if ":" in end.address else 4
        size = asked.size or (SYN_BYTES[version] if asked.protocol == "tcp" else None)
        question = {"from": start, "to": end, "protocol": asked.protocol, "port": asked.port, "size": size}
        if start.node and fabric.box(start.node, start.netns) is None:
            missing = f"{start.node} has no namespace {start.netns}; nodenet.fabric.site makes it"
            lacks = missing if start.node in fabric.states else f"{start.node} could not be read"
            asked_for = {**question, "from": start.label, "to": end.label, "family": version}
            return Walk(asked_for, fabric.source, start, end, Way((), DROPPED, lacks))
        found = walk(fabric, None, {**question, "family": version})
        return found._replace(question={**found.question, "from": start.label, "to": end.label})

    @property
    def is_one(self) -> bool:
        """Whether a person named both ends."""
        return bool(self.asked.start and self.asked.end)

    def packets(self, node: str) -> List[Plain]:
        """Return the packets that a node sends, as the module capture takes them."""
        return [
            {
                "flow": number,
                "netns": one.start.netns,
                "source": source_of(one),
                "target": one.end.address,
                "protocol": self.asked.protocol,
                "port": one_port(one),
                "size": self.asked.size,
            }
            for number, one in enumerate(self.predicted)
            if one.start.node == node and self.fabric.box(node, one.start.netns) is not None
        ]

    def questions(self, node: str) -> List[Plain]:
        """Return what the kernel of a node is asked; ``walk`` is the number of the walk."""
        return [
            {**question, "walk": number}
            for number, one in enumerate(self.predicted)
            for question in compare.questions(one).get(node, ())
        ]

    def tries(self) -> int:
        """Return how often a packet is sent that nobody answers."""
        return 3 if all(one.verdict == DELIVERED for one in self.predicted) else 1

    def causes(self) -> List[Optional[Plain]]:
        """Return for each walk where it leaves the one that the inventory declares, and by which entry; None: nowhere."""
        if self.fabric.source == DECLARED:
            return [None for _pair in self.pairs]
        declared = _fabric(self.model, [node_state(one) for one in declared_states(self.model).values()])
        differing = drift(self.fabric, declared)
        found = zip(self.predicted, self.pairs)
        return [compare.cause(one, self._walk(declared, *pair), differing) for one, pair in found]

    def must_arrive(self) -> List[bool]:
        """Return for each walk whether the fabric promises it: verify asks the same."""
        promised = {
            (probe["name"], target["address"])
            for node in self.model["nodes"]
            for probe in self.ends.expectations.probes_from(node)
            for target in probe["targets"]
            if target["must"]
        }
        return [self.is_one or (start.label, end.address) in promised for start, end in self.pairs]


def source_of(one: Walk) -> str:
    """Return the address that a walk's packet leaves with: the kernel chooses it by the route."""
    sent = next((hop.packet for hop in one.forward.hops if hop.packet is not None and hop.packet.ip.src), None)
    return sent.ip.src if sent else one.start.address


def one_port(one: Walk) -> int:
    """Return the destination port of a walk's packet, 0 for ICMP."""
    sent = next((hop.packet for hop in one.forward.hops if hop.packet is not None and hop.packet.l4), None)
    return (sent.l4.dport or 0) if sent and sent.l4 else 0


def _fabric(model: Plain, states: List[NodeState]) -> Fabric:
    fabric = model["fabric"]
    outside = [one["address"] for one in fabric["fabric_outside"]]
    return Fabric(states, Underlay(fabric["fabric_underlay"], outside))


class Result(NamedTuple):
    """What came of one walk.

    :param differences: as compare has them; the first is the one that is named.
    :param cause: where the walk leaves the one that the inventory declares, or None.
    :param wrong: whether the packet or its answer does not arrive though it must, or the ways differ.
    :param unknown: what may decide where they differ first, and is not in the model.
    """

    walk: Walk
    differences: List[Plain]
    cause: Optional[Plain]
    wrong: bool
    captured: Optional[List[Plain]] = None
    answers: Tuple[Plain, ...] = ()
    unknown: Tuple[str, ...] = ()

    def plain(self) -> Plain:
        """Return it in JSON's form."""
        more = {"differences": self.differences, "cause": self.cause, "ok": not self.wrong}
        ways = {"captured": self.captured, "kernel": list(self.answers)}
        return {**to_plain(self.walk), **more, **ways}

    def drawn(self) -> Plain:
        """Return the walk in JSON's form as a drawing shows it: where it was captured, with the ports that were seen."""
        return compare.with_seen(to_plain(self.walk), self.captured or ())

    def agreement(self) -> str:
        """Return what the kernels and the capture have said, if they say what is predicted."""
        if self.captured is None:
            return f"predicted from {self.walk.source} state; nothing was sent"
        seen = [one for one in self.captured if one["direction"] != "error"]
        times = [
            one["time"] for one in seen if (one["node"], one["netns"]) == (self.walk.start.node, self.walk.start.netns)
        ]
        back = any(one["direction"] == "reverse" for one in seen)
        after = f", the answer back after {(times[-1] - times[0]) * 1000:.2f} ms" if back and times else ""
        return (
            f"predicted, asked of the kernels ({len(self.answers)} answers) and captured ({len(seen)} times{after}): "
            + ("they differ" if self.differences else "alike")
        )

    def finding(self) -> str:
        """Return what is wrong, and where."""
        one = self.walk
        head = f"{one.start.label} -> {one.end.label} ({one.end.address})"
        way = one.forward if one.forward.verdict != DELIVERED or one.reverse is None else one.reverse
        parts = [f"{head}: {one.verdict}" + (f": {way.reason}" if way.reason and one.verdict != DELIVERED else "")]
        if self.differences:
            first = self.differences[0]
            parts.append(f"the {' and the '.join(first['ways'])} differ first at {_where(first)}: {first['what']}")
        if self.unknown:
            parts.append(f"what the model does not look at there: {'; '.join(self.unknown)}")
        return "; ".join(parts)

    def reason(self) -> Tuple[str, ...]:
        """Return why, and what mends it, or nothing: the same for all walks that one entry has spoilt."""
        if not self.cause:
            return ()
        place = " ".join(word for word in self.cause["where"] if word)
        mend = self.cause["mend"]
        there = f" on {self.cause['where'][0]}" if mend.startswith(ON_THE_NODE) else ""
        return f"cause: {self.cause['cause']}, in {place}", f"it is mended{there} by: {mend}"

    def sentence(self) -> str:
        """Return what is wrong, where, why, and what mends it."""
        first = [f"first met at {_where(self.cause)}"] if self.cause else []
        return "; ".join([self.finding(), *first, *self.reason()])


def findings(found: Iterable[Result]) -> List[str]:
    """Return lines about walks that are not as they should be; what has spoilt several of them is said once, after them."""
    by_reason: Dict[Tuple[str, ...], List[str]] = {}
    for one in found:
        by_reason.setdefault(one.reason(), []).append(one.finding())
    lines = []
    for reason, several in by_reason.items():
        lines += [*several, *(f"  {line}" for line in reason)]
    return lines


def _where(difference: Plain) -> str:
    words = (difference.get("node"), difference.get("netns"), difference.get("device"))
    return f"{' '.join(word for word in words if word)} ({difference['direction']}, hop {difference['hop'] + 1})"


def results(
    walks: Walks, answers: List[Plain], captured: Optional[List[Plain]], site: str = compare.SITE
) -> List[Result]:
    """Return what came of each walk.

    :param answers: of all nodes' kernels.
    :param captured: what all nodes saw, with its ``node``; None: nobody looked.
    :param site: the command that mends what is not as the inventory declares.
    """
    must = walks.must_arrive()
    seen, asked = _by_number(captured or (), "flow"), _by_number(answers, "walk")
    found = []
    for number, (one, why) in enumerate(zip(walks.predicted, walks.causes())):
        mine = None if captured is None or one.start.node is None else chosen(one, seen.get(number, []))
        kernel = asked.get(number, [])
        unlike = [_with_command(difference, site) for difference in _differences(one, kernel, mine)]
        cause = _with_command(why, site) if why else None
        wrong = bool(unlike) or (must[number] and one.verdict != DELIVERED)
        wrong = wrong or bool(must[number] and cause)
        found.append(Result(one, unlike, cause, wrong, mine, tuple(kernel), _unknown(walks.fabric, unlike)))
    return found


def _with_command(difference: Plain, site: str) -> Plain:
    return {**difference, "mend": site} if difference.get("mend") == compare.SITE else difference


def _unknown(fabric: Fabric, differing: List[Plain]) -> Tuple[str, ...]:
    """Return what the record of the namespace where the ways differ first does not have."""
    state = fabric.states.get(differing[0]["node"]) if differing else None
    namespace = state.namespaces.get(differing[0]["netns"]) if state else None
    return tuple(namespace.unknown) if namespace else ()


def _differences(one: Walk, answers: List[Plain], seen: Optional[List[Plain]]) -> List[Plain]:
    """Return where the three ways differ. To UDP a closed port answers with an error, and an open one as it likes, or not at all."""
    if seen is None or one.question.get("protocol") != "udp":
        return compare.differences(one, answers, seen)
    ends = [(hop["node"], hop["netns"]) for hop in seen if hop["direction"] == "forward"]
    errors = [hop for hop in seen if hop["direction"] == "error"]
    if errors and ends and (errors[0]["node"], errors[0]["netns"]) == ends[-1]:
        # the end itself says it: on its way that is the answer, without the header of UDP
        seen = [hop for hop in seen if hop["direction"] != "error"]
        seen += [{**hop, "direction": "reverse", "packet": hop["packet"][:-1]} for hop in errors]
    found = compare.differences(one, answers, seen)
    is_answered = any(hop["direction"] == "reverse" for hop in seen)
    return [one for one in found if is_answered or one["direction"] == "forward" or "captured" not in one["ways"]]


def _by_number(entries: Iterable[Plain], name: str) -> Dict[int, List[Plain]]:
    found: Dict[int, List[Plain]] = {}
    for one in entries:
        found.setdefault(one.get(name, 0), []).append(one)
    return found


def chosen(one: Walk, seen: List[Plain]) -> List[Plain]:
    """Return what was seen of that try which was seen at most places, in the order of the packet's way.

    Clocks of nodes differ, so that only what one node saw is in order by time: the nodes come as the walk comes to them.
    """
    places: Dict[int, set] = {}
    for hop in seen:
        place = hop["node"], hop["netns"], hop["device"], hop["action"], hop["direction"]
        places.setdefault(hop["sequence"], set()).add(place)
    if not places:
        return []
    best = min(places, key=lambda number: (-len(places[number]), number))
    order = {direction: list(dict.fromkeys(hop.node for hop in way.hops)) for direction, way in one.ways}

    def turn(hop: Plain) -> Tuple[int, int, float]:
        nodes = order.get(hop["direction"], [])
        number = nodes.index(hop["node"]) if hop["node"] in nodes else len(nodes)
        return ("forward", "reverse", "error").index(hop["direction"]), number, hop["time"]

    return sorted((hop for hop in seen if hop["sequence"] == best), key=turn)
