# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named network namespaces (ip-netns(8)), with the settings inside that precede the first link."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, Collection, FrozenSet, Iterable, Iterator, List

from ..engine.errors import FabricError, InputError
from ..engine.kind import Kind, Scope
from ..engine.request import Request
from ..engine.resource import Resource
from ..engine.step import CREATE, DELETE, Plan, Step
from ..kernel import namespaces, procfs
from ..kernel.kernel import Call, Kernel, NewNamespace, Sysctls
from ..kernel.messages import IFF_UP, Message
from ..kernel.processes import holding, program_of
from . import netns_process
from .shell import inside, ip
from .ties import NetnsKey

# Writing "all" sets every link of the namespace and, through "default", those to come
# (addrconf_disable_ipv6 in net/ipv6/addrconf.c).
DISABLE_IPV6 = "net.ipv6.conf.all.disable_ipv6"
DEVCONF_DISABLE_IPV6 = 26  # linux/ipv6.h
# What a new namespace has from the machine's own (devconf_inherit_init_net in the kernel's documentation of net.core), and
# what answers for an address rely on: it counts beside each link's own setting (IN_DEV_MAXCONF, linux/inetdevice.h).
INHERITED = tuple(f"net.ipv4.conf.all.{name}" for name in ("arp_ignore", "arp_filter", "rp_filter"))
# An endpoint forwards only where that is declared; it is set once, and then the endpoint's own.
AT_FIRST = ("net.ipv4.ip_forward",)


# how many of the processes in a namespace are named
MOST_NAMED = 5


