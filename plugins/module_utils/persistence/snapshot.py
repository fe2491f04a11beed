# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fabric's objects of this node, saved to a file and restored by the kinds, the plan and the undo of the modules.

Objects of durable kinds are not among them: they last by themselves, and at boot what provides them may not run yet.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Iterable, List, NamedTuple, Tuple

from ..engine.errors import FabricError, InputError, Unrecorded
from ..engine.kind import Kind
from ..engine.resource import Desired, Ref, Resource, differing, from_plain, to_plain
from ..kinds.registry import by_name, ending_kinds
from ..kinds.wireguard import Wireguard, secret_of
from ..ownership import Ledger
from ..runner.run import on_node
from ..system import keys, pending
from ..system.files import FILE, write
from ..system.pending import refuse_others
from .waiting import causes, parted, standing_on

VERSION = 1


class Outdated(FabricError):
    """The fabric changed since the file was saved: a restore would bring removed objects back."""


class Restored(NamedTuple):
    """The result of a restore.

    ``steps``: done; ``resources``: of the file; ``waiting``: those of them that are missing or differ, because they depend on
    what others make; ``causes``: names of that; ``reason``: the error of the kernel or the engine.
    ``left_out``: what stands on a namespace of a container or process that does not run; ``stopped``: a sentence for each of these.
    """

    steps: List[Any]
    resources: List[Resource]
    waiting: List[Resource] = []
    causes: List[str] = []
    reason: str = ""
    left_out: List[Resource] = []
    stopped: List[str] = []


def observed() -> Dict[Any, Resource]:
    """Return the fabric's objects in the kernel, ref -> Resource as the file has it."""
    return on_node(_ours, ending_kinds())


def _ours(session):
    return {ref: session.kinds[ref[0]].saved(resource) for ref, resource in _there(session).items()}


def _there(session):
    found = session.observe(session.scope([], everywhere=True)).items()
    return {ref: resource for ref, resource in found if resource.owner is not None}


def as_text(resources: Iterable[Resource]) -> str:
    """Return the text of a file with ``resources``; the same objects give the same text."""
    plain = sorted((to_plain(resource) for resource in resources), key=lambda one: (one["kind"], one["key"]))
    lines = ",\n".join("  " + json.dumps(one, sort_keys=True) for one in plain)
    return f'{{"version": {VERSION}, "objects": [\n{lines}\n]}}\n'


def from_text(text: str, path: str = FILE) -> List[Resource]:
    """Return the resources of a file's ``text``.

    :raises FabricError: nodenet-fabric did not write it.
    """
    try:
        data = json.loads(text)
        if data["version"] != VERSION:
            raise FabricError(f"{path} has version {data['version']}, and this program reads {VERSION}")
        kinds = by_name()
        return [from_plain(one, kinds[one["kind"]].key) for one in data["objects"]]
    except (ValueError, KeyError, TypeError) as failure:
        raise FabricError(f"{path} is not a file that nodenet-fabric saved: {failure}") from failure


def read(path: str = FILE) -> List[Resource]:
    """Return the resources of the file ``path``.

    :raises FabricError: there is no such file, or nodenet-fabric did not write it.
    """
    return from_text(_text_of(path), path)


def _text_of(path):
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except FileNotFoundError as failure:
        raise FabricError(f"there is no {path}: nodenet-fabric save writes it") from failure


def digest(text):
    """Return what distinguishes one content of the file from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def note(text: str) -> None:
    """Write to the marks that the file has all of the fabric's objects; the lock is held. Keys that it names are kept, too."""
    ledger = Ledger()
    if ledger.saved != digest(text):
        ledger.saved = digest(text)
        ledger.save()
    if f'"{Wireguard.name}' in text:
        for path in filter(None, map(secret_of, from_text(text))):
            keys.keep(path)
        keys.settle()
    if pending.read() is None:  # an undo may need those that nothing names any more
        keys.drop_unnamed()


def save(path: str = FILE) -> List[Resource]:
    """Write the fabric's objects in the kernel to ``path``; return them."""

    def work(session):
        if path == FILE:
            refuse_others()
        found = list(_ours(session).values())
        write(path, as_text(found))
        if path == FILE:
            note(as_text(found))
        return found

    return on_node(work, ending_kinds(), alone=True)


