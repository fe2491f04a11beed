# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind asks of the kernel."""

from __future__ import annotations

from typing import Any, NamedTuple, Tuple


class Request(NamedTuple):
    """One request to the kernel.

    :param netns: the namespace in which it is made.
    :param payload: what the kernel's side understands (``kernel/``).
    :param stage: within one level, all requests of a stage are done before those of the next begin.
    :param local: it touches only its own namespace and depends on nothing in others. The kernel does such requests in order,
        so that those after them in the same namespace need not wait for the answer.
    :param late: names of the kinds all of whose steps come before it.
    """

    netns: str
    payload: Any
    stage: int = 0
    local: bool = False
    late: Tuple[str, ...] = ()
