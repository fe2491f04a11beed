# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address that passes to another MAC address is announced, so that nobody keeps using the old one.

Only such an address is: a run that makes a thousand endpoints has nothing to announce.
"""

from __future__ import annotations

from collections import defaultdict

from ..engine.step import Plan
from ..kernel.announce import announce
from ..kernel.kernel import Kernel
from ..kernel.messages import NUD_FAILED, NUD_INCOMPLETE, NUD_NOARP, NUD_PERMANENT, Message
from .fields import family

# Kinds whose objects make a link's MAC address that of an IP address
HOLDERS = ("address", "proxy")
# Links whose neighbors learn; on a VTEP what is known is written down
LEARNING = ("veth", "bridge")
# RFC 4291, 2.5.6: such an address is another's on each link
LINK_LOCAL = "fe80:"


def announce_passed(kernel: Kernel, plan: Plan) -> None:
    """Announce the addresses that ``plan``, which was carried out, passed on; forget what is known of their old holders."""
    moved, changed = _on_another_l2(plan), _with_another_mac(plan)
    for netns, link in moved:
        _forget(
            kernel, netns, [entry for entry in _learned(kernel, netns) if kernel.link_name(netns, entry[0]) == link]
        )
    staying = {holder for key in {*moved, *changed} for holder in _addresses_on(kernel, *key)}
    coming = _coming(plan) | staying
    if not coming:
        return
    known = defaultdict(list)
    for entry in _learned(kernel, ""):
        known[entry[1]].append(entry)
    holders = _passed(kernel, coming, _before(kernel, plan, staying, changed), known)
    if holders:
        announce(holders)
        macs = {address: mac for _netns, _link, mac, address in holders}
        _forget(kernel, "", [one for address, mac in macs.items() for one in known.get(address, ()) if one[2] != mac])


def _passed(kernel, coming, before, known):
    """Return ``(namespace, link, MAC address, address)`` of what is coming and had another MAC address, as far as is known."""
    found = []
    for netns, link, address in sorted(coming):
        others = before.get(address, set()) | {entry[2] for entry in known.get(address, ())}
        mac = _mac(kernel, netns, link) if others else None
        if mac and others - {mac}:
            found.append((netns, link, mac, address))
    return found


def _coming(plan):
    """Return the holders, ``(namespace, link, address)``, that ``plan`` made."""
    return {
        _holder(resource)
        for step in plan.steps
        if step.before is None
        for resource in step.everything
        if resource.kind in HOLDERS and not resource.key.address.startswith(LINK_LOCAL)
    }


def _before(kernel, plan, staying, changed):
    """Return address -> the MAC addresses that it had: by what ``plan`` took away, and on the links that it changed."""
    gone = [resource for step in plan.steps if step.after is None for resource in step.everything]
    macs = {**{one.key: one.values.get("mac") for one in gone if one.kind == "link"}, **changed}
    found = defaultdict(set)
    for step in plan.steps:  # what is written down of a port that is about to leave its bridge
        if step.before is None and step.resource.kind == "neighbor":
            found[step.after.key.address].add(step.after.values.get("mac"))
    for netns, link, address in {*staying, *(_holder(one) for one in gone if one.kind in HOLDERS)}:
        found[address].add(macs.get((netns, link)) or _mac(kernel, netns, link))
    return {address: known - {None} for address, known in found.items()}


def _with_another_mac(plan):
    """Return (namespace, link) -> its MAC address before ``plan`` changed that in place."""
    return {
        step.before.key: step.before.values.get("mac")
        for step in plan.steps
        if step.resource.kind == "link" and step.before and step.after and "mac" in step.fields
    }


def _holder(resource):
    netns, link, address = resource.key
    return netns, link, address.split("/")[0]


def _mac(kernel, netns, name):
    """Return the MAC address, now, of a link whose neighbors learn it, or None."""
    for _fields, attrs in kernel.links(netns).values():
        if attrs["IFLA_IFNAME"] == name:
            return attrs.get("IFLA_ADDRESS") if attrs.get("IFLA_INFO_KIND") in LEARNING else None
    return None


def _addresses_on(kernel, netns, link):
    return {
        (netns, link, attrs.get("IFA_LOCAL") or attrs["IFA_ADDRESS"])
        for fields, attrs in kernel.dump(netns, "addr")
        if kernel.link_name(netns, fields["index"]) == link and not attrs["IFA_ADDRESS"].startswith(LINK_LOCAL)
    }


def _on_another_l2(plan):
    """Return (namespace, link) of each whose other end left a bridge or joined one: all that it knew are elsewhere."""
    return [
        tuple(step.after.values["peer"])
        for step in plan.steps
        if step.resource.kind == "link" and "master" in step.fields and step.after.values.get("peer")
    ]


def _learned(kernel, netns):
    """Return (index of the link, address, MAC address) of each neighbor that ``netns`` has found by itself."""
    return [
        (fields["ifindex"], attrs["NDA_DST"], attrs["NDA_LLADDR"])
        for fields, attrs in kernel.dump(netns, "neigh", {"family": 0, "flags": 0}, _is_learned)
        if attrs.get("NDA_LLADDR")
    ]


def _is_learned(_family, _index, state, _flags, _kind):
    return not state & (NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP | NUD_PERMANENT)


def _forget(kernel, netns, entries):
    """Remove learned entries; one that has gone by itself is no failure."""
    messages = [
        Message("del", "neigh", 0, {"family": family(address), "ifindex": index}, [("NDA_DST", address)])
        for index, address, _mac_known in entries
    ]
    kernel.netlink.request([(number, netns, one) for number, one in enumerate(messages)], [None] * len(messages))
