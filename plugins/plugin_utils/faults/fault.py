# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fault of the lessons is: one change of one node, by commands that a person could type. Pure Python."""

from __future__ import annotations

import shlex
from typing import Callable, Iterator, List, NamedTuple, Optional, Tuple

from .layout import Layout

Command = Tuple[str, ...]
# what somebody sees who sends the packet of the question, and what the fault changes of it
ANSWERED, SOURCE, TTL, BY, LEARNED = "answered", "source", "ttl", "by", "learned"
EFFECTS = {
    ANSWERED: "the packet is lost, or its answer",
    SOURCE: "the receiver sees another source address",
    TTL: "the packet passes more nodes",
    BY: "somebody else answers",
    LEARNED: "nothing yet: the node believes what others send it",
}


class Question(NamedTuple):
    """The packet that shows a fault.

    :param source, target: labels, as the matrix of verify has them; of a target that is no label the address.
    :param size: bytes of the IP packet; None: a small one.
    """

    source: str
    target: str
    protocol: str = "icmp"
    port: Optional[int] = None
    size: Optional[int] = None
    family: int = 4


class Entry(NamedTuple):
    """The entry that is wrong.

    :param kind: route, neighbor, fdb, link, address, sysctl, nat, nft.
    :param netns: its namespace; the empty string is the node's own.
    :param names: words by which the entry is recognised: a device, a prefix.
    :param direction: ``forward`` if the packet meets it, ``reverse`` if only the answer does.
    """

    node: str
    netns: str
    kind: str
    names: Tuple[str, ...] = ()
    direction: str = "forward"


class Case(NamedTuple):
    """One fault on one node.

    :param commands: what breaks it; ``undo`` restores what was there, each in the node's own namespace.
    """

    commands: Tuple[Command, ...]
    undo: Tuple[Command, ...]
    question: Question
    entry: Entry


class Fault(NamedTuple):
    """A fault of the list.

    :param name: what break_fault takes.
    :param title: what is wrong, in a few words.
    :param ping: whether a small ping between the ends of the question is still answered.
    :param effect: what changes for the packet of the question, a key of :data:`EFFECTS`.
    :param notices: what a user notices.
    :param lesson: why it is so.
    :param cases: the layout of a fabric and a node -> the fault there; none where it has no meaning.
    """

    name: str
    title: str
    ping: bool
    effect: str
    notices: str
    lesson: str
    cases: Callable[[Layout, str], Iterator[Case]]


Maker = Callable[[Layout, str], Iterator[Case]]


def fault(
    name: str, title: str, notices: str, lesson: str, ping: bool = False, effect: str = ANSWERED
) -> Callable[[Maker], Fault]:
    """Return what makes a fault of a function that yields its cases."""

    def made(cases: Maker) -> Fault:
        return Fault(name, title, ping, effect, notices, lesson, cases)

    return made


def case(commands: List[str], undo: List[str], question: Question, entry: Entry) -> Case:
    """Return a case; commands are written as in a shell."""
    return Case(_words(commands), _words(undo), question, entry)


def _words(lines: List[str]) -> Tuple[Command, ...]:
    return tuple(tuple(shlex.split(line)) for line in lines)
