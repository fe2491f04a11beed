# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a node: whole after a power cut, with the mode that is meant, and written through no link that somebody planted."""

from __future__ import annotations

import os
from contextlib import suppress

# what is ours in the kernel; see :mod:`saved`
FILE = "/etc/nodenet/fabric.json"


def write(path, content, mode=0o644, durable=True):
    """Write ``content`` (text or bytes) to ``path``: whoever reads it finds the old file or the new one, whole.

    The mode does not depend on the umask. What is found under the name of the new file (a link that somebody planted, what a
    killed run left) is removed, not followed.

    :param durable: the same holds after a power cut.
    """
    directory = os.path.dirname(path)
    make_directory(directory)
    fresh = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(fresh)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        try:
            os.fchmod(handle, mode)
            _write_all(handle, content if isinstance(content, bytes) else content.encode())
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(fresh, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(fresh)
        raise
    if durable:
        fsync_directory(directory)


def _write_all(handle, data):
    while data:
        data = data[os.write(handle, data) :]


def make_directory(path, mode=0o755):
    """Make the folder ``path`` where there is none, with that mode whatever the umask."""
    if os.path.isdir(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with suppress(FileExistsError):
        os.mkdir(path, mode)
        os.chmod(path, mode)


def fsync_directory(directory):
    """See to it that the names in ``directory`` are on the disk, as files' content is after fsync(2)."""
    place = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
