# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof: every pair of a fabric is walked, before anything is touched, and held against what the fabric promises. Pure Python.

By default over what the inventory alone declares, and over classes of nodes (:mod:`proof_classes`): each pair that is walked
stands for all that are like it. Over states that were observed or planned every pair is walked.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..declared.states import declared_states
from ..walk.hop import Hop
from .asking import Asker
from .classes import Quotient, quotient
from .promises import REACH, Question, Questions

Json = Dict[str, Any]
# what is returned of a proof has so many faults at most
MOST_FAULTS = 1000
# so many of those that should be alike are walked, to see that they are
MOST_ALIKE = 3


class Fault(NamedTuple):
    """A promise that does not hold.

    :param times: how many pairs of the fabric have the same fault.
    :param hop: where it is decided, with the entry of a table, or None.
    """

    question: Question
    reason: str
    times: int = 1
    hop: Optional[Hop] = None

    def plain(self) -> Json:
        """Return it in JSON's form."""
        one, hop = self.question, self.hop.plain() if self.hop else None
        return {
            "from": one.source,
            "to": one.target,
            "address": one.address,
            "must": one.must,
            **({"protocol": one.protocol, "port": one.port} if one.port else {}),
            "pairs": self.times,
            "hop": hop,
            "entry": hop["entry"] if hop else None,
            "reason": self.reason,
        }


class Proof(NamedTuple):
    """What was proven.

    :param pairs: how many pairs must reach each other; ``reach``: how many will.
    :param must_not: how many must not, or must end in a particular place.
    :param unproven: how many ports are published at an address that nobody is known to have.
    :param walked: how many were walked: each stands for those that are like it.
    :param matrix: ``{"from", "to", "address", "pairs", "must", "holds"}`` for each that was walked and is not like another.
    """

    pairs: int
    reach: int
    must_not: int
    unproven: int
    walked: int
    faults: List[Fault]
    matrix: List[Json]

    def plain(self) -> Json:
        """Return it in JSON's form."""
        numbers = {name: getattr(self, name) for name in ("pairs", "reach", "must_not", "unproven", "walked")}
        return {**numbers, "faults": [fault.plain() for fault in self.faults[:MOST_FAULTS]], "matrix": self.matrix}


def prove(model: Json) -> Proof:
    """Return the proof of what the inventory alone declares.

    :param model: the model of the fabric; the inventory has no faults.
    """
    found = quotient(model)
    return prove_states(found.model, declared_states(found.model), found)


def prove_states(model: Json, states: Dict[str, Json], classes: Optional[Quotient] = None) -> Proof:
    """Return the proof of ``states``, JSON of a node by its name; of a node without one nothing is proven.

    :param classes: what the pairs of ``model`` stand for; None: each for itself.
    """
    known = {name: values for name, values in model["nodes"].items() if name in states}
    model = {"fabric": model["fabric"], "nodes": known}
    found = _Found(Asker(model, states), classes)
    for name, state in states.items():
        found.refused(name, state)
    for question in Questions(model).all():
        found.ask(question)
    return found.proof()


class _Found:
    """What was asked so far, and what came of it."""

    def __init__(self, asker: Asker, classes: Optional[Quotient]) -> None:
        self._asker, self._classes = asker, classes
        # what is asked, as far as the classes tell it apart -> (the first such question, its fault, how many it stands for)
        self._asked: Dict[Any, Tuple[Question, Optional[Fault], int]] = {}
        self._refused: List[Fault] = []
        self._alike: Counter = Counter()
        self._walked = self._unproven = 0

    def refused(self, name: str, state: Json) -> None:
        """Note what the kernel of a node would not take."""
        for entry in state.get("refused", ()):
            question = Question(REACH, entry["netns"] or name, name, entry["netns"], entry["text"], "")
            reason = f"the kernel refuses the {entry['kind']} {entry['text']}: {entry['why']}"
            self._refused.append(Fault(question, reason))

    def ask(self, question: Question) -> None:
        """Walk a packet, and hold what becomes of it against what must."""
        if self._asker.is_foreign(question):
            self._unproven += 1
            return
        key, times = self._key(question)
        known = self._asked.get(key)
        if known is not None and self._alike[key] >= MOST_ALIKE:
            return
        self._walked += 1
        self._alike[key] += 1
        reason, hop = self._asker.fault(question)
        if known is not None and (known[1] is None) == (not reason):
            return
        if known is not None:  # not alike after all: each is named
            key, times = (key, question), 1
        self._asked[key] = question, Fault(question, reason, times, hop) if reason else None, times

    def _key(self, one: Question) -> Tuple[Any, int]:
        """Return what ``one`` has in common with all that are like it, and how many these are."""
        what = (one.must, one.protocol, one.port, ":" in one.address, one.listener and one.listener[1])
        if self._classes is None:
            return (*what, one.source, one.netns, one.target, one.address), 1
        classes = self._classes
        mine = classes.sorts.get((one.node, one.endpoint), "")
        theirs = classes.sorts.get((one.where or "", one.whom), "")
        # of what is no endpoint, the name tells which of a node's it is
        names = (
            "" if mine else one.netns,
            "" if theirs else one.target.replace(one.where or " ", "NODE"),
            one.where == one.node,
        )
        if one.where is None:
            number = classes.classes[one.node]
            return (*what, *names, number, mine), sum(classes.counts[number][mine].values())
        if one.listener:  # from one node, for each that is published there
            number = classes.classes[one.where]
            key = (*what, *names, classes.classes[one.node], mine and mine == theirs, number, theirs)
            return key, sum(classes.counts[number][theirs].values())
        if one.where == one.node:
            number = classes.classes[one.node]
            times = (
                classes.inside[number, mine, theirs]
                if mine and theirs
                else classes.inside[number, mine, theirs, "itself"]
            )
            return (*what, *names, number, mine, theirs, self._which(one)), times
        sort = classes.sort_of(one.node, one.where)
        return (*what, *names, sort, mine, theirs, self._which(one)), classes.times(sort, mine, theirs)

    def _which(self, one: Question) -> str:
        """Return which address of a node is asked for: its own on the underlay, or another."""
        if one.whom or one.where is None:
            return ""
        values = self._classes.model["nodes"][one.where] if self._classes else {}
        return next((name for name, value in values.items() if value == one.address), "")

    def proof(self) -> Proof:
        """Return what all of it comes to."""
        must = [entry for entry in self._asked.values() if entry[0].must == REACH]
        others = [entry for entry in self._asked.values() if entry[0].must != REACH]
        matrix = [
            {
                "from": one.source,
                "to": one.target,
                "address": one.address,
                "must": one.must,
                "pairs": times,
                "holds": fault is None,
            }
            for one, fault, times in self._asked.values()
        ]
        return Proof(
            sum(times for _one, _fault, times in must),
            sum(times for _one, fault, times in must if fault is None),
            sum(times for _one, _fault, times in others),
            self._unproven,
            self._walked,
            [*self._refused, *(fault for _one, fault, _times in self._asked.values() if fault)],
            matrix,
        )
