# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console blocks of the documentation's pages: commands after a ``$``, and lines that they print.

A comment before each block says in the lab of which example it runs (``runs in: host-gw``), or why it does not run
(``does not run: …``). Between two blocks, ``edit: …`` is a shell command for what the text asks the reader to edit.
"""

import re
from itertools import takewhile
from typing import NamedTuple

COMMENT = re.compile(r"\s*(?:\.\. |<!-- )(runs in|does not run|edit): (.*?)(?: -->)?$")
DURATION = re.compile(r"\b\d+(?:\.\d+)? ?ms\b")
BEGIN = re.compile(r"\s*(\.\. code-block:: console|```console)$")


class Command(NamedTuple):
    """A command, and what it prints: words of lines, in order; other lines may stand between."""

    line: str
    prints: tuple


class Block(NamedTuple):
    """A console block: where it is, the lab that it runs in or None, why it does not run, what is edited before."""

    place: str
    lab: str
    reason: str
    edits: tuple
    commands: tuple


def blocks(path, name):
    """Return the console blocks of a page; one without a comment has neither lab nor reason."""
    found, said, edits = [], {}, []
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        comment = COMMENT.match(line)
        if comment and comment[1] == "edit":
            edits.append(comment[2])
        elif comment:
            said[comment[1]] = comment[2]
        elif BEGIN.match(line):
            commands = _commands(_body(line, lines[number:]))
            place = f"{name}:{number}"
            found.append(Block(place, said.get("runs in"), said.get("does not run"), tuple(edits), commands))
            said, edits = {}, []
        elif line.strip():
            said = {}
    return found


def _body(begin, lines):
    """Return the lines of the block that begins with the line ``begin``."""
    outer = len(begin) - len(begin.lstrip())
    if "```" in begin:
        return [line.strip() for line in takewhile(lambda line: line.strip() != "```", lines)]
    return [
        line.strip()
        for line in takewhile(lambda line: not line.strip() or len(line) - len(line.lstrip()) > outer, lines)
    ]


def _commands(body):
    found = []
    for line in body:
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (f"{found[-1][0][:-1]}{line}", [])
        elif line and found:
            found[-1][1].append(line)
    return tuple(Command(line, tuple(prints)) for line, prints in found)


def missing(prints, printed):
    """Return the first of ``prints`` that no line of ``printed`` has, after the one before it; None: all are there.

    How long something took is another number each time, and is not compared.
    """
    lines = iter(_plain(line) for line in printed.splitlines())
    for wanted in prints:
        if not any(_plain(wanted) in line for line in lines):
            return wanted
    return None


def _plain(line):
    return DURATION.sub("N ms", " ".join(line.split()))
