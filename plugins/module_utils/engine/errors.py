# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors, by whose fault they are. The runner is the one place that turns them into ``fail_json``."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator, Sequence


def reason(failure: OSError) -> str:
    """Return what an OSError says, without its number."""
    return failure.strerror or str(failure)


class FabricError(Exception):
    """Any error that a person can act on."""

    def facts(self) -> Dict[str, Any]:
        """Return what the module's result has beside the message."""
        return {}


class InputError(FabricError):
    """The user's input is wrong; nothing was touched.

    :param option: the option that is wrong, as the user wrote it.
    :param problem: what is wrong and what to do, a sentence without the option.
    """

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")
        self.option = option
        self.problem = problem


class Conflict(FabricError):
    """Foreign objects are in the way; nothing was touched.

    :param problems: a sentence for each.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(self.problems))

    def facts(self) -> Dict[str, Any]:
        return {"conflicts": self.problems}


class KernelError(FabricError):
    """The kernel refused, or did not keep, what the plan says.

    :param problem: what failed, in a sentence.
    :param left: what could not be undone, a sentence for each.
    :param notes: what the undo could restore only in part, a sentence for each.
    """

    def __init__(self, problem: str, left: Sequence[str] = (), notes: Iterable[str] = ()) -> None:
        undone = "the node is as it was before" if not left else "could not be undone: " + "; ".join(left)
        super().__init__("; ".join([f"{problem} ({undone}", *notes]) + ")")
        self.problem = problem
        self.left = list(left)

    def facts(self) -> Dict[str, Any]:
        return {"not_undone": self.left}


class Unrecorded(FabricError):
    """All is done on the node, but what follows from it is not: the file of marks, an announcement."""


@contextmanager
def nothing_changed() -> Iterator[None]:
    """Turn an error in a block that only reads into one that says that nothing was changed."""
    try:
        yield
    except FabricError as failure:
        if failure.__class__ is not FabricError:  # its subclasses say by themselves what was touched
            raise
        raise FabricError(f"{failure} (nothing was changed)") from failure
    except OSError as failure:
        if isinstance(failure, PermissionError) and os.geteuid() != 0:
            raise  # the runner says what to do
        raise FabricError(f"the node's state cannot be read: {reason(failure)} (nothing was changed)") from failure


class MissingSoftware(FabricError):
    """The node lacks a program or a library."""
