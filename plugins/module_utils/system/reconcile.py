# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a node, reconciled: which differ from what is desired, and written or removed, or restored if that fails.

Files are path -> :class:`File`, or None where there is none.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional

from ..engine.errors import FabricError
from .files import write


class File(NamedTuple):
    """The content of a file, and its mode."""

    content: bytes
    mode: int = 0o644

    @property
    def text(self) -> str:
        """Return the content for a person to read."""
        return self.content.decode("utf-8", "replace")


Files = Dict[str, Optional[File]]


def observed(paths: Iterable[str]) -> Files:
    """Return what is at ``paths`` now; what cannot be read (below a folder of others) counts as no file."""
    return {path: _read(path) for path in paths}


def _read(path):
    try:
        with open(path, "rb") as source:
            return File(source.read(), stat.S_IMODE(os.fstat(source.fileno()).st_mode))
    except OSError:
        return None


def differing(desired: Files, paths: Iterable[str]) -> Files:
    """Return what is now at those of ``paths`` whose content is not as ``desired``, which lacks what is to be no file."""
    return {path: there for path, there in observed(paths).items() if _content(there) != _content(desired.get(path))}


def _content(file):
    return None if file is None else file.content


def diff(before: Files, desired: Files) -> List[Dict[str, str]]:
    """Return what Ansible shows with ``--diff`` of the files ``before``."""
    return [
        {"before_header": path, "after_header": path, "before": _text(there), "after": _text(desired.get(path))}
        for path, there in before.items()
    ]


def _text(file):
    return "" if file is None else file.text


def replace(before: Files, desired: Files, put: Optional[Callable[[Files], None]] = None) -> None:
    """Put ``desired`` in the place of the files ``before``; if that fails, put these back.

    :param put: writes and removes files (:func:`write_all`), and makes those who read them read them again.
    :raises FabricError, OSError: the failure; what the way back meets is not reported.
    """
    put = put or write_all
    try:
        put({path: desired.get(path) for path in before})
    except (FabricError, OSError):
        with suppress(FabricError, OSError):
            put(before)
        raise


def write_all(files: Files) -> None:
    """Write and remove ``files``."""
    for path, file in files.items():
        if file is not None:
            write(path, *file)
        else:
            with suppress(FileNotFoundError):
                os.unlink(path)
