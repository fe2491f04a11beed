# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of container engines: Docker's by its daemon, Podman's and CNI's by their files. They last over a reboot."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Collection, Iterable, Iterator, List, NamedTuple

from ..engine.errors import FabricError
from ..engine.kind import Kind, Scope, Tie, Ties
from ..engine.request import Request
from ..engine.resource import Resource
from ..engine.step import DELETE, Plan, Step
from ..kernel.kernel import Call, Kernel
from ..system import engines
from .ties import LinkKey

# how a user takes a container off a network
LEAVE = {
    "docker": "docker network disconnect {network} {name}, or docker rm -f {name}",
    "podman": "podman network disconnect {network} {name}, or podman rm -f {name}",
    "cni": "end it with the program that started it; one that has ended without that has left its address in"
    " /var/lib/cni/networks/{network}: delete the file",
}


class NetworkKey(NamedTuple):
    """An engine is no namespace: each network is the node's."""

    netns: str
    engine: str
    name: str


class ContainerNetwork(Kind[NetworkKey]):
    """``values``: bridge, mtu, subnets, owner, intact, and the engine's: Docker's trusted, Podman's mode.

    ``subnets`` is a tuple of (subnet, gateway, range) in the order IPv4, IPv6; "" is none. The mark is in the network itself.
    ``intact``: it has all that we write, and where it is a file nothing else. A foreign network has ``raw`` too, by which an
    undo makes it again.
    """

    name = "container_network"
    title = "container network"
    key = NetworkKey
    # no engine changes a network that is there
    fixed = frozenset({"bridge", "mtu", "subnets", "owner", "intact", "trusted", "mode"})
    needs_ledger_mark = False
    durable = True
    tied_to = ("link",)

    def ties(self, resource: Resource[NetworkKey]) -> Ties:
        """An engine keeps a network whose bridge is gone; that of a foreign one it makes itself."""
        bridge = resource.values.get("bridge") if resource.values.get("owner") else None
        return (Tie(("link", LinkKey("", bridge)), "bridge", binds=False),) if bridge else ()

    def words(self, resource: Resource[NetworkKey]) -> str:
        return resource.key.name

    def label(self, resource: Resource[NetworkKey]) -> str:
        return f"{resource.key.name} of {resource.key.engine}"

    def describe(self, resource: Resource[NetworkKey]) -> str:
        return f"{resource.key.engine} network {resource.key.name!r}"

    def why_anew(self, resource: Resource[NetworkKey], fields: List[str]) -> str:
        """A network that was edited by hand, or recreated by hand, is ours no less."""
        if fields == ["intact"]:
            return "somebody changed it by hand"
        return super().why_anew(resource, fields)

    def claimed(self, resource: Resource[NetworkKey], owner: str) -> Resource[NetworkKey]:
        """Return it as the engine of this node, of its version, can have it.

        :raises FabricError: the engine is not installed, or does not answer.
        """
        values = resource.values
        if values:
            engines.require(resource.key.engine)
            values = {**_adapter(resource.key.engine).settled(values), "owner": owner, "intact": True}
        return Resource(self.name, resource.key, values, owner)

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[NetworkKey]]:
        """An engine that does not answer has no networks, unless the task names one: boot does not wait for daemons."""
        named = {key for kind, key in scope.refs if kind == self.name}
        for engine, place in engines.NETWORKING.items():
            asked = {key.name for key in named if key.engine == engine}
            if not (asked or os.path.exists(place)):
                continue
            adapter = _adapter(engine)
            if (engines.missing(engine) and not adapter.FILES) or (not asked and adapter.unavailable()):
                continue
            for name, values in adapter.networks().items():
                if values["owner"] or name in asked:
                    key = NetworkKey("", engine, name)
                    yield Resource(self.name, key, values, values["owner"] or None)

    def create(self, resource: Resource[NetworkKey], companions: Collection[Resource[NetworkKey]]) -> List[Request]:
        adapter = _adapter(resource.key.engine)
        return [Request("", Call(partial(adapter.create, resource.key.name, resource.values)))]

    def change(
        self, before: Resource[NetworkKey], after: Resource[NetworkKey], fields: Collection[str]
    ) -> List[Request]:
        return [*self.delete(before), *self.create(after, ())]

    def delete(self, resource: Resource[NetworkKey]) -> List[Request]:
        return [Request("", Call(partial(self._delete, resource)))]

    def _delete(self, resource: Resource[NetworkKey]) -> None:
        """Remove a network unless a container is attached, which may have come since the plan was made."""
        problem = self._in_use(resource)
        if problem:
            raise FabricError(problem)
        _adapter(resource.key.engine).delete(resource.key.name)

    def refusals(self, kernel: Kernel, plan: Plan) -> Iterable[str]:
        """A container on a network that is removed, or made anew, loses its network or does not start again."""
        leaving = [step for step in plan.steps if step.action == DELETE and step.resource.kind == self.name]
        for step in leaving:
            problem = self._in_use(step.resource)
            if problem:
                why = f" ({step.reason})" if step.reason else ""
                yield f"{problem}{why}; nothing was changed"

    def _in_use(self, resource: Resource[NetworkKey]) -> str:
        """Return a sentence with the containers that are attached, or ""."""
        _netns, engine, name = resource.key
        attached = [] if engines.missing(engine) else [one.name for one in engines.containers(engine, name)]
        if not attached:
            return ""
        several = ", ".join(attached[:5]) + (f" and {len(attached) - 5} more" if len(attached) > 5 else "")
        leave = LEAVE[engine].format(network=name, name=attached[0])
        return f"{self.describe(resource)} cannot be removed, or made anew, while containers are attached: {several} ({leave})"

    def unavailable(self, resource: Resource[NetworkKey]) -> str:
        return str(_adapter(resource.key.engine).unavailable())

    def commands(self, step: Step) -> List[str]:
        adapter, name = _adapter(step.resource.key.engine), step.resource.key.name
        removed: List[str] = adapter.deletion(name) if step.before else []
        return removed if step.after is None else [*removed, *adapter.creation(name, step.after.values)]


def _adapter(engine: str) -> Any:
    """Return the file for ``engine``; a run on a node without engines loads none."""
    if engine == "docker":
        from . import network_docker as adapter  # noqa: PLC0415 - as the docstring says
    elif engine == "podman":
        from . import network_podman as adapter  # type: ignore[no-redef] # noqa: PLC0415
    else:
        from . import network_cni as adapter  # type: ignore[no-redef] # noqa: PLC0415
    return adapter
