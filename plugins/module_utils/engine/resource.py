# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An object of the kernel as plain data: what kind it is, which one, and what of it is managed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

Ref = Tuple[str, tuple]


@dataclass(frozen=True)
class Resource:
    """One object, desired or observed.

    :param kind: name of its kind.
    :param key: the kernel's own identity for it; the first element is the namespace (a reference).
    :param values: field -> normal form. In a desired resource a field that is not there is not managed.
    :param owner: the label of the set that it belongs to; None: it is foreign, "": ours, of no known set.
    """

    kind: str
    key: tuple
    values: Dict[str, Any] = field(default_factory=dict, hash=False, compare=True)
    owner: Optional[str] = field(default=None, compare=False)

    @property
    def ref(self) -> Ref:
        return self.kind, self.key

    @property
    def netns(self) -> str:
        return self.key[0]

    def merged(self, values):
        """Return this resource with ``values`` laid over its own."""
        return Resource(self.kind, self.key, {**self.values, **values}, self.owner)

    def owned(self, owner):
        """Return this resource as one of the set ``owner``."""
        return Resource(self.kind, self.key, self.values, owner)


@dataclass(frozen=True)
class Wish:
    """What a task says of one object: that it is so, or that it is gone."""

    resource: Resource
    present: bool = True
    option: str = ""  # where the user wrote it, for errors


def differing(desired, observed):
    """Return the names of the managed fields in which ``observed`` is not as ``desired``, in order."""
    there = observed.values
    return [name for name, value in desired.values.items() if there.get(name) != value]


def to_plain(resource):
    """Return ``resource`` as JSON can hold it."""
    return {"kind": resource.kind, "key": list(resource.key), "values": resource.values, "owner": resource.owner}


def from_plain(data):
    """Return the resource that :func:`to_plain` wrote."""
    return Resource(
        data["kind"],
        tuple(_frozen(part) for part in data["key"]),
        {name: _frozen(value) for name, value in data["values"].items()},
        data["owner"],
    )


def _frozen(value):
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
