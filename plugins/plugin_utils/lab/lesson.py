# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault in a lab that runs: put in, kept as a note on the node that has it, and mended. The note ends with the lab."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import Any, Dict, Iterable, List, Optional

from ..faults import Broken
from ..faults.fault import EFFECTS
from .processes import Entrance, hosts_of

NOTE = "/run/nodenet-lesson.json"


class LessonError(Exception):
    """A lab cannot be broken or mended; the text is for a person."""


def noted(lab: str, nodes: Iterable[str]) -> Optional[Dict[str, Any]]:
    """Return the note of the fault that is in a lab, or None."""
    for node in nodes:
        found = _run(lab, node, ["cat", NOTE])
        if found.returncode == 0:
            return json.loads(found.stdout)
    return None


def put_in(lab: str, broken: Broken) -> None:
    """Put a fault into a lab, and a note of it on its node.

    :raises LessonError: there is no fabric, or a command fails. The node is then as it was.
    """
    if not _run(lab, broken.node, ["ip", "netns", "list"]).stdout.strip():
        raise LessonError(f"{broken.node} has no endpoints yet, and nothing to break: run nodenet.fabric.site")
    _run(lab, broken.node, ["sh", "-c", 'cat > "$0"', NOTE], json.dumps(note_of(broken)))
    for number, command in enumerate(broken.case.commands):
        found = _run(lab, broken.node, list(command))
        if found.returncode:
            undo = broken.case.undo if number else ()
            _all(lab, broken.node, [*map(list, undo), ["rm", NOTE]])
            raise LessonError(
                f"{broken.node} is not arranged as the inventory says, so that nothing was broken: run nodenet.fabric.site,"
                f" then again ({shlex.join(command)}: {found.stderr.strip()})"
            )


def mend(lab: str, note: Dict[str, Any]) -> None:
    """Undo the fault of a note, as far as nobody has done so already, and remove the note."""
    _all(lab, note["node"], [*note["undo"], ["rm", NOTE]])


def note_of(broken: Broken) -> Dict[str, Any]:
    """Return what is noted of a fault: what it is, what was done, what undoes it."""
    fault, case = broken.fault, broken.case
    return {
        "fault": fault.name,
        "title": fault.title,
        "node": broken.node,
        "notices": fault.notices,
        "lesson": fault.lesson,
        "effect": EFFECTS[fault.effect],
        "ping": fault.ping,
        "commands": [list(command) for command in case.commands],
        "undo": [list(command) for command in case.undo],
        "question": case.question._asdict(),
        "entry": {**case.entry._asdict(), "names": list(case.entry.names)},
    }


def lines_of(note: Dict[str, Any]) -> List[str]:
    """Return what a person reads of a fault when it is mended."""
    entry, question = note["entry"], note["question"]
    where = f"namespace {entry['netns']} of {entry['node']}" if entry["netns"] else entry["node"]
    port = f" {question['port']}" if question["port"] else ""
    size = f", {question['size']} bytes" if question["size"] else ""
    return [
        f"{note['title']} ({note['fault']}, on {note['node']}).",
        "It was done by:",
        *(f"  {shlex.join(command)}" for command in note["commands"]),
        f"The entry: {entry['kind']} {' '.join(entry['names'])}, in {where}.",
        f"What shows it: {question['source']} asks {question['target']} ({question['protocol']}{port}{size}):"
        f" {note['effect']}; {'a ping is still answered' if note['ping'] else 'no ping is answered'}.",
        f"What is noticed: {note['notices']}",
        f"Why: {note['lesson']}",
    ]


def _all(lab: str, node: str, commands: Iterable[List[str]]) -> None:
    """Run commands; what is done already may fail."""
    for command in commands:
        _run(lab, node, command)


def _run(lab: str, node: str, command: List[str], text: str = "") -> subprocess.CompletedProcess:
    """Run a program on a node of a lab that runs."""
    try:
        entrance = Entrance(hosts_of(lab)[node])
    except (KeyError, OSError) as missing:
        raise LessonError(f"the lab {lab} has no running node {node}: start it with nodenet.fabric.lab_up") from missing
    try:
        words = [*entrance.words(), "--", *command]
        return subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    finally:
        entrance.close()
