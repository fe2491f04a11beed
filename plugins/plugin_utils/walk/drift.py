# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of nodes that are other than those that the inventory declares: missing, altered, foreign. Pure Python.

What the inventory only lets expect (``assumed``), and what the kernel learns by itself, is no drift.
"""

from __future__ import annotations

from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

from . import entries
from .box import FIXED, Box
from .fabric import Fabric
from .hop import Decision
from .state import DEFAULT_RULES, LOCAL, Link

MISSING, ALTERED, FOREIGN = "missing", "altered", "foreign"
OWN_FIELDS = ("up", "mtu", "mac", "master", "arp")
PEERS = "peers"  # of a WireGuard device, see _peers
# fields of a port of a bridge that decide about frames
PORT_FIELDS = ("state", "isolated", "hairpin", "flood", "locked", "neigh_suppress")
# linux/rtnetlink.h: RTPROT_KERNEL, RTPROT_RA
BY_KERNEL = (2, 9)
BEFORE_HAND = ("fe80:", "127.", "::1/")


class Drift(NamedTuple):
    """One entry that is not as declared.

    :param device: the device that it is about; the empty string: none in particular.
    :param entry: what is there, or of a missing one what should be; ``declared`` is None for a foreign one. One that is
        ``assumed`` is of the underlay's device, of which the inventory says nothing: it means something only where it decides.
    """

    node: str
    netns: str
    device: str
    word: str
    entry: Decision
    declared: Optional[Decision] = None


def drift(observed: Fabric, declared: Fabric) -> List[Drift]:
    """Return what differs, devices first, in the namespaces that the inventory declares."""
    found: List[Drift] = []
    for want in declared.boxes():
        there = observed.box(*want.key)
        if there is not None:
            found += [*_links(there, want), *_uplinks(there, want), *_addresses(there, want), *_routes(there, want)]
            found += [*_neighbors(there, want), *_fdb(there, want), *_rules(there), *_nft(there, want)]
    return found


def _drift(box: Box, device: Optional[str], word: str, entry: Any, declared: Optional[Decision] = None) -> Drift:
    return Drift(box.node, box.netns, device or "", word, entry, declared)


# --- devices ---


def _links(box: Box, want: Box) -> Iterator[Drift]:
    for name, link in want.links.items():
        there = box.links.get(name)
        if link.assumed:
            continue
        if there is None:
            yield _drift(box, name, MISSING, entries.link(want, link), entries.link(want, link))
            continue
        for field in OWN_FIELDS:
            is_declared = field != "mac" or link.mac  # what has no Ethernet has an address of the kernel's
            if is_declared and getattr(there, field) != getattr(link, field):
                yield _drift(box, name, ALTERED, _shown(box, there, field), _shown(want, link, field))
        for field, value in link.more.items():
            if field != PEERS and (there.more.get(field) or None) != (value or None) and (field in there.more or value):
                yield _drift(box, name, ALTERED, _shown(box, there, field), _shown(want, link, field))
        yield from _settings(box, want, link, there)
        yield from _peers(box, want, link, there)


def _peers(box: Box, want: Box, link: Link, there: Link) -> Iterator[Drift]:
    """Yield the peers of a WireGuard device that are not as declared, of which the inventory alone knows no preshared key."""
    found, wanted = ({one["public_key"]: one for one in each.more.get(PEERS, ())} for each in (there, link))
    for key, one in wanted.items():
        declared = entries.wireguard_peer(want, link, one)
        if key not in found:
            yield _drift(box, link.name, MISSING, declared, declared)
        elif any(list(found[key][name]) != list(one[name]) for name in ("endpoint", "allowed_ips")):
            yield _drift(box, link.name, ALTERED, entries.wireguard_peer(box, there, found[key]), declared)
    for key, one in found.items():
        if key not in wanted:
            yield _drift(box, link.name, FOREIGN, entries.wireguard_peer(box, there, one))


def _uplinks(box: Box, want: Box) -> Iterator[Drift]:
    """Yield the settings of the underlay's devices that the kernel does not have by itself."""
    for name, link in box.links.items():
        if name not in want.links:
            for setting in ("rp_filter", "arp_ignore", "arp_filter", "accept_local"):
                if link.ipv4.get(setting):
                    entry = entries.sysctl(box, 4, name, setting)
                    off = f"{(entry.command or '').rpartition('=')[0]}=0"
                    yield _drift(box, name, FOREIGN, entry._replace(assumed=True, remove=off))


def _shown(box: Box, link: Link, field: str) -> Decision:
    """Return a device for one of its fields."""
    if field == "mtu":
        return entries.mtu(box, link)
    if field in PORT_FIELDS:
        return entries.port(box, link, field)
    one = entries.link(box, link)
    if field in ("up", "vni", "local", "remote", "port"):
        return one
    value = getattr(link, field) if field in OWN_FIELDS else link.more.get(field)
    word = {True: "on", False: "off", None: "off"}.get(value, value)
    return one._replace(text=f"{one.text} {field} {word}")


def _settings(box: Box, want: Box, link: Link, there: Link) -> Iterator[Drift]:
    for version, mine, others in ((4, link.ipv4, there.ipv4), (6, link.ipv6, there.ipv6)):
        for setting, value in mine.items():
            # how many are asked at once: of all devices together
            is_altered = int(others.get(setting, value)) != int(value)
            if is_altered and not (version == 6 and setting == "forwarding"):
                pair = (entries.sysctl(one, version, link.name, setting) for one in (box, want))
                yield _drift(box, link.name, ALTERED, *pair)
    if box.forwards(6, link.name) != want.forwards(6, link.name):
        yield _drift(box, link.name, ALTERED, *(entries.sysctl(one, 6, "all", "forwarding") for one in (box, want)))


