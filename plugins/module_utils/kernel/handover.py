# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a veth gets another master while the other end holds what it sends.

A port that leaves its bridge is disabled some 50 us before the bridge stops taking its packets (del_nbp, net/bridge/br_if.c),
and one that joins is taken from before it is enabled (br_add_if): what the other end sends meanwhile is dropped. What the
node sends to the other end is not.

A neighbor that is set to INCOMPLETE holds the packets to it, without a question to anybody and without a timer
(__neigh_update and __neigh_event_send, net/core/neighbour.c); with its MAC address back it sends them, in order. It holds
unres_qlen_bytes of them, by default 208 KiB. A qdisc could redirect the packets, but to give a link one stops what it sends
(qdisc_graft, net/sched/sch_api.c).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional

from .messages import NLM_F_CREATE, NLM_F_REPLACE, NUD_INCOMPLETE, NUD_PERMANENT, Index, Message
from .netlink import Decoded, Netlink


@dataclass(frozen=True)
class Handover:
    """A request for another master.

    :param message: what sets it.
    :param mac: the MAC address of this end.
    :param netns, link: the other end, whose permanent neighbors with that MAC address hold.
    """

    message: Message
    mac: str
    netns: str
    link: str


def hand_over(netlink: Netlink, netns: str, asked: Handover) -> Optional[str]:
    """Carry ``asked`` out in ``netns``; return None, or why it failed."""
    held = _held(netlink, asked)
    answers: List[Optional[str]] = [None]
    with _hurry():
        _set(netlink, asked, held, NUD_INCOMPLETE, {})
        try:
            netlink.request([(0, netns, asked.message)], answers)
        finally:
            _set(netlink, asked, held, NUD_PERMANENT, {"NDA_LLADDR": asked.mac})
    return answers[0]


@contextmanager
def _hurry() -> Iterator[None]:
    """Let this thread run before others: on a busy machine they would keep it waiting, and what is held with it."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:  # not allowed: it takes as long as it takes
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def _held(netlink: Netlink, asked: Handover) -> List[Decoded]:
    """Return the neighbors that are to hold."""
    try:
        index = netlink.index(asked.netns, asked.link)
        found = netlink.dump(asked.netns, "neigh", {"family": 0, "flags": 0})
    except (LookupError, OSError):  # the other end is gone, and sends nothing
        return []
    return [
        (fields, attrs)
        for fields, attrs in found
        if fields["ifindex"] == index and fields["state"] & NUD_PERMANENT and attrs.get("NDA_LLADDR") == asked.mac
    ]


def _set(netlink: Netlink, asked: Handover, neighbors: List[Decoded], state: int, more: Dict[str, Any]) -> None:
    messages = [
        Message(
            "new",
            "neigh",
            NLM_F_CREATE | NLM_F_REPLACE,
            {"family": fields["family"], "ifindex": Index(asked.netns, asked.link), "state": state},
            [("NDA_DST", attrs["NDA_DST"]), *more.items()],
        )
        for fields, attrs in neighbors
    ]
    numbered = [(number, asked.netns, message) for number, message in enumerate(messages)]
    netlink.request(numbered, [None] * len(messages))
