# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An object of the kernel as plain data: what kind it is, which one, and what of it is managed."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional, Tuple

Ref = Tuple[str, tuple]


class Resource:
    """One object, desired or observed. Nobody changes one: there are thousands, and a frozen dataclass takes its time.

    :param kind: name of its kind.
    :param key: the kernel's own identity for it; the first element is the namespace (a reference).
    :param values: field -> normal form. In a desired resource a field that is not there is not managed.
    :param owner: the label of the set that it belongs to; None: it is foreign, "": ours, of no known set.
    """

    __slots__ = ("kind", "key", "values", "owner", "ref", "netns", "ties")

    def __init__(self, kind: str, key: tuple, values: Optional[Dict[str, Any]] = None, owner: Optional[str] = None):
        self.kind = kind
        self.key = key
        self.values = values or {}
        self.owner = owner
        self.ref: Ref = (kind, key)
        self.netns: str = key[0]
        self.ties: Optional[tuple] = None  # see Kind.ties_of

    def __eq__(self, other):
        return isinstance(other, Resource) and (self.ref, self.values) == (other.ref, other.values)

    def __hash__(self):
        return hash(self.ref)

    def __repr__(self):
        return f"Resource({self.kind!r}, {self.key!r}, {self.values!r}, {self.owner!r})"

    def merged(self, values):
        """Return this resource with ``values`` laid over its own."""
        return Resource(self.kind, self.key, {**self.values, **values}, self.owner)

    def owned(self, owner):
        """Return this resource as one of the set ``owner``."""
        return Resource(self.kind, self.key, self.values, owner)


class Desired(NamedTuple):
    """What a task says of one object: that it is so, or that it is gone."""

    resource: Resource
    present: bool = True
    option: str = ""  # where the user wrote it, for errors


def differing(desired, observed):
    """Return the names of the managed fields in which ``observed`` is not as ``desired``, in order."""
    there = observed.values.get
    return [name for name, value in desired.values.items() if there(name) != value]


def holders(resource):
    """Return the labels of the sets that a shared object lasts for, the first of them its owner; of any other its owner."""
    return () if resource.owner is None else tuple(resource.values.get("holders") or (resource.owner,))


def belongs(resource, owner):
    """Say whether an observed ``resource`` belongs to the set ``owner``; None: whether it is nobody's."""
    return owner == resource.owner or owner in holders(resource)


def to_plain(resource):
    """Return ``resource`` as JSON can hold it."""
    return {"kind": resource.kind, "key": list(resource.key), "values": resource.values, "owner": resource.owner}


def from_plain(data, kinds):
    """Return the resource that :func:`to_plain` wrote.

    :param kinds: kinds by name, that of the resource among them.
    """
    return Resource(
        data["kind"],
        kinds[data["kind"]].key(*(_frozen(part) for part in data["key"])),
        {name: _frozen(value) for name, value in data["values"].items()},
        data["owner"],
    )


def _frozen(value):
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
