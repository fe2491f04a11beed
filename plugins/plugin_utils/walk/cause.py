# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an observed walk is another than the declared one: the first hop where it leaves it, and the entry. Pure Python."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from .drift import ALTERED, FOREIGN, MISSING, Drift
from .hop import SIGHTINGS, UNKNOWN, Decision, Hop, Walk, Way
from .state import ASSUMED_DEVICE

Difference = Dict[str, Any]

SITE = "ansible-playbook -i INVENTORY nodenet.fabric.site"
# how programs call the devices that they make
MAKERS = {
    r"docker\d|br-[0-9a-f]{12}$": "Docker",
    r"podman\d|cni\d|cni-": "Podman or a CNI plugin",
    r"virbr|vnet\d": "libvirt",
    r"lxcbr|lxdbr|incusbr": "LXC, LXD or Incus",
    r"cali|tunl\d|vxlan\.calico": "Calico",
    r"flannel": "Flannel",
    r"cilium|lxc": "Cilium",
    r"wg|tailscale|tun\d|tap\d": "a VPN, or a virtual machine",
}
# what decides, in the order of a walk; both walks have one of each where they go the same way
DECISIONS = ("route", "neighbor", "fdb", "bridge", "nat", "filter", "check", "drop", "encapsulate")
TITLES = {
    "neighbor": "neighbor",
    "fdb": "forwarding entry",
    "link": "device",
    "nat": "NAT rule",
    "nft": "nftables rule",
    "rule": "policy rule",
    "proxy": "proxy entry",
}
WORDS = {MISSING: "is missing", ALTERED: "is not as declared", FOREIGN: "is declared nowhere"}
KEEPS = ("snat ip to ip saddr", "snat ip6 to ip6 saddr")
# whoever answers or forwards, the walk itself says by which entry that is
LEARNED = ("neighbor", "bridge")


class _Leaving(NamedTuple):
    """Where the ways part: a hop of the observed one, and of the declared one (None: it ends before)."""

    direction: str
    number: int
    hop: Hop
    want: Optional[Hop]


def cause(observed: Walk, declared: Walk, drift: Iterable[Drift] = ()) -> Optional[Difference]:
    """Return the first hop where the observed walk leaves the declared one, and the entry that makes it; None: nowhere.

    :param drift: what differs between the states of the two walks (:func:`drift.drift`): of the entries around the hop it says
        which one is missing, altered or foreign. A device of the walk that is not as declared is named, too, where both
        walks go the same way.
    """
    known = list(drift)
    ways = dict(declared.ways)
    for direction, way in observed.ways:
        other = ways.get(direction)
        if other is None or way.verdict == UNKNOWN:  # it ends where the model ends, and leaves nothing
            break
        leaving = _leaving(direction, way, other)
        if leaving is not None:
            return _named(leaving, known)
    for direction, way in observed.ways:
        passing = _passing(direction, way, known)
        if passing is not None:
            return passing
    return None


# --- where they part ---


def _decisions(way: Way) -> Iterator[Tuple[int, Hop]]:
    for number, hop in enumerate(way.hops):
        # what keeps an address as it is decides nothing: a bridge whose packets Netfilter sees (br_netfilter) asks it, too
        keeps = hop.action == "nat" and hop.entry is not None and any(word in hop.entry.text for word in KEEPS)
        if hop.action in DECISIONS and not keeps:
            yield number, hop


def _leaving(direction: str, way: Way, other: Way) -> Optional[_Leaving]:
    names = _renamed(way, other)
    mine, wanted = list(_decisions(way)), list(_decisions(other))
    for (number, hop), (_number, want) in zip(mine, wanted):
        if not _same(hop, want, names):
            return _Leaving(direction, number, hop, want)
    if way.hops and (way.verdict != other.verdict or way.mtu != other.mtu):
        number, hop = mine[-1] if mine else (len(way.hops) - 1, way.hops[-1])
        return _Leaving(direction, number, hop, wanted[len(mine)][1] if len(wanted) > len(mine) else None)
    return None


