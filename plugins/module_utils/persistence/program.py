# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the program nodenet-fabric: one file with :mod:`cli` and all of the collection that it imports (zipapp in Python's library).

Ansible sends what a module imports: a module that builds the program imports :mod:`cli`, without loading it.
"""

from __future__ import annotations

import io
import os
import re
import sys
import zipfile
from typing import Dict, Optional

PACKAGE, MAIN = "nodenet_fabric", "persistence.cli"
START = f"import sys\n\nfrom {PACKAGE}.{MAIN} import main\n\nsys.exit(main())\n"
# the folder module_utils, or its place in the archive that Ansible sends
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# dots, module, and the names, which may be modules
IMPORT = re.compile(rb"^ *from (\.+)([\w.]*) import (?:\(([^)]*)\)|(.+))", re.MULTILINE)

# of a module; a class or a constant is none
NAME = re.compile(r"([a-z_]\w*\.)*[a-z]\w*")


def program(packed: bool = True) -> bytes:
    """Return the program; the same sources give the same bytes, whatever else this process has loaded.

    :param packed: small; otherwise it is built in a third of the time.
    """
    content, sort = io.BytesIO(), zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(content, "w") as archive:
        for name, source in sorted({**_sources(), "__main__.py": START.encode()}.items()):
            archive.writestr(zipfile.ZipInfo(name), source, sort)  # ZipInfo has a time of its own, 1980
    return b"#!" + sys.executable.encode() + b"\n" + content.getvalue()


def _sources() -> Dict[str, bytes]:
    """Return path in the program -> source."""
    found, seen, left = {f"{PACKAGE}/__init__.py": b""}, set(), [MAIN]
    while left:
        name = left.pop()
        if name in seen or not NAME.fullmatch(name):
            continue
        seen.add(name)
        for path in (name.replace(".", "/") + ending for ending in (".py", "/__init__.py")):
            source = _read(path)
            if source is not None:
                found[f"{PACKAGE}/{path}"] = source
                left += [name.rpartition(".")[0], *_imported(name, source)]
    return found


def _imported(name, source):
    """Yield the names of modules that the module ``name`` may import from beside and above it."""
    for dots, module, many, one in IMPORT.findall(source):
        base = [*name.split(".")[: -len(dots)], *filter(None, module.decode().split("."))]
        yield ".".join(base)
        for words in (many or one).decode().split(","):
            yield ".".join([*base, *words.split()[:1]])


def _read(path) -> Optional[bytes]:
    try:
        return __loader__.get_data(os.path.join(ROOT, path))  # type: ignore[name-defined]
    except OSError:
        return None
