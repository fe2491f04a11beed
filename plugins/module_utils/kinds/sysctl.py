# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sysctls below net.*: always there, so never foreign; the former value is kept and restored.

A set also holds a setting that had the desired value before: the next boot may bring another one.
"""

from __future__ import annotations

from typing import Collection, Dict, Iterator, List, NamedTuple, Optional, Set

from ..engine.kind import EXPAND, Kind, Scope, Ties
from ..engine.request import Request
from ..engine.resource import Resource
from ..engine.step import DELETE, Step
from ..kernel import procfs
from ..kernel.kernel import Kernel, Sysctls
from .shell import inside
from .ties import in_namespace, on_link

# arp_tbl (net/ipv4/arp.c) and nd_tbl (net/ipv6/ndisc.c): only the machine's own namespace shows what neighbors begin with
BUILT_IN = {"proxy_delay": "80"}


class SysctlKey(NamedTuple):
    netns: str
    name: str


class Sysctl(Kind[SysctlKey]):
    """``values``: value (a string); observed also ``before``, the value before us, and ``holders``."""

    name = "sysctl"
    title = "sysctl"
    key = SysctlKey
    shared = True
    read_only = frozenset({"before", "holders"})
    tied_to = ("netns", "link")

    def ties(self, resource: Resource[SysctlKey]) -> Ties:
        link = link_of(resource.key.name)
        return on_link(resource.netns, link, "interface") if link else in_namespace(resource.netns)

    def changes_in(self, field: str, before: Resource[SysctlKey], after: Resource[SysctlKey]) -> str:
        """It is always there: that somebody desires it is how it comes."""
        return EXPAND

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[SysctlKey]]:
        marked = [(netns, name) for netns, name in kernel.ledger.keys(self.name) if netns in scope.netns]
        has_ipv6 = procfs.has_ipv6()
        asked = [key for kind, key in scope.refs if kind == self.name]
        by_netns: Dict[str, Set[str]] = {}
        for netns, name in dict.fromkeys([*marked, *asked]):
            by_netns.setdefault(netns, set()).add(name)
        for netns, names in by_netns.items():
            if kernel.exists(netns):
                found = procfs.read(netns, {*names, *filter(None, map(_default_of, names))})
                if not has_ipv6:
                    found.update({name: _off(name) for name in names if name.startswith("net.ipv6.")})
                for name in found.keys() & names:
                    ref = self.name, SysctlKey(netns, name)
                    before = (kernel.ledger.before(ref) or {}).get("value", _new(name, found))
                    wanted = kernel.ledger.wanted(ref).get("value")
                    # with the former value there is nothing of ours, unless that is the one that was asked for
                    owner = None if found[name] == before != wanted else kernel.ledger.owner(ref)
                    if before == wanted and owner is not None:
                        before = found[name]  # we never changed it
                    values = {"value": found[name], "before": before}
                    if owner is not None:
                        values["holders"] = kernel.ledger.holders(ref)
                    yield Resource(*ref, values, owner)

    def create(self, resource: Resource[SysctlKey], companions: Collection[Resource[SysctlKey]]) -> List[Request]:
        return self._write(resource, resource.values["value"])

    def change(self, before: Resource[SysctlKey], after: Resource[SysctlKey], fields: Collection[str]) -> List[Request]:
        return self._write(after, after.values["value"])

    def delete(self, resource: Resource[SysctlKey]) -> List[Request]:
        return self._write(resource, self._former(resource))

    def stays(self, resource: Resource[SysctlKey]) -> str:
        """Others may rely on forwarding by now, and the kernel does not say whether anybody does.

        The setting that lets a forwarding link accept router advertisements stays with it.
        """
        (netns, name), value = resource.key, resource.values["value"]
        if value == "1" and name.endswith(("forwarding", "ip_forward")):
            off = inside(netns, "sysctl", "-w", f"{name}=0")
            return f"left on: others may rely on it by now ({off} turns it off)"
        if value == "2" and name.endswith(".accept_ra"):
            return "left at 2: forwarding IPv6 stays on, with which 1 accepts nothing"
        return ""

    def is_former(self, resource: Resource[SysctlKey]) -> bool:
        return resource.values["value"] == resource.values.get("before")

    @staticmethod
    def _former(resource):
        before = resource.values.get("before")
        return resource.values["value"] if before is None else before

    @staticmethod
    def _write(resource, value):
        name = resource.key.name
        # the setting that keeps learned routes comes before the one that would delete them
        stage = int(name.startswith("net.ipv6.") and name.endswith(".forwarding"))
        return [Request("", Sysctls(resource.netns, {name: value}), stage)]

    def commands(self, step: Step) -> List[str]:
        value = self._former(step.before) if step.action == DELETE else step.after.values["value"]
        netns, name = step.resource.key
        return [inside(netns, "sysctl", "-qw", f"{name}={value}")]


def link_sysctl(version: str, group: str, link: str, setting: str) -> str:
    """Return the name of a link's sysctl; sysctl(8) writes a dot in the link's name as a slash.

    :param version: ``ipv4`` or ``ipv6``.
    :param group: ``conf`` or ``neigh``.
    """
    return f"net.{version}.{group}.{link.replace('.', '/')}.{setting}"


def _off(name):
    """Return the value that a kernel without IPv6 amounts to: it forwards, answers and accepts none."""
    return "1" if name.endswith(".disable_ipv6") else "0"


def with_link(name: str, link: str) -> str:
    """Return the sysctl ``net.FAMILY.conf.LINK.…`` of another ``link``."""
    parts = name.split(".")
    return ".".join([*parts[:3], link.replace(".", "/"), *parts[4:]])


def link_of(name: str) -> Optional[str]:
    """Return the link in the name ``net.FAMILY.conf.LINK.…``, or None."""
    parts = name.split(".")
    if len(parts) > 4 and parts[2] in ("conf", "neigh") and parts[3] not in ("all", "default"):
        return parts[3].replace("/", ".")
    return None


def _new(name, found):
    """Return the former value for a link that was made together with its setting; ``found``: name -> value."""
    return found.get(_default_of(name)) or BUILT_IN.get(name.rpartition(".")[2]) if link_of(name) else None


def _default_of(name):
    """Return the sysctl with the value of new links for ``net.FAMILY.conf.LINK.…``, or None."""
    link = link_of(name)
    parts = name.split(".")
    return ".".join([*parts[:3], "default", *parts[4:]]) if link else None
