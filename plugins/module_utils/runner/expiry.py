# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undoing a commit: kernel objects, marks and files become what they were before it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable, Dict, List, NamedTuple, Set

from ..engine.errors import FabricError
from ..engine.kind import Scope
from ..engine.resource import Observed, Ref, Resource, from_plain
from ..engine.restored import restored
from ..engine.session import Session
from ..engine.step import CREATE, DELETE, FALL, Step
from ..kinds.registry import all_kinds
from ..ownership import Ledger, marks_in
from ..system import deadman, pending, reconcile
from ..system.pending import Pending
from ..system.programs import run_or_fail

# how many sentences a person reads
MOST_NAMED = 20


class Undone(NamedTuple):
    """What an undo did: a sentence for each object, and for each that it could not restore; and how many objects it changed."""

    undone: List[str]
    left: List[str]
    objects: int


# calls its argument with a session of all kinds
Opener = Callable[..., Any]


def expire_overdue(opened: Opener) -> None:
    """Undo a commit whose time has passed and whose switch has not undone it, or that ended with a power cut; the lock is held."""
    found = pending.read()
    if found and found.overdue:
        undo(found, pending.EXPIRED, opened)
    cut = None if found else pending.interrupted()
    if cut:
        _restore_files(cut)
        _run(cut.last)
        pending.drop_files(cut)


def undo(found: Pending, how: str, opened: Opener) -> Undone:
    """Undo a commit and note ``how`` it ended; the lock is held.

    :raises FabricError: nothing could be observed; it is still pending.
    """
    differing = reconcile.differing(found.kept(), found.files)
    problems = _restore_files(found) if differing else []
    done: Undone = opened(lambda session: _restore_objects(session, found), all_kinds(), ledger=_marks)
    problems += _run(found.last) if differing else []
    files = [f"{path} restored" for path in differing]
    result = Undone([*files, *done.undone], [*problems, *done.left], done.objects)
    pending.end(found, how, result.left)
    deadman.disarm(found.id)
    return result


def objects_in(plain: List[Dict[str, Any]], kinds: Dict[str, Any]) -> Observed:
    """Return ref -> resource of those that :func:`to_plain` wrote."""
    found = [from_plain(one, kinds[one["kind"]].key) for one in plain]
    return {resource.ref: resource for resource in found}


def refs_in(plain: List[Any], kinds: Dict[str, Any]) -> Set[Ref]:
    """Return refs that were written as JSON."""
    return set(objects_in([{"kind": kind, "key": key, "values": {}, "owner": None} for kind, key in plain], kinds))


def _marks() -> Ledger:
    return Ledger(rebuild=True)


def _restore_objects(session: Session, found: Pending) -> Undone:
    kinds, ledger = session.kinds, session.kernel.ledger
    before, planned = objects_in(found.before, kinds), refs_in(found.planned, kinds)
    out = _unavailable(kinds, before, planned)
    before, planned = {ref: was for ref, was in before.items() if ref not in out}, planned - out.keys()
    refs = before.keys() | planned
    scope = Scope({"", *ledger.namespaces(), *(key[0] for _kind, key in refs)}, set(refs))
    wanted, lost = restored(kinds, before, planned, session.observe(scope))
    undone, left = session.take_back(scope, wanted, planned, marks_in(found.marks))
    if found.marks is None and not (ledger.marks or ledger.pending or left):
        ledger.remove()
    steps = [step for way in undone.ways for step in way.steps if step.action != FALL]
    said = [f"{kinds[step.resource.kind].describe(step.resource)} {_deed(step)}" for step in steps]
    without = [f"{kinds[was.kind].describe(was)} is missing: there is no {_named(kinds, need)}" for was, need in lost]
    return Undone([*_first(said), *undone.sentences], [*without, *left, *filter(None, out.values())], len(steps))


def _unavailable(kinds: Dict[str, Any], before: Observed, planned: Set[Ref]) -> Dict[Ref, str]:
    """Return the durable objects that cannot be restored now, with a sentence for each that the commit touched.

    At boot a daemon that provides them starts only after the undo.
    """
    durable = {
        ref: before.get(ref) or Resource(*ref)
        for ref in {*before, *planned}
        if ref[0] in kinds and kinds[ref[0]].durable
    }
    reasons = {ref: (kinds[ref[0]], one, kinds[ref[0]].unavailable(one)) for ref, one in durable.items()}
    return {
        ref: f"{kind.describe(one)} is as the commit left it: {reason}" if ref in planned else ""
        for ref, (kind, one, reason) in reasons.items()
        if reason
    }


def _deed(step: Step) -> str:
    return {CREATE: "restored", DELETE: "removed"}.get(step.action, "changed back")


def _named(kinds: Dict[str, Any], ref: Ref) -> str:
    return str(kinds[ref[0]].describe(Resource(*ref)))


def _first(sentences: List[str]) -> List[str]:
    more = len(sentences) - MOST_NAMED
    return [*sentences[:MOST_NAMED], f"and {more} more"] if more > 0 else sentences


def _restore_files(found: Pending) -> List[str]:
    """Write and remove files as they were; return what failed, a sentence for each."""
    for command in found.first:  # what they end may not be there: that is no failure
        with suppress(FabricError, OSError):
            run_or_fail(command)
    problems = []
    for path, file in found.kept().items():
        try:
            reconcile.write_all({path: file})
        except OSError as failure:
            problems.append(f"{path} is not as it was: {failure.strerror}")
    return problems


def _run(commands: List[List[str]]) -> List[str]:
    """Run commands; return what failed, a sentence for each."""
    problems = []
    for command in commands:
        # at boot what is restarted may wait for the unit that waits for it
        waits = command[0] == "systemctl" and "restart" in command[1]
        try:
            run_or_fail([command[0], "--no-block", *command[1:]] if waits else command)
        except (FabricError, OSError) as failure:
            problems.append(str(failure))
    return problems
