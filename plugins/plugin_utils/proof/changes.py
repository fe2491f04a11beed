# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change in its phases: the state of each node after each of them, as the planner of the nodes itself plans it. Pure Python.

What is observed on a node are its objects (module fabric_info); what the inventory declares are those of its roles.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from ...module_utils.engine.phases import after, phases_of
from ...module_utils.engine.plan import make_plan
from ...module_utils.engine.resource import Desired, Observed, Resource, from_plain
from ...module_utils.kinds.registry import by_name
from ...module_utils.kinds.sysctl import SysctlKey, link_of
from ...module_utils.specs.sets import described, removal
from ...module_utils.specs.transition import Transition
from ..declared.kernel_made import FORWARDING
from ..declared.role_sets import role_sets
from ..declared.states import KINDS, state_of
from ..node import node_model
from .classes import quotient
from .pairs import Fault, Proof, prove_states

Json = Dict[str, Any]
NOW, BEFORE = "now", "on the way to"
# of more nodes only some are walked in each phase
MOST_NODES = 12
IN_PLAY = {name: kind for name, kind in by_name().items() if name in (*KINDS, "netns")}


def observed_objects(objects: Dict[str, List[Json]], network: Optional[Json] = None) -> List[Resource]:
    """Return the resources in ``objects`` of fabric_info; with those sysctls in its ``network`` that are of no link."""
    found = [
        from_plain({**one, "kind": kind, "key": [one["netns"], *one["key"]]}, IN_PLAY[kind].key)
        for kind, listed in objects.items()
        if kind in IN_PLAY
        for one in listed
    ]
    known = {one.ref for one in found}
    namespaces = network["namespaces"] if network else {}
    sysctls = [
        Resource("sysctl", SysctlKey(netns, name), {"value": value, "before": value})
        for netns, record in namespaces.items()
        for name, value in record.get("sysctls", {}).items()
        if name.startswith("net.ipv") and not link_of(name)
    ]
    return found + [one for one in sysctls if one.ref not in known]


def phases(model: Json, observed: Dict[str, List[Resource]]) -> Iterator[Tuple[str, Dict[str, Json]]]:
    """Yield (name of a phase, name -> the state of each node at its end), first what is there now.

    While nodes wait for each other some are done with a phase and some are not: before each phase two halves are so in turn.

    :param model: of the inventory as it is to be.
    :param observed: node -> what it has; a node of ``model`` that is missing has nothing yet.
    """
    found = {name: list(_of_node(model, name, observed.get(name, ()))) for name in model["nodes"]}
    states = {
        name: [(phase, state_of(model, name, there, "planned")) for phase, there in one] for name, one in found.items()
    }
    names = [phase for phase, _state in next(iter(states.values()), [])]
    for number, phase in enumerate(names):
        for half in (0, 1) if number else ():
            ahead = {name: number - (place % 2 == half) for place, name in enumerate(states)}
            yield f"{BEFORE} {phase}", {name: states[name][at][1] for name, at in ahead.items()}
        yield phase, {name: one[number][1] for name, one in states.items()}


def of_change(model: Json, observed: Dict[str, List[Resource]]) -> Iterator[Tuple[str, Proof, List[Fault]]]:
    """Yield (phase, its proof, those of its faults that the change is to blame for); the first is what is there now.

    A pair that reaches now must do so in every phase. Of a large fabric nodes are walked that are of each sort.
    """
    if len(model["nodes"]) > MOST_NODES:
        kept = quotient(model).model["nodes"]
        model = {**model, "nodes": {name: model["nodes"][name] for name in kept}}
    broken = set()
    for name, states in phases(model, observed):
        proof = prove_states(model, states)
        if name == NOW:
            broken = {fault.question for fault in proof.faults}
        yield name, proof, [one for one in proof.faults if one.question not in broken]


def _of_node(model: Json, name: str, found: Iterable[Resource]) -> Iterator[Tuple[str, List[Resource]]]:
    """Yield (phase, what the node has at its end)."""
    view = node_model(model, name)
    sets = role_sets(view)
    desired = [Desired(one, True, "") for one in described(sets, IN_PLAY)]
    purge = removal(sets, view["owners"], view["all_owners"])
    now: Observed = {one.ref: one for one in found}
    yield NOW, list(now.values())
    there = now
    planner = partial(make_plan, IN_PLAY, adopt=True)
    for phase in phases_of(IN_PLAY, there, desired, planner, purge, Transition()):
        there = after(there, phase.plan)
        yield phase.name, _forwarding(now, there)


def _forwarding(now: Observed, there: Observed) -> List[Resource]:
    """Return what is there; where forwarding was turned on for all, every link has it (inet_forward_change, net/ipv4/devinet.c)."""

    def is_turned_on(one: Resource) -> bool:
        ref = "sysctl", SysctlKey(one.netns, FORWARDING["ipv4"])
        before, after_ = (state[ref].values["value"] if ref in state else "0" for state in (now, there))
        return one.kind == "link" and one.owner is None and (before, after_) == ("0", "1")

    return [one.merged({"forwarding": 1}) if is_turned_on(one) else one for one in there.values()]
