# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The marks by which an object is ours, and the ledger of those that the kernel cannot mark.

Links carry an ``ifalias``, routes a protocol number, and NAT rules are in a table of our own. Namespaces, sysctls, addresses,
and routes of a named set are marked in a small file below ``/run``, which ends with the kernel's state at a reboot. A mark is
written before its object is made: the next run takes nothing for foreign that a killed run left.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from .engine.errors import FabricError
from .engine.rename import names_of
from .engine.step import CHANGE
from .system.files import FILE, make_directory, write
from .system.lock import PRIVATE, STATE_DIR

STATE_FILE = "state.json"

# ip-link(8) "alias", before the label of the set
ALIAS = "nodenet.fabric/"

# unused by rtnetlink(7) and by the rt_protos of routing daemons
ROUTE_PROTOCOL = 178

# nft(8): the one table of ours in each namespace
NFT_TABLE = "nodenet_fabric"

DEFAULT_OWNER = "default"
# the marks, those that are pending, and the digest of the saved file
Marks = Tuple[Dict[Any, Dict[str, Any]], Dict[Any, str], Optional[str]]
Identities = Callable[[Iterable[Any]], Dict[Any, Any]]


def alias_for(owner: str) -> str:
    """Return the ifalias that marks a link as ours."""
    return ALIAS + owner


def owner_in(alias: Optional[str]) -> Optional[str]:
    """Return the label in an ifalias, or None if the link is not ours."""
    return alias[len(ALIAS) :] if alias and alias.startswith(ALIAS) else None


