# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs on a node what keeps the fabric over a reboot: the saved file, the program that restores it, the units that start it."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Tuple

from ..engine.errors import FabricError
from ..ownership import Ledger
from ..system import keys, pending, reconcile
from ..system.files import FILE, fsync_directory
from ..system.lock import exclusive
from ..system.programs import run_or_fail
from ..system.reconcile import File, Files
from ..system.systemd import has_systemd, is_active, is_enabled
from .program import program
from .units import ENABLED, PROGRAM, REPAIR, TEXTS, TIMER

Commands = List[List[str]]
PATHS = [PROGRAM, FILE, *TEXTS]
OPTIONS: Dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "repair": {"type": "bool", "default": False},
}


def persist(state: str, repair: bool, check: bool) -> Dict[str, Any]:
    """Keep the fabric of this node over a reboot, or no longer; return the module's result.

    :param repair: a timer restores each minute what is missing.
    :raises FabricError: the node does not run systemd, or systemctl failed.
    """
    with exclusive():  # the fabric does not change until it is saved
        found = pending.read()
        if found and found.overdue:
            from ..runner import expiry, run  # noqa: PLC0415 - as below

            expiry.expire_overdue(run.on_node)
        return persist_alone(state, repair, check, lambda *change: pending.refuse_others())


def persist_alone(
    state: str, repair: bool, check: bool, begin: Callable[[Files, Commands, Commands], None]
) -> Dict[str, Any]:
    """Do what :func:`persist` does; the lock is held.

    :param begin: called before the first change, if there is any, with the files as they are, and the commands to run before
        and after they are restored; it may raise.
    """
    present = state == "present"
    if present and not has_systemd():
        raise FabricError(
            "this node does not run systemd, which restores the fabric at boot: set fabric_persist: false"
        )
    desired, objects = _desired(repair) if present else ({}, 0)
    before = reconcile.differing(desired, PATHS)
    enabled = [path for path in TEXTS if path in desired and _is_to_enable(path, before)]
    if not check:
        if before or enabled:
            begin(reconcile.observed(PATHS), *_way_back(before, enabled))
        _apply(desired, before, enabled)
    shown = {path: file for path, file in before.items() if path != PROGRAM}
    result = {
        "changed": bool(before or enabled),
        "files": sorted(before),
        "diff": reconcile.diff(shown, desired),
    }
    return {**result, "objects": objects} if present else result


def _desired(repair):
    """Return the files, and how many objects are saved."""
    from . import snapshot  # noqa: PLC0415 - the engine, which the removal of the files need not load

    resources = list(snapshot.observed().values())
    files = {
        PROGRAM: File(program(), 0o755),
        FILE: File(snapshot.as_text(resources).encode()),
        **{path: File(text.encode()) for path, text in TEXTS.items() if repair or path != TIMER},
    }
    return files, len(resources)


def _is_to_enable(path, before):
    """Say whether a unit is not started at boot, or is not on now; a new text may have another [Install], too.

    A service that is not active is not reloaded with another.
    """
    unit = os.path.basename(path)
    is_off = path != REPAIR and not is_active(unit, or_starts=True)
    return is_off or path in before or not is_enabled(unit)


def _way_back(before: Files, enabled: List[str]) -> Tuple[Commands, Commands]:
    """Return the commands to run before the files ``before`` are restored, and after that."""
    first = [
        ["systemctl", "disable", "--now", os.path.basename(path)]
        for path in enabled
        if path in before and before[path] is None
    ]
    there = [os.path.basename(path) for path, file in before.items() if path in TEXTS and file is not None]
    again = [["systemctl", "enable", unit] for unit in there if is_enabled(unit)]
    return first, [["systemctl", "daemon-reload"], *again]


def _apply(desired: Files, before: Files, enabled: List[str]) -> None:
    """Bring files and units to what is desired; the lock is held, for which the service waits."""
    for path in reversed(TEXTS):
        if path in before and path not in desired:
            _systemctl("disable", "--now", os.path.basename(path))
    reconcile.replace(before, desired, _put)
    _note(desired)
    for path in enabled:
        _systemctl("enable", *(["--now", "--no-block"] if path != REPAIR else []), os.path.basename(path))
    for folder in ENABLED if enabled else ():
        if os.path.isdir(folder):
            fsync_directory(folder)
    folder = os.path.dirname(FILE)
    if not desired and os.path.isdir(folder) and not os.listdir(folder):
        os.rmdir(folder)


def _put(files):
    reconcile.write_all(files)
    if not TEXTS.keys().isdisjoint(files):
        _systemctl("daemon-reload")


def _note(desired):
    """Have the marks say what is saved."""
    if desired:
        from . import snapshot  # noqa: PLC0415 - as above

        snapshot.note(desired[FILE].text)
    else:
        ledger = Ledger()
        ledger.save()  # there is no saved file whose objects must not come back
        if pending.read() is None and not any(kind.startswith("wireguard") for kind, _key in ledger.marks):
            keys.drop(keys.kept(), "")


def _systemctl(*words):
    run_or_fail(["systemctl", *words])
