# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module vxlan_fdb mean: forwarding entries."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds.fdb import ZERO, Fdb, key_of
from ..kinds.fields import address, given, interface, mac
from .spec import Options, Spec

OPTIONS = {"mac": {"type": "str"}, "dev": {"type": "str"}, "dst": {"type": "str"}}


def resources(options: Options) -> List[Resource]:
    """Return the entry that ``options`` describe."""
    found = ZERO if options["mac"].strip() == ZERO else mac(options["mac"], "mac")
    if not options["dev"]:
        raise InputError("dev", f"required: the VXLAN device that holds the entry for {found}")
    if not options["dst"] and (options["state"] == "present" or found == ZERO):
        raise InputError("dst", f"required: the underlay address of the node that has {found}")
    dst = options["dst"] and address(options["dst"], "dst")
    key = key_of(options["netns"], interface(options["dev"], "dev"), found, dst)
    return [Resource("fdb", key, given(dst=dst or None))]


SPEC = Spec(
    options=OPTIONS,
    required=["mac", "dev"],
    kinds=[Fdb()],
    resources=resources,
    purges=lambda found: found.kind == "fdb",
)
