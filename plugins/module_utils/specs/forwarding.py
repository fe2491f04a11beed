# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module forwarding mean: forwarding."""

from __future__ import annotations

from typing import List

from ..engine.resource import Resource
from ..kernel.advertised import accept_ra, advertised
from ..kinds.fields import interface
from ..kinds.sysctl import Sysctl, SysctlKey, link_sysctl
from .spec import Options, Spec

OPTIONS = {
    "family": {"type": "str", "choices": ["ipv4", "ipv6"]},
    "interface": {"type": "str"},
    "enabled": {"type": "bool", "default": True},
}
WHOLE = {"ipv4": "net.ipv4.ip_forward", "ipv6": "net.ipv6.conf.all.forwarding"}


def resources(options: Options) -> List[Resource]:
    """Return the sysctl that ``options`` describe, after those that keep IPv6 routes that a router has advertised."""
    own = described(options)
    kept = []
    if options["family"] == "ipv6" and options["enabled"] and options["state"] == "present":
        kept = [accept_ra(link) for link in advertised(options["netns"])]
    return [Resource("sysctl", SysctlKey(options["netns"], one), {"value": "2"}) for one in kept] + own


def described(options: Options) -> List[Resource]:
    """Return the sysctl that ``options`` describe, whatever the node is like."""
    name = WHOLE[options["family"]]
    if options["interface"]:
        name = link_sysctl(options["family"], "conf", interface(options["interface"], "interface"), "forwarding")
    return [Resource("sysctl", SysctlKey(options["netns"], name), {"value": str(int(options["enabled"]))})]


SPEC = Spec(
    options=OPTIONS,
    required=["family"],
    kinds=[Sysctl()],
    resources=resources,
    described=described,
    purges=lambda found: found.kind == "sysctl" and found.key.name.endswith(("forwarding", "ip_forward", "accept_ra")),
)
