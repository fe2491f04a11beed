# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of one task that docs/architecture.md has is what happens."""

import re
from pathlib import Path

import yaml

PAGE = Path(__file__).absolute().parents[2] / "docs" / "architecture.md"


def test_the_story_of_one_task_is_true(node):
    story = PAGE.read_text(encoding="utf-8").partition("## The story of one task")[2]
    ((task, options),) = yaml.safe_load(re.search(r"```yaml\n(.*?)```", story, re.S)[1])[0].items()
    reason, *commands = re.search(r"```console\n# (.*?)\n```", story, re.S)[1].splitlines()
    node.task("bridge", name=options["dev"])
    node.task("address", dev=options["dev"], address=options["address"])
    node.task("route", prefix="10.9.0.0/24", via="192.168.32.1", dev=options["dev"])
    node.task("neighbor", dev=options["dev"], address="192.168.32.9", mac="02:00:00:00:00:09")
    before = node.snapshot()
    found = node.task(task.rpartition(".")[2], _check=True, **options)
    assert found["commands"] == commands and found["reasons"] == [reason] and node.snapshot() == before
    assert node.task(task.rpartition(".")[2], **options)["commands"] == commands
    assert not node.task(task.rpartition(".")[2], **options)["changed"]
