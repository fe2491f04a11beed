# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Podman, which has no daemon: its program says what there is (podman-inspect(1), podman-ps(1))."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional

from ...engine.errors import FabricError, MissingSoftware
from ..programs import find, run
from .container import Container, no_container

# where podman looks for its helpers (containers.conf(5), helper_binaries_dir)
HELPERS = ("/usr/local/libexec/podman", "/usr/local/lib/podman", "/usr/libexec/podman", "/usr/lib/podman")


def ask(*words: str) -> str:
    """Return what podman prints.

    :raises FabricError: it failed.
    """
    found = run(["podman", *words])
    if found.returncode != 0:
        raise FabricError(f"podman {words[0]}: {_problem(found)}")
    return found.stdout


def _problem(found):
    return found.stderr.strip().replace("\n", "; ") or f"exit code {found.returncode}"


def inspect(names: List[str]) -> List[Dict[str, Any]]:
    """Return what podman says of containers by their names or ids, without those that do not exist."""
    if not names:
        return []
    found = run(["podman", "container", "inspect", *names])
    try:
        listed = json.loads(found.stdout)
    except ValueError:
        listed = None
    # one that is missing makes it fail, after it has printed the others
    if listed is None or (found.returncode != 0 and "no such container" not in found.stderr):
        raise FabricError(f"podman inspect: {_problem(found)}")
    return listed


def pid_of(name: str) -> int:
    """Return the first process of a container, 0: it does not run."""
    found = inspect([name])
    if not found:
        raise no_container("podman", name)
    return int(found[0]["State"]["Pid"] or 0)


def containers(network: str) -> List[Container]:
    """Return the containers on a network, also stopped ones, which name it when they start."""
    listed = json.loads(ask("ps", "--all", "--format", "json") or "null") or []
    names = [one["Id"] for one in listed if network in (one.get("Networks") or [])]
    return [_container(one, network) for one in inspect(names)]


def _container(found, network):
    place = ((found.get("NetworkSettings") or {}).get("Networks") or {}).get(network) or {}
    addresses = tuple(filter(None, (place.get("IPAddress"), place.get("GlobalIPv6Address"))))
    return Container("podman", found["Name"], found["Id"], int(found["State"]["Pid"] or 0), addresses)


def version() -> str:
    """Return podman's version."""
    return ask("--version").split()[-1]


def netavark() -> str:
    """Return the version of netavark, by which podman makes its networks."""
    path = helper("netavark")
    if path is None:
        raise MissingSoftware("netavark, by which podman makes networks, is not installed: apt-get install netavark")
    return run([path, "--version"]).stdout.split()[-1]


def helper(name: str) -> Optional[str]:
    """Return the path of one of podman's helpers, or None."""
    paths = [f"{folder}/{name}" for folder in HELPERS if os.access(f"{folder}/{name}", os.X_OK)]
    return paths[0] if paths else find(name)
