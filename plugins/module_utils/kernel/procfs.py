# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sysctl(8) through /proc/sys: a thread in a namespace sees that namespace's /proc/sys/net."""

from __future__ import annotations

import errno
import os
import re
from functools import lru_cache
from typing import Dict, Iterable, Optional, Tuple

from . import namespaces

ROOT = "/proc/sys"


@lru_cache(maxsize=1)
def has_ipv6() -> bool:
    """Say whether the kernel has IPv6; booted with ``ipv6.disable=1`` (net/ipv6/af_inet6.c) it has no settings for it."""
    return os.path.isdir(os.path.join(ROOT, "net/ipv6/conf"))


@lru_cache(maxsize=1)
def renames_what_is_up() -> bool:
    """Say whether the kernel renames an interface that is up (dev_change_name, net/core/dev.c: since Linux 6.2)."""
    return _is_since(6, 2)


@lru_cache(maxsize=1)
def learns_no_linklocal() -> bool:
    """Say whether a bridge can be kept from learning by frames to 01:80:c2:00:00:0X (no_linklocal_learn: since Linux 5.0)."""
    return _is_since(5, 0)


def _is_since(*version):
    found = re.match(r"([0-9]+)\.([0-9]+)", os.uname().release)
    return found is not None and tuple(map(int, found.groups())) >= version


def path_of(name: str) -> str:
    """Return the file of a sysctl; the slash in ``net.ipv4.conf.eth0/1.forwarding`` is a dot in the name of a link."""
    return os.path.join(ROOT, *(part.replace("/", ".") for part in name.split(".")))


def read(netns: str, names: Iterable[str]) -> Dict[str, str]:
    """Return name -> value of those sysctls in ``netns`` that exist."""

    def body():
        with Folders() as folders:
            return {name: _read(name, folders) for name in names}

    return {name: value for name, value in namespaces.in_netns(netns, body).items() if value is not None}


class Folders:
    """Directories below /proc/sys/net of the namespace where the calling thread is, each opened once.

    All namespaces have a ``net/ipv4`` of their own in one directory, where they are compared one by one (proc_sys_compare,
    fs/proc/proc_sysctl.c): to look it up takes longer for each namespace that was visited, 0.1 ms after 500 of them.
    """

    def __init__(self) -> None:
        self._open: Dict[Tuple[str, ...], int] = {}

    def __enter__(self):
        return self

    def __exit__(self, *_failure):
        self.close()

    def close(self) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def open(self, name: str, flags: int) -> int:
        """Open the file of a sysctl; return its descriptor."""
        parts = name.split(".")
        folder, rest = tuple(parts[: min(3, len(parts) - 1)]), parts[min(3, len(parts) - 1) :]
        if folder not in self._open:
            self._open[folder] = os.open(path_of(".".join(folder)), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        path = os.path.join(*(part.replace("/", ".") for part in rest))
        return os.open(path, flags | os.O_CLOEXEC, dir_fd=self._open[folder])


def put(name: str, value: str, folders: Folders) -> None:
    """Set one sysctl in the namespace of ``folders``.

    :raises OSError: there is no such sysctl, or the kernel refuses the value.
    """
    if name.startswith("net.ipv6.") and not has_ipv6():
        raise OSError(
            errno.EAFNOSUPPORT, "this node's kernel has IPv6 switched off (ipv6.disable=1, or no CONFIG_IPV6)"
        )
    target = folders.open(name, os.O_WRONLY)
    try:
        os.write(target, value.encode("ascii"))
    finally:
        os.close(target)


def links_with(version: str, setting: str) -> Dict[str, Optional[str]]:
    """Return link -> value of its ``net.VERSION.conf.LINK.SETTING``, in the namespace of the calling thread."""
    folder = os.path.join(ROOT, "net", version, "conf")
    links = [name for name in os.listdir(folder) if name not in ("all", "default")]
    with Folders() as folders:
        return {name: _read(f"net.{version}.conf.{name.replace('.', '/')}.{setting}", folders) for name in links}


def _read(name, folders):
    try:
        with open(folders.open(name, os.O_RDONLY), encoding="ascii") as source:
            return " ".join(source.read().split())
    except OSError:
        return None
