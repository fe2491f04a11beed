# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module netns mean: namespaces."""

from __future__ import annotations

from typing import List

from ..engine.resource import Resource
from ..kinds.fields import given, netns_name
from ..kinds.netns import Netns, NetnsKey
from .spec import Options, Spec

OPTIONS = {
    "name": {"type": "str"},
    "lo": {"type": "bool", "default": True},
    "ipv6": {"type": "bool"},
    "inherit": {"type": "bool"},
}


def resources(options: Options) -> List[Resource]:
    """Return the namespace that ``options`` describe."""
    name = netns_name(options["name"], "name")
    return [
        Resource("netns", NetnsKey(name), given(lo=options["lo"], ipv6=options["ipv6"], inherit=options["inherit"]))
    ]


SPEC = Spec(
    options=OPTIONS,
    required=["name"],
    kinds=[Netns()],
    resources=resources,
    purges=lambda found: found.kind == "netns",
    netns=False,
)
