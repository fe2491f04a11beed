# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the fabric over a reboot: the saved file, the program that restores it, and the units that call it."""

from __future__ import annotations

import os

from ..engine.errors import FabricError
from ..ownership import Ledger
from ..system.files import FILE, fsync_directory, write
from ..system.programs import run
from ..system.systemd import is_active, is_enabled
from .program import program

PROGRAM = "/usr/local/sbin/nodenet-fabric"
UNITS = "/etc/systemd/system/"
SERVICE, REPAIR, TIMER = "nodenet-fabric.service", "nodenet-fabric-repair.service", "nodenet-fabric-repair.timer"
# where systemctl notes what is enabled
WANTED = [
    f"{UNITS}{unit}.wants"
    for unit in (
        "multi-user.target",
        "network-online.target",
        "nftables.service",
        "networking.service",
        "timers.target",
    )
]
UNIT = f"""\
# Written by nodenet.fabric.persist
[Unit]
Description=Restore the fabric of this node
Documentation=https://github.com/nodenet/fabric
# the underlay has its addresses, and what waits for the network does not run yet
Wants=network.target
After=network.target systemd-networkd-wait-online.service NetworkManager-wait-online.service networking.service
Before=network-online.target
# its file begins with 'flush ruleset'; of its start see {REPAIR}
After=nftables.service
ReloadPropagatedFrom=nftables.service
ConditionPathExists={FILE}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={PROGRAM} restore
ExecReload={PROGRAM} restore
# what waits for an uplink that comes late, or for a cable
Restart=on-failure
RestartSec=5
# something changed since the file was saved: to try again changes nothing
SuccessExitStatus=3

[Install]
WantedBy=multi-user.target network-online.target
"""
REPAIR_UNIT = f"""\
# Written by nodenet.fabric.persist
[Unit]
Description=Restore what is missing of the fabric of this node
After={SERVICE}
# whenever they start: the file of nftables begins with 'flush ruleset', and with the address of an uplink that ifupdown
# (networking) takes and gives back go its routes
After=nftables.service networking.service
ConditionPathExists={FILE}
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart={PROGRAM} restore
# something changed since the file was saved: a run of the playbook is about to save it, or was cut off before it could;
# something waits for the uplink
SuccessExitStatus=3 4

[Install]
WantedBy=nftables.service networking.service
"""
TIMER_UNIT = """\
# Written by nodenet.fabric.persist
[Unit]
Description=Look each minute whether something of the fabric is missing

[Timer]
OnActiveSec=30s
OnUnitActiveSec=60s
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


class Persistence:
    """The files of one node, and the units that are switched on."""

    def __init__(self):
        self.count = 0

    def wanted(self, repair):
        """Return path -> (content, mode) of what is to be there; the lock is held until :meth:`apply` is done."""
        from . import snapshot  # noqa: PLC0415 - the engine, which those who take the files away need not load

        resources = list(snapshot.observed().values())
        self.count = len(resources)
        wanted = {
            PROGRAM: (program(), 0o755),
            FILE: (snapshot.as_text(resources).encode(), 0o644),
            UNITS + SERVICE: (UNIT.encode(), 0o644),
            UNITS + REPAIR: (REPAIR_UNIT.encode(), 0o644),
        }
        return {**wanted, UNITS + TIMER: (TIMER_UNIT.encode(), 0o644)} if repair else wanted

    def differing(self, wanted):
        """Return those of our files that are not as ``wanted`` says, path -> what is there or None."""
        every = [PROGRAM, FILE, UNITS + SERVICE, UNITS + REPAIR, UNITS + TIMER]
        there = {path: _read(path) for path in every}
        return {path: there[path] for path in every if there[path] != wanted.get(path, (None,))[0]}

    def apply(self, wanted, differing, check):
        """Bring files and units to what is wanted; return whether something changes."""
        units = SERVICE, REPAIR, TIMER
        off = [unit for unit in reversed(units) if UNITS + unit not in wanted and UNITS + unit in differing]
        on = [unit for unit in units if UNITS + unit in wanted and self._is_to_enable(unit, differing)]
        if not check:
            for unit in off:
                self._systemctl("disable", "--now", unit)
            for path in differing:
                if path in wanted:
                    write(path, *wanted[path])
                else:
                    os.unlink(path)
            self._note(wanted)
            if any(path.startswith(UNITS) for path in differing):
                self._systemctl("daemon-reload")
            for unit in on:  # the service waits for the lock, which is held until this is done
                self._systemctl("enable", *(["--now", "--no-block"] if unit != REPAIR else []), unit)
            for folder in WANTED if on else ():
                if os.path.isdir(folder):
                    fsync_directory(folder)
            if not wanted and os.path.isdir(os.path.dirname(FILE)) and not os.listdir(os.path.dirname(FILE)):
                os.rmdir(os.path.dirname(FILE))
        return bool(differing or on)

    @staticmethod
    def _note(wanted):
        """Have the marks say what is saved."""
        if wanted:
            from . import snapshot  # noqa: PLC0415 - as above

            snapshot.note(wanted[FILE][0].decode())
        else:
            Ledger().save()  # that nothing of a saved file must come back need not be known any more

    @staticmethod
    def _is_to_enable(unit, differing):
        """Say whether a unit is not started at boot, or is not on now; of a new text [Install] may be new, too.

        A service that is not active is not reloaded with another.
        """
        is_off = unit != REPAIR and not is_active(unit, or_starts=True)
        return is_off or UNITS + unit in differing or not is_enabled(unit)

    @staticmethod
    def _systemctl(*words):
        found = run(["systemctl", *words])
        if found.returncode != 0:
            raise FabricError(f"systemctl {' '.join(words)}: {found.stderr.strip()}")

    @staticmethod
    def diff(differing, wanted):
        """Return before and after of the files that a person reads."""
        found = []
        for path, before in differing.items():
            after = wanted.get(path, (None,))[0]
            if path != PROGRAM:
                found.append(
                    {"before_header": path, "after_header": path, "before": _text(before), "after": _text(after)}
                )
        return found


def _read(path):
    try:
        with open(path, "rb") as source:
            return source.read()
    except FileNotFoundError:
        return None


def _text(content):
    return (content or b"").decode("utf-8", "replace")
