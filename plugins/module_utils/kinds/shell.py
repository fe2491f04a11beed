# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of iproute2, sysctl(8) and nft(8) that stand for a step, as a person would type them."""

from __future__ import annotations

import re
import shlex
from functools import lru_cache
from typing import Any

# what shlex.quote leaves alone, and what is between words
PLAIN = re.compile(r"[\w@%+=:,./ -]*", re.ASCII)


def ip(netns: str, *words: Any) -> str:
    """Return an ip(8) command that acts in ``netns``."""
    return f"{_with_n('ip', netns)} {_joined(words)}"


def bridge(netns: str, *words: Any) -> str:
    """Return a bridge(8) command that acts in ``netns``."""
    return f"{_with_n('bridge', netns)} {_joined(words)}"


def inside(netns: str, *words: Any) -> str:
    """Return any other command, run in ``netns``."""
    return _joined([*_entering(netns), *words])


@lru_cache(maxsize=1 << 14)
def _with_n(program, netns):
    """Return ``program`` with the option for ``netns``, which it knows by name only."""
    if not netns or "/" in netns:
        return inside(netns, program)
    return _joined([program, "-n", netns])


def _entering(netns):
    if not netns:
        return ()
    return ("nsenter", f"--net={netns}") if "/" in netns else ("ip", "netns", "exec", netns)


def _joined(words):
    """Return what shlex.join does, which examines each word by itself and not all of them at once."""
    words = list(map(str, words))
    text = " ".join(words)
    if PLAIN.fullmatch(text) and text.count(" ") == len(words) - 1 and all(words):
        return text
    return shlex.join(words)
