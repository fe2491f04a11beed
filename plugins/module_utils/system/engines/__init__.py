# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container engines of the node: their containers, the processes of these, and their versions."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Optional, Tuple

from ...engine.errors import FabricError, MissingSoftware
from ..programs import find
from ..systemd import has_systemd
from .container import Container, not_running

# What an engine cannot do without (a program in the usual folders, or a path), and the package of Debian and Ubuntu with it
SOFTWARE: Dict[str, Tuple[Tuple[str, ...], str]] = {
    "docker": (("dockerd", "/run/docker.sock"), "docker.io"),
    "podman": (("podman",), "podman"),
    "cni": (("/usr/lib/cni/bridge", "/opt/cni/bin/bridge"), "containernetworking-plugins"),
    "lxc": (("lxc-info",), "lxc"),
    "nspawn": (("machinectl",), "systemd-container"),
    "systemd": (("systemctl",), "systemd"),
}
# those that know containers by names
NAMING = ("docker", "podman", "lxc", "nspawn")
# those that answer by a daemon
DAEMONS = ("docker",)
# those that have networks, and the path without which an engine of the node has none
NETWORKING = {"docker": "/run/docker.sock", "podman": "/etc/containers/networks", "cni": "/etc/cni/net.d"}


def missing(engine: str) -> Optional[str]:
    """Return the package to install for ``engine``, a name in ``SOFTWARE``; None: it is installed."""
    ways, package = SOFTWARE[engine]
    if engine == "systemd" and not has_systemd():
        return package
    return None if any(os.path.exists(way) if way[0] == "/" else find(way) for way in ways) else package


def require(engine: str) -> None:
    """Refuse an engine that is not installed.

    :raises MissingSoftware: it names the package.
    """
    package = missing(engine)
    if package:
        raise MissingSoftware(f"{engine} is not installed on this node: apt-get install {package}")


def silent(engine: str) -> str:
    """Return why the daemon of ``engine``, which is installed, does not answer; "": it does, or there is none to ask."""
    try:
        if engine in DAEMONS:
            version(engine)
    except FabricError as failure:
        return str(failure)
    return ""


def pid_of(engine: str, name: str) -> int:
    """Return the first process of the container ``name``, whose namespaces are the container's.

    :param engine: a name in ``NAMING``.
    :raises FabricError: the engine is not installed or does not answer, there is no such container, it does not run, or it
        has no network namespace of its own.
    """
    require(engine)
    pid = _adapter(engine).pid_of(name)
    if not pid:
        raise not_running(engine, name)
    try:
        shared = os.path.samefile(f"/proc/{pid}/ns/net", "/proc/self/ns/net")
    except FileNotFoundError as failure:  # it has just ended
        raise not_running(engine, name) from failure
    if shared:
        raise FabricError(
            f"{engine} container {name!r} shares the node's own network namespace: start it with one of its own"
            " (--network none)"
        )
    return pid


def containers(engine: str, network: str) -> List[Container]:
    """Return the containers that are attached to the engine's network ``network``, by name; stopped ones, too.

    :param engine: a name in ``NETWORKING``.
    :raises FabricError: the engine is not installed or does not answer.
    """
    require(engine)
    return sorted(_adapter(engine).containers(network), key=lambda one: one.name)


def version(engine: str) -> str:
    """Return the engine's version as it says it.

    :param engine: docker (of the daemon), podman, or netavark, the program by which podman makes its networks.
    :raises FabricError: the engine is not installed or does not answer.
    """
    if engine == "netavark":
        return str(_adapter("podman").netavark())
    require(engine)
    return str(_adapter(engine).version())


def numbers(text: str) -> Tuple[int, ...]:
    """Return the numbers of a version, to compare: ``28.2.1~rc1`` gives (28, 2, 1)."""
    found = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _adapter(engine: str) -> Any:
    """Return the file for ``engine``; a run loads only the one that it asks."""
    if engine in ("lxc", "nspawn"):
        from . import machines  # noqa: PLC0415 - as below

        return machines.of(engine)
    if engine == "docker":
        from . import docker as adapter  # noqa: PLC0415 - as the docstring says
    elif engine == "podman":
        from . import podman as adapter  # type: ignore[no-redef] # noqa: PLC0415
    else:
        from . import cni as adapter  # type: ignore[no-redef] # noqa: PLC0415
    return adapter
