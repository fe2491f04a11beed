# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module bridge_port mean: bridge ports."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds.fields import given, in_range, interface
from ..kinds.link_types import PORT
from ..kinds.port import Port, PortKey
from .spec import Options, Spec

NUMBERS = {"cost": (1, 65535), "priority": (0, 63)}
OPTIONS = {
    "name": {"type": "str"},
    "bridge": {"type": "str"},
    **{name: {"type": "int" if name in NUMBERS else "bool"} for name in PORT},
}


def resources(options: Options) -> List[Resource]:
    """Return the port that ``options`` describe."""
    key = PortKey(options["netns"], interface(options["name"], "name"))
    if options["name"] == "lo":
        raise InputError("name", "lo is the loopback interface, which can be no bridge port")
    for name, (low, high) in NUMBERS.items():
        in_range(options[name], low, high, name)
    bridge = options["bridge"] and interface(options["bridge"], "bridge")
    return [Resource("port", key, given(master=bridge, **{name: options[name] for name in PORT}))]


SPEC = Spec(
    options=OPTIONS,
    required=["name"],
    kinds=[Port()],
    resources=resources,
    purges=lambda found: found.kind == "port",
)
