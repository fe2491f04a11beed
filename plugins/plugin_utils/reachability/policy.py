# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which endpoints may open connections to which, by the inventory's groups and its policy. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional, Tuple

from ..values.checks import ports

# a port that most policies do not list
UNLISTED = 9


class Policy:
    """The policy of a fabric: nothing is cut without groups.

    :param fabric: the variables of the whole fabric.
    """

    def __init__(self, fabric: Dict[str, Any]) -> None:
        self._rules = fabric["fabric_policy"]
        listed = {
            (rule["protocol"], port)
            for rule in self._rules
            if rule.get("port") is not None
            for port in (ports(rule["port"])[0], ports(rule["port"])[-1])
        }
        other = next(port for port in range(UNLISTED, UNLISTED + len(listed) + 1) if ("tcp", port) not in listed)
        self._asked = [*sorted(listed), ("tcp", other)]
        self._groups = {name: group for group, names in fabric["fabric_groups"].items() for name in names}

    def ports(self, source: str, target: str) -> Iterator[Tuple[str, int]]:
        """Yield (protocol, port) that tell whether the policy holds between two endpoints; none if both may open all."""
        own, other = self._groups.get(source), self._groups.get(target)
        if own is not None and other is not None and own != other:
            yield from self._asked

    def allows(self, source: str, target: str, protocol: str = "icmp", port: Optional[int] = None) -> bool:
        """Say whether the endpoint ``source`` may open this to the endpoint ``target``; both are named as in the inventory."""
        own, other = self._groups.get(source), self._groups.get(target)
        if own is None or other is None or own == other:
            return True
        return any(
            (rule["from"], rule["to"]) == (own, other)
            and rule.get("protocol") in (None, protocol)
            and (rule.get("port") is None or port is not None and port in ports(rule["port"]))
            for rule in self._rules
        )
