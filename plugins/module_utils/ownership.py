# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is ours: every mark that we leave, and the file for what the kernel keeps no mark of.

Links carry ``ifalias``, routes a protocol number, NAT rules live in a table of our own. Namespaces, sysctls,
addresses and routes of a named set are written in a small file below ``/run``: it goes with the kernel's state when
the node reboots. The mark is written before the object is made, so that a run that was killed leaves nothing that
the next run takes for foreign.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager, suppress

STATE_DIR = "/run/nodenet"
STATE_FILE = "state.json"

# ip-link(8) "alias"; the label of the set follows.
ALIAS = "nodenet.fabric/"

# A number that neither rtnetlink(7) nor the routing daemons' rt_protos use.
ROUTE_PROTOCOL = 178

# nft(8): one table holds everything of ours, in each namespace.
NFT_TABLE = "nodenet_fabric"

DEFAULT_OWNER = "default"


def alias_for(owner):
    """Return the ifalias that marks a link as ours."""
    return ALIAS + owner


def owner_in(alias):
    """Return the label in an ifalias, or None if the link is not ours."""
    return alias[len(ALIAS) :] if alias and alias.startswith(ALIAS) else None


class Ledger:
    """The marks of this node.

    A mark says which set (``owner``) an object belongs to, what it was before we changed it (``before``) and what
    tells it from a later one of the same key (``identity``). ``pending`` are objects of kinds that carry their
    mark in the kernel, from before they are made until the mark is there.
    """

    def __init__(self, directory=STATE_DIR):
        self.directory = directory
        self.path = os.path.join(directory, STATE_FILE)
        self.marks = {}
        self.pending = {}
        self._load()

    def _load(self):
        try:
            with open(self.path, encoding="utf-8") as source:
                data = json.load(source)
        except FileNotFoundError:
            return
        for kind, owner, keys in data["owned"]:
            mark = {"owner": owner}
            self.marks.update(((kind, tuple(key)), mark) for key in keys)
        self.marks.update((_ref(entry["ref"]), entry["mark"]) for entry in data["marks"])
        self.pending = {_ref(entry["ref"]): entry["owner"] for entry in data["pending"]}

    def save(self):
        """Write the marks, atomically; without any, there is no file. Those that only say the owner are most of them."""
        if not (self.marks or self.pending):
            with suppress(FileNotFoundError):
                os.unlink(self.path)
            return
        owned, marks = {}, []
        for ref, mark in self.marks.items():
            if len(mark) == 1:
                owned.setdefault((ref[0], mark["owner"]), []).append(ref[1])
            else:
                marks.append({"ref": ref, "mark": mark})
        data = {
            "owned": [[*whose, keys] for whose, keys in owned.items()],
            "marks": marks,
            "pending": [{"ref": ref, "owner": owner} for ref, owner in self.pending.items()],
        }
        fresh = self.path + ".new"
        with open(fresh, "w", encoding="utf-8") as target:
            target.write(json.dumps(data))  # json.dump goes without the encoder in C
        os.replace(fresh, self.path)

    def owner(self, ref, identity=None):
        """Return the label of the set that ``ref`` belongs to, or None: it is not marked as ours.

        :param identity: what tells the object that is there; one that differs from the mark's is a foreign one.
        """
        mark = self.marks.get(ref)
        if mark is None:
            return self.pending.get(ref)
        known = mark.get("identity")
        return None if known is not None and identity is not None and known != identity else mark["owner"]

    def owner_on_link(self, ref, alias):
        """Return the label of the set that ``ref`` belongs to: as it is marked, else that of the link it is on; or None."""
        owner = self.owner(ref)
        return owner_in(alias) if owner is None else owner

    def before(self, ref):
        """Return the values that a shared object had before we changed it, or None."""
        return self.marks.get(ref, {}).get("before")

    def holders(self, ref):
        """Return the labels of the sets that a shared object lasts for."""
        mark = self.marks.get(ref, {})
        return tuple(mark.get("holders") or ([mark["owner"]] if mark else ()))

    def refs(self, kind):
        """Return the keys of the marked objects of ``kind``."""
        return [key for name, key in self.marks if name == kind]

    def expect(self, plan, kinds):
        """Note what ``plan`` is about to make ours, and write it down before it is made."""
        usual = {}
        for step in plan.steps:
            for resource in step.everything if step.after else ():
                owner = resource.owner
                if owner is None:
                    self.marks.pop(resource.ref, None)  # given up, and left as it is
                    continue
                if not kinds[resource.kind].marked:
                    self.pending[resource.ref] = owner
                elif step.before is None and resource.ref not in self.marks:
                    self.marks[resource.ref] = usual.setdefault(owner, {"owner": owner})
                else:
                    self._mark(resource, step)
        self.save()

    def _mark(self, resource, step):
        known = self.marks.get(resource.ref, {})
        mark = {"owner": resource.owner}
        if len(resource.values.get("holders") or ()) > 1:
            mark["holders"] = list(resource.values["holders"])
        before = known.get("before")
        if before is None and step.before is not None and step.before.owner is None:
            before = step.before.values
        if before is not None:
            mark["before"] = before
        self.marks[resource.ref] = mark

    def settle(self, plan, identities):
        """Note that ``plan`` is done: forget what is gone, and write down how to tell what is there.

        :param identities: takes the resources that are there now, and returns ref -> identity of those that have one.
        """
        arrived = {resource.ref: resource for step in plan.steps if step.after for resource in step.everything}
        gone = [
            resource.ref
            for step in plan.steps
            if step.after is None
            for resource in step.everything
            if resource.ref in self.marks and resource.ref not in arrived
        ]
        for ref in gone:
            self.marks.pop(ref, None)
        found = {ref: identity for ref, identity in identities(arrived.values()).items() if ref in self.marks}
        for ref, identity in found.items():
            self.marks[ref] = {**self.marks[ref], "identity": identity}
        if gone or found or self.pending:
            self.pending = {}
            self.save()

    def prune(self, observed, kinds, netns):
        """Forget the marks of what is no longer there or no longer ours, of ``kinds`` and in the namespaces looked at."""
        stale = [
            ref
            for ref in self.marks
            if ref[0] in kinds and ref[1][0] in netns and (ref not in observed or observed[ref].owner is None)
        ]
        for ref in stale:
            del self.marks[ref]
        if stale:
            self.save()

    @contextmanager
    def rollback(self):
        """Give the marks back as they were if the block fails."""
        marks, pending = dict(self.marks), dict(self.pending)
        try:
            yield
        except BaseException:
            self.marks, self.pending = marks, pending
            self.save()
            raise


@contextmanager
def exclusive(directory=STATE_DIR):
    """Keep other runs of the engine on this node out while the block runs; an empty directory is not left behind."""
    handle = _locked(directory)
    try:
        yield
    finally:
        with suppress(OSError):
            os.rmdir(directory)
        os.close(handle)


def _locked(directory):
    while True:
        os.makedirs(directory, mode=0o755, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(handle, fcntl.LOCK_EX)
        # The run that we waited for may have removed the directory: a lock on what nobody finds keeps nobody out.
        with suppress(FileNotFoundError):
            if os.stat(directory).st_ino == os.fstat(handle).st_ino:
                return handle
        os.close(handle)


def _ref(data):
    return data[0], tuple(data[1])
