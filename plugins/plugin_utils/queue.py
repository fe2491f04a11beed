# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks leave for later ones about the same node: promises of check mode, and what is to be applied by one of them.

It is on the controller, in the temporary folder of this run of Ansible, which Ansible itself removes at its end: nothing is
written on the node, and nothing outlives the run.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import contextmanager, suppress

from ansible import constants as C
from ansible.module_utils.parsing.convert_bool import boolean


class Notes:
    """A list of entries about one node, of one sort."""

    def __init__(self, sort, host):
        digest = hashlib.sha256(host.encode()).hexdigest()[:16]
        self._path = os.path.join(C.DEFAULT_LOCAL_TMP, f"nodenet-{sort}-{digest}")

    def read(self):
        try:
            with open(self._path, encoding="utf-8") as source:
                return [json.loads(line) for line in source]
        except FileNotFoundError:
            return []

    def add(self, entries):
        with open(self._path, "a", encoding="utf-8", opener=_own) as target:
            target.writelines(f"{json.dumps(entry)}\n" for entry in entries)

    def taken(self):
        """Return all entries, of which none is left."""
        found = self.read()
        with suppress(FileNotFoundError):
            os.unlink(self._path)
        return found


def _own(path, flags):
    """Open a file that nobody else can read: an entry may have secret keys."""
    return os.open(path, flags, 0o600)


def notes_of(sort, host):
    """Return the notes of one sort about ``host``."""
    return Notes(sort, host)


def all_notes(sort):
    """Return the entries of each host that there are notes of one sort about, in the order of the files' names."""
    found = []
    for name in sorted(os.listdir(folder())):
        if name.startswith(f"nodenet-{sort}-"):
            with suppress(FileNotFoundError), open(os.path.join(folder(), name), encoding="utf-8") as source:
                found.append([json.loads(line) for line in source])
    return found


def folder():
    """Return the temporary folder of this run of Ansible."""
    return C.DEFAULT_LOCAL_TMP


@contextmanager
def exclusively(name):
    """Let one process at a time do what is within."""
    with open(os.path.join(folder(), f"nodenet-{name}.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def promises(host):
    """Return what tasks in check mode would have made on ``host``."""
    return Notes("promised", host)


def queue(host):
    """Return what tasks on ``host`` have queued: the name of each, its module and arguments, and whether a role of ours has it."""
    return Notes("queued", host)


def queued_nodes():
    """Return the nodes on which something is queued and was not applied."""
    return [entries[0]["node"] for entries in all_notes("queued") if entries and "node" in entries[0]]


def declared(host):
    """Return what the first phase has applied on ``host``, for the later ones: arguments, places and whether an inventory has them."""
    return Notes("declared", host)


def applied(arguments, queued):
    """Return ``arguments`` of arrange with all of ``queued``, and for each place in them the name of the task that it is of."""
    sets, places = list(arguments.get("sets") or ()), {}
    found = {**arguments, "sets": sets}
    for one in queued:
        own = dict(one["arguments"])
        if one["module"] != "arrange":
            found[one["module"]] = own
            continue
        if boolean(own.pop("adopt", False), strict=False):
            found["adopt"] = True
        for name, secrets in (own.pop("keys", None) or {}).items():
            known = found.get("keys") or {}
            found["keys"] = {**known, name: [*known.get(name, ()), *secrets]}
        several = own.pop("sets", None) or []
        for entry in [own, *several] if own.keys() - {"owner", "purge"} or not several else several:
            places[f"sets[{len(sets)}]"] = one["task"]
            sets.append(entry)
    return found, places
