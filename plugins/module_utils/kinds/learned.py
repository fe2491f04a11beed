# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Neighbors that the kernel learned. They come and go, and nobody desires them: they are only shown."""

from __future__ import annotations

from typing import Any, Dict, List

from ..kernel.kernel import Kernel
from ..kernel.messages import NTF_PROXY, NUD_NOARP, NUD_PERMANENT
from .fields import AF_INET, AF_INET6

# linux/neighbour.h: NUD_*
STATES = {0x01: "incomplete", 0x02: "reachable", 0x04: "stale", 0x08: "delay", 0x10: "probe", 0x20: "failed"}


def learned_neighbors(kernel: Kernel, netns: str) -> List[Dict[str, Any]]:
    """Return the neighbors that were learned in ``netns``, by interface and address; none where there is no such namespace.

    :returns: list of ``{"netns", "dev", "address", "mac": text or None, "state": as ip-neighbour(8) calls it}``.
    """
    found = [
        {
            "netns": netns,
            "dev": kernel.link_name(netns, fields["ifindex"]),
            "address": attrs["NDA_DST"],
            "mac": attrs.get("NDA_LLADDR"),
            "state": STATES.get(fields["state"], "none"),
        }
        for fields, attrs in kernel.dump(netns, "neigh", {"family": 0, "flags": 0}, _is_learned)
    ]
    return sorted(found, key=lambda one: (one["dev"] or "", one["address"]))


def _is_learned(inet, _index, state, flags, _kind):
    return inet in (AF_INET, AF_INET6) and not flags & NTF_PROXY and not state & (NUD_PERMANENT | NUD_NOARP)
