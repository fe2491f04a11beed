# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab on each supported ansible-core."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).absolute().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import cores


class Core:
    """A release of ansible-core, and an inventory with a lab of its own."""

    def __init__(self, version, inventory):
        self.version, self.inventory = version, inventory
        self.environment = {
            "HOME": str(inventory.parent),
            "PATH": f"{cores.home(version)}/bin:{os.environ['PATH']}:/usr/sbin:/sbin",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
        }

    def play(self, playbook, *words):
        """Run a playbook, which must succeed; return what it prints."""
        name = playbook if "/" in str(playbook) else f"nodenet.fabric.{playbook}"
        command = ["ansible-playbook", "-i", str(self.inventory), str(name), *words]
        found = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout + found.stderr
        assert "Traceback" not in found.stdout + found.stderr
        return found.stdout

    def changed(self, playbook, *words):
        """Run a playbook; return host -> how many of its tasks changed something."""
        counts = re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", self.play(playbook, *words), re.M)
        return {host: int(count) for host, count in counts}


@pytest.fixture(params=cores.available())
def core(request, tmp_path):
    """A core and a lab that runs, with nothing in it yet."""
    folder = tmp_path / f"core-{request.param}"
    shutil.copytree(ROOT / "examples" / "host-gw", folder)
    one = Core(request.param, folder)
    cores.install(request.param)
    try:
        one.play("lab_up")
        yield one
    finally:
        one.play("lab_down")
