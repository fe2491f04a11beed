# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets that the playbook may remove are those that its roles make, and no others."""

import re
from pathlib import Path

from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import OWNERS

ROLES = Path(__file__).parents[4] / "roles"


def test_the_playbook_knows_the_sets_of_its_roles():
    tasks = [path.read_text(encoding="utf-8") for path in ROLES.glob("*/tasks/*.yml")]
    assert {owner for text in tasks for owner in re.findall(r"^ +(?:- )?owner: (\w+)", text, re.M)} | {
        "prepare"
    } == set(OWNERS)
