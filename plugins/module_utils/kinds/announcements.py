# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address that passes to another MAC address is announced, so that nobody goes on asking the old one.

Only such an address is: a run that makes a thousand endpoints has nothing to announce.
"""

from __future__ import annotations

from collections import defaultdict

from ..kernel.announce import announce
from ..kernel.netlink import Message

# Kinds whose objects make a link's MAC address that of an IP address
HOLDERS = ("address", "proxy")
# Links whose neighbors learn; on a VTEP what is known is written down
LEARNING = ("veth", "bridge")
# RFC 4291, 2.5.6: such an address is another's on each link
LINK_LOCAL = "fe80:"
# linux/neighbour.h: states of entries that the kernel did not learn, or has no MAC address for
NUD_INCOMPLETE, NUD_FAILED, NUD_NOARP, NUD_PERMANENT = 0x01, 0x20, 0x40, 0x80


def announce_passed(kernel, plan):
    """Announce the addresses that ``plan``, which was carried out, passed on; forget what the node knows of their old holders."""
    coming, changed = _coming(plan), _links_with_another_mac(plan)
    coming |= {holder for key in changed for holder in _addresses_on(kernel, *key)}
    if not coming:
        return
    known = _known_neighbors(kernel)
    holders = _passed(kernel, coming, _before(kernel, plan, changed), known)
    if holders:
        announce(holders)
        _forget_stale(kernel, {address: mac for _netns, _link, mac, address in holders}, known)


def _passed(kernel, coming, before, known):
    """Return ``(namespace, link, MAC address, address)`` of what is coming and had another MAC address, as far as is known."""
    found = []
    for netns, link, address in sorted(coming):
        others = before.get(address, set()) | {mac for _index, mac in known.get(address, ())}
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
        if resource.kind in HOLDERS and not resource.key[2].startswith(LINK_LOCAL)
    }


def _before(kernel, plan, changed):
    """Return address -> the MAC addresses that it had by what ``plan`` took away or changed."""
    macs, found = dict(changed), defaultdict(set)
    for step in plan.steps:
        for resource in step.everything if step.after is None else ():
            if resource.kind == "link":
                macs[resource.key] = resource.values.get("mac")
    for step in plan.steps:
        for resource in step.everything if step.after is None else ():
            if resource.kind in HOLDERS:
                netns, link, address = _holder(resource)
                found[address].add(macs.get((netns, link)) or _mac(kernel, netns, link))
    for (netns, link), mac in changed.items():
        for _netns, _link, address in _addresses_on(kernel, netns, link):
            found[address].add(mac)
    return {address: macs - {None} for address, macs in found.items()}


def _links_with_another_mac(plan):
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


def _known_neighbors(kernel):
    """Return address -> [(index of the link, MAC address)] of what the node has learned of its neighbors."""
    found = defaultdict(list)
    asked = {"family": 0, "flags": 0}
    for fields, attrs in kernel.dump("", "neigh", asked, _is_learned):
        if attrs.get("NDA_LLADDR"):
            found[attrs["NDA_DST"]].append((fields["ifindex"], attrs["NDA_LLADDR"]))
    return found


def _is_learned(_family, _index, state, _flags, _kind):
    return not state & (NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP | NUD_PERMANENT)


def _forget_stale(kernel, holders, known):
    """Remove the node's entries with another MAC address than the holder's; one that has gone by itself is no failure."""
    stale = [
        Message("del", "neigh", 0, {"family": 10 if ":" in address else 2, "ifindex": index}, [("NDA_DST", address)])
        for address, mac in holders.items()
        for index, learned in known.get(address, ())
        if learned != mac
    ]
    kernel.netlink.request([(number, "", message) for number, message in enumerate(stale)], [None] * len(stale))
