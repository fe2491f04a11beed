# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, by whose fault it is. The runner is the one place that turns these into ``fail_json``."""

from __future__ import annotations

import os
from contextlib import contextmanager


def reason(failure):
    """Return what an OSError says, without its number."""
    return failure.strerror or str(failure)


class FabricError(Exception):
    """Any error that a person can do something about."""

    def facts(self):
        """Return what goes into the module's result beside the message."""
        return {}


class InputError(FabricError):
    """The user's input cannot be what is meant; nothing was touched.

    :param option: the option that is wrong, as the user wrote it.
    :param problem: what is wrong and what to do, a sentence without the option.
    """

    def __init__(self, option, problem):
        super().__init__(f"{option}: {problem}")
        self.option = option
        self.problem = problem


class Conflict(FabricError):
    """Foreign objects are in the way; nothing was touched.

    :param problems: a sentence for each.
    """

    def __init__(self, problems):
        super().__init__("; ".join(problems))
        self.problems = list(problems)

    def facts(self):
        return {"conflicts": self.problems}


class KernelError(FabricError):
    """The kernel refused, or did not keep, what the plan says.

    :param problem: what failed, in a sentence.
    :param left: what could not be undone, a sentence for each.
    :param notes: what the undo could bring back only in part, a sentence for each.
    """

    def __init__(self, problem, left=(), notes=()):
        undone = "the node is as it was before" if not left else "could not be undone: " + "; ".join(left)
        super().__init__("; ".join([f"{problem} ({undone}", *notes]) + ")")
        self.problem = problem
        self.left = list(left)

    def facts(self):
        return {"not_undone": self.left}


class Unrecorded(FabricError):
    """All is done on the node, and what follows from it (the file of marks, announcements to others) is not."""


@contextmanager
def nothing_changed():
    """Make an error of a file, a socket or a program in a block that only reads a sentence that says so."""
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
    """The node lacks a program or a library that this needs."""
