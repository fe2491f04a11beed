# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation does what it says: each console block that can run is run, and prints what the page shows.

The commands by hand of each example, docs/site/recorded, are those of its plan; NODENET_RECORD=1 writes
them.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from itertools import groupby
from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import hosts_of
from conftest import PLAYER, ROOT, Fabric, by_hand
from console import blocks, missing
from player import PROGRAMS

SITE = ROOT / "docs" / "site"
RECORDED = SITE / "recorded"
EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir())
# what this machine's kernel may lack, and a lab's nodes share
NEEDS_MORE = {"ipip": "ipip", "wireguard": "wireguard"}


def pages():
    """Return name -> path of what readers read, the pages of examples first."""
    found = {str(path.relative_to(SITE)): path for path in sorted(SITE.rglob("*.rst"))}
    found["README.md"] = ROOT / "README.md"
    return dict(sorted(found.items(), key=lambda page: (not page[0].startswith("examples/"), page[0])))


EVERY = {name: blocks(path, name) for name, path in pages().items()}


def test_every_console_block_says_where_it_runs_or_why_it_does_not():
    unsaid = [block.place for found in EVERY.values() for block in found if bool(block.lab) == bool(block.reason)]
    assert not unsaid, "say in a comment before it: runs in: EXAMPLE, or does not run: WHY"
    assert {block.lab for found in EVERY.values() for block in found if block.lab} == set(EXAMPLES)


class Reader:
    """Someone who types what the pages say about one example, in a folder that looks like the clone's root."""

    def __init__(self, folder, example):
        self.folder, self.example = folder, example
        self.fabric = Fabric(folder / "examples" / example)
        for name in ("ansible.cfg", ".venv"):
            (folder / name).symlink_to(ROOT / name)
        self.restore()

    def restore(self):
        """Undo what was edited."""
        shutil.copytree(ROOT / "examples" / self.example, self.fabric.inventory, dirs_exist_ok=True)

    def type(self, line):
        """Run a command line and return what it prints; one with the comment "fails" must fail."""
        words = shlex.split(line, comments=True)
        program = Path(words[0]).name
        if program in PROGRAMS:
            found = PLAYER.run(words[1:], self.folder, program=program)
        else:
            found = subprocess.run(["bash", "-ec", line], cwd=self.folder, capture_output=True, text=True, check=False)
        fails = re.search(r"\s# fails\b", line) is not None
        assert (found.returncode != 0) == fails, f"{line}: {found.stdout}{found.stderr}"
        return found.stdout + found.stderr

    def read(self, block):
        """Do what a block says, and see that it prints what the page shows."""
        for edit in block.edits:
            self.type(edit)
        for command in block.commands:
            printed = self.type(command.line)
            line = missing(command.prints, printed)
            assert line is None, f"{block.place}: {command.line} does not print {line!r} there but\n{printed}"

    def lacks(self, feature):
        """Say whether the kernel of the lab lacks a sort of device."""
        node = next(iter(hosts_of(self.fabric.lab)))
        return self.fabric.inside(node, f"ip link add {feature}9 type {feature}").returncode != 0


@pytest.fixture
def reader(tmp_path):
    """Return a function that makes the reader of an example; its lab is ended."""
    made = []

    def make(example):
        made.append(Reader(tmp_path, example))
        return made[-1]

    yield make
    for one in made:
        one.fabric.end()


def recorded(example, plan):
    """Compare the commands of a plan for the first node, or write them."""
    path, commands = RECORDED / f"{example}.txt", "".join(f"{_anywhere(line)}\n" for line in plan[min(plan)])
    if os.environ.get("NODENET_RECORD"):
        path.write_text(commands, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == commands


def _anywhere(command):
    """Return a command with documentation's name server (RFC 5737): those of a service are this machine's."""
    if not command.endswith("/resolv.conf"):
        return command
    return re.sub(r"(?<=/systemd\\n).*(?=' \|)", r"nameserver 192.0.2.53\\n", command)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_pages_of_an_example_do_what_they_say(reader, example):
    one = reader(example)
    one.fabric.play("lab_up")
    lacking = one.lacks(NEEDS_MORE[example]) if example in NEEDS_MORE else False
    unasked = ["-e", json.dumps({"prepare_features": []})] if lacking else []
    recorded(example, by_hand(one.fabric.play("site", "--check", "--diff", *unasked)))
    if lacking:
        pytest.skip(f"{example}: this kernel lacks {NEEDS_MORE[example]}; its commands by hand were compared")
    mine = [(name, block) for name, found in EVERY.items() for block in found if block.lab == example]
    for number, (_name, page) in enumerate(groupby(mine, key=lambda item: item[0])):
        if number:
            one.restore()
            one.fabric.play("site")
        for _name, block in page:
            one.read(block)
