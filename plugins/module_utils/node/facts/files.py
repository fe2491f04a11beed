# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a node: those that ``sysctl --system`` reads, and the source of Ansible's SSH connection."""

from __future__ import annotations

import fnmatch
import glob
import os
from typing import Iterator, List, Optional, Sequence, Tuple

from .model import Setting

# sysctl.d(5): of two files with one name the first folder's counts; files are read in the order of their names
FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
LAST = "/etc/sysctl.conf"  # sysctl(8), --system
OURS_LAST = "99-zzz-nodenet-fabric.conf"  # a file of ours that is read after those of others


def sysctl_settings(folders: Sequence[str] = FOLDERS, last: str = LAST) -> List[Setting]:
    """Return the Settings of all files, in the order in which they are read."""
    paths = {}
    for folder in folders:
        for path in glob.glob(f"{folder}/*.conf"):
            paths.setdefault(os.path.basename(path), path)
    return [setting for path in [*(paths[name] for name in sorted(paths)), last] for setting in _settings(path)]


def _settings(path: str) -> Iterator[Setting]:
    for words in lines(path, skip=0, split="="):
        name = words[0].strip()
        if len(words) == 2 and name and name[0] not in "#;":
            yield Setting(path, name, " ".join(words[1].split()))


def undoing(settings: Sequence[Setting], name: str, value: str) -> List[Setting]:
    """Return those of ``settings`` that leave ``name`` at another value than ``value``."""
    last = [setting for setting in settings if _is_about(setting.name, name)]
    return [setting for setting in last[-1:] if setting.value != value]


def _is_about(written, name):
    """Say whether the name in a file matches the sysctl ``name``; sysctl.d(5) writes dots or slashes, and patterns."""
    same = {"net.ipv4.conf.all.forwarding": "net.ipv4.ip_forward"}
    plain = written.lstrip("-").replace("/", ".")
    return fnmatch.fnmatchcase(name, same.get(plain, plain))


def ssh_ends(pid: Optional[int] = None, proc: str = "/proc") -> Optional[Tuple[str, str, int]]:
    """Return (address of the client, address of this node, its port) of the SSH connection that started this process, or None.

    sudo(8) removes SSH_CONNECTION (ssh(1)); the processes above it still have it.
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
        # sshd on a stream that is no socket (ProxyCommand, sshd -i) writes UNKNOWN: get_peer_ipaddr, canohost.c
        if len(words) == 4 and words[3].isdecimal() and words[0] != "UNKNOWN":
            return words[0].partition("%")[0], words[2].partition("%")[0], int(words[3])
        pid = above
    return None


def lines(path: str, skip: int = 1, split: Optional[str] = None) -> List[List[str]]:
    """Return the words of each line of a file after the first ``skip`` lines; [] if there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return [line.split(split, 1 if split else -1) for line in source.read().splitlines()[skip:]]
    except OSError:
        return []
