# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is ours in the kernel as one file, and back: the same kinds, the same plan and the same undo as the modules'."""

from __future__ import annotations

import hashlib
import json
from typing import List, NamedTuple

from ..engine.errors import FabricError, Unrecorded
from ..engine.resource import Desired, Resource, differing, from_plain, to_plain
from ..kinds.registry import all_kinds
from ..ownership import Ledger
from ..runner.run import on_node
from ..system.files import FILE, write
from .waiting import causes, parted

VERSION = 1


class Outdated(FabricError):
    """What is ours changed since the file was saved, so that it would bring back what was removed."""


class Restored(NamedTuple):
    """What a restore did, and what it could not do yet.

    ``steps``: those that it took; ``resources``: those of the file; ``waiting``: those of them that are not there or not so,
    as they stand on something that others make; ``causes``: that, in words; ``reason``: what the kernel or the engine said.
    """

    steps: list
    resources: list
    waiting: list = []
    causes: List[str] = []
    reason: str = ""


def observed():
    """Return what is ours in the kernel, ref -> Resource; of each its fields that can be desired."""
    return on_node(_ours)


def _ours(session):
    found = session.observe(session.scope([], everywhere=True)).items()
    return {ref: session.kinds[ref[0]].wanted(resource) for ref, resource in found if resource.owner is not None}


def as_text(resources):
    """Return ``resources`` as the file has them: the same objects give the same text."""
    plain = sorted((to_plain(resource) for resource in resources), key=lambda one: (one["kind"], one["key"]))
    lines = ",\n".join("  " + json.dumps(one, sort_keys=True) for one in plain)
    return f'{{"version": {VERSION}, "objects": [\n{lines}\n]}}\n'


def from_text(text, path=FILE):
    """Return the resources of a file's ``text``.

    :raises FabricError: it is none that we wrote.
    """
    try:
        data = json.loads(text)
        if data["version"] != VERSION:
            raise FabricError(f"{path} has version {data['version']}, and this program reads {VERSION}")
        kinds = {kind.name: kind for kind in all_kinds()}
        return [from_plain(one, kinds) for one in data["objects"]]
    except (ValueError, KeyError, TypeError) as failure:
        raise FabricError(f"{path} is not a file that nodenet-fabric saved: {failure}") from failure


def read(path=FILE):
    """Return the resources that ``path`` holds.

    :raises FabricError: there is no such file, or it is none of ours.
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


def note(text):
    """Note that the file has what the kernel has of ours; the lock is held."""
    ledger = Ledger()
    if ledger.saved != digest(text):
        ledger.saved = digest(text)
        ledger.save()


def save(path=FILE):
    """Write what is ours in the kernel to ``path``; return the resources."""

    def work(session):
        found = list(_ours(session).values())
        write(path, as_text(found))
        if path == FILE:
            note(as_text(found))
        return found

    return on_node(work, alone=True)


def restore(path=FILE, check=False, force=False):
    """Bring what is ours in the kernel to what ``path`` says: what it does not have goes, what is foreign is left alone.

    Where that cannot be done as a whole (at boot the uplink has no address yet), what stands alone is restored.

    :param force: though it is the usual file, and something changed since it was saved.
    :returns: :class:`Restored`.
    :raises Outdated: something changed, and there is no ``force``.
    """

    def work(session):
        text, ledger = _text_of(path), session.kernel.ledger
        resources = from_text(text, path)
        if path == FILE:
            ledger.restoring = digest(text)
            if not (ledger.fresh or force or ledger.saved == ledger.restoring):
                raise Outdated(
                    f"{path} is older than the last change of the fabric on this node, and nothing is restored:"
                    " run the playbook nodenet.fabric.site or nodenet-fabric save, or go back with restore --force"
                )
        return _restored(session, resources, check)

    return on_node(work, alone=not check)


def _restored(session, resources, check):
    """Return what :func:`restore` does; the lock is held."""
    try:
        return Restored(_run(session, resources, check), resources)
    except FabricError as failure:
        if isinstance(failure, Unrecorded) or getattr(failure, "left", ()):
            raise
        kinds, scope = session.kinds, session.scope(_desired(session, resources), True)
        alone, waiting = parted(kinds, resources, session.observe(scope))
        if not waiting:
            raise
        try:
            steps = _run(session, alone, check, {one.ref for one in waiting})
        except FabricError:
            raise failure from None  # of both, the one that speaks of everything
        there = session.observe(scope)
        lacking = [one for one in _claimed(kinds, waiting) if one.ref not in there or differing(one, there[one.ref])]
        blocked = [kinds[kind].describe(Resource(kind, key)) for kind, key in causes(kinds, lacking, resources)]
        return Restored(steps, resources, lacking, blocked, getattr(failure, "problem", str(failure)))


def _run(session, resources, check, kept=frozenset()):
    """Have the kernel be as ``resources`` say; what else is ours goes, but what is ``kept`` (refs). Return the steps."""
    desired = _desired(session, resources)
    return session.run(desired, check, purge=lambda found: found.ref not in kept, everywhere=True).plan.steps


def _desired(session, resources):
    return [Desired(resource) for resource in _claimed(session.kinds, resources)]


def _claimed(kinds, resources):
    """Return saved ``resources`` as this kernel can have them: one without IPv6 has none of its settings."""
    return [kinds[one.kind].claimed(one, one.owner) for one in resources]


def differences(resources):
    """Return (missing, other, stray): what the file has and the kernel has not or otherwise, and ours that it does not have."""
    there = observed()
    wanted = {resource.ref: resource for resource in _claimed({kind.name: kind for kind in all_kinds()}, resources)}
    missing = [resource for ref, resource in wanted.items() if ref not in there]
    other = [
        (resource, differing(resource, there[ref]))
        for ref, resource in wanted.items()
        if ref in there and differing(resource, there[ref])
    ]
    return missing, other, [resource for ref, resource in there.items() if ref not in wanted]


def described(resource):
    """Return how a message names ``resource``."""
    return next(kind for kind in all_kinds() if kind.name == resource.kind).describe(resource)
