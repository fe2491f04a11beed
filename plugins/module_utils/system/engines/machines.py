# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LXC and systemd-nspawn, whose containers use a bridge by their own configuration (lxc-info(1), machinectl(1))."""

from __future__ import annotations

from typing import NamedTuple

from ...engine.errors import FabricError
from ..programs import run
from .container import no_container


class Machines(NamedTuple):
    """Asks one program.

    :param engine: its name.
    :param command: the words before the container's name.
    :param rest: those after it.
    :param unknown: what the program prints if there is no such container.
    """

    engine: str
    command: tuple
    rest: tuple
    unknown: tuple

    def pid_of(self, name: str) -> int:
        """Return the first process of a container, 0: it does not run."""
        if name.startswith("-") or not name:
            raise no_container(self.engine, name)
        found = run([*self.command, name, *self.rest])
        words = found.stdout.split()
        if found.returncode == 0 and words and words[0].isdigit():
            return int(words[0])
        problem = found.stderr.strip()
        if any(words in problem for words in self.unknown):
            raise no_container(self.engine, name)
        if found.returncode == 0 or not problem:
            return 0
        raise FabricError(f"{self.command[0]}: {problem}")


def of(engine: str) -> Machines:
    """Return what asks ``engine``: lxc or nspawn."""
    if engine == "lxc":
        return Machines(engine, ("lxc-info", "-p", "-H", "-n"), (), ("doesn't exist",))
    return Machines(engine, ("machinectl", "show", "-p", "Leader", "--value"), (), ("No machine", "No such machine"))
