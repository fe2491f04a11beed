# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that others put on a bridge of ours (libvirt, LXC, systemd-nspawn): without the bridge what is behind them is cut off."""

from __future__ import annotations

from typing import Dict, List, Tuple

from ..engine.step import Plan
from ..kinds.shell import ip


def warnings(plan: Plan) -> List[str]:
    """Return a sentence for each bridge that ``plan`` removes while links of others are its ports."""
    gone = [one for step in plan.steps if step.after is None for one in step.everything]
    there = {step.resource.ref for step in plan.steps if step.after is not None}
    links = {one.key for one in gone if one.kind == "link"}
    found: Dict[Tuple[str, str], List[str]] = {}
    for one in gone:
        if one.kind == "port" and one.owner is None and one.key not in links and one.ref not in there:
            found.setdefault((one.netns, one.values["master"]), []).append(one.key.name)
    return [_sentence(netns, bridge, sorted(names)) for (netns, bridge), names in found.items()]


def _sentence(netns, bridge, names):
    place = f" in namespace {netns!r}" if netns else ""
    again = ip(netns, "link", "set", names[0], "master", bridge)
    return (
        f"the bridge {bridge!r}{place} ends with ports of others, and what is behind them is cut off: {', '.join(names)}. When"
        f" the bridge is there again, start that anew, or type: {again}"
    )
