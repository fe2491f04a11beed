# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends of veths that are desired under another name, and all objects that contain the name. Pure Python.

A link that is renamed keeps its addresses, routes, neighbors, entries, master and settings: the kernel knows it by its index
(dev_change_name, net/core/dev.c).
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from ..engine.resource import Observed, Ref, Resource
from .sysctl import link_of, with_link

# the fields of keys with the name of a link, of the kinds that have one; of a route's only that of one that the kernel made
IN_KEY = dict.fromkeys(("address", "neighbor", "proxy", "fdb", "route"), "dev")
IN_KEY.update(link="name", port="name")
# fields with the name of a link of the same namespace, of the kinds that have them
NAMING = {"link": ("master", "lower"), "port": ("master",), "route": ("dev",)}


def renamed_veths(observed: Observed, wanted: Observed) -> Dict[Ref, Ref]:
    """Return ref -> ref of each observed end of a veth that is desired under another name in the same namespace.

    A pair is recognised by the MAC addresses of both ends (host ends of one node have the same), else an end by the other one.
    """
    found: Dict[Ref, Ref] = {}
    by_macs: Optional[Dict[Tuple[Any, ...], Resource]] = None
    for ref, desired in wanted.items():
        if not _is_veth(desired):
            continue
        peer = "link", desired.values["peer"]
        if peer not in wanted or _is_pair(observed.get(ref), peer):
            continue
        if by_macs is None:
            ends = [one for one in observed.values() if _is_veth(one)]
            by_macs = {_macs(one, observed.get(("link", one.values["peer"]))): one for one in ends}
        one = by_macs.get(_macs(desired, wanted[peer]))
        there = observed.get(peer)
        if not one:
            one = observed.get(("link", there.values["peer"])) if there and _is_veth(there) else None
        if one and one.ref != ref and one.netns == desired.netns and not _stays(one, wanted):
            found[one.ref] = ref
    return found


def _is_veth(one):
    return one.kind == "link" and one.values.get("type") == "veth"


def _macs(one, other):
    """Return what distinguishes an end from others: where it and the other one are, and their MAC addresses."""
    return tuple((end.netns, end.values.get("mac")) if end else None for end in (one, other))


def _is_pair(one, peer):
    """Say whether an observed link has the other end ``peer``."""
    return one is not None and ("link", one.values.get("peer")) == peer


def _stays(one, wanted):
    """Say whether an observed end is desired, with the other end that it has."""
    return one.ref in wanted and wanted[one.ref].values.get("peer") == one.values["peer"]


def ref_after(ref: Ref, names: Dict[Ref, Ref]) -> Ref:
    """Return the ref of an object of any kind after links got their new ``names`` (ref -> ref)."""
    kind, key = ref
    if kind == "sysctl":
        new = _new_name(key.netns, link_of(key.name), names)
        return (kind, key._replace(name=with_link(key.name, new))) if new else ref
    field = IN_KEY.get(kind, "")
    new = _new_name(key[0], getattr(key, field, None), names)
    return (kind, key._replace(**{field: new})) if new else ref


def _new_name(netns, link, names):
    """Return the new name of ``link``, or None: it keeps its name."""
    new = names.get(("link", (netns, link)))
    return new and new[1].name


def resource_after(resource: Resource, names: Dict[Ref, Ref]) -> Resource:
    """Return ``resource``, of any kind, after links got their new ``names`` (ref -> ref)."""
    changed: Dict[str, Any] = {}
    for field in NAMING.get(resource.kind, ()):
        new = _new_name(resource.netns, resource.values.get(field), names)
        if new:
            changed[field] = new
    if resource.kind == "link" and resource.values.get("peer"):
        new = names.get(("link", tuple(resource.values["peer"])))
        if new:
            changed["peer"] = new[1]
    ref = ref_after(resource.ref, names)
    if ref == resource.ref and not changed:
        return resource
    _kind, key = ref
    return Resource(resource.kind, key, {**resource.values, **changed}, resource.owner)
