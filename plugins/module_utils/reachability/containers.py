# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running containers on a network of the node's engines, to ask and to be asked."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List

from ..engine.errors import FabricError
from ..system import engines

# those that tell the processes of their containers, and so the namespaces
TELLING = ("docker", "podman")
NETWORK = "fabric"


def running(names: Iterable[str], network: str = NETWORK) -> Dict[str, Any]:
    """Return ``containers``, the running ones on ``network``, and ``engines``: engine -> "", or why it could not be asked.

    :param names: engines; those that do not tell their containers' processes, and those that are not installed, are left out.
    """
    found: List[Dict[str, Any]] = []
    asked: Dict[str, str] = {}
    for name in dict.fromkeys(names):
        if name not in TELLING or engines.missing(name):
            continue
        asked[name] = ""
        try:
            there = engines.containers(name, network)
        except FabricError as failure:
            asked[name] = str(failure)
            continue
        found += [
            {"engine": name, "name": one.name, "pid": one.pid, "addresses": list(one.addresses)}
            for one in there
            if one.pid
        ]
    return {"containers": found, "engines": asked}