def _renamed(way: Way, other: Way) -> Dict[Tuple[str, str, str], str]:
    """Return the declared name of each observed device that the inventory does not name."""
    found: Dict[Tuple[str, str, str], str] = {}
    for one, two in zip(way.hops, other.hops):
        if (one.node, one.netns, one.action) != (two.node, two.netns, two.action):
            break
        if one.device and two.device and one.device != two.device:
            found[one.node, one.netns, one.device] = two.device
    return found


def _same(hop: Hop, want: Hop, names: Dict[Tuple[str, str, str], str]) -> bool:
    if (hop.node, hop.netns, hop.action) != (want.node, want.netns, want.action):
        return False
    if names.get((hop.node, hop.netns, hop.device or ""), hop.device) != want.device:
        return False
    if hop.action == "nat" and hop.packet is not None and want.packet is not None:  # whoever translates alike
        return hop.packet.ip[:3] == want.packet.ip[:3]
    if hop.action in LEARNED and not _is_fixed(hop.entry) and not _is_fixed(want.entry):
        return _is_answered(hop)
    if hop.entry is None or want.entry is None:
        return (hop.entry is None) == (want.entry is None) or hop.action in LEARNED and hop.device != want.device
    if want.entry.assumed:
        return True
    if hop.action == want.action == "route" and want.more.get("oif") == ASSUMED_DEVICE:
        return all(hop.more.get(name) == want.more.get(name) for name in ("type", "prefix", "via"))
    words = [names.get((hop.node, hop.netns, word), word) for word in hop.entry.text.split()]
    return " ".join(words) == " ".join(want.entry.text.split())


def _is_fixed(entry: Optional[Decision]) -> bool:
    """Say whether somebody has written down a neighbor or a forwarding entry."""
    return entry is not None and any(word in entry.text.lower().split() for word in ("permanent", "static", "noarp"))


def _is_answered(hop: Hop) -> bool:
    return hop.action != "neighbor" or "mac" in hop.more or "answered_by" in hop.more


# --- the entry ---


def _named(leaving: _Leaving, known: List[Drift]) -> Difference:
    hop, want = leaving.hop, leaving.want
    found = _of_drift(hop, want, known)
    if found is not None:
        return _difference(leaving, found.entry, found.word, found.node, found.declared)
    if want is not None and want.entry is not None and _is_decided_by(want, hop):
        return _difference(leaving, want.entry, MISSING, want.node, want.entry)
    word = FOREIGN if hop.entry is not None and hop.entry.owner is None else ALTERED
    return _difference(leaving, hop.entry, word, hop.node, None)


def _is_decided_by(want: Hop, hop: Hop) -> bool:
    """Say whether it is the declared entry that is missing: nothing, or a wider route, has decided in its place."""
    if hop.entry is None or want.entry is None:
        return True
    if hop.entry.kind != want.entry.kind:
        return hop.entry.kind == "neighbor" and not _is_fixed(hop.entry)
    return hop.entry.kind != "route" or _length(hop) <= _length(want)


def _length(hop: Hop) -> int:
    """Return the length of the prefix of the route that decides; an address of one's own goes before all."""
    prefix = str(hop.more.get("prefix") or "")
    if hop.more.get("type") == "local":
        return 129
    return int(prefix.partition("/")[2] or 0)


def _of_drift(hop: Hop, want: Optional[Hop], known: List[Drift]) -> Optional[Drift]:
    """Return the entry that is not as declared and has made this hop, the nearest first."""
    if hop.entry is not None:
        found = _ruling(hop, hop.entry, known) or _matching(hop, hop.entry, known, "entry")
        if found is not None or hop.entry.kind in ("nft", "rule"):
            return found or _of_guard(hop.entry, hop, known)
    if want is None:
        return next(iter(_around(hop, known)), None)
    longer = hop.action == want.action == "route" and _length(hop) > _length(want)
    if want.entry is not None and not longer:
        found = _matching(want, want.entry, known, "declared")
        if found is not None:
            return found
    if longer:
        return None
    candidates = [*_answering(want, known), *_around(hop, known), *_around(want, known)]
    return next(iter(candidates), None)


def _ruling(hop: Hop, entry: Decision, known: List[Drift]) -> Optional[Drift]:
    """Return the policy rule that somebody has made and that leads to the table of a route: without it nobody looks there."""
    words = entry.text.split()
    if entry.kind != "route" or "table" not in words:
        return None
    leads = f" lookup {words[words.index('table') + 1]}"
    rules = [one for one in known if one.entry.kind == "rule" and (one.node, one.netns) == (hop.node, entry.netns)]
    return next((one for one in rules if f"{leads} " in f"{one.entry.text} "), None)


