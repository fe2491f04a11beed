# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one importer of pyroute2, for the messages that :mod:`tables` does not know.

Its import takes a tenth of a second: the version of the pyroute2 that is there is read without it.
"""

from __future__ import annotations

import glob
import os
import re
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

from ..engine.errors import MissingSoftware
from .codec import Symbol

FLOOR = "0.7.2"

# object -> pyroute2's module and class for its messages
CLASSES = {
    "link": "ifinfmsg",
    "addr": "ifaddrmsg",
    "route": "rtmsg",
    "neigh": "ndmsg",
    "rule": "fibmsg",
    "nsid": "nsidmsg",
}


def problem():
    """Return what is wrong with the pyroute2 that is there, or None."""
    there = version()
    if there is None:
        return "there is none"
    # "0.9.7", or "0.7.2.post1" of a distribution: the first three numbers say it
    found = tuple(int(part) for part in there.split(".")[:3] if part.isdigit())
    return None if found >= tuple(int(part) for part in FLOOR.split(".")) else f"this is pyroute2 {there}"


def version():
    """Return the version of pyroute2, or None where there is none.

    Its import takes a tenth of a second, and that of importlib.metadata as much: the folder of its metadata carries it.
    """
    found = find_spec("pyroute2")
    if found is None or not found.origin:
        return None
    beside = os.path.dirname(os.path.dirname(found.origin))
    metadata = sorted(glob.glob(glob.escape(beside) + "/pyroute2-*-info")) or [""]
    named = re.search(r"/pyroute2-([^-/]+?)(-py[\d.]+)?\.(dist|egg)-info$", metadata[-1])
    return named[1] if named else _version_in_metadata()


def _version_in_metadata():
    from importlib import metadata  # noqa: PLC0415 - seldom needed, and slow to load

    try:
        return metadata.version("pyroute2")
    except metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def _obstacle():
    """Return why pyroute2 cannot be used, or None. Imports it."""
    found = problem()
    try:
        import_module("pyroute2")
    except ImportError as failure:
        found = found or str(failure)
    return found


def require(purpose):
    """Say plainly that pyroute2 is missing, too old, or cannot be imported.

    :param purpose: what needs it.
    :raises MissingSoftware: it is.
    """
    obstacle = _obstacle()
    if obstacle is not None:
        raise MissingSoftware(
            f"{purpose} needs pyroute2 {FLOOR} or newer for the Python that Ansible uses on this node"
            f" ({obstacle}): install python3-pyroute2, or pyroute2 with pip"
        )


def encoded(name, kind, flags, sequence, fields, attrs, resolve):
    """Return what :meth:`codec.Form.encoded` does, for all that pyroute2 knows.

    :raises MissingSoftware: there is no pyroute2.
    """
    require(f"a request about a {name} with {', '.join([*fields, *(attr for attr, _value in attrs)])}")
    message = getattr(import_module(f"pyroute2.netlink.rtnl.{CLASSES[name]}"), CLASSES[name])()
    message["header"].update({"type": kind, "sequence_number": sequence, "flags": flags, "pid": 0})
    message.update(_resolved(fields, resolve))
    message["attrs"] = _resolved(attrs, resolve)
    message.encode()
    return bytes(message.data)


def _resolved(value, resolve):
    """Return ``value`` with the numbers that stand behind its symbols, all the way down."""
    if isinstance(value, Symbol):
        return resolve(value)
    if isinstance(value, dict):
        return {name: _resolved(item, resolve) for name, item in value.items()}
    return [(name, _resolved(item, resolve)) for name, item in value] if isinstance(value, list) else value
