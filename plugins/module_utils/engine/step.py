# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan consists of."""

from __future__ import annotations

from typing import Optional, Tuple

from .resource import Resource

CREATE, CHANGE, DELETE, FALL, ADOPT, RENAME = "create", "change", "delete", "fall", "adopt", "rename"


class Step:
    """One object taken from ``before`` to ``after`` (None: not there).

    ``fall`` is a removal that needs no request, because what the object stands on goes; ``adopt`` marks an object
    as ours and changes nothing else; ``rename`` gives it another key. ``companions`` come or go by the same request (the
    other end of a veth).
    ``resource`` is the object as the step is about it, ``everything`` it and its companions.
    """

    __slots__ = ("action", "before", "after", "fields", "companions", "reason", "resource", "everything")

    def __init__(
        self,
        action: str,
        before: Optional[Resource],
        after: Optional[Resource],
        fields: Tuple[str, ...] = (),
        companions: Tuple[Resource, ...] = (),
        reason: str = "",
    ):
        self.action = action
        self.before = before
        self.after = after
        self.fields = fields
        self.companions = companions
        self.reason = reason
        self.resource = after or before
        self.everything = (self.resource, *companions)


def steps_of(levels):
    """Return the steps of all ``levels``, in order."""
    return [step for level in levels for step in level]


def refs_of(levels):
    """Return the refs of all that the steps of ``levels`` are about."""
    return {resource.ref for step in steps_of(levels) for resource in step.everything}
