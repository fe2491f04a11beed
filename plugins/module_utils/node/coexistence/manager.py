# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that configures a node's network beside the fabric, and the files that keep it away from the fabric."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Pattern, Tuple

from ...reachability.encapsulation import Encapsulation

HEAD = "# Written by nodenet.fabric.prepare\n"
MARK = "nodenet.fabric"


@dataclass(frozen=True)
class Ours:
    """The fabric's part of this node's network.

    :param interfaces: names of interfaces in the node's own namespace, or patterns of them (glob(7)).
    :param tunnels: those of them that are tunnels.
    :param prefixes: subnets of the whole fabric.
    :param remotes: source addresses of encapsulated packets.
    :param encapsulation: of these packets, or None.
    """

    interfaces: List[str] = field(default_factory=list)
    tunnels: List[str] = field(default_factory=list)
    prefixes: List[str] = field(default_factory=list)
    remotes: List[str] = field(default_factory=list)
    encapsulation: Optional[Encapsulation] = None


class Manager:
    """One such program.

    ``does``: its effect on a fabric; ``answer``: what it does once configured; ``paths``: all files that may configure it;
    ``entries``: matches those lines of its files each of which is about a part of the fabric.
    """

    does: str = ""
    answer: str = ""
    paths: Tuple[str, ...] = ()
    entries: Pattern[str] = re.compile("(?!)")

    def found(self) -> bool:
        """Say whether the node has it."""
        raise NotImplementedError

    def files(self, ours: Ours) -> Dict[str, str]:
        """Return path -> content of the files that configure it; {}: nothing to configure."""
        raise NotImplementedError

    def union(self, there: str, wanted: str) -> str:
        """Return the file ``wanted`` with the entries beside its own that the file ``there`` has."""
        own = wanted.splitlines(keepends=True)
        more = [line for line in there.splitlines(keepends=True) if self.entries.match(line) and line not in own]
        first = next((number for number, line in enumerate(own) if self.entries.match(line)), len(own))
        return "".join(own[:first] + more + own[first:])

    def before_change(self, before: Dict[str, str], removed: List[str]) -> List[List[str]]:
        """Return commands to run before files are written or removed.

        :param before: path -> content of the existing ones.
        :param removed: the paths of those that will be removed.
        """
        return []

    def reload(self, paths: List[str]) -> List[List[str]]:
        """Return the commands that make it read ``paths``, which have changed."""
        return []
