# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk three ways: predicted, the kernel's own answers, captured. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

from ..values.present import present
from .cause import SITE, cause
from .hop import SIGHTINGS, Hop, Walk, Way
from .neighbors import UNSEEN_MAC
from .packet import headers

Plain = Dict[str, Any]
Difference = Dict[str, Any]

__all__ = ["SITE", "cause", "differences", "questions", "with_seen"]


# --- what the kernel is asked ---


def questions(walk: Walk) -> Dict[str, List[Plain]]:
    """Return node -> the questions to its kernel, one for each hop where a table decides."""
    found: Dict[str, List[Plain]] = {}
    for direction, way in walk.ways:
        for number, hop in enumerate(way.hops):
            asked = _question(hop)
            if asked is not None and hop.node:
                found.setdefault(hop.node, []).append(
                    {"hop": number, "direction": direction, "netns": hop.netns, **asked}
                )
    return found


def _question(hop: Hop) -> Optional[Plain]:
    packet, more = hop.packet, hop.more
    if packet is None:
        return None
    if hop.action == "route" and "iif" in more:
        asked: Plain = {"kind": "route", "dst": packet.ip.dst, "src": packet.ip.src, "mark": packet.mark}
        asked["iif"] = more["iif"]
        if packet.l4 is not None and packet.l4.type in ("tcp", "udp"):
            asked.update(protocol=packet.l4.type, sport=packet.l4.sport, dport=packet.l4.dport)
        return asked
    if hop.action == "neighbor" and more.get("mac") != UNSEEN_MAC and "mac" in more:
        return {"kind": "neighbor", "dev": hop.device, "address": more["next_hop"]}
    if hop.action == "fdb" and packet.dst:
        return {"kind": "fdb", "dev": hop.device, "mac": packet.dst}
    if hop.action == "bridge" and hop.entry is not None and packet.dst:
        return {"kind": "fdb", "dev": hop.device, "mac": packet.dst}
    return None


# --- differences ---


def differences(
    walk: Walk, answers: Iterable[Plain] = (), captured: Optional[Iterable[Plain]] = None
) -> List[Difference]:
    """Return where the three ways differ, in the order of the walk; the first is the one that is named.

    :param answers: the kernels' answers to :func:`questions`, of all nodes.
    :param captured: what was seen of the packet, in order; None: nobody looked.
    """
    answers = list(answers)
    seen = None if captured is None else list(captured)
    found: List[Difference] = []
    for direction, way in walk.ways:
        of_kernel = [_unlike(direction, way, one) for one in answers if one.get("direction", "forward") == direction]
        mine = [one for one in of_kernel if one is not None]
        if seen is not None:
            mine += _unseen(direction, way, [one for one in seen if one.get("direction", "forward") == direction])
        found += sorted(mine, key=lambda one: one["hop"])
    return found


def _difference(direction: str, number: int, hop: Hop, ways: List[str], what: str) -> Difference:
    entry = hop.entry
    return {
        "direction": direction,
        "hop": number,
        "node": hop.node,
        "netns": hop.netns,
        "device": hop.device,
        "ways": ways,
        "what": what,
        "entry": entry._asdict() if entry else None,
        "cause": hop.reason or (f"{entry.kind} {entry.text}" if entry else ""),
        "mend": (entry.command if entry and entry.owner is not None else None) or SITE,
    }


def _unlike(direction: str, way: Way, answer: Plain) -> Optional[Difference]:
    """Return how the kernel's answer differs from what is predicted, or None."""
    number = answer["hop"]
    if number >= len(way.hops):
        return None
    hop = way.hops[number]
    if answer.get("error") and answer.get("note") == "unknown":
        return None
    what = {"route": _unlike_route, "neighbor": _unlike_neighbor, "fdb": _unlike_fdb, "bridge": _unlike_bridge}[
        hop.action
    ](hop.more, answer)
    return _difference(direction, number, hop, ["predicted", "kernel"], what) if what else None


def _unlike_route(more: Plain, answer: Plain) -> str:
    predicted = more.get("type")
    error = answer.get("error")
    kind = None if error else answer.get("type", "unicast")
    kind = "local" if kind == "anycast" else kind
    if predicted is None or predicted in ("blackhole", "unreachable", "prohibit"):
        fails = error or kind in ("blackhole", "unreachable", "prohibit", None)
        return "" if fails else f"predicted is no route, the kernel has {answer.get('text') or kind}"
    if error:
        return f"predicted is {more.get('prefix')}, the kernel says: {error}"
    if predicted != kind:
        return f"predicted is {predicted}, the kernel says {kind}: {answer.get('text', '')}"
    if predicted == "unicast" and more.get("ways", 1) == 1:
        for name, word in (("via", "via"), ("oif", "dev")):
            if (answer.get(word) or None) != more[name]:
                return f"predicted is {word} {more[name]}, the kernel says {word} {answer.get(word)}"
    return ""


