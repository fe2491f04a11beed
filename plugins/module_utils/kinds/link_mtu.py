# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another MTU of a link that carries packets, in an order in which none is too large for where it goes."""

from __future__ import annotations

from ..engine.request import Request
from ..engine.resource import Resource
from ..kernel.messages import Message
from .ties import LinkKey

# A bridge comes up when its ports are there
BEFORE_BRIDGES = ("netns", "link", "port")


def resized(before: Resource[LinkKey], after: Resource[LinkKey]) -> Request:
    """Return the request for another MTU.

    Who receives must take what others send: a veth drops what is larger than the MTU of its other end (is_skb_forwardable,
    net/core/dev.c). Of an endpoint that has the smaller of both MTUs in its routes (see specs/transition.py) only the node
    itself sends more, so that its side grows last, a bridge after its ports, and shrinks first.
    """
    netns, values = after.netns, after.values
    inner = bool(netns and values.get("peer") and values["peer"][0] != netns)
    grows = values["mtu"] > before.values["mtu"]
    message = Message("set", "link", 0, {}, [("IFLA_IFNAME", after.key.name), ("IFLA_MTU", values["mtu"])])
    late = BEFORE_BRIDGES if grows != inner else ()
    return Request(netns, message, stage=int(values["type"] != "veth"), late=late)
