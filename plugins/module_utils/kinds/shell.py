# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of iproute2, sysctl(8) and nft(8) that stand for a step, as a person would type them."""

from __future__ import annotations

import re
import shlex

# what shlex.quote leaves alone
PLAIN = re.compile(r"[\w@%+=:,./-]+( [\w@%+=:,./-]+)*", re.ASCII)


def ip(netns, *words):
    """Return an ip(8) command that acts in ``netns``."""
    return _with_n("ip", netns, words)


def bridge(netns, *words):
    """Return a bridge(8) command that acts in ``netns``."""
    return _with_n("bridge", netns, words)


def _with_n(program, netns, words):
    if not netns or "/" in netns:
        return inside(netns, program, *words)
    return _joined([program, "-n", netns, *(str(word) for word in words)])


def inside(netns, *words):
    """Return any other command, run in ``netns``."""
    words = [str(word) for word in words]
    if not netns:
        return _joined(words)
    if "/" in netns:
        return _joined(["nsenter", f"--net={netns}", *words])
    return _joined(["ip", "netns", "exec", netns, *words])


def _joined(words):
    """Return what shlex.join does, which asks for each word what is asked here for all of them at once."""
    text = " ".join(words)
    return text if PLAIN.fullmatch(text) and text.count(" ") == len(words) - 1 else shlex.join(words)
