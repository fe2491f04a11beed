# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a node: what ``sysctl --system`` reads, and what says whence Ansible came."""

from __future__ import annotations

import glob
import os

from .facts import Setting

# sysctl.d(5): of one name the first of these counts, and all are read in the order of their names
FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
LAST = "/etc/sysctl.conf"  # sysctl(8), --system


def settings(folders=FOLDERS, last=LAST):
    """Return the Settings of all files, in the order in which they are read."""
    paths = {}
    for folder in folders:
        for path in glob.glob(f"{folder}/*.conf"):
            paths.setdefault(os.path.basename(path), path)
    return [setting for path in [*(paths[name] for name in sorted(paths)), last] for setting in _settings(path)]


def _settings(path):
    for words in lines(path, skip=0, split="="):
        name = words[0].strip()
        if len(words) == 2 and name and name[0] not in "#;":
            yield Setting(path, name, " ".join(words[1].split()))


def came_from(pid=None, proc="/proc"):
    """Return (address, port of SSH here) of the connection that this process stands on, or None.

    sudo(8) hands SSH_CONNECTION (ssh(1)) on to nobody; the processes above it have it.
    """
    pid = pid or os.getpid()
    while pid > 1:
        try:
            with open(f"{proc}/{pid}/environ", "rb") as source:
                variables = dict(part.partition(b"=")[::2] for part in source.read().split(b"\0"))
            with open(f"{proc}/{pid}/stat", encoding="utf-8", errors="replace") as source:
                above = int(source.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return None
        words = variables.get(b"SSH_CONNECTION", b"").decode(errors="replace").split()
        # sshd of another stream than a socket (ProxyCommand, sshd -i) has no addresses to say: get_peer_ipaddr, canohost.c
        if len(words) == 4 and words[3].isdecimal() and words[0] != "UNKNOWN":
            return words[0].partition("%")[0], int(words[3])
        pid = above
    return None


def lines(path, skip=1, split=None):
    """Return the words of each line of a file, without the first ``skip`` lines; none where there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return [line.split(split, 1 if split else -1) for line in source.read().splitlines()[skip:]]
    except OSError:
        return []
