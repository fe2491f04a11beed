# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a node that are whole after a power cut."""

from __future__ import annotations

import os

# what is ours in the kernel; see :mod:`saved`
FILE = "/etc/nodenet/fabric.json"


def write(path, content, mode=0o644):
    """Write ``content`` (text or bytes) to ``path``: after a power cut the file is the old one or the new one, whole."""
    directory = os.path.dirname(path)
    os.makedirs(directory, exist_ok=True)
    fresh = f"{path}.new"
    data = content if isinstance(content, bytes) else content.encode()
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.fchmod(handle, mode)
        with os.fdopen(handle, "wb", closefd=False) as target:
            target.write(data)
        os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(fresh, path)
    keep_names(directory)


def keep_names(directory):
    """See to it that the names in ``directory`` are on the disk, as files' content is after fsync(2)."""
    place = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
