# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files written atomically: whole after a power cut, with their mode, and not through a symbolic link."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Union

# the saved fabric, see :mod:`persistence.snapshot`
FILE = "/etc/nodenet/fabric.json"


def write(path: str, content: Union[str, bytes], mode: int = 0o644, durable: bool = True) -> None:
    """Write ``content`` to ``path``: a reader finds the old file or the new one, whole.

    The mode does not depend on the umask. A file or symbolic link under the name of the temporary file is removed, not followed.

    :param durable: this holds after a power cut, too.
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


def make_directory(path: str, mode: int = 0o755) -> None:
    """Make the folder ``path`` if there is none, with that mode whatever the umask."""
    if os.path.isdir(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with suppress(FileExistsError):
        os.mkdir(path, mode)
        os.chmod(path, mode)


def fsync_directory(directory: str) -> None:
    """Write the names in ``directory`` to the disk (fsync(2))."""
    place = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def saved_text() -> str:
    """Return the text of the saved fabric, "" if there is none."""
    try:
        with open(FILE, encoding="utf-8") as source:
            return source.read()
    except FileNotFoundError:
        return ""
