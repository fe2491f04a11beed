# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An object of the kernel as plain data: its kind, its key, and its managed fields."""

from __future__ import annotations

from typing import Any, Callable, Dict, Generic, List, NamedTuple, Optional, Tuple, TypeVar

K = TypeVar("K", bound=tuple)
# (name of a kind, key of an object); also of something that objects provide, see Kind.provides
Ref = Tuple[str, Any]


class Resource(Generic[K]):
    """One object, desired or observed. Nobody changes one: there are thousands, and a frozen dataclass takes its time.

    :param kind: name of its kind.
    :param key: the kernel's own identity for it; the first element is the namespace (a reference).
    :param values: field -> normal form. In a desired resource a missing field is not managed.
    :param owner: the label of the set that it belongs to; None: it is foreign, "": ours, of no known set.
    """

    __slots__ = ("kind", "key", "values", "owner", "ref", "netns", "ties")

    def __init__(self, kind: str, key: K, values: Optional[Dict[str, Any]] = None, owner: Optional[str] = None) -> None:
        self.kind = kind
        self.key = key
        self.values = values or {}
        self.owner = owner
        self.ref: Ref = (kind, key)
        self.netns: str = key[0]
        self.ties: Optional[tuple] = None  # see Kind.ties_of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resource) and (self.ref, self.values) == (other.ref, other.values)

    def __hash__(self) -> int:
        return hash(self.ref)

    def __repr__(self) -> str:
        return f"Resource({self.kind!r}, {self.key!r}, {self.values!r}, {self.owner!r})"

    def merged(self, values: Dict[str, Any]) -> Resource[K]:
        """Return this resource with ``values`` laid over its own."""
        return Resource(self.kind, self.key, {**self.values, **values}, self.owner)

    def owned(self, owner: Optional[str]) -> Resource[K]:
        """Return this resource as one of the set ``owner``."""
        return Resource(self.kind, self.key, self.values, owner)


# what is there: ref -> Resource
Observed = Dict[Ref, Resource]


class Desired(NamedTuple):
    """A task's entry: the object is present as described, or absent."""

    resource: Resource
    present: bool = True
    option: str = ""  # where the user wrote it, for errors


def differing(desired: Resource, observed: Resource) -> List[str]:
    """Return the names of the managed fields in which ``observed`` differs from ``desired``, in order."""
    there = observed.values.get
    return [name for name, value in desired.values.items() if there(name) != value]


def holders(resource: Resource) -> Tuple[str, ...]:
    """Return the labels of the sets that hold a shared object, its owner first; of any other object its owner."""
    return () if resource.owner is None else tuple(resource.values.get("holders") or (resource.owner,))


def belongs(resource: Resource, owner: Optional[str]) -> bool:
    """Say whether an observed ``resource`` belongs to the set ``owner``; None: whether it is foreign."""
    return owner == resource.owner or owner in holders(resource)


def to_plain(resource: Resource) -> Dict[str, Any]:
    """Return ``resource`` as JSON can hold it."""
    return {"kind": resource.kind, "key": list(resource.key), "values": resource.values, "owner": resource.owner}


def from_plain(data: Dict[str, Any], make_key: Callable[..., tuple]) -> Resource:
    """Return the resource that :func:`to_plain` wrote.

    :param make_key: makes a key from its parts, see :class:`Kind`.
    """
    return Resource(
        data["kind"],
        make_key(*(_frozen(part) for part in data["key"])),
        {name: _frozen(value) for name, value in data["values"].items()},
        data["owner"],
    )


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
