# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan consists of: steps, in levels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, List, Set, Tuple

from .resource import Ref, Resource

CREATE, CHANGE, DELETE, FALL, ADOPT, RENAME = "create", "change", "delete", "fall", "adopt", "rename"


class Step:
    """One object taken from ``before`` to ``after`` (None: it is not there).

    ``fall`` is a removal without a request: the object ends with another one. ``adopt`` marks an object as ours, or as
    another set's, and changes nothing else; ``rename`` gives it another key. ``companions`` come or go by the same request
    (the other end of a veth). ``resource`` is the object, ``everything`` the object and its companions.

    :param before, after: Resource or None; the action says which of the two there is.
    """

    __slots__ = ("action", "before", "after", "fields", "companions", "reason", "resource", "everything")

    def __init__(
        self,
        action: str,
        before: Any,
        after: Any,
        fields: Tuple[str, ...] = (),
        companions: Tuple[Resource, ...] = (),
        reason: str = "",
    ) -> None:
        self.action = action
        self.before = before
        self.after = after
        self.fields = fields
        self.companions = companions
        self.reason = reason
        self.resource: Resource = after or before
        self.everything: Tuple[Resource, ...] = (self.resource, *companions)


Levels = List[List[Step]]


@dataclass
class Plan:
    """Steps in an order in which they are safe; those of one level do not depend on each other.

    ``last`` are the levels for what cannot be restored: they are carried out when all else is seen to work. ``renamed`` are
    pairs (before, after) of what is renamed and of all objects whose key or values contain the name.
    """

    levels: Levels = field(default_factory=list)
    last: Levels = field(default_factory=list)
    renamed: List[Tuple[Resource, Resource]] = field(default_factory=list)

    @property
    def steps(self) -> List[Step]:
        """All steps, in order."""
        return [*steps_of(self.levels), *steps_of(self.last)]

    @property
    def refs(self) -> Set[Ref]:
        """The refs of all objects that the steps touch."""
        return refs_of(self.levels) | refs_of(self.last)

    def __bool__(self) -> bool:
        return bool(self.levels or self.last)


def steps_of(levels: Iterable[List[Step]]) -> List[Step]:
    """Return the steps of all ``levels``, in order."""
    return [step for level in levels for step in level]


def refs_of(levels: Iterable[List[Step]]) -> Set[Ref]:
    """Return the refs of all objects that the steps of ``levels`` touch."""
    return {resource.ref for step in steps_of(levels) for resource in step.everything}
