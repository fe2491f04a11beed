# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cuts a controller off: each is done to a lab at one moment of a run, and healed later."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from ssh_lab import CONTROLLER, LOGIN_PORT, SSH_PORT, port_of

TABLE = "cut"
DROP = f"""nft -f - <<'END'
table inet {TABLE} {{
    chain in {{ type filter hook prerouting priority -400; tcp dport {LOGIN_PORT} drop; }}
    chain out {{ type filter hook output priority -400; tcp sport {SSH_PORT} drop; }}
}}
END"""


class Kill:
    """SIGKILL to the first process of ansible-playbook: its workers go on for as long as they can."""

    name, ends_run = "kill", True

    def cut(self, lab, run, node):
        self._started = run.processes()
        self._kill(self._started[:1])

    def heal(self, lab, node):
        pass

    def is_over(self):
        """Say whether nothing of the run is left that could still change a node."""
        return not any(_is_worker(pid) for pid in self._started)

    @staticmethod
    def _kill(pids):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class KillAll(Kill):
    """SIGKILL to ansible-playbook with all of its workers and their ssh."""

    name = "kill all"

    def cut(self, lab, run, node):
        self._started = run.processes()
        self._kill(self._started)


class Uplink:
    """A cable is pulled: the carrier of the node's interface goes."""

    name, ends_run = "uplink", False

    def cut(self, lab, run, node):
        lab.on_segment(["ip", "link", "set", port_of(node), "down"])

    def heal(self, lab, node):
        lab.on_segment(["ip", "link", "set", port_of(node), "up"])

    def is_over(self):
        return True


class ControllersUplink(Uplink):
    """The controller's own cable is pulled: no node is reached."""

    name = "controller's uplink"

    def cut(self, lab, run, node):
        super().cut(lab, run, CONTROLLER)

    def heal(self, lab, node):
        super().heal(lab, CONTROLLER)


class Drop(Uplink):
    """A rule drops what belongs to the node's SSH connections."""

    name = "drop"

    def cut(self, lab, run, node):
        lab.on(node, DROP)

    def heal(self, lab, node):
        lab.on(node, f"nft delete table inet {TABLE}")


class DropAll(Uplink):
    """The same on all nodes, as a rule that all of them get."""

    name = "drop on all"

    def cut(self, lab, run, node):
        lab.each(lambda one: lab.on(one, DROP))

    def heal(self, lab, node):
        lab.each(lambda one: lab.on(one, f"nft delete table inet {TABLE}"))


class Nothing(Uplink):
    """The change itself cuts."""

    name = "change"

    def cut(self, lab, run, node):
        pass

    def heal(self, lab, node):
        pass


CUTS = {sort.name: sort for sort in (Kill, KillAll, Uplink, ControllersUplink, Drop, DropAll)}


def _is_worker(pid):
    """Say whether a process runs that is no more than a connection kept open (ControlPersist)."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z" and not words.startswith(b"ssh: ")
