# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each supported ansible-core in a virtual environment of its own, made once and kept below .cache/cores."""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).absolute().parents[2]
# ansible-core -> minor versions of Python 3 that a controller may have ("Ansible-core support matrix", docs.ansible.com)
CORES = {
    "2.16": (10, 11, 12),
    "2.17": (10, 11, 12),
    "2.18": (11, 12, 13),
    "2.19": (11, 12, 13),
    "2.20": (12, 13, 14),
    "2.21": (12, 13, 14),
}
# pyenv's shims may lead to no interpreter: those that it has built are looked for themselves
PYENV = Path(os.environ.get("PYENV_ROOT", Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pyenv"))


def python_for(core):
    """Return an interpreter that ``core`` runs on and that can make virtual environments, or None."""
    for minor in CORES[core]:
        name = f"python3.{minor}"
        built = sorted(PYENV.glob(f"versions/3.{minor}.*/bin/{name}"))
        for candidate in [*built, shutil.which(name), "/usr/bin/python3"]:
            code = f"import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, {minor}))"
            if candidate and os.path.exists(candidate) and not _run([candidate, "-c", code]).returncode:
                return candidate
    return None


class Core:
    """A release of ansible-core, and an inventory with a lab of its own."""

    def __init__(self, version, inventory):
        self.version, self.inventory = version, inventory
        self.home = ROOT / ".cache" / "cores" / version
        self.environment = {
            "HOME": str(inventory.parent),
            "PATH": f"{self.home}/bin:{os.environ['PATH']}:/usr/sbin:/sbin",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
        }

    def install(self):
        """Make the virtual environment, unless it is there: ansible-core and nothing else, no pyroute2 in particular."""
        stamp = self.home / "installed"
        if stamp.exists():
            return
        shutil.rmtree(self.home, ignore_errors=True)
        words = ["install", "--quiet", "--disable-pip-version-check", f"ansible-core~={self.version}.0"]
        for command in ([python_for(self.version), "-m", "venv", self.home], [self.home / "bin" / "pip", *words]):
            made = _run([str(word) for word in command])
            assert made.returncode == 0, made.stdout + made.stderr
        stamp.touch()

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


def _run(words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.fixture(params=[core for core in CORES if python_for(core)])
def core(request, tmp_path):
    """A core and a lab that runs, with nothing in it yet."""
    folder = tmp_path / f"core-{request.param}"
    shutil.copytree(ROOT / "examples" / "host-gw", folder)
    one = Core(request.param, folder)
    one.install()
    try:
        one.play("lab_up")
        yield one
    finally:
        one.play("lab_down")
