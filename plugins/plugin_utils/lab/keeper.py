# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper of a lab: the first process of a sandbox in which the lab's hosts are namespaces.

It is started with ``nodenet-lab LAB keeper DIGEST`` as its last arguments and the topology as JSON on its standard input,
and answers one line of JSON: ``{"ready": true}`` or ``{"error": "..."}``. When it ends, however it ends, the kernel ends
everything in its PID namespace, and with the last process go the networks and the mounts.
"""

from __future__ import annotations

import json
import os
import sys

from ...module_utils.engine.errors import FabricError
from . import underlay
from .processes import MARK
from .sandbox import STAY_UNTIL_TOLD, Refused, become, leave_machine, own_mounts, start_host


def main():
    """Make the lab and keep it."""
    lab, role, digest = sys.argv[sys.argv.index(MARK) + 1 :]
    topology = json.load(sys.stdin)
    ordinary = os.geteuid() != 0
    try:
        leave_machine()
        if os.fork():  # the first process of a PID namespace is a child of the one that asked for it
            return
        os.setsid()
        own_mounts()
        underlay.make(topology, {name: start_host(lab, name, ordinary) for name in topology["hosts"]})
    except Exception as failure:  # reported to the one who started us; nothing is left when we end
        _answer(error=_sentence(failure))
        sys.exit(1)
    _answer(ready=True)
    become(STAY_UNTIL_TOLD, lab, role, digest)


def _sentence(failure):
    if isinstance(failure, (FabricError, Refused)):
        return str(failure)
    if isinstance(failure, OSError):
        return failure.strerror
    return f"{type(failure).__name__}: {failure}"


def _answer(**words):
    """Tell the one who started us; should there be nobody any more, we end."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
