# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a node as plain data, with the marks, and what differs between two."""

from __future__ import annotations

import json
import os
import time

from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import Scope
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.kernel import Kernel
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.ownership import STATE_DIR, Ledger

SETTLE_SECONDS = 5.0


def _named(ref):
    """Return what stands for an object in a state: its kind and the parts of its key, as a plain tuple."""
    return repr((ref[0], tuple(ref[1])))


def read():
    """Return the node's state as plain data: every object of every namespace, ours or not, marks, and names in /run/netns."""
    kinds, ledger = by_name(), Ledger()
    kernel = Kernel(ledger)
    try:
        scope = Scope({"", *kernel.named()}, {("sysctl", ("", name)) for name in SYSCTLS})
        kernel.forget()
        found = [one for kind in kinds.values() for one in kind.observe(kernel, scope)]
    finally:
        kernel.close()
    objects = {
        _named(one.ref): [one.owner, {name: value for name, value in one.values.items() if name not in MEANINGLESS}]
        for one in found
    }
    marks = {_named(ref): mark["owner"] for ref, mark in ledger.marks.items()}
    names = sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []
    files = sorted(os.listdir(STATE_DIR)) if os.path.isdir(STATE_DIR) else []
    return json.loads(json.dumps({"objects": objects, "marks": marks, "names": names, "files": files}))


SYSCTLS = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
# the uplink has a setting of forwarding too
STAYING = {repr(("link", ("", "eth0"))), *(repr(("sysctl", ("", name))) for name in SYSCTLS)}
MEANINGLESS = {"handles", "alone"}


def differences(before, after):
    """Return what differs between two states, a line each."""
    found = []
    for part in ("objects", "marks"):
        for ref in sorted({*before[part], *after[part]}):
            if before[part].get(ref) != after[part].get(ref):
                found.append(f"{part} {ref}: {before[part].get(ref)} -> {after[part].get(ref)}")
    return found + [
        f"{part}: {before[part]} -> {after[part]}" for part in ("names", "files") if before[part] != after[part]
    ]


def taken_down(state):
    """Return a state as a teardown is to leave it: forwarding stays on, as others may rely on it by then."""
    objects = {ref: values for ref, values in state["objects"].items() if ref not in STAYING}
    return {**state, "objects": objects}


def unmarked(state):
    """Return a state without the marks."""
    return {**state, "marks": {}}


def normalised(expected, ignored=(), view=lambda state: state):
    """Return what differs from ``expected`` when the kernel has had time to end what it ends, and make what it makes.

    :param ignored: files that may be there or not: nothing can be written or removed when all fails.
    :param view: takes a state and returns what of it counts.
    """
    deadline = time.monotonic() + SETTLE_SECONDS

    def counted(state):
        return view({**state, "files": [name for name in state["files"] if name not in ignored]})

    while True:
        found = differences(counted(expected), counted(read()))
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.02)
