# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls of the node that stop forwarding or ARP replies. Each check yields warnings."""

from __future__ import annotations

import os
from typing import Iterator

from ..expected import FAMILIES, FORWARDING, Expected
from ..facts.files import LAST, OURS_LAST, undoing
from ..facts.model import Facts


def uplink_does_not_forward(facts: Facts, expected: Expected) -> Iterator[str]:
    """Turning forwarding on sets each interface only if it was off before (inet_forward_change, net/ipv4/devinet.c)."""
    for version in expected.versions:
        if facts.sysctls.get(FORWARDING[version]) != "1":
            continue
        for dev in facts.uplinks(expected):
            name = f"net.{FAMILIES[version]}.conf.{dev.replace('.', '/')}.forwarding"
            if facts.sysctls.get(name) == "0":
                yield f"{dev} does not forward received packets ({name}=0): set it to 1, permanently in /etc/sysctl.d"


def arp_requests_are_ignored(facts: Facts, expected: Expected) -> Iterator[str]:
    """arp_ignore in ip-sysctl (the kernel's documentation): from 2 on the sender must be in the address' subnet."""
    value = facts.sysctls.get("net.ipv4.conf.all.arp_ignore", "0")
    if 4 in expected.versions and value.isdecimal() and int(value) > 1:
        yield (
            f"net.ipv4.conf.all.arp_ignore is {value}: this node answers ARP requests only from its own subnet, and endpoints"
            " outside of it may not reach it; set it to 0 or 1"
        )


def forwarding_is_undone(facts: Facts, expected: Expected) -> Iterator[str]:
    """A file turns forwarding off at the next boot or ``sysctl --system``, and no later file turns it on again."""
    wanted = [FORWARDING[version] for version in expected.versions]
    for name in wanted:
        for setting in undoing(facts.settings, name, "1"):
            if setting.path == LAST or "sysctl" not in expected.handled or os.path.basename(setting.path) > OURS_LAST:
                yield (
                    f"{setting.path} sets {setting.name} = {setting.value}: the next 'sysctl --system' turns forwarding off;"
                    " remove the line"
                )