class Netns(Kind[NetnsKey]):
    """``values``: lo (bool, the loopback is up), ipv6 (bool), inherit (bool); process (whose it is, see netns_process; None: it
    is one of our own), nsfs (device and inode).

    Of one that is to be removed while processes are in it also: processes (pid and program). The namespace of a process or a
    container only has its name of us: its loopback and its other interfaces stay as they are.
    """

    name = "netns"
    title = "network namespace"
    key = NetnsKey
    has_identity = True
    read_only = frozenset({"nsfs", "processes"})
    noted = ("process", "nsfs")

    def claimed(self, resource: Resource[NetnsKey], owner: str) -> Resource[NetnsKey]:
        """IPv6 off inside is what a kernel without IPv6 has; which namespace is a container's is asked at each run.

        :raises InputError: the process or container does not run, or has no network namespace of its own.
        """
        values = {"process": None, **resource.values}
        if values.get("ipv6") is False and (values["process"] or not procfs.has_ipv6()):
            del values["ipv6"]  # it may need that elsewhere
        if values["process"]:
            values["nsfs"] = netns_process.resolved(values["process"])[1]
            if not values.get("lo", True):
                del values["lo"]
        return super().claimed(Resource(self.name, resource.key, values), owner)

    def wanted(self, resource: Resource[NetnsKey]) -> Resource[NetnsKey]:
        kept = super().wanted(resource)
        return Resource(kept.kind, kept.key, {"process": None, **kept.values}, kept.owner)

    def saved(self, resource: Resource[NetnsKey]) -> Resource[NetnsKey]:
        return super().wanted(resource)

    def remade(self, was: Resource[NetnsKey], desired: Resource[NetnsKey]) -> Resource[NetnsKey]:
        return super().remade(self.wanted(was), desired)

    def fixed_of(self, resource: Resource[NetnsKey], found: Resource[NetnsKey]) -> FrozenSet[str]:
        """A name is given to one namespace. That of a process may be written down in another way."""
        values = resource.values
        is_there = values.get("process") and values.get("nsfs") and values["nsfs"] == found.values.get("nsfs")
        return frozenset() if is_there else frozenset({"process", "nsfs"})

    def why_anew(self, resource: Resource[NetnsKey], fields: List[str]) -> str:
        process = resource.values.get("process")
        if not process:
            return "it was that of a process, and is to be one of its own"
        words = netns_process.described(process)
        return f"it is to be that of {words}" if "process" in fields else f"{words} has another one now"

    def label(self, resource: Resource[NetnsKey]) -> str:
        return resource.netns

    def describe(self, resource: Resource[NetnsKey]) -> str:
        return f"{self.title} {resource.netns!r}"

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[NetnsKey]]:
        has_ipv6 = procfs.has_ipv6()
        paths = [ref for ref in scope.netns if "/" in ref and kernel.exists(ref)]
        for name in [*kernel.named(), *paths]:
            values = self._inside(kernel, name) if name in scope.netns else {}
            if not has_ipv6:
                values.pop("ipv6", None)  # there is nothing to restore
            key, identity = NetnsKey(name), list(kernel.identity(name) or ())
            owner = kernel.ledger.owner((self.name, key), identity)
            if name in scope.netns:  # decided when it is made or adopted: reading it costs more than all else
                values["inherit"] = owner is None
            noted = kernel.ledger.noted((self.name, key)) if owner is not None else []
            values.update(_whose(noted, identity))
            if noted or (owner is None and name in scope.netns):
                values["nsfs"] = tuple(identity)
            yield Resource(self.name, key, values, owner)

    def examined(self, kernel: Kernel, resources: List[Resource[NetnsKey]]) -> Iterator[Resource[NetnsKey]]:
        identities = {one.ref: kernel.identity(one.netns) for one in resources}
        found = holding({identity for identity in identities.values() if identity})
        for one in resources:
            if one.values.get("process"):
                continue  # it is known to go on
            pids = found.get(identities[one.ref] or (0, 0))
            if pids:
                processes = tuple((pid, program_of(pid)) for pid in pids[:MOST_NAMED])
                yield one.merged({"nsfs": identities[one.ref], "processes": processes})

    def outlives(self, resource: Resource[NetnsKey]) -> bool:
        """A namespace lasts as long as a process is in it (network_namespaces(7)); the interfaces in it do, too."""
        return "processes" in resource.values or bool(resource.values.get("process"))

    def restoring(self, resource: Resource[NetnsKey]) -> Resource[NetnsKey]:
        """The processes are still in the same namespace; a container may have another one by now."""
        names = () if resource.values.get("process") else ("nsfs", "processes")
        return self.wanted(resource).merged({name: resource.values[name] for name in names if name in resource.values})

    @staticmethod
    def _inside(kernel, name):
        found = next((link for link in kernel.links(name).values() if link[1]["IFLA_IFNAME"] == "lo"), None)
        if found is None:
            return {"lo": False, "ipv6": _ipv6(name)}
        fields, attrs = found
        settings = attrs.get("IFLA_INET6_CONF")
        return {
            "lo": bool(fields["flags"] & IFF_UP),
            # what is written for all is the loopback's, too, and comes with it
            "ipv6": _ipv6(name) if settings is None else not settings[DEVCONF_DISABLE_IPV6],
        }

    def create(self, resource: Resource[NetnsKey], companions: Collection[Resource[NetnsKey]]) -> List[Request]:
        """IPv6 is decided before the namespace has its name, so that nothing comes up with it."""
        values = resource.values
        if self.outlives(resource):
            call = Call(partial(_attach, resource), closes=resource.netns)
            left = {"lo", "ipv6", "inherit"} if values.get("process") else {"lo", "ipv6"}
            return [Request("", call), *self._settings(resource, values.keys() & left)]
        sysctls = {DISABLE_IPV6: _disabled(values)} if "ipv6" in values else {}
        if values.get("inherit") is False:
            sysctls.update(dict.fromkeys(INHERITED + AT_FIRST, "0"))
        made = Request("", NewNamespace(resource.netns, sysctls))
        return [made, *self._settings(resource, values.keys() - {"ipv6", "inherit"})]

    def change(self, before: Resource[NetnsKey], after: Resource[NetnsKey], fields: Collection[str]) -> List[Request]:
        return self._settings(after, fields)

    def delete(self, resource: Resource[NetnsKey]) -> List[Request]:
        return [Request("", Call(partial(namespaces.delete, resource.netns), closes=resource.netns))]

    @staticmethod
    def _settings(resource, fields):
        """Return the requests for what is set inside; IPv6 first, so that the loopback comes up as it says."""
        requests = []
        if "ipv6" in fields:
            requests.append(Request("", Sysctls(resource.netns, _ipv6_settings(resource.values))))
        if "inherit" in fields and not resource.values["inherit"]:  # what was there before us nobody knows
            requests.append(Request("", Sysctls(resource.netns, dict.fromkeys(INHERITED, "0"))))
        if "lo" in fields:
            flags = IFF_UP if resource.values["lo"] else 0
            requests.append(
                Request(
                    resource.netns,
                    Message("set", "link", 0, {"flags": flags, "change": IFF_UP}, [("IFLA_IFNAME", "lo")]),
                    stage=1,
                )
            )
        return requests

    def commands(self, step: Step) -> List[str]:
        name = step.resource.netns
        if step.action == DELETE:
            return [f"ip netns del {name}"]
        made = [self._creation(step.after)] if step.action == CREATE else []
        fields = step.after.values if step.action == CREATE else step.fields
        if "ipv6" in fields:
            settings = _ipv6_settings(step.after.values).items()
            made.append(inside(name, "sysctl", "-qw", *(f"{one}={value}" for one, value in settings)))
        if "inherit" in fields and not step.after.values["inherit"]:
            is_new = step.action == CREATE and not step.after.values.get("process")
            names = INHERITED + (AT_FIRST if is_new else ())
            made.append(inside(name, "sysctl", "-qw", *(f"{one}=0" for one in names)))
        if "lo" in fields:
            made.append(ip(name, "link", "set", "lo", "up" if step.after.values["lo"] else "down"))
        return made

    def _creation(self, resource):
        if not self.outlives(resource):
            return f"ip netns add {resource.netns}"
        return f"ip netns attach {resource.netns} {_pid_in(resource) or 'PID'}"

    def applied(self, kernel: Kernel, plan: Plan) -> Iterable[str]:
        """Name the processes in namespaces that have no name any more."""
        held = [step.before for step in plan.steps if step.action == DELETE and step.before.kind == self.name]
        for one in held:
            if "processes" in one.values:
                named = ", ".join(f"{pid} ({program})" for pid, program in one.values["processes"])
                yield (
                    f"{self.describe(one)} has no name any more, and goes on without the fabric's interfaces as long as processes"
                    f" are in it: {named}. Stop them if they are not needed"
                )

    def is_gone(self, kernel: Kernel, resource: Resource[NetnsKey]) -> bool:
        return not kernel.exists(resource.netns)

    def identity(self, kernel: Kernel, resource: Resource[NetnsKey]) -> Any:
        return list(kernel.identity(resource.netns) or ()) or None