def _unlike_neighbor(more: Plain, answer: Plain) -> str:
    mac, there = more.get("mac"), answer.get("mac")
    if answer.get("error") or answer.get("state") in ("failed", "incomplete"):
        there = None
    if mac == there:
        return ""
    return (
        f"predicted is {mac or 'that nobody answers'} for {more.get('next_hop')}, the kernel has {there or 'nothing'}"
    )


def _unlike_fdb(more: Plain, answer: Plain) -> str:
    there = None if answer.get("error") else answer.get("dst")
    if more.get("dst") == there or there is None and more.get("dst"):  # by the entry for all that is not known
        return ""
    return f"predicted is {more.get('dst') or 'no entry'} for {more.get('mac')}, the kernel has {there}"


def _unlike_bridge(more: Plain, answer: Plain) -> str:
    there = None if answer.get("error") else answer.get("dev")
    port = more.get("port")
    return "" if there in (None, port) else f"predicted is the port {port}, the kernel has {there}"


# --- what was seen ---


def _key(hop: Union[Hop, Plain]) -> Tuple[Any, ...]:
    if isinstance(hop, Hop):
        return hop.node, hop.netns, hop.device, hop.action
    return hop["node"], hop["netns"], hop["device"], hop["action"]


def _unseen(direction: str, way: Way, captured: List[Plain]) -> List[Difference]:
    """Return what was predicted and not seen, seen otherwise, or seen and not predicted."""
    left = [one for one in captured if one["action"] in SIGHTINGS]
    found = []
    last = 0
    for number, hop in enumerate(way.hops):
        if hop.action not in SIGHTINGS or hop.packet is None or hop.packet.seal is not None:
            continue  # what is encrypted nobody recognises
        last = number
        same = [one for one in left if _key(one) == _key(hop)]
        if not same:
            what = f"the packet is not seen at {_place(hop)} ({hop.action})"
            found.append(_difference(direction, number, _before(way, number), ["predicted", "captured"], what))
            break
        best = next((one for one in same if not _otherwise(hop, one)), same[0])
        left.remove(best)
        what = _otherwise(hop, best)
        if what:
            found.append(_difference(direction, number, hop, ["predicted", "captured"], f"at {_place(hop)}: {what}"))
    strays = [
        one
        for one in left
        if one.get("to") != "otherhost" and one["action"] == "in" and one.get("direction") != "error"
    ]
    if strays and not found and way.verdict == "dropped" and way.hops:
        stray = strays[0]
        what = f"the packet is seen at {stray['node']} {stray['netns']} {stray['device']}, where it is not predicted"
        number = max(last, len(way.hops) - 1)
        found.append(_difference(direction, number, way.hops[number], ["predicted", "captured"], what))
    return found


def with_seen(walk: Plain, captured: Iterable[Plain]) -> Plain:
    """Return a walk in JSON's form with what only the capture knows: ports that somebody chose, and MAC addresses of others."""
    left = list(captured)
    for direction in ("forward", "reverse"):
        for hop in (walk.get(direction) or {}).get("hops", ()):
            if hop["action"] not in SIGHTINGS:
                continue
            seen = next((one for one in left if one.get("direction") == direction and _key(one) == _key(hop)), None)
            if seen is not None:
                left.remove(seen)
                filled = [_filled(*pair) for pair in zip(hop["packet"], seen["packet"])]
                hop["packet"] = [*filled, *hop["packet"][len(filled) :]]
    return walk


def _filled(mine: Plain, seen: Plain) -> Plain:
    """Return a header with the fields of the one that was seen which it does not have."""
    if mine["type"] != seen["type"]:
        return mine
    return {**seen, **{name: value for name, value in mine.items() if value not in (None, UNSEEN_MAC)}}


def _before(way: Way, number: int) -> Hop:
    """Return the last hop before one at which an entry decides: it leads there."""
    return next((hop for hop in reversed(way.hops[: number + 1]) if hop.entry is not None), way.hops[number])


def _place(hop: Hop) -> str:
    return " ".join(word for word in (hop.node, hop.netns, hop.device) if word)


# the fields of headers that are known beforehand: the rest is chosen on the way, or by the sender
FIELDS = {"ethernet": ("src", "dst"), "ipv4": ("src", "dst", "ttl"), "ipv6": ("src", "dst", "ttl"), "vxlan": ("vni",)}


def _otherwise(hop: Hop, seen: Plain) -> str:
    """Return the first header field that differs, or ""."""
    for one, other in zip(headers(present(hop.packet)), seen["packet"]):
        if one["type"] != other["type"]:
            return f"predicted is {one['type']}, seen is {other['type']}"
        for field in FIELDS.get(one["type"], ()):
            if one.get(field) not in (None, UNSEEN_MAC, other.get(field)):
                return f"predicted is {one['type']} {field} {one[field]}, seen is {other.get(field)}"
    return ""
