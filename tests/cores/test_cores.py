# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks and single modules on every ansible-core that meta/runtime.yml names, without pyroute2."""

from pathlib import Path

import pytest
from cores import available, without_python

MODULES = Path(__file__).with_name("modules.yml")


def test_an_example_and_single_modules_on_each_core(core):
    assert core.changed("site", "--check") == {"vm1": 1, "vm2": 1}
    assert core.changed("site") == {"vm1": 1, "vm2": 1}
    assert core.changed("site") == {"vm1": 0, "vm2": 0}
    assert "12 of 12 pairs answer" in core.play("verify")
    assert core.changed(MODULES) == {"vm1": 2}
    assert core.changed(MODULES) == {"vm1": 0}


def test_there_is_a_python_for_each_core():
    assert available()
    if without_python():
        pytest.skip("this machine has no Python for ansible-core " + ", ".join(without_python()))
