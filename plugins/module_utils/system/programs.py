# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that starts programs of the node, for modules and for the program that restores the fabric at boot."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import List, Optional

from ..engine.errors import FabricError

# with the folders that a non-login shell of an ordinary user leaves out
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def run(words: List[str], text: str = "", own_session: bool = False) -> subprocess.CompletedProcess:
    """Run a program in the calling thread's namespaces, in the locale C; return its status and what it printed.

    AnsibleModule.run_command will not do: at boot there is no Ansible on the node; and it writes all of the input before it
    reads, so that a program that answers meanwhile blocks it for ever.

    :param words: the program and its arguments; no shell looks into them.
    :param text: what the program reads from its standard input.
    :param own_session: no signal to this process's session or group reaches it (setsid(2)).
    :returns: with text in ``stdout`` and ``stderr``.
    :raises OSError: it cannot be started.
    """
    return subprocess.run(  # pylint: disable=ansible-bad-function
        words,
        input=text,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        start_new_session=own_session,
        env={**os.environ, "PATH": PATH, "LC_ALL": "C"},
    )


def run_detached(words: List[str]) -> None:
    """Start a program that outlives this one and its connection: in a session of its own, a child of the first process.

    :raises FabricError: it cannot be started.
    """
    run_or_fail(["/bin/sh", "-c", 'cd / && "$@" </dev/null >/dev/null 2>&1 &', "sh", *words], own_session=True)


def run_or_fail(words: List[str], own_session: bool = False) -> None:
    """Run a program that is to succeed.

    :raises FabricError: it did not.
    """
    found = run(words, own_session=own_session)
    if found.returncode != 0:
        raise FabricError(f"{' '.join(words)}: {found.stderr.strip() or f'exit code {found.returncode}'}")


def find(name: str) -> Optional[str]:
    """Return the path of the program ``name``, or None."""
    return shutil.which(name, path=PATH)