def _of_guard(entry: Decision, hop: Hop, known: List[Drift]) -> Optional[Drift]:
    """Return what is not as declared of the guard that drops: an element that is missing, as a rule."""
    place = entry.text.split()[:2]
    if entry.module is None:
        return None
    there = [one for one in known if (one.node, one.netns, one.entry.kind) == (hop.node, entry.netns, "nft")]
    return next((one for one in there if one.entry.text.split()[:2] == place), None)


def _matching(hop: Hop, entry: Decision, known: List[Drift], side: str) -> Optional[Drift]:
    for one in known:
        there = getattr(one, side)
        if there is None or (one.node, one.netns) != (hop.node, entry.netns):
            continue
        if there.text == entry.text or _is_address_of(there, entry):
            return one
        if side == "entry" and there.kind == entry.kind == "link" and one.device == entry.text.split(" ", 1)[0]:
            return one
    return None


def _is_address_of(drifted: Decision, entry: Decision) -> bool:
    """Say whether a route of the table local follows from an address."""
    words = entry.text.split()
    return drifted.kind == "address" and words[0] == "local" and drifted.text.startswith(f"{words[1]}/")


def _answering(want: Hop, known: List[Drift]) -> List[Drift]:
    """Return what is not as declared where somebody should have answered: of that device first."""
    node, netns, device = [*(want.more.get("answered_by") or ()), None, None, None][:3]
    there = [one for one in known if (one.node, one.netns) == (node, netns) and not one.entry.assumed]
    return sorted(there, key=lambda one: one.device != device)


def _around(hop: Hop, known: List[Drift]) -> List[Drift]:
    """Return what is not as declared in the namespace of a hop: of its device first."""
    there = [one for one in known if (one.node, one.netns) == (hop.node, hop.netns) and not one.entry.assumed]
    return sorted(there, key=lambda one: one.device != hop.device)


def _passing(direction: str, way: Way, known: List[Drift]) -> Optional[Difference]:
    """Return the first device of a way that is not as declared, though the packet passes."""
    altered = {(one.node, one.netns, one.device): one for one in known if one.entry.kind == "link"}
    for number, hop in enumerate(way.hops if altered else ()):
        one = altered.get((hop.node, hop.netns, hop.device or ""))
        if one is not None and hop.action in (*SIGHTINGS, "encapsulate", "decapsulate"):
            return _difference(_Leaving(direction, number, hop, None), one.entry, one.word, one.node, one.declared)
    return None


def foreign(entry: Decision) -> str:
    """Return what is to be done about an entry that is not the fabric's, and that no command of ours should delete."""
    name = entry.text.split(" ", 1)[0]
    usual = "the machine's own network configuration, another manager of networks, or a person"
    who = next((who for pattern, who in MAKERS.items() if re.match(pattern, name)), usual)
    return f"whoever made {name}, which is not of the fabric ({who}), or by what the inventory says of it"


def _difference(
    leaving: _Leaving, entry: Optional[Decision], word: str, node: str, declared: Optional[Decision]
) -> Difference:
    hop, want = leaving.hop, leaving.want
    is_ = hop.reason or (hop.entry.text if hop.entry else hop.action)
    should = declared.text if declared else want.entry.text if want and want.entry else want.action if want else ""
    return {
        "direction": leaving.direction,
        "hop": leaving.number,
        "node": hop.node,
        "netns": hop.netns,
        "device": hop.device,
        "ways": ["observed", "declared"],
        "what": f"declared is {should!r}, observed is {is_!r}" if should else f"observed is {is_!r}",
        "entry": entry._asdict() if entry else None,
        "where": [node, entry.netns] if entry else [hop.node, hop.netns],
        "cause": f"the {TITLES.get(entry.kind, entry.kind)} {entry.text} {WORDS[word]}" if entry else hop.reason,
        "mend": (entry.remove or foreign(entry)) if entry and word == FOREIGN else SITE,
        "command": declared.command if declared else None,
    }
