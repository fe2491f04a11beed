# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of this node that is undone unless it is confirmed: how such a commit begins, is extended, confirmed and cancelled."""

from __future__ import annotations

import sys
import time
from typing import Any, Dict, List, Optional, Tuple

from ..engine.errors import FabricError
from ..engine.kind import Scope
from ..engine.resource import Observed, to_plain
from ..engine.session import Session
from ..engine.step import Plan
from ..kinds.registry import all_kinds
from ..runner.expiry import undo
from ..runner.run import on_node
from ..system import deadman, pending
from ..system.files import write
from ..system.lock import exclusive
from ..system.pending import CANCELLED, CONFIRMED, EXPIRED, PROGRAM, Pending
from ..system.reconcile import Files
from . import install
from .program import program

OPTIONS: Dict[str, Any] = {
    "id": {"type": "str", "required": True},
    "timeout": {"type": "int", "required": True},
    "holder": {"type": "str", "default": ""},
}
# the switch tries again when another run holds the lock for long, or the node cannot be observed
TRIES, PAUSE_SECONDS = 20, 1.0

Result = Dict[str, Any]


class Commit:
    """The commit to which a run belongs; it begins with the first change, of the kernel's objects or of files.

    :param options: those in ``OPTIONS``.
    :param persist: options of the module persist, for the confirmation.
    """

    def __init__(self, options: Dict[str, Any], persist: Optional[Dict[str, Any]] = None) -> None:
        self.id, self.timeout, self.holder = options["id"], options["timeout"], options["holder"]
        self.persist = persist

    def begin(self, session: Session, observed: Observed, plan: Plan, scope: Scope) -> None:
        """Note what ``plan`` will touch, before anything is touched; the first time, arm the switch.

        :raises FabricError: another commit is pending, or this one has ended.
        """
        found = self._known()
        fresh = found is None
        if found is None:
            found = self._new(session, _everything(session, observed, scope))
        _add(found, plan)
        _write(found, fresh)

    def keep_files(self, before: Files, first: List[List[str]], last: List[List[str]]) -> None:
        """Remember files as they are before they are changed; see :meth:`Pending.keep`.

        :raises FabricError: as :meth:`begin`.
        """

        def work(session: Session) -> None:
            found = self._known()
            fresh = found is None
            if found is None:
                found = self._new(session, session.observe(session.scope([], everywhere=True)))
            found.keep(before, first, last)
            _write(found, fresh)
            found.write_files()

        on_node(work, all_kinds(), alone=True)

    def _known(self) -> Optional[Pending]:
        """Return this commit if it has begun here; each phase has the whole time."""
        found = pending.read()
        if found and found.id != self.id:
            raise found.refusal()
        ended = None if found else pending.ended(self.id)
        if ended:
            raise FabricError(f"{sentence(ended)} (nothing was changed)")
        if found:
            found.renew()
        return found

    def _new(self, session: Session, observed: Observed) -> Pending:
        found = pending.new(self.id, self.holder, self.timeout, self.persist)
        found.before = [to_plain(one) for one in observed.values()]
        ledger = session.kernel.ledger
        found.marks = None if ledger.fresh else ledger.text()  # also if they could not be read, and are made anew
        return found


def _everything(session: Session, observed: Observed, scope: Scope) -> Observed:
    """Return all that is there, ours or not; ``observed`` is what the run looked at."""
    netns = {"", *session.kernel.ledger.namespaces()}
    if len(session.seen) == len(all_kinds()) and netns <= scope.netns and not scope.bystanders:
        return observed
    whole = Session({kind.name: kind for kind in all_kinds()}, session.kernel)
    return {**whole.observe(Scope(netns | scope.netns, scope.refs | observed.keys())), **observed}


def _add(found: Pending, plan: Plan) -> None:
    """Add what ``plan`` touches to what the commit has touched."""
    planned = {_plain(kind, key) for kind, key in found.planned}
    known = planned | {_plain(one["kind"], one["key"]) for one in found.before}
    for step in plan.steps:
        was = step.everything if step.after is None else (step.before,) if step.before else ()
        found.before += [to_plain(one) for one in was if _plain(*one.ref) not in known]
    renamed = {one.ref for pair in plan.renamed for one in pair}
    new = {_plain(*ref) for ref in plan.refs | renamed} - planned
    found.planned += [[kind, list(key)] for kind, key in new]


def _plain(kind: str, key: Any) -> Tuple[str, Any]:
    """Return a ref as a tuple, whether its key is one or came from a file."""
    return kind, tuple(tuple(part) if isinstance(part, list) else part for part in key)


def _write(found: Pending, fresh: bool) -> None:
    """Write the commit; a new one also gets its switch, and the program that this runs."""
    if not fresh:
        found.write()
        return
    try:
        pending.make_folder()
        write(PROGRAM, program(packed=False), 0o700, durable=False)
        found.write()
        deadman.arm(found.id, found.timeout, PROGRAM)
    except (FabricError, OSError) as failure:
        pending.drop(found)
        raise FabricError(f"the commit {found.id} cannot begin: {failure} (nothing was changed)") from failure


