# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Toy kinds with every sort of tie, and a model of a kernel that is nothing but a dict."""

from typing import NamedTuple

from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import Kind, Tie
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Desired, Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.step import DELETE, FALL


class BoxKey(NamedTuple):
    name: str


class RodKey(NamedTuple):
    place: str
    name: str


class TagKey(NamedTuple):
    place: str
    rod: str
    name: str


class LampKey(NamedTuple):
    place: str
    rod: str
    number: int


class Box(Kind):
    """Stands for a namespace."""

    name = title = "box"
    key = BoxKey
    has_identity = True


class Rod(Kind):
    """Stands for a link: lies in a box, may have a twin that comes and goes with it, and a colour that is fixed.

    It may lean on another one, which must be there if a field says so, and may go.
    """

    name = title = "rod"
    key = RodKey
    fixed = frozenset({"colour", "twin"})
    tied_to = ("box", "rod")

    def ties(self, resource):
        found = [Tie(("box", BoxKey(resource.netns)), "box"), *map(Tie, self.companions(resource))]
        if resource.values.get("leans"):
            found.append(Tie(("rod", RodKey(*resource.values["leans"])), "leans", binds=False))
        return tuple(found)

    def companions(self, resource):
        twin = resource.values.get("twin")
        return (("rod", RodKey(*twin)),) if twin else ()


class Tag(Kind):
    """Stands for an address: hangs on a rod, which is labelled as long as it has one."""

    name = title = "tag"
    key = TagKey
    fixed = frozenset({"ink"})
    tied_to = ("box", "rod")
    provided = ("label",)

    def ties(self, resource):
        place, rod, _name = resource.key
        return Tie(("box", BoxKey(place)), "box"), Tie(("rod", RodKey(place, rod)), "rod")

    def provides(self, resource):
        return (("label", RodKey(resource.key.place, resource.key.rod)),)


class Lamp(Kind):
    """Stands for a route: on a rod, as long as that is labelled; after the lamp that it is lit by, if that is there."""

    name = title = "lamp"
    key = LampKey
    tied_to = ("box", "rod", "label", "lamp")

    def ties(self, resource):
        rod = RodKey(resource.key.place, resource.key.rod)
        own = Tie(("box", BoxKey(rod.place)), "box"), Tie(("rod", rod), "rod"), Tie(("label", rod))
        lit_by = resource.values.get("lit_by")
        return (*own, Tie(("lamp", LampKey(*lit_by)), binds=False)) if lit_by else own


class Dial(Kind):
    """Stands for a sysctl."""

    name = title = "dial"
    shared = True
    read_only = frozenset({"before", "holders"})

    def is_former(self, resource):
        return resource.values["value"] == resource.values.get("before")


KINDS = {kind.name: kind for kind in (Box(), Rod(), Tag(), Lamp(), Dial())}


def box(name, owner="me"):
    return Resource("box", BoxKey(name), {}, owner)


def rod(place, name, owner="me", **values):
    return Resource("rod", RodKey(place, name), values, owner)


def twins(one, other, owner="me", **values):
    return [rod(*one, owner=owner, twin=other, **values), rod(*other, owner=owner, twin=one, **values)]


def tag(place, name, label, owner="me", **values):
    return Resource("tag", TagKey(place, name, label), values, owner)


def lamp(place, name, number=1, owner="me", **values):
    return Resource("lamp", LampKey(place, name, number), values, owner)


def world(*resources):
    return {resource.ref: resource for resource in resources}


def present(*resources):
    return [Desired(resource) for resource in resources]


def absent(*resources):
    return [Desired(resource, present=False) for resource in resources]


def actions(plan):
    return [(step.action, *step.resource.key) for step in plan.steps]


def carried_out(state, plan):
    """Do to a dict what the kernel would; each step must find what it stands on, and nothing may be left hanging."""
    state = dict(state)
    for level in [*plan.levels, *plan.last]:
        for step in level:
            if step.action in (DELETE, FALL):
                for resource in step.everything:
                    assert resource.ref in state, f"{step.action} of {resource.ref}, which is not there"
            for resource in step.everything:
                state.pop(resource.ref, None)
            if step.after is not None:
                state.update((resource.ref, resource) for resource in step.everything)
                for resource in step.everything:
                    lacking = [
                        tie.to for tie in KINDS[resource.kind].ties(resource) if tie.option and tie.to not in state
                    ]
                    assert not lacking, f"{resource.ref} stands on {lacking}, which is not there yet"
        assert not hanging(state), f"end by themselves: {hanging(state)}"
    return state


def hanging(state):
    """Return the refs of what the kernel would have ended with something else."""
    provided = {ref for one in state.values() for ref in KINDS[one.kind].provides(one)}
    return [
        one.ref
        for one in state.values()
        for tie in KINDS[one.kind].ties(one)
        if tie.binds and tie.to not in state and tie.to not in provided
    ]
