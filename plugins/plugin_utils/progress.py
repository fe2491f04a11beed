# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a run of site is on each node: what its phases did, which nodes failed, and how its commit ends.

The notes are on the controller, in the temporary folder of this run of Ansible: each task of each node is a process of its
own, and what one node found decides what is done on the others.
"""

from __future__ import annotations

import datetime
import getpass
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Dict, List

from .queue import all_notes, exclusively, folder, notes_of, queued_nodes
from .summary import counted

PHASES = ("expand", "switch", "contract")
HALF_WAY = "Ansible ended before all nodes were asked"
# nodes that a line names
FEW = 3
_SORT = "progress"


@dataclass
class Node:
    """What is noted of one node.

    :ivar objects: phase -> number of objects that were left to do when the run began.
    :ivar remaining: phases that have something left to do.
    :ivar commit: id, timeout and holder, as the module arrange takes them; empty: without a commit.
    :ivar touched: something may have been changed, which is to be confirmed or cancelled.
    :ivar failed: in which phase it failed, and ``reason`` why; the first failure counts.
    :ivar ended: how the commit ended on it; "doubt": nobody knows.
    :ivar last: id of the commit that ended there before this run, and how it ended.
    """

    name: str
    objects: Dict[str, int] = field(default_factory=dict)
    remaining: List[str] = field(default_factory=list)
    commit: Dict[str, Any] = field(default_factory=dict)
    touched: bool = False
    failed: str = ""
    reason: str = ""
    unreachable: bool = False
    ended: str = ""
    last: Dict[str, str] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Say whether the end of the run has something to do on it."""
        return bool(self.failed) or self.is_pending

    @property
    def is_pending(self) -> bool:
        """Say whether it may have something to confirm or to cancel."""
        return bool(self.touched and self.commit)

    def failure(self) -> str:
        """Return that it failed, and where."""
        return f"{self.name} {'was unreachable' if self.unreachable else 'failed'} in {self.failed}"


def begin(name: str) -> None:
    """Forget what an earlier run of site in the same run of Ansible noted of a node."""
    notes_of(_SORT, name).taken()


def note(name: str, **facts: Any) -> None:
    """Note ``facts`` of a node, fields of :class:`Node`."""
    notes_of(_SORT, name).add([{"name": name, **facts}])


def note_failure(name: str, phase: str, reason: object, unreachable: bool = False, **facts: Any) -> None:
    """Note that a node failed, unless it has failed before."""
    first = {} if node(name).failed else {"failed": phase, "reason": str(reason), "unreachable": unreachable}
    note(name, **first, **facts)


def node(name: str) -> Node:
    """Return what is noted of one node."""
    return _merged(name, notes_of(_SORT, name).read())


def nodes() -> Dict[str, Node]:
    """Return what is noted of each node; one that has queued tasks and not applied them failed in between."""
    found = {entries[0]["name"]: _merged(entries[0]["name"], entries) for entries in all_notes(_SORT) if entries}
    for name in queued_nodes():
        lost = found.setdefault(name, Node(name))
        if not lost.failed:
            lost.failed, lost.reason = PHASES[0], "a task failed before the node was arranged"
    return {name: found[name] for name in sorted(found)}


def failed() -> List[Node]:
    """Return the nodes that failed."""
    return [one for one in nodes().values() if one.failed]


def forget() -> None:
    """Remove all notes: the run of site has ended, and the next one in the same run of Ansible begins with none."""
    for name in os.listdir(folder()):
        if name.startswith((f"nodenet-{_SORT}-", "nodenet-declared-", "nodenet-meeting", "nodenet-commit")):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(folder(), name))


def _merged(name, entries):
    found = Node(name)
    for entry in entries:
        facts = {**entry, "touched": found.touched or entry.get("touched", False)}
        facts["objects"] = found.objects or entry.get("objects", {})
        for field_name, value in facts.items():
            setattr(found, field_name, value)
    return found


# the commit


def commit_of_run(timeout: int) -> Dict[str, Any]:
    """Return the commit of this run, as arrange takes it; its id is made once and is the same on all nodes."""
    path = os.path.join(folder(), "nodenet-commit")
    with exclusively("commit"):
        if not os.path.exists(path):
            now = datetime.datetime.now(datetime.timezone.utc)
            with open(path, "w", encoding="utf-8") as target:
                target.write(f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}")
        with open(path, encoding="utf-8") as source:
            return {"id": source.read(), "timeout": timeout, "holder": _holder()}


def _holder():
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


# what is said


def done_in(phase: str, of: Dict[str, Node]) -> str:
    """Return how much a phase is about, such as "6 objects on 2 nodes"."""
    numbers = [one.objects.get(phase, 0) for one in of.values() if one.objects.get(phase)]
    return f"{counted(sum(numbers), 'object')} on {counted(len(numbers), 'node')}" if numbers else "nothing"


def phases_line(of: Dict[str, Node]) -> str:
    """Return what all phases are about, such as "expand: 12 objects on 3 nodes; switch: 6 objects on 3 nodes"."""
    parts = [f"{phase}: {done_in(phase, of)}" for phase in PHASES if any(one.objects.get(phase) for one in of.values())]
    return "; ".join(parts) or "nothing to do"


def which(of: List[Node]) -> str:
    """Return which nodes failed, in a few words."""
    return _few([one.failure() for one in of])


def disagreements(of: Dict[str, Node]) -> List[str]:
    """Return a sentence for each earlier commit that some nodes have kept and others have undone."""
    ends: Dict[str, Dict[str, List[str]]] = {}
    for one in of.values():
        if one.last:
            kept = "kept" if one.last["ended"] == "confirmed" else "undone"
            ends.setdefault(one.last["id"], {}).setdefault(kept, []).append(one.name)
    return [
        f"the commit {name} was confirmed on {_few(found['kept'])}, and undone on {_few(found['undone'])}: its controller was lost"
        " in the last moment; this run makes them one again"
        for name, found in ends.items()
        if len(found) > 1
    ]


def _few(names):
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more


def report(of: Dict[str, Node]) -> List[str]:
    """Return the lines that a person reads at the end: what became of the commit, and on which nodes nobody knows it."""
    bad = [one for one in of.values() if one.failed]
    commits = [one.commit for one in of.values() if one.is_pending]
    ends = {end: [one.name for one in of.values() if one.ended == end] for end in ("confirmed", "cancelled", "doubt")}
    lines = []
    if not commits:
        lines.append(f"without a commit: {phases_line(of)}")
    if ends["confirmed"]:
        lines.append(f"{_named(commits)} confirmed on {counted(len(ends['confirmed']), 'node')}: {phases_line(of)}")
    if commits and not ends["confirmed"]:
        undone = len(ends["cancelled"])
        ended = f"undone on {counted(undone, 'node')}" if undone else "not confirmed"
        lines.append(f"{_named(commits)} {ended}: {which(bad) or HALF_WAY}")
    if ends["doubt"]:
        doubt, timeout = ", ".join(ends["doubt"]), commits[0]["timeout"]
        lines.append(
            f"{_named(commits)} in doubt on {doubt}: unless it is confirmed there, it is undone within {timeout} s"
        )
    return lines


def _named(commits):
    return f"commit {commits[0]['id']}"