def report(id: Optional[str] = None) -> Result:
    """Return what is pending, and how the commit ``id``, or the last one, ended here."""
    return {"changed": False, **_state(pending.read(), id)}


def extend(id: Optional[str], timeout: Optional[int], check: bool = False) -> Result:
    """Give the commit ``timeout`` seconds from now; None: as many as it began with.

    :raises FabricError: it was undone.
    """
    with exclusive():
        found = _current(id)
        if found is None:
            return _not_pending(id, ())
        if not check:
            found.extend(timeout or found.timeout)
            found.write()
        return {"changed": True, **_state(found, id), "objects": len(found.planned)}


def confirm(id: Optional[str], persist: Optional[Dict[str, Any]] = None, check: bool = False) -> Result:
    """Make the commit final: save the fabric for the next boot, then end the switch.

    :param persist: options of the module persist; None: those with which the commit began.
    :raises FabricError: it was undone; or the fabric cannot be saved, and it is still pending.
    """
    with exclusive():
        found = _current(id)
        if found is None:
            return _not_pending(id, (CONFIRMED,))
        options, saved = persist or found.persist, {}
        if options:
            saved = {"persisted": _persisted(found, options, check)}
        if not check:
            pending.end(found, CONFIRMED, [])
            deadman.disarm(found.id)
        return {
            "changed": True,
            **_state(None if not check else found, found.id),
            "objects": len(found.planned),
            **saved,
        }


def _persisted(found: Pending, options: Dict[str, Any], check: bool) -> Result:
    """Save the fabric; what is killed in between is undone with the rest."""

    def keep(before: Files, first: List[List[str]], last: List[List[str]]) -> None:
        found.keep(before, first, last)
        found.write()

    try:
        done = install.persist_alone(options["state"], options["repair"], check, keep)
    except (FabricError, OSError) as failure:
        raise FabricError(f"{failure} (the commit {found.id} is still pending)") from failure
    return {name: value for name, value in done.items() if name != "diff"}


def cancel(id: Optional[str], check: bool = False) -> Result:
    """Undo the commit now."""
    with exclusive():
        found = _current(id)
        if found is None:
            return {"changed": False, **_state(pending.read(), id)}
        if check:
            return {"changed": True, **_state(found, id), "objects": len(found.planned)}
        done = undo(found, CANCELLED, on_node)
        return {"changed": True, **_state(None, found.id), **done._asdict()}


def expire(id: str) -> None:
    """Wait until the commit's time has passed, and undo it; what its switch runs."""
    for _try in range(TRIES):
        try:
            if _waited(id):
                return
        except Exception as failure:  # whatever it is, the next try may do it
            sys.stderr.write(f"nodenet-fabric: {failure}\n")  # the journal has it
            time.sleep(PAUSE_SECONDS)


def _waited(id):
    """Wait for the deadline, and undo; return whether the commit has ended."""
    while True:
        found = pending.read()
        if found is None or found.id != id:
            with exclusive():
                pending.tidy()
            return True
        if not found.overdue:
            time.sleep(found.seconds_left)
            continue
        with exclusive():
            found = pending.read()
            if found and found.id == id and found.overdue:
                undo(found, EXPIRED, on_node)
                return True


def _current(id: Optional[str]) -> Optional[Pending]:
    """Return the pending commit if it is ``id``, or any if that is None; one whose time has passed is undone first."""
    found = pending.read()
    if found and found.overdue:
        undo(found, EXPIRED, on_node)
        found = None
    return found if found and id in (None, found.id) else None


def _not_pending(id: Optional[str], fine: Any) -> Result:
    """Return the result for a commit that is not pending: it never began here, or ended as one of ``fine``.

    :raises FabricError: it ended otherwise.
    """
    known = pending.ended(id) if id else None
    if known and known["ended"] not in fine:
        raise FabricError(sentence(known))
    return {"changed": False, **_state(pending.read(), id)}


def sentence(entry: Dict[str, Any]) -> str:
    """Return how a commit ended, by its entry in the history, for a person."""
    ways = {
        CONFIRMED: "was confirmed",
        CANCELLED: "was cancelled and undone",
        EXPIRED: "was not confirmed in time and was undone",
    }
    left = "; could not be undone: " + "; ".join(entry["left"]) if entry["left"] else ""
    return f"commit {entry['id']} {ways[entry['ended']]} on this node at {entry['when']}{left}"


def _state(found: Optional[Pending], id: Optional[str]) -> Result:
    """Return what every result of the module commit has."""
    known = pending.ended(id) if id else next(reversed(pending.history()), None)
    return {
        "commit": found
        and {
            "id": found.id,
            "holder": found.holder,
            "since": found.since,
            "seconds_left": round(found.seconds_left),
            "extended": found.extended,
        },
        "ended": known["ended"] if known else None,
        "objects": len(found.planned) if found else 0,
        "undone": [],
        "left": known["left"] if known else [],
    }
