# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the node: the one place that starts them, in a module and in the program that restores the fabric at boot."""

from __future__ import annotations

import os
import shutil
import subprocess

# Those that a non-login shell of an ordinary user leaves out.
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def run(words, text=""):
    """Run a program in the calling thread's namespaces, in the locale C; return its status and what it printed.

    It is not AnsibleModule.run_command, as at boot there is no Ansible on the node, and because that one writes all of the
    input before it reads: a program that answers meanwhile blocks it for ever.

    :param words: the program and its arguments; no shell looks into them.
    :param text: what the program reads from its standard input.
    :rtype: subprocess.CompletedProcess, with text in ``stdout`` and ``stderr``.
    :raises OSError: it cannot be started.
    """
    return subprocess.run(  # pylint: disable=ansible-bad-function
        words,
        input=text,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        env={**os.environ, "PATH": PATH, "LC_ALL": "C"},
    )


def find(name):
    """Return the path of the program ``name``, or None."""
    return shutil.which(name, path=PATH)
