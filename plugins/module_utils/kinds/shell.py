# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of iproute2, sysctl(8) and nft(8) that stand for a step, as a person would type them."""

from __future__ import annotations

import shlex


def ip(netns, *words):
    """Return an ip(8) command that acts in ``netns``."""
    return _with_n("ip", netns, words)


def bridge(netns, *words):
    """Return a bridge(8) command that acts in ``netns``."""
    return _with_n("bridge", netns, words)


def _with_n(program, netns, words):
    if not netns or "/" in netns:
        return inside(netns, program, *words)
    return shlex.join([program, "-n", netns, *(str(word) for word in words)])


def inside(netns, *words):
    """Return any other command, run in ``netns``."""
    words = [str(word) for word in words]
    if not netns:
        return shlex.join(words)
    if "/" in netns:
        return shlex.join(["nsenter", f"--net={netns}", *words])
    return shlex.join(["ip", "netns", "exec", netns, *words])
