# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What objects of many kinds stand on: a namespace, a link, a link's IPv4."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Tuple

from ..engine.kind import Tie


class NetnsKey(NamedTuple):
    name: str


class LinkKey(NamedTuple):
    netns: str
    name: str


@lru_cache(maxsize=1 << 14)
def in_namespace(netns: str) -> Tuple[Tie, ...]:
    """Return the ties of an object in ``netns``."""
    return (Tie(("netns", NetnsKey(netns)), "netns"),) if netns else ()


@lru_cache(maxsize=1 << 14)
def on_link(netns: str, name: str, option: str = "dev") -> Tuple[Tie, ...]:
    """Return the ties of an object on the link ``name``; ``option`` is the one that names the link."""
    return (*in_namespace(netns), Tie(("link", LinkKey(netns, name)), option))


@lru_cache(maxsize=1 << 14)
def on_link_with_ipv4(netns: str, name: str) -> Tuple[Tie, ...]:
    """Return the ties of an object on the link ``name`` that ends with the last IPv4 address of that."""
    return (*on_link(netns, name), Tie(("ipv4", LinkKey(netns, name))))
