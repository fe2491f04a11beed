# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One who acts on a node's network beside the fabric, and is told of it by files of its own kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Optional

HEAD = "# Written by nodenet.fabric.prepare\n"
MARK = "nodenet.fabric"


@dataclass(frozen=True)
class Ours:
    """What is the fabric's on this node.

    :param interfaces: names of interfaces in the node's own namespace, or patterns of them (glob(7)).
    :param tunnels: those of them that are tunnels.
    :param prefixes: subnets of the whole fabric.
    :param remotes: addresses from which encapsulated packets come.
    :param encapsulation: their protocol: "ipip", "udp:PORT", or None.
    """

    interfaces: List[str] = field(default_factory=list)
    tunnels: List[str] = field(default_factory=list)
    prefixes: List[str] = field(default_factory=list)
    remotes: List[str] = field(default_factory=list)
    encapsulation: Optional[str] = None


class Manager:
    """One of them.

    ``does``: what it does to a fabric; ``answer``: what is set against it; ``paths``: all files that may be set.
    """

    does = answer = ""
    paths = ()

    def found(self):
        """Say whether the node has it."""
        raise NotImplementedError

    def files(self, ours):
        """Return path -> text of what is to be there; {}: there is nothing to keep from it."""
        raise NotImplementedError

    def before_change(self, before, removed):
        """Return commands to run before files are written or removed.

        :param before: path -> text of those that are there; ``removed``: the paths of those that go.
        """
        return []

    def reload(self, paths):
        """Return the commands by which it takes notice of ``paths``, which have changed."""
        return []