# --- addresses and tables ---


def _addresses(box: Box, want: Box) -> Iterator[Drift]:
    there, wanted = ({(one.dev, one.address): one for one in each.state.addresses} for each in (box, want))
    for key, one in wanted.items():
        if key not in there and not one.assumed and not one.address.startswith(BEFORE_HAND):
            yield _drift(box, one.dev, MISSING, entries.address(want, one), entries.address(want, one))
    for key, one in there.items():
        if key not in wanted and not one.address.startswith(BEFORE_HAND) and not _is_underlay(box, want, one.dev):
            yield _drift(box, one.dev, FOREIGN, entries.address(box, one))


def _is_underlay(box: Box, want: Box, dev: str) -> bool:
    """Say whether a device is the node's own: the inventory does not name it."""
    return dev in box.links and dev not in want.links


def _routes(box: Box, want: Box) -> Iterator[Drift]:
    there, wanted = (
        {(one.table, one.prefix, one.metric): one for one in each.state.routes if one.table != LOCAL}
        for each in (box, want)
    )
    for key, one in wanted.items():
        found = there.get(key)
        if one.assumed or one.prefix.startswith("fe80:"):
            continue
        declared = entries.route(want.netns, one)
        if found is None:
            yield _drift(box, one.dev, MISSING, declared, declared)
        elif (found.type, found.mtu) != (one.type, one.mtu) or not _leads_alike(box, want, found, one):
            yield _drift(box, found.dev, ALTERED, entries.route(box.netns, found), declared)
    for key, one in there.items():
        if key not in wanted and one.protocol not in BY_KERNEL:
            yield _drift(box, one.dev, FOREIGN, entries.route(box.netns, one))


def _leads_alike(box: Box, want: Box, found: Any, declared: Any) -> bool:
    """Say whether two routes have the same gateway and device; the inventory does not name the underlay's."""
    same = found.dev == declared.dev or _is_underlay(box, want, found.dev or "") and declared.dev not in box.links
    return same and found.via == declared.via and found.nexthops == declared.nexthops


def _neighbors(box: Box, want: Box) -> Iterator[Drift]:
    for key, one in want.neighbors.items():
        found = box.neighbors.get(key)
        declared = entries.neighbor(want, one)
        if one.assumed or one.state not in FIXED:
            continue
        if found is None or found.state not in FIXED:
            yield _drift(box, one.dev, MISSING, declared, declared)
        elif found.mac != one.mac:
            yield _drift(box, one.dev, ALTERED, entries.neighbor(box, found), declared)
    for key, one in box.neighbors.items():
        if key not in want.neighbors and one.state == "permanent" and not _is_underlay(box, want, one.dev):
            yield _drift(box, one.dev, FOREIGN, entries.neighbor(box, one))


def _fdb(box: Box, want: Box) -> Iterator[Drift]:
    there, wanted = ({(one.dev, one.mac, one.vlan): one for one in each.state.fdb} for each in (box, want))
    for key, one in wanted.items():
        found = there.get(key)
        declared = entries.fdb(want, one)
        if one.assumed or one.owner is None:  # the kernel's own
            continue
        if found is None:
            yield _drift(box, one.dev, MISSING, declared, declared)
        elif found.dst != one.dst:
            yield _drift(box, one.dev, ALTERED, entries.fdb(box, found), declared)
    for key, one in there.items():
        is_made = one.state == "static" or one.state == "permanent" and one.dst is not None
        if key not in wanted and is_made and not _is_underlay(box, want, one.dev):
            yield _drift(box, one.dev, FOREIGN, entries.fdb(box, one))


def _rules(box: Box) -> Iterator[Drift]:
    usual = {(one.family, one.priority, one.table) for one in DEFAULT_RULES}
    for one in box.state.rules:
        if (one.family, one.priority, one.table) not in usual:
            yield _drift(box, None, FOREIGN, entries.rule(box, one))


def _nft(box: Box, want: Box) -> Iterator[Drift]:
    """Yield the fabric's own rules that are missing; another program's are its own affair until one decides."""
    there, wanted = ({(*one[:3], one.text): one for one in each.rules().all()} for each in (box, want))
    for key, rule in wanted.items():
        if key not in there:
            declared = entries.nft(want, rule)
            yield _drift(box, None, MISSING, declared, declared)
    guards = want.rules().guards()
    for place in box.rules().guards():
        if place not in guards:
            yield _drift(box, None, FOREIGN, entries.nft_table(box, *place))
    for key, rule in there.items():
        if key not in wanted and key[:2] in guards:
            yield _drift(box, None, FOREIGN, entries.nft(box, rule, foreign=True))
    for place, names in guards.items():
        yield from _guard(box, want, place, names)


def _guard(box: Box, want: Box, place: Tuple[str, str], names: List[str]) -> Iterator[Drift]:
    """Yield the chains at hooks and the elements of sets of one of the fabric's own tables that are other than declared."""
    there = box.rules().hooked(*place)
    for chain in want.rules().hooked(*place):
        if chain not in there:
            declared = entries.nft_chain(want, chain)
            yield _drift(box, None, MISSING, declared, declared)
    for name in names:
        found, wanted = (set(each.rules().texts((*place, name))) for each in (box, want))
        for text in sorted(wanted - found):
            declared = entries.nft_element(want, (*place, name), text)
            yield _drift(box, None, MISSING, declared, declared)
        for text in sorted(found - wanted):
            yield _drift(box, None, FOREIGN, entries.nft_element(box, (*place, name), text, foreign=True))
