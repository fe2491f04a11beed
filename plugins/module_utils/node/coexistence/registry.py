# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All managers, and their files: which are wanted, which differ, and how they are written or removed."""

from __future__ import annotations

import contextlib
import os
from typing import Dict, List, Optional, Tuple

from ...engine.errors import FabricError
from ...kernel import procfs
from ...system import programs
from ...system.files import write
from ...system.systemd import has_systemd
from .firewalls import Docker, Firewalld, Ufw
from .interfaces import Networkd, NetworkManager, Udev
from .manager import Ours
from .sysctls import ReversePath, SysctlFiles

MANAGERS = {
    "udev": Udev(),
    "networkd": Networkd(),
    "networkmanager": NetworkManager(),
    "firewalld": Firewalld(),
    "docker": Docker(),
    "ufw": Ufw(),
    "rp_filter": ReversePath(),
    "sysctl": SysctlFiles(),
}
# Reported only, not configured: Docker's and Kubernetes' rules need it.
BRIDGED = "br_netfilter passes bridged packets through the node's firewall as if they were forwarded"
BRIDGE_CALLS = "net.bridge.bridge-nf-call-iptables"


def wanted(names: List[str], ours: Ours) -> Tuple[Dict[str, str], Dict[str, str]]:
    """Return (path -> wanted content, name of each manager that is found -> how it is configured)."""
    files, configured = {}, {}
    for name in names if has_systemd() else ():  # all of their files are systemd's, or of units that it runs
        manager = MANAGERS[name]
        if manager.found():
            own = manager.files(ours)
            files.update(own)
            if own:
                configured[name] = f"{name} {manager.does}: now it {manager.answer}"
    if procfs.read("", [BRIDGE_CALLS]).get(BRIDGE_CALLS) == "1":
        configured["br_netfilter"] = BRIDGED
    return files, configured


def differing(files: Dict[str, str]) -> Dict[str, Optional[str]]:
    """Return path -> present content, or None, of each of our files that differs from ``files``."""
    every = [path for manager in MANAGERS.values() for path in manager.paths]
    there = {path: _read(path) for path in every}
    return {path: there[path] for path in every if there[path] != files.get(path)}


def apply(files: Dict[str, str], changed: Dict[str, Optional[str]]) -> None:
    """Write and remove the files in ``changed`` (from :func:`differing`), and make each manager read them.

    :raises FabricError: one of them refused; its files are restored.
    """
    for manager in MANAGERS.values():
        before = {path: changed[path] for path in manager.paths if path in changed}
        if not before:
            continue
        try:
            _set(manager, {path: files.get(path) for path in before})
        except FabricError:
            with contextlib.suppress(FabricError):  # the first failure is reported
                _set(manager, before)
            raise


def _set(manager, texts):
    """Put ``texts`` (path -> content, or None for no file) in place, and make ``manager`` read them."""
    removed = [path for path, text in texts.items() if text is None and os.path.exists(path)]
    before = {path: _read(path) for path in texts if os.path.exists(path)}
    for command in manager.before_change(before, removed):
        _run(command)
    for path, text in texts.items():
        if text is not None:
            write(path, text)
        elif path in removed:
            os.unlink(path)
    if manager.found():
        for command in manager.reload(list(texts)):
            _run(command)


def _run(command):
    found = programs.run(command)
    if found.returncode != 0:
        raise FabricError(f"{' '.join(command)}: {found.stderr.strip() or f'exit code {found.returncode}'}")


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read()
    except OSError:
        return None
