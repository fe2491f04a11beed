# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the engine on this node: opens the kernel and the marks, takes the lock, and turns an outcome into a result."""

from __future__ import annotations

import gc
from contextlib import closing, nullcontext
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set

from ..engine.kind import Kind
from ..engine.phases import Transition
from ..engine.plan import ADOPT
from ..engine.resource import Desired, Resource
from ..engine.session import Begin, Session
from ..engine.step import refs_of
from ..engine.summary import commands_of, counts_of, diff_of
from ..kernel import namespaces
from ..kernel.kernel import Kernel
from ..kinds.registry import all_kinds, in_play
from ..ownership import Ledger
from ..system.lock import exclusive
from ..system.pending import CommitPending, refuse_others
from .expiry import expire_overdue


def on_node(
    work: Callable[[Session], Any],
    kinds: Optional[Iterable[Kind]] = None,
    *,
    alone: bool = False,
    ledger: Callable[[], Ledger] = Ledger,
    promised: Sequence[Dict[str, Any]] = (),
    looked_at: Optional[Set[str]] = None,
) -> Any:
    """Call ``work`` with a session on this node's kernel, in a thread that may enter namespaces; return what it returns.

    :param kinds: those in play; None: all.
    :param alone: hold the lock meanwhile, as every run does that changes something.
    :param ledger: opens the marks, after the lock is taken.
    :param promised, looked_at: see :class:`Session`.
    """

    def body():
        with closing(Kernel(ledger())) as kernel:
            in_use = all_kinds() if kinds is None else kinds
            return work(Session({kind.name: kind for kind in in_use}, kernel, list(promised), looked_at))

    with exclusive() if alone else nullcontext():
        if alone:
            expire_overdue(on_node)
        gc.disable()  # thousands of objects, none of them in a cycle, and soon the process ends
        try:
            return namespaces.in_worker_thread(body)
        finally:
            gc.enable()


def execute(
    kinds: List[Kind],
    desired: List[Desired],
    check: bool = False,
    promised: Sequence[Dict[str, Any]] = (),
    purge: Optional[Callable[[Resource], bool]] = None,
    adopt: bool = False,
    *,
    refuse_plan: Optional[Callable] = None,
    yields: Optional[Callable[[str], bool]] = None,
    begin: Optional[Begin] = None,
    phase: Optional[str] = None,
    transition: Optional[Transition] = None,
) -> Dict[str, Any]:
    """Run ``desired`` through the engine and return the module's result.

    :param kinds: those that ``desired`` and ``purge`` are about.
    :param begin: see :class:`Session`; None: the run is refused if a commit is pending and there is something to change.
    :param phase, transition: see :meth:`Session.run`; without a phase all is done at once.
    """
    in_use, bases = in_play(kinds)

    def work(session):
        session.begin = begin or _refuse_while_pending
        everywhere = purge is not None
        in_phases = {"phase": phase or "", "transition": transition if phase else None}
        outcome = session.run(desired, check, adopt, purge, everywhere, refuse_plan, yields, **in_phases)
        return _result(outcome, session.kinds, check)

    return on_node(
        work,
        in_use.values(),
        alone=not check,
        ledger=partial(Ledger, rebuild=adopt),
        promised=promised if check else (),
        looked_at=bases,
    )


def _refuse_while_pending(*_run: Any) -> None:
    """Refuse what is of no commit while one waits for its confirmation."""
    refuse_others()


def _result(outcome, kinds, check):
    commands = {phase.name: commands_of(phase.plan, kinds) for phase in outcome.phases}
    shown = commands if check and commands else {"": commands_of(outcome.plan, kinds)}
    result = {
        "changed": outcome.changed,
        "commands": [command for several in shown.values() for command in several],
        "stats": outcome.stats,
        "diff": partial(_diff, outcome.plan, kinds, shown),  # computed only if somebody looks at it
    }
    if outcome.promises:
        result["_promises"] = outcome.promises
    if outcome.phases:
        result["phases"] = {
            phase.name: {
                "objects": len(refs_of(phase.plan.levels) | refs_of(phase.plan.last)),
                "counts": counts_of(phase.plan, kinds),
                "commands": commands[phase.name],
            }
            for phase in outcome.phases
        }
        result["remaining"] = [phase.name for phase in outcome.phases[1:] if phase.plan]
    notes = {"reasons": [], "warnings": list(outcome.warnings)}  # why something is made anew; what is left as it is
    for step in outcome.plan.steps:
        if step.reason:
            sentence = f"{kinds[step.resource.kind].describe(step.resource)} is {step.reason}"
            notes["warnings" if step.action == ADOPT else "reasons"].append(sentence)
    if check and outcome.changed:
        notes["warnings"] += _refused_now()
    return {**result, **{name: sentences for name, sentences in notes.items() if sentences}}


def _refused_now():
    """Return why a run that changes something would be refused now, as a warning, or none."""
    try:
        refuse_others()
    except CommitPending as refusal:
        return [f"without --check this is refused now: {refusal}"]
    return []


def _diff(plan, kinds, commands):
    """Return what Ansible shows with ``--diff``: before, after, and the commands of each phase."""
    before, after = diff_of(plan, kinds)
    diff: List[Dict[str, Any]] = [{"before": before, "after": after}]
    for phase, several in commands.items():
        if several:
            head = f"by hand, {phase}:\n" if phase else "by hand:\n"
            diff.append({"prepared": head + "".join(f"  {command}\n" for command in several)})
    return diff
