# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be there, as the code before has made sure. Pure Python."""

from __future__ import annotations

from typing import Iterable, Optional, TypeVar

T = TypeVar("T")


def first(found: Iterable[T]) -> T:
    """Return the first of ``found``.

    :raises AssertionError: there is none.
    """
    for one in found:
        return one
    raise AssertionError("nothing is there")


def present(value: Optional[T]) -> T:
    """Return ``value``, which is not None.

    :raises AssertionError: it is.
    """
    if value is None:
        raise AssertionError("nothing is there")
    return value
