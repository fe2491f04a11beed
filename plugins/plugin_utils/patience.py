# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a node is waited for: a connection that was cut stays open for many minutes before TCP gives it up."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import Any, Iterator


@contextmanager
def at_most(seconds: float, failure: Exception) -> Iterator[None]:
    """Raise ``failure`` if what is within takes longer than ``seconds``; 0: it may take any time.

    A process for one task of one host has nothing else to do. Ansible's keyword timeout uses the same alarm: where a user has
    set it, that holds.
    """
    if (
        not seconds
        or threading.current_thread() is not threading.main_thread()
        or signal.getitimer(signal.ITIMER_REAL)[0]
    ):
        yield
        return

    def give_up(_signal: int, _frame: Any) -> None:
        raise failure

    earlier = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
