# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects of a saved fabric can be restored before the uplink is configured, and which wait for it. Pure."""

from __future__ import annotations

from typing import Any, Collection, Dict, Iterable, List, Set, Tuple

from ..engine.kind import Kind
from ..engine.resource import Resource

LOOPBACK = "lo"  # made with its namespace


def parted(
    kinds: Dict[str, Kind], resources: List[Resource], there: Collection[Any] = ()
) -> Tuple[List[Resource], List[Resource]]:
    """Return (independent resources, waiting resources), each in the order of ``resources``.

    A resource waits if it depends on an object that is not saved: an interface, a namespace or a bridge that others make. A
    sysctl of an interface waits only until that exists; a route also for an address or a gateway on it.

    :param kinds: name -> Kind.
    :param there: refs of the objects in the kernel.
    """
    parting = _Parting(kinds, resources, there)
    return [one for one in resources if one.ref not in parting.waits], [
        one for one in resources if one.ref in parting.waits
    ]


class _Parting:
    def __init__(self, kinds, resources, there):
        self.kinds, self.there = kinds, there
        self.saved = {resource.ref for resource in resources}
        self.sources = {one.key.address.partition("/")[0] for one in resources if one.kind == "address"}
        self.waits = set()
        left = list(resources)
        while left:  # ends: each round but the last moves one or more of finitely many
            found = {one.ref for one in left if self._waits(one)}
            self.waits |= found
            left = [one for one in left if one.ref not in found] if found else []
        self._hold_back_forwarding(resources)

    def _waits(self, resource):
        kind = self.kinds[resource.kind]
        return (
            any(self._lacks(ref, resource.kind) for ref in kind.requires(resource))
            or not self.waits.isdisjoint(kind.companions(resource))
            or bool(resource.values.get("src") and resource.values["src"] not in self.sources)
        )

    def _lacks(self, ref, kind):
        if ref in self.saved:
            return ref in self.waits
        if _is_loopback(ref):
            return False
        return not (kind == "sysctl" and ref in self.there)

    def _hold_back_forwarding(self, resources):
        """IPv6 forwarding waits for accept_ra, which keeps the routes that an uplink has learned, see :meth:`Sysctl.stays`."""
        if any(kind == "sysctl" and key.name.endswith(".accept_ra") for kind, key in self.waits):
            self.waits |= {
                one.ref
                for one in resources
                if one.kind == "sysctl"
                and one.key.name.startswith("net.ipv6.")
                and one.key.name.endswith(".forwarding")
            }


def causes(kinds: Dict[str, Kind], waiting: Iterable[Resource], saved: Iterable[Resource]) -> List[Any]:
    """Return the refs of the objects that ``waiting`` depend on and that are not among ``saved``, in order."""
    refs = dict.fromkeys(ref for one in waiting for ref in kinds[one.kind].requires(one))
    known = {one.ref for one in saved}
    return [ref for ref in refs if ref not in known and not _is_loopback(ref)]


def standing_on(kinds: Dict[str, Kind], resources: Iterable[Resource], refs: Iterable[Any]) -> Set[Any]:
    """Return ``refs`` and the refs of those of ``resources`` that cannot be there without them."""
    found, left = set(refs), list(resources)
    while True:  # ends: each round but the last adds one or more of finitely many
        new = {
            one.ref
            for one in left
            if not found.isdisjoint([*kinds[one.kind].requires(one), *kinds[one.kind].companions(one)])
        }
        if new <= found:
            return found
        found |= new


def _is_loopback(ref):
    kind, key = ref
    return kind == "link" and key.name == LOOPBACK
