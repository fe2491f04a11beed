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

import json
import os
from contextlib import suppress

from .engine.errors import FabricError
from .engine.rename import names_of
from .system.files import FILE, make_directory, write
from .system.lock import PRIVATE, STATE_DIR

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
    distinguishes it from a later one of the same key (``identity``). ``pending`` are objects of kinds that carry their
    mark in the kernel, from before they are made until the mark is there. ``saved`` is the digest of the saved file that
    has what the kernel has of ours (see :mod:`saved`); None: something changed since.

    :param rebuild: marks that cannot be read are as none.
    :raises FabricError: there are marks, and they cannot be read.
    """

    def __init__(self, directory=STATE_DIR, rebuild=False):
        self.directory = directory
        self.path = os.path.join(directory, STATE_FILE)
        self.marks = {}
        self.pending = {}
        self.saved = None
        self.restoring = None  # the digest of the file that this run restores
        self.outdated = set()  # marks by names that are to change
        self.fresh = True  # nothing was noted since the node booted
        try:
            self._load()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as failure:
            if isinstance(failure, PermissionError):
                raise
            if not rebuild:
                raise FabricError(
                    f"{self.path} says what on this node is the fabric's, and cannot be read ({failure!r}): run site"
                    " with -e fabric_adopt=true (a module with adopt: true), which takes over what the inventory names"
                    " and writes the file anew; teardown works again after that"
                ) from failure
            self.marks, self.pending = {}, {}

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
        self.saved = data.get("saved")
        self.fresh = False

    def tidy(self):
        """Remove what a run that was killed, or could not write, has left beside the file."""
        with suppress(FileNotFoundError):
            os.unlink(self.path + ".new")

    def save(self):
        """Write the marks, atomically; without any, there is no file. Those that only say the owner are most of them.

        :raises FabricError: they cannot be written.
        """
        try:
            if self.marks or self.pending or self._outdates():
                make_directory(self.directory, PRIVATE)
                write(self.path, self._text(), 0o600, durable=False)
            else:
                with suppress(FileNotFoundError):
                    os.unlink(self.path)
        except OSError as failure:
            raise FabricError(f"{self.path} cannot be written: {failure.strerror}") from failure

    def _outdates(self):
        """Say whether there is a saved file with what is no longer so: nothing of it must come back."""
        return self.saved is None and self.directory == STATE_DIR and os.path.exists(FILE)

    def _text(self):
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
            "saved": self.saved,
        }
        return json.dumps(data)  # json.dump goes without the encoder in C

    def owner(self, ref, identity=None):
        """Return the label of the set that ``ref`` belongs to, or None: it is not marked as ours.

        :param identity: that of the object that is there; one that differs from the mark's is a foreign one.
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

    def keys(self, kind):
        """Return the keys of the marked objects of ``kind``, as plain tuples."""
        return [key for name, key in self.marks if name == kind]

    def namespaces(self):
        """Return the names of the marked namespaces."""
        return {name for (name,) in self.keys("netns")}

    def expect(self, plan, kinds):
        """Note what ``plan`` is about to make ours, and write it down before it is made."""
        usual = {}
        self.saved = self.restoring
        self._rename(names_of(plan), kinds)
        for step in plan.steps:
            for resource in step.everything if step.after else ():
                owner = resource.owner
                if owner is None:
                    self.marks.pop(resource.ref, None)  # given up, and left as it is
                    continue
                if not kinds[resource.kind].needs_ledger_mark:
                    self.pending[resource.ref] = owner
                elif step.before is None and resource.ref not in self.marks:
                    self.marks[resource.ref] = usual.setdefault(owner, {"owner": owner})
                else:
                    self._mark(resource, step)
        self.save()

    def _rename(self, names, kinds):
        """Mark all that will have a new name in its own, whatever kind it is of; by the old one too, until that is done."""
        new = {}
        marked = [(name, kinds[name].key(*key)) for name, key in self.marks if name in kinds] if names else []
        for kind in [kinds[name] for name in dict.fromkeys(ref[0] for ref in names)]:
            refs = ((ref, kind.ref_after(ref, names)) for ref in marked)
            new.update((ref, after) for ref, after in refs if after != ref)
        self.marks.update([(after, self.marks[ref]) for ref, after in new.items()])
        self.outdated = new.keys() - set(new.values())

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

    def settle(self, steps, identities):
        """Note that ``steps`` are done: forget what is gone, and write down the identity of what is there.

        :param identities: takes the resources that are there now, and returns ref -> identity of those that have one.
        """
        arrived = {resource.ref: resource for step in steps if step.after for resource in step.everything}
        gone = [
            resource.ref
            for step in steps
            if step.after is None
            for resource in step.everything
            if resource.ref in self.marks and resource.ref not in arrived
        ]
        gone += self.outdated
        self.outdated = set()
        for ref in gone:
            self.marks.pop(ref, None)
        found = self._identify(arrived.values(), identities)
        done = {one.ref for step in steps for one in step.everything if one.ref in self.pending}
        for ref in done:
            del self.pending[ref]
        if gone or found or done:
            self.save()

    def _identify(self, resources, identities):
        """Write down the identity of those of ``resources`` that are marked; return them."""
        found = {ref: identity for ref, identity in identities(resources).items() if ref in self.marks}
        for ref, identity in found.items():
            self.marks[ref] = {**self.marks[ref], "identity": identity}
        return found

    def prune(self, observed, kinds, netns):
        """Forget the marks of what is no longer there or no longer ours, of ``kinds`` and in the namespaces looked at."""
        stale = [
            ref
            for ref in (*self.marks, *self.pending)
            if ref[0] in kinds and ref[1][0] in netns and (ref not in observed or observed[ref].owner is None)
        ]
        for ref in stale:
            self.marks.pop(ref, None)
            self.pending.pop(ref, None)
        if stale:
            self.save()

    def copy(self):
        """Return what :meth:`give_back` takes."""
        return dict(self.marks), dict(self.pending), self.saved

    def give_back(self, copy, remade, identities):
        """Have the marks as they were when ``copy`` was taken; what was made again since is known by its identity now.

        :raises FabricError: they cannot be written.
        """
        self.marks, self.pending, self.saved = copy
        self._identify(remade, identities)
        self.save()


def _ref(data):
    return data[0], tuple(data[1])