class Ledger:
    """The marks of this node.

    A mark has the set (``owner``) to which an object belongs, its values before we changed it (``before``), those that a shared
    object was given (``wanted``), those that the kernel does not know (``noted``), and its ``identity``, which a later object of
    the same key does not have. ``pending`` are objects of kinds that carry their mark in the kernel, until it is there. ``saved``
    is the digest of the saved file that has all of our objects (see :mod:`persistence.snapshot`); None: something changed since.

    :param rebuild: treat marks that cannot be read as none.
    :raises FabricError: the file of marks cannot be read.
    """

    def __init__(self, directory: str = STATE_DIR, rebuild: bool = False) -> None:
        self.directory = directory
        self.path = os.path.join(directory, STATE_FILE)
        self.marks: Dict[Any, Dict[str, Any]] = {}
        self.pending: Dict[Any, str] = {}
        self.saved: Optional[str] = None
        self.restoring: Optional[str] = None  # the digest of the file that this run restores
        self.outdated: Set[Any] = set()  # marks by names that are to change
        self.fresh = True  # nothing was noted since the node booted
        try:
            self._load()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as failure:
            if isinstance(failure, PermissionError):
                raise
            if not rebuild:
                raise FabricError(
                    f"{self.path} marks the fabric's objects of this node, and cannot be read ({failure!r}): run site"
                    " with -e fabric_adopt=true (a module: with adopt: true), which adopts the objects that the inventory"
                    " declares and writes the file anew; teardown works again after that"
                ) from failure
            self.marks, self.pending = {}, {}

    def _load(self):
        text = self.text()
        if text is not None:
            self.marks, self.pending, self.saved = marks_in(text)
            self.fresh = False

    def text(self) -> Optional[str]:
        """Return the file of marks, or None: there is none."""
        try:
            with open(self.path, encoding="utf-8") as source:
                return source.read()
        except FileNotFoundError:
            return None

    def tidy(self) -> None:
        """Remove the temporary file of a run that was killed."""
        with suppress(FileNotFoundError):
            os.unlink(self.path + ".new")

    def save(self) -> None:
        """Write the marks, atomically; without any, there is no file.

        :raises FabricError: they cannot be written.
        """
        try:
            if self.marks or self.pending or self._outdates():
                make_directory(self.directory, PRIVATE)
                write(self.path, self._text(), 0o600, durable=False)
            else:
                self.remove()
        except OSError as failure:
            raise FabricError(f"{self.path} cannot be written: {failure.strerror}") from failure

    def remove(self) -> None:
        """Remove the file: nothing is marked."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)

    def _outdates(self):
        """Say whether there is a saved file that is outdated, which must not be restored."""
        return self.saved is None and self.directory == STATE_DIR and os.path.exists(FILE)

    def _text(self):
        owned: Dict[Any, List[Any]] = {}
        marks = []
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

    def owner(self, ref: Any, identity: Any = None) -> Optional[str]:
        """Return the label of the set that ``ref`` belongs to, or None: it is not marked as ours.

        :param identity: of the present object; if it is not the mark's, the object is foreign.
        """
        mark = self.marks.get(ref)
        if mark is None:
            return self.pending.get(ref)
        known = mark.get("identity")
        return None if known is not None and identity is not None and known != identity else mark["owner"]

    def owner_on_link(self, ref: Any, alias: Optional[str]) -> Optional[str]:
        """Return the label of the set that ``ref`` belongs to: of its mark, else of the link it is on; or None."""
        owner = self.owner(ref)
        return owner_in(alias) if owner is None else owner

    def before(self, ref: Any) -> Optional[Dict[str, Any]]:
        """Return the values that a shared object had before we changed it, or None."""
        return self.marks.get(ref, {}).get("before")

    def wanted(self, ref: Any) -> Dict[str, Any]:
        """Return the values that a set gave to a shared object."""
        return self.marks.get(ref, {}).get("wanted") or {}

    def noted(self, ref: Any) -> List[Dict[str, Any]]:
        """Return the fields of an object that only its mark has, and while they change those that it had before."""
        mark = self.marks.get(ref, {})
        return [mark[name] for name in ("noted", "earlier") if mark.get(name)]

    def holders(self, ref: Any) -> Tuple[str, ...]:
        """Return the labels of the sets that share an object: it stays until the last is removed."""
        mark = self.marks.get(ref, {})
        return tuple(mark.get("holders") or ([mark["owner"]] if mark else ()))

    def keys(self, kind: str) -> List[Any]:
        """Return the keys of the marked objects of ``kind``, as plain tuples."""
        return [key for name, key in self.marks if name == kind]

    def namespaces(self) -> Set[str]:
        """Return the names of the marked namespaces."""
        return {name for (name,) in self.keys("netns")}

    def expect(self, plan: Any, kinds: Dict[str, Any]) -> None:
        """Mark the objects that ``plan`` will make ours, and write the marks."""
        usual: Dict[str, Dict[str, Any]] = {}
        self.saved = self.restoring
        self._rename(names_of(plan), kinds)
        for step in plan.steps:
            for resource in step.everything if step.after else ():
                owner, kind = resource.owner, kinds[resource.kind]
                if owner is None:
                    # given up and left as it is; what an undo gives back is marked until then
                    if not (kind.shared and step.action == CHANGE):
                        self.marks.pop(resource.ref, None)
                    continue
                if not kind.needs_ledger_mark:
                    self.pending[resource.ref] = owner
                    continue
                names = {"noted": kind.noted, "wanted": resource.values.keys() - kind.read_only if kind.shared else ()}
                parts = {part: _values(resource, some) for part, some in names.items()}
                is_new = step.before is None and resource.ref not in self.marks
                if is_new and "before" not in resource.values and not any(parts.values()):
                    self.marks[resource.ref] = usual.setdefault(owner, {"owner": owner})
                else:
                    self._mark(resource, step, parts)
        self.save()

    def _rename(self, names, kinds):
        """Mark objects of any kind whose refs contain a name that changes by their new refs; :meth:`settle` drops the old."""
        new: Dict[Any, Any] = {}
        marked = [(name, kinds[name].key(*key)) for name, key in self.marks if name in kinds] if names else []
        for kind in [kinds[name] for name in dict.fromkeys(ref[0] for ref in names)]:
            refs = ((ref, kind.ref_after(ref, names)) for ref in marked)
            new.update((ref, after) for ref, after in refs if after != ref)
        self.marks.update([(after, self.marks[ref]) for ref, after in new.items()])
        self.outdated = new.keys() - set(new.values())

    def _mark(self, resource, step, parts):
        known = self.marks.get(resource.ref, {})
        mark = {"owner": resource.owner, **{part: values for part, values in parts.items() if values}}
        if known.get("noted"):
            mark["earlier"] = known["noted"]  # until it is done
        if len(resource.values.get("holders") or ()) > 1:
            mark["holders"] = list(resource.values["holders"])
        before = known.get("before")
        if before is None and step.before is not None and step.before.owner is None:
            before = step.before.values
        if not known and step.before is None and "before" in resource.values:
            before = {"value": resource.values["before"]}  # of a setting that comes with its link
        if before is not None:
            mark["before"] = before
        self.marks[resource.ref] = mark

    def settle(self, steps: Iterable[Any], identities: Identities) -> None:
        """Update the marks after ``steps`` are done: drop those of removed objects, add identities of new ones.

        :param identities: takes the present resources and returns ref -> identity of those that have one.
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
        """Add identities to the marks of ``resources``; return them."""
        found = {ref: identity for ref, identity in identities(resources).items() if ref in self.marks}
        for ref, identity in found.items():
            mark = {name: value for name, value in self.marks[ref].items() if name != "earlier"}
            self.marks[ref] = {**mark, "identity": identity}
        return found

    def prune(self, observed: Dict[Any, Any], kinds: Iterable[str], netns: Iterable[str]) -> None:
        """Drop the marks of objects that no longer exist or are no longer ours, of ``kinds`` and in the namespaces ``netns``."""
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

    def copy(self) -> Marks:
        """Return a copy of the marks for :meth:`give_back`."""
        return dict(self.marks), dict(self.pending), self.saved

    def give_back(self, copy: Marks, remade: Iterable[Any], identities: Identities) -> None:
        """Restore the marks of ``copy``; objects that were made again get their new identities.

        :raises FabricError: they cannot be written.
        """
        self.marks, self.pending, self.saved = copy
        self._identify(remade, identities)
        self.save()


def marks_in(text: Optional[str]) -> Marks:
    """Return what :meth:`Ledger.copy` does, of the ``text`` of a file of marks; None: there was no file."""
    if text is None:
        return {}, {}, None
    data = json.loads(text)
    marks: Dict[Any, Dict[str, Any]] = {}
    for kind, owner, keys in data["owned"]:
        mark = {"owner": owner}
        marks.update(((kind, tuple(key)), mark) for key in keys)
    marks.update((_ref(entry["ref"]), entry["mark"]) for entry in data["marks"])
    return marks, {_ref(entry["ref"]): entry["owner"] for entry in data["pending"]}, data.get("saved")


def _values(resource, names):
    return {name: resource.values[name] for name in names if resource.values.get(name)}


def _ref(data):
    return data[0], tuple(data[1])
