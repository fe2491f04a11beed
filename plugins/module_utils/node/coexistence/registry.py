# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All managers, and their files: which are wanted, which differ, and how they are written or removed."""

from __future__ import annotations

from functools import partial
from typing import Dict, List, Tuple

from ...kernel import procfs
from ...system import reconcile
from ...system.programs import run_or_fail
from ...system.reconcile import File, Files
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


def wanted(names: List[str], ours: Ours) -> Tuple[Files, Dict[str, str]]:
    """Return (path -> desired file, name of each manager that is found -> how it is configured)."""
    files: Files = {}
    configured = {}
    for name in names if has_systemd() else ():  # all of their files are systemd's, or of units that it runs
        manager = MANAGERS[name]
        if manager.found():
            own = manager.files(ours)
            files.update({path: File(text.encode()) for path, text in own.items()})
            if own:
                configured[name] = f"{name} {manager.does}: now it {manager.answer}"
    if procfs.read("", [BRIDGE_CALLS]).get(BRIDGE_CALLS) == "1":
        configured["br_netfilter"] = BRIDGED
    return files, configured


def widened(files: Files) -> Files:
    """Return ``files`` with all that the node's own files accept beside it: those of the fabric as it was until now.

    While a fabric changes, some nodes send the old way and some the new one.
    """
    found = dict(files)
    for manager in MANAGERS.values():
        for path, there in reconcile.observed(manager.paths).items():
            wanted = files.get(path)
            if there is not None:
                found[path] = File(manager.union(there.text, wanted.text).encode()) if wanted else there
    return found


def differing(files: Files) -> Files:
    """Return what is now at each path of ours that differs from ``files``."""
    return reconcile.differing(files, [path for manager in MANAGERS.values() for path in manager.paths])


def way_back(files: Files, changed: Files) -> Tuple[List[List[str]], List[List[str]]]:
    """Return the commands to run before the files ``changed`` are restored, and after that; nothing is written yet.

    :param files: what is to be there until then.
    """
    first: List[List[str]] = []
    last: List[List[str]] = []
    for manager in MANAGERS.values():
        paths = [path for path in manager.paths if path in changed]
        there = {path: file.text for path, file in files.items() if path in paths and file is not None}
        if paths and manager.found():
            first += manager.before_change(there, [path for path in there if changed[path] is None])
            last += manager.reload(paths)
    return first, last


def apply(files: Files, changed: Files) -> None:
    """Write and remove the files in ``changed`` (from :func:`differing`), and make each manager read them.

    :raises FabricError, OSError: one of them refused, or a file cannot be written; the manager's files are restored.
    """
    for manager in MANAGERS.values():
        before = {path: changed[path] for path in manager.paths if path in changed}
        if before:
            reconcile.replace(before, files, partial(_put, manager))


def _put(manager, files):
    """Write and remove ``files``, and make ``manager`` read them."""
    there = {path: file.text for path, file in reconcile.observed(files).items() if file is not None}
    for command in manager.before_change(there, [path for path in there if files[path] is None]):
        run_or_fail(command)
    reconcile.write_all(files)
    if manager.found():
        for command in manager.reload(list(files)):
            run_or_fail(command)
