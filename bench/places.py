# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are, and the environment that Ansible finds them by."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent
COLLECTIONS = ROOT / ".venv" / "collections"
# community.general, for the Ansible that people write today
COMMUNITY = ROOT / ".cache" / "bench" / "collections"
CNI = "/usr/lib/cni"
# of a sandbox: everything that a contestant writes
SCRATCH = "/run/bench"

ANSIBLE = {
    "HOME": SCRATCH,
    "ANSIBLE_HOME": f"{SCRATCH}/.ansible",
    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    "ANSIBLE_COLLECTIONS_PATH": f"{COLLECTIONS}:{COMMUNITY}",
    "ANSIBLE_LOCALHOST_WARNING": "false",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "",  # with it Python reads a module byte by byte, which few users ask for
}
PLAYBOOK = str(Path(sys.executable).parent / "ansible-playbook")


def add_programs():
    """Let the network's programs be found where an ordinary user's PATH does not look."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
