# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends of veths that are wanted by another name: which they are, and what has the name in its own. Pure Python.

A link that is renamed keeps its addresses, routes, neighbors, entries, master and settings: the kernel knows it by its index
(dev_change_name, net/core/dev.c).
"""

from __future__ import annotations

from ..engine.resource import Resource
from .sysctl import link_of, with_link

# kinds whose keys begin with (namespace, name of the link)
ON_LINK = ("link", "port", "address", "neighbor", "proxy", "fdb")
# fields with the name of a link of the same namespace, of the kinds that have them
NAMING = {"link": ("master", "lower"), "port": ("master",), "route": ("dev",)}


def renamed_veths(observed, wanted):
    """Return ref -> ref of each end of a veth that is there, and wanted by another name in the same namespace.

    A pair is known by the MAC addresses of both ends, else an end by the other one.
    """
    found, by_mac = {}, None
    for ref, desired in wanted.items():
        peer = ref[0] == "link" and desired.values.get("type") == "veth" and ("link", desired.values["peer"])
        if not peer or peer not in wanted or _is_pair(observed.get(ref), peer):
            continue
        if by_mac is None:
            by_mac = {(one.netns, one.values.get("mac")): one for one in observed.values() if _is_veth(one)}
        one, other = (by_mac.get((end[1][0], wanted[end].values.get("mac"))) for end in (ref, peer))
        there = observed.get(peer)
        if not (one and other and _is_pair(one, other.ref)):
            one = observed.get(("link", there.values["peer"])) if there and _is_veth(there) else None
        if one and one.ref != ref and one.netns == ref[1][0] and not _stays(one, wanted):
            found[one.ref] = ref
    return found


def _is_veth(one):
    return one.kind == "link" and one.values.get("type") == "veth"


def _is_pair(one, peer):
    """Say whether a link that is there has the other end ``peer``."""
    return one is not None and ("link", one.values.get("peer")) == peer


def _stays(one, wanted):
    """Say whether an end that is there is wanted as the other end of what it is that of."""
    return one.ref in wanted and wanted[one.ref].values.get("peer") == one.values["peer"]


def ref_after(ref, names):
    """Return the ref of an object of any kind when links are called by their new ``names`` (ref -> ref)."""
    kind, key = ref
    if kind in ON_LINK:
        new = names.get(("link", key[:2]))
        return (kind, (*new[1], *key[2:])) if new else ref
    if kind == "route" and len(key) > 4:
        new = names.get(("link", (key[0], key[4])))
        return (kind, (*key[:4], new[1][1])) if new else ref
    link = link_of(key[1]) if kind == "sysctl" else None
    new = names.get(("link", (key[0], link))) if link else None
    return (kind, (key[0], with_link(key[1], new[1][1]))) if new else ref


def resource_after(resource, names):
    """Return ``resource``, of any kind, as it is when links are called by their new ``names`` (ref -> ref)."""
    changed = {}
    for field in NAMING.get(resource.kind, ()):
        new = names.get(("link", (resource.netns, resource.values.get(field))))
        if new:
            changed[field] = new[1][1]
    if resource.kind == "link" and resource.values.get("peer"):
        new = names.get(("link", tuple(resource.values["peer"])))
        if new:
            changed["peer"] = new[1]
    ref = ref_after(resource.ref, names)
    if ref == resource.ref and not changed:
        return resource
    return Resource(*ref, {**resource.values, **changed}, resource.owner)
