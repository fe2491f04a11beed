# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module netns mean: namespaces."""

from __future__ import annotations

from typing import List, Optional

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds import netns_process
from ..kinds.fields import given, netns_name
from ..kinds.netns import Netns, NetnsKey
from ..system.engines import NAMING
from .spec import Options, Spec

OPTIONS = {
    "name": {"type": "str"},
    "lo": {"type": "bool", "default": True},
    "ipv6": {"type": "bool"},
    "inherit": {"type": "bool"},
    "pid": {"type": "int"},
    "container": {
        "type": "dict",
        "options": {
            "engine": {"type": "str", "choices": list(NAMING), "required": True},
            "name": {"type": "str", "required": True},
        },
    },
}


def resources(options: Options) -> List[Resource]:
    """Return the namespace that ``options`` describe."""
    key = NetnsKey(netns_name(options["name"], "name"))
    if options["state"] == "absent":
        return [Resource("netns", key)]  # nobody need run
    return [described(options)[0].merged(given(process=_process(options)))]


def described(options: Options) -> List[Resource]:
    """Return the namespace that ``options`` describe, whatever process or container it is of."""
    key = NetnsKey(netns_name(options["name"], "name"))
    return [Resource("netns", key, given(lo=options["lo"], ipv6=options["ipv6"], inherit=options["inherit"]))]


def _process(options: Options) -> Optional[str]:
    """Return whose namespace it is, as :mod:`netns_process` writes it down; None: it is one of its own."""
    pid, container = options["pid"], options["container"]
    if pid is not None and container:
        raise InputError("pid", "container names a namespace, too: leave one of them out")
    if container:
        return netns_process.of_container(container["engine"], container["name"])
    return None if pid is None else netns_process.of_pid(pid)


SPEC = Spec(
    options=OPTIONS,
    required=["name"],
    kinds=[Netns()],
    resources=resources,
    described=described,
    purges=lambda found: found.kind == "netns",
    netns=False,
)
