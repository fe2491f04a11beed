# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of the lessons: what breaks a lab, what of it is seen, and why. Pure Python.

Each is one change of one node, of the sort that people make and meet. ``break`` puts one in, ``walk`` and ``verify`` find
it, ``mend`` says which it was.
"""

from __future__ import annotations

import random
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from . import endpoints, filters, nodes, routes, tunnels
from .fault import Case, Fault
from .layout import Layout

FAULTS: Dict[str, Fault] = {
    one.name: one for part in (endpoints, nodes, routes, tunnels, filters) for one in part.FAULTS
}


class Broken(NamedTuple):
    """A fault that can be put into a fabric."""

    fault: Fault
    case: Case

    @property
    def node(self) -> str:
        """Return the node that is changed."""
        return self.case.entry.node


class NoSuchFault(ValueError):
    """A fault, or a node, that the fabric has not; the text says which there are."""


def every(model: Dict[str, Any]) -> Iterator[Broken]:
    """Yield each fault of each node, where it has a meaning, for the model of a fabric."""
    layout = Layout(model)
    for one in FAULTS.values():
        for node in layout.nodes:
            for case in one.cases(layout, node):
                yield Broken(one, case)


def chosen(
    model: Dict[str, Any], name: Optional[str] = None, node: Optional[str] = None, seed: Optional[str] = None
) -> Broken:
    """Return a fault to put in: the one of that name, on that node; where something is left open, one by chance.

    :param seed: the same seed chooses the same fault.
    :raises NoSuchFault: there is none of that name, or none on that node.
    """
    found = list(every(model))
    if name and name not in FAULTS:
        raise NoSuchFault(f"there is no fault {name!r}. {listed(found)}")
    if node and node not in model["nodes"]:
        raise NoSuchFault(f"break_node: the fabric has no node {node!r}: it has {', '.join(model['nodes'])}")
    fits = [one for one in found if name in (None, one.fault.name) and node in (None, one.node)]
    if not fits:
        where = f" on {node}" if node else ""
        raise NoSuchFault(f"the fault {name or 'wanted'} has no meaning{where} in this fabric. {listed(found)}")
    chance = random.Random(seed)
    names = list(dict.fromkeys(one.fault.name for one in fits))
    which = chance.choice(names)
    return chance.choice([one for one in fits if one.fault.name == which])


def listed(found: List[Broken]) -> str:
    """Return a line for each fault that a fabric can have."""
    titles = {one.fault.name: one.fault.title for one in found}
    width = max(map(len, titles), default=0)
    return "\n".join(["Faults of this fabric:", *(f"  {name:{width}}  {title}" for name, title in titles.items())])
