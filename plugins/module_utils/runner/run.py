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
from ..engine.plan import ADOPT
from ..engine.resource import Desired, Resource
from ..engine.session import Begin, Session, commands_of, diff_of
from ..kernel import namespaces
from ..kernel.kernel import Kernel
from ..kinds.registry import all_kinds, in_play
from ..ownership import Ledger
from ..system.lock import exclusive


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
) -> Dict[str, Any]:
    """Run ``desired`` through the engine and return the module's result.

    :param kinds: those that ``desired`` and ``purge`` are about.
    :param begin: see :class:`Session`.
    """
    in_use, bases = in_play(kinds)

    def work(session):
        session.begin = begin
        outcome = session.run(desired, check, adopt, purge, purge is not None, refuse_plan, yields)
        return _result(outcome, session.kinds)

    return on_node(
        work,
        in_use.values(),
        alone=not check,
        ledger=partial(Ledger, rebuild=adopt),
        promised=promised if check else (),
        looked_at=bases,
    )


def _result(outcome, kinds):
    commands = commands_of(outcome.plan, kinds)
    diff = partial(_diff, outcome.plan, kinds, commands)  # computed only if somebody looks at it
    result = {"changed": outcome.changed, "commands": commands, "stats": outcome.stats, "diff": diff}
    if outcome.promises:
        result["_promises"] = outcome.promises
    notes = {"reasons": [], "warnings": list(outcome.warnings)}  # why something is made anew; what is left as it is
    for step in outcome.plan.steps:
        if step.reason:
            sentence = f"{kinds[step.resource.kind].describe(step.resource)} is {step.reason}"
            notes["warnings" if step.action == ADOPT else "reasons"].append(sentence)
    return {**result, **{name: sentences for name, sentences in notes.items() if sentences}}


def _diff(plan, kinds, commands):
    """Return what Ansible shows with ``--diff``: before, after, and the commands."""
    before, after = diff_of(plan, kinds)
    diff: List[Dict[str, Any]] = [{"before": before, "after": after}]
    if commands:
        diff.append({"prepared": "by hand:\n" + "".join(f"  {command}\n" for command in commands)})
    return diff
