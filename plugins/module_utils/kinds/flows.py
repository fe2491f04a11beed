# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows that began before a change of NAT rules begin anew: a sender that keeps its port would never get an answer.

An established TCP connection stays until it is closed: its other end knows nothing of a new translation.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..engine.errors import reason
from ..engine.step import Plan
from ..kernel import conntrack
from ..kernel.kernel import Kernel
from ..kernel.messages import RTN_LOCAL

PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
DNAT_CHAINS = {"prerouting", "output"}


# whether a flow is stale, given what says of an address whether it is local
Look = Callable[[Any, Callable[[bytes], bool]], bool]


def forget_stale(kernel: Kernel, plan: Plan) -> List[str]:
    """Remove the flows that are translated as the rules said before ``plan``, which was carried out; return warnings."""
    by_netns: Dict[str, List[Look]] = {}
    for step in (one for one in plan.steps if one.resource.kind == "nat"):
        look = _published(step) if step.resource.key.word == "publish" else _masqueraded(step)
        if look and kernel.exists(step.resource.netns):
            by_netns.setdefault(step.resource.netns, []).append(look)
    warnings = []
    for netns, looks in by_netns.items():
        try:
            conntrack.forget(netns, _stale(looks, _local(kernel, netns)))
        except OSError as failure:
            where = f" in namespace {netns!r}" if netns else ""
            warnings.append(
                f"flows that were there before their NAT rule changed{where} keep their old translation until they pause:"
                f" the kernel does not remove them ({reason(failure)}; it needs CONFIG_NF_CT_NETLINK, module"
                " nf_conntrack_netlink)"
            )
    return warnings


def _stale(looks, local):
    """Return a predicate: whether a flow is stale by one of ``looks``. It examines each address once."""
    known = {}

    def is_local(address):
        if address not in known:
            known[address] = _within(address, local)
        return known[address]

    def stale(flow):
        established = flow.protocol == socket.IPPROTO_TCP and flow.status & conntrack.ASSURED
        return not established and any(look(flow, is_local) for look in looks)

    return stale


def published(name: str) -> Tuple[int, range, int, Optional[bytes]]:
    """Return what the name of a published port holds: protocol, ports, length of addresses in bytes, the one address or None.

    :raises ValueError: it is none that specs/port_forward.py gives.
    """
    protocol, ports, family, *address = name.split("/")
    first, _dash, last = ports.partition("-")
    found = range(int(first), int(last or first) + 1)
    if protocol not in PROTOCOLS or not found:
        raise ValueError(name)
    only = ipaddress.ip_address(address[0]).packed if address else None
    return PROTOCOLS[protocol], found, 16 if family == "ipv6" else 4, only


def _published(step):
    """Return a predicate: whether a change of a published port affects a flow. None: it affects no flow."""
    new_or_gone = step.before is None or step.after is None
    if not new_or_gone and DNAT_CHAINS.isdisjoint(step.fields) and "postrouting" not in step.fields:
        return None
    try:
        number, wanted, length, only = published(step.resource.key.name)
    except ValueError:  # a rule that somebody else gave such a comment
        return None
    hairpin = None
    if not new_or_gone and DNAT_CHAINS.isdisjoint(step.fields):  # what comes from elsewhere goes the same way
        rules = (one.values.get("postrouting") for one in (step.before, step.after))
        hairpin = [net for rule in rules for net in _prefixes(rule, "saddr")]

    def look(flow, is_local):
        if flow.protocol != number or flow.port not in wanted or len(flow.target) != length:
            return False
        if hairpin is not None and not _within(flow.source, hairpin):
            return False
        return flow.target == only if only else is_local(flow.target)

    return look


def _masqueraded(step):
    """Return a predicate: whether a change of masquerade affects a flow. None: it affects no flow."""
    if step.resource.key.word != "masquerade" or step.before and step.after and "postrouting" not in step.fields:
        return None
    source = [_range(step.resource.key.name)]
    rule = step.after.values.get("postrouting") if step.after else None
    kept = _prefixes(rule, "daddr !=")

    def look(flow, is_local):
        # a flow with DNAT is the published port's; one to the node itself does not leave
        if flow.status & conntrack.DST_NAT or not _within(flow.source, source) or is_local(flow.target):
            return False
        translates = bool(rule) and not _within(flow.target, kept)
        return translates != bool(flow.status & conntrack.SRC_NAT)

    return look


def _local(kernel, netns):
    """Return the ranges of addresses that ``netns`` itself has, without those of the loopback interface."""

    def keep(*head):
        return head[7] == RTN_LOCAL  # rtm_type, in the order of tables.FORMS; nft's "fib daddr type local"

    found = [
        _range(f"{attrs['RTA_DST']}/{fields['dst_len']}")
        for fields, attrs in kernel.dump(netns, "route", keep=keep)
        if "RTA_DST" in attrs
    ]
    return [one for one in found if not ipaddress.ip_address(one[0]).is_loopback]


def _prefixes(rule, words):
    """Return the ranges of ``saddr { … }`` or the like in a rule in our spelling."""
    written = re.search(rf"{words} {{ ([^}}]*) }}", rule or "")
    return [_range(text) for text in written[1].split(", ")] if written else []


def _range(prefix):
    network = ipaddress.ip_network(prefix)
    return network.network_address.packed, network.broadcast_address.packed


def _within(address, ranges):
    return any(len(address) == len(first) and first <= address <= last for first, last in ranges)