def _whose(noted, identity):
    """Return the field process of the namespace ``identity``, of what is noted: a run may be between two namespaces."""
    there = [one for one in noted if list(one.get("nsfs") or ()) == identity] or [
        one for one in noted if "nsfs" not in one
    ]
    return {"process": there[0]["process"]} if there and there[0].get("process") else {}


def _attach(resource):
    """Give the name to the namespace of a process, or back to the one that had it, or to a new one if nobody is left in that."""
    pid, nsfs = _pid_in(resource), resource.values.get("nsfs")
    if pid:
        namespaces.attach(resource.netns, pid, tuple(nsfs) if nsfs else None)
    elif resource.values.get("process"):
        raise FabricError(f"{netns_process.described(resource.values['process'])} has ended: start it again")
    else:
        namespaces.create(resource.netns)


def _pid_in(resource):
    """Return a process in the namespace that ``resource`` names, or None."""
    process, nsfs = resource.values.get("process"), resource.values.get("nsfs")
    if nsfs:
        pids = holding({tuple(nsfs)}).get(tuple(nsfs))
        if pids:
            return pids[0]
    if process:
        with suppress(InputError):
            return netns_process.resolved(process)[0]
    return None


def _disabled(values):
    return "0" if values["ipv6"] else "1"


def _ipv6_settings(values):
    """Return name -> value: of each link, or where others have links of their own, of those to come and of the loopback."""
    names = [f"net.ipv6.conf.{link}.disable_ipv6" for link in ("default", "lo")]
    return dict.fromkeys(names if values.get("process") else [DISABLE_IPV6], _disabled(values))


def _ipv6(name):
    return procfs.read(name, [DISABLE_IPV6]).get(DISABLE_IPV6) == "0"
