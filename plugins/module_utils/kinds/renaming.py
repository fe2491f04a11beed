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

    An end is known by the other end, or both by their MAC addresses.
    """
    found, pairs = {}, []
    for ref, desired in wanted.items():
        peer = ref[0] == "link" and desired.values.get("type") == "veth" and ("link", desired.values["peer"])
        if not peer or peer not in wanted:
            continue
        there = observed.get(peer)
        if there is None:
            pairs += [(ref, peer)] if ref not in observed else []
            continue
        old = ("link", there.values["peer"]) if there.values.get("type") == "veth" else None
        if old in observed and old != ref and _leaves(old, peer, wanted) and old[1][0] == ref[1][0]:
            found[old] = ref
    if pairs:
        by_mac = {(ref[1][0], one.values.get("mac")): ref for ref, one in observed.items() if _is_free(one, wanted)}
        for ends in pairs:
            olds = [by_mac.get((ref[1][0], wanted[ref].values.get("mac"))) for ref in ends]
            if None not in olds and observed[olds[0]].values["peer"] == olds[1][1]:
                found.update(zip(olds, ends))
    return found


def _leaves(old, peer, wanted):
    """Say whether the end ``old`` is not wanted as the other end of ``peer``."""
    return old not in wanted or ("link", wanted[old].values.get("peer")) != peer


def _is_free(one, wanted):
    return one.kind == "link" and one.values.get("type") == "veth" and one.ref not in wanted and one.values.get("mac")


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