def restore(path: str = FILE, check: bool = False, force: bool = False) -> Restored:
    """Make the fabric's objects in the kernel those of the file ``path``; others of the fabric are removed.

    If that fails as a whole (at boot the uplink has no address yet), the objects that depend on nothing foreign are restored.

    :param force: restore the usual file even if the fabric changed since it was saved.
    :raises Outdated: the fabric changed, and ``force`` is not set.
    :raises CommitPending: a change waits for its confirmation, which saves it, or for its undo.
    """

    def work(session):
        if not check:
            refuse_others()
        text, ledger = _text_of(path), session.kernel.ledger
        resources = from_text(text, path)
        if path == FILE:
            ledger.restoring = digest(text)
            if not (ledger.fresh or force or ledger.saved == ledger.restoring):
                raise Outdated(
                    f"{path} is older than the last change of the fabric on this node; nothing was changed: run the"
                    " playbook nodenet.fabric.site or nodenet-fabric save, or go back with restore --force"
                )
        return _restored(session, resources, check)

    return on_node(work, ending_kinds(), alone=not check)


def _restored(session, resources, check):
    """Return what :func:`restore` does; the lock is held. What stands on a container that does not run stays as it is."""
    stopped = _stopped(session.kinds, resources)
    without = standing_on(session.kinds, resources, stopped) if stopped else frozenset()
    left_out = [one for one in resources if one.ref in without]
    done = _restored_as_far_as_possible(session, [one for one in resources if one.ref not in without], check, without)
    return done._replace(resources=resources, left_out=left_out, stopped=list(stopped.values()))


def _stopped(kinds: Dict[str, Kind], resources: Iterable[Resource]) -> Dict[Ref, str]:
    """Return the ref of each namespace of a container or process that does not run -> a sentence about that."""
    found = {}
    for one in resources:
        try:
            kinds[one.kind].claimed(one, one.owner or "")
        except InputError as failure:
            found[one.ref] = f"{kinds[one.kind].describe(one)} is left out: {failure.problem}"
    return found


def _restored_as_far_as_possible(session, resources, check, without):
    """Restore ``resources``, all or those that depend on nothing foreign; what has its ref in ``without`` stays as it is."""
    try:
        return Restored(_run(session, resources, check, without), resources)
    except FabricError as failure:
        if isinstance(failure, Unrecorded) or getattr(failure, "left", None):
            raise
        kinds, scope = session.kinds, session.scope(_desired(session, resources), True)
        alone, waiting = parted(kinds, resources, session.observe(scope))
        if not waiting:
            raise
        try:
            steps = _run(session, alone, check, {*without, *(one.ref for one in waiting)})
        except FabricError:
            raise failure from None  # the first, which is about all objects
        there = session.observe(scope)
        lacking = [one for one in _claimed(kinds, waiting) if one.ref not in there or differing(one, there[one.ref])]
        blocked = [kinds[kind].describe(Resource(kind, key)) for kind, key in causes(kinds, lacking, resources)]
        return Restored(steps, resources, lacking, blocked, getattr(failure, "problem", str(failure)))


def _run(session, resources, check, kept=frozenset()):
    """Make the fabric's objects those of ``resources``; of others only those in ``kept`` (refs) stay. Return the steps."""
    desired = _desired(session, resources)
    return session.run(desired, check, purge=lambda found: found.ref not in kept, everywhere=True).plan.steps


def _desired(session, resources):
    return [Desired(resource) for resource in _claimed(session.kinds, resources)]


def _claimed(kinds, resources):
    """Return ``resources`` as this kernel can have them: without IPv6 it has no settings for it."""
    return [kinds[one.kind].claimed(one, one.owner) for one in resources]


def differences(
    resources: Iterable[Resource],
) -> Tuple[List[Resource], List[Tuple[Resource, List[str]]], List[Resource]]:
    """Compare the ``resources`` of a file with the kernel.

    :returns: (missing in the kernel, different there and in which fields, the fabric's and not in the file).
    """
    there, kinds = on_node(_there, ending_kinds()), by_name()
    known = {one.ref: one for one in resources}
    stopped = _stopped(kinds, known.values())
    running = _claimed(kinds, [one for one in known.values() if one.ref not in stopped])
    desired = {**known, **{one.ref: one for one in running}}
    missing = [resource for ref, resource in desired.items() if ref not in there]
    other = [
        (resource, differing(resource, there[ref]))
        for ref, resource in desired.items()
        if ref in there and differing(resource, there[ref])
    ]
    return missing, other, [resource for ref, resource in there.items() if ref not in desired]


def described(resource: Resource) -> str:
    """Return how a message names ``resource``."""
    return by_name()[resource.kind].describe(resource)
