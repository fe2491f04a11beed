# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of kernel object provides for the engine, which knows no kind by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    FrozenSet,
    Generic,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Set,
    Tuple,
)

from .request import Request
from .resource import K, Observed, Ref, Resource
from .step import Plan, Step

# the phases of a change, see engine.phases
EXPAND, SWITCH, CONTRACT = PHASES = ("expand", "switch", "contract")


@dataclass
class Scope:
    """Where to look: the namespaces (references), and the refs that the task names.

    ``bystanders`` are names of kinds that the task is not about: an object of theirs can end with one that it touches.
    """

    netns: Set[str] = field(default_factory=set)
    refs: Set[Ref] = field(default_factory=set)
    bystanders: Set[str] = field(default_factory=set)


class Tie(NamedTuple):
    """An object stands on another, or comes after it.

    :param to: the ref of an object, or of something that objects provide (see :meth:`Kind.provides`).
    :param option: the option that names it: it must be there; None: it need not be.
    :param binds: the object ends when ``to`` ends.
    """

    to: Ref
    option: Optional[str] = None
    binds: bool = True


Ties = Tuple[Tie, ...]


class Kind(Generic[K]):
    """One sort of kernel object; each is one file in ``kinds/``.

    ``name`` is what resources carry, ``title`` what errors call it. ``key`` makes a key from its parts; the first part is the
    namespace. The kernel lets nobody change a ``fixed`` field after creation. A ``read_only`` field is observed, and no
    option asks for it. ``tied_to`` names what the refs in :meth:`ties` are of, ``provided`` what those in :meth:`provides` are of: the
    kinds that a run can touch follow from these, see :func:`underlying`. ``shakes_off``: field -> the kinds whose objects,
    bound to this one, end when the field changes in place.

    A ``shared`` object exists whether or not anybody desires it (a sysctl). It is never in conflict, it lasts as long as one
    set holds it (the field ``holders``), also if it was so before, and removing it restores its former value. An object that
    ``has_identity`` can be replaced by another of the same key (see :meth:`identity`). Its contents cannot be restored, so it
    is removed last, when all else is seen to work. The kernel stores no mark of ours on a kind that ``needs_ledger_mark``, and
    nothing of its ``noted`` fields, which the mark has. A ``durable`` object lasts over a reboot by itself (a file): boot and
    repair leave it out, and it is not saved for them.
    """

    name: str = ""
    title: str = ""
    key: Callable[..., K]
    fixed: FrozenSet[str] = frozenset()
    read_only: FrozenSet[str] = frozenset()
    shared: bool = False
    has_identity: bool = False
    needs_ledger_mark: bool = True
    noted: Tuple[str, ...] = ()
    durable: bool = False
    tied_to: Tuple[str, ...] = ()
    provided: Tuple[str, ...] = ()
    shakes_off: Dict[str, Tuple[str, ...]] = {}

    # pure: nothing here asks the kernel

    def ties(self, resource: Resource[K]) -> Ties:
        """Return the ties of ``resource``; objects that stand on the same may share one tuple."""
        return ()

    def ties_of(self, resource: Resource[K]) -> Ties:
        """Return what :meth:`ties` does, which is called once for each resource."""
        found = resource.ties
        if found is None:
            found = resource.ties = self.ties(resource)
        return found

    def requires(self, resource: Resource[K]) -> Iterator[Ref]:
        """Yield the refs of what must be there for ``resource``."""
        return (tie.to for tie in self.ties_of(resource) if tie.option)

    def provides(self, resource: Resource[K]) -> Tuple[Ref, ...]:
        """Return refs of what exists because this object does; with several providers it ends with the last."""
        return ()

    def unfit(self, resource: Resource[K], base: Resource) -> Optional[str]:
        """Return why ``resource`` cannot stand on ``base``, which is there or desired; None: it can."""
        return None

    def restorable(self, resource: Resource[K]) -> bool:
        """Say whether to restore an object that ended with another one (the kernel itself makes some again)."""
        return True

    def stays(self, resource: Resource[K]) -> str:
        """Return why a shared object stays as it is when the last set gives it up, or ""."""
        return ""

    def is_former(self, resource: Resource[K]) -> bool:
        """Say whether a shared object is as it was before any set held it."""
        return False

    def fixed_of(self, resource: Resource[K], found: Resource[K]) -> FrozenSet[str]:
        """Return the fields in which the kernel lets nobody change ``found`` to ``resource``."""
        return self.fixed

    def come_in_switch(self, resources: List[Resource[K]], observed: Observed) -> Set[Ref]:
        """Return the refs of those of ``resources``, all to be made, that packets take at once instead of another way."""
        return set()

    def changes_in(self, field: str, before: Resource[K], after: Resource[K]) -> str:
        """Return the phase in which ``field`` changes."""
        return SWITCH

    def meanwhile(self, field: str, before: Resource[K], after: Resource[K]) -> Any:
        """Return the value of ``field`` until it changes, other than that of ``before``, or None."""
        return None

    def why_anew(self, resource: Resource[K], fields: List[str]) -> str:
        """Return why a difference in ``fields`` makes the object anew, and what to do instead."""
        return "cannot be changed in place: " + ", ".join(fields)

    def rank(self, resource: Resource[K]) -> Tuple[Any, ...]:
        """Return a sort key: the place of an object's commands among those of one level."""
        return ()

    def words(self, resource: Resource[K]) -> str:
        """Return the words that distinguish the object from others of its kind in one namespace."""
        return " ".join(str(part) for part in resource.key[1:])

    def label(self, resource: Resource[K]) -> str:
        """Return the name of this object in a diff."""
        return self.words(resource) + (f" in {resource.netns}" if resource.netns else "")

    def noun(self, resource: Resource[K]) -> str:
        """Return the name of this sort of object in a count."""
        return self.title

    def describe(self, resource: Resource[K]) -> str:
        """Return the name of this object in an error."""
        return f"{self.title} {self.words(resource)!r}" + (
            f" in namespace {resource.netns!r}" if resource.netns else ""
        )

    def claimed(self, resource: Resource[K], owner: str) -> Resource[K]:
        """Return the desired ``resource`` with the mark of the set ``owner``."""
        return resource.owned(owner)

    def wanted(self, resource: Resource[K]) -> Resource[K]:
        """Return the desired resource that restores this observed one."""
        values = {name: value for name, value in resource.values.items() if name not in self.read_only}
        return Resource(resource.kind, resource.key, values, resource.owner)

    def saved(self, resource: Resource[K]) -> Resource[K]:
        """Return what the saved file has of this observed resource."""
        return self.wanted(resource)

    def restoring(self, resource: Resource[K]) -> Resource[K]:
        """Return the desired resource that makes this one, which was observed and is gone, again."""
        return self.wanted(resource)

    def outlives(self, resource: Resource[K]) -> bool:
        """Say whether this object goes on when it is removed: without its name, with all on it that is not ours."""
        return False

    def altered(self, found: Resource[K], values: Dict[str, Any]) -> Resource[K]:
        """Return what ``found`` is once its fields are changed to ``values``."""
        return found.merged(values)

    def remade(self, was: Resource[K], desired: Resource[K]) -> Resource[K]:
        """Return ``desired``, an object to be made anew, with the unmanaged fields of ``was``."""
        return was.merged(desired.values).owned(desired.owner)

    def companions(self, resource: Resource[K]) -> Tuple[Ref, ...]:
        """Return the refs of the objects that the same request makes (the other end of a veth)."""
        return ()

    def renames(self, observed: Observed, wanted: Observed) -> Dict[Ref, Ref]:
        """Return ref -> ref of observed objects that are desired under another key and can be renamed in place."""
        return {}

    def ref_after(self, ref: Ref, names: Dict[Ref, Ref]) -> Ref:
        """Return the ref of an object of any kind after this kind's objects are renamed (``names``: ref -> ref)."""
        return ref

    def after_rename(self, resource: Resource, names: Dict[Ref, Ref]) -> Resource:
        """Return ``resource``, of any kind, after this kind's objects are renamed (``names``: ref -> ref)."""
        return resource

    # the kernel

    def observe(self, kernel: Any, scope: Scope) -> Iterator[Resource[K]]:
        """Yield each object of this kind in the namespaces of ``scope``, one dump for each namespace."""
        raise NotImplementedError

    def examined(self, kernel: Any, resources: List[Resource[K]]) -> Iterator[Resource[K]]:
        """Yield those of ``resources``, all to be removed, of which a closer look shows more."""
        return iter(())

    def create(self, resource: Resource[K], companions: Collection[Resource[K]]) -> List[Request]:
        """Return the requests that make it and those of its companions that are missing."""
        raise NotImplementedError

    def change(self, before: Resource[K], after: Resource[K], fields: Collection[str]) -> List[Request]:
        """Return the requests that change ``fields`` from ``before`` to ``after``."""
        raise NotImplementedError

    def rename(self, before: Resource[K], after: Resource[K]) -> List[Request]:
        """Return the requests that give ``before`` the key of ``after``."""
        raise NotImplementedError

    def delete(self, resource: Resource[K]) -> List[Request]:
        """Return the requests that remove it."""
        raise NotImplementedError

    def commands(self, step: Step) -> List[str]:
        """Return the shell commands that do by hand what ``step`` does."""
        raise NotImplementedError

    def applied(self, kernel: Any, plan: Plan) -> Optional[Iterable[str]]:
        """Act on ``plan``, also an undo's, after it was carried out: announce what changed, delete what is stale.

        :returns: warnings, if there are any.
        """
        return None

    def refusals(self, kernel: Any, plan: Plan) -> Iterable[str]:
        """Return why ``plan`` must not be carried out, a sentence for each reason; nothing was touched yet."""
        return ()

    def unavailable(self, resource: Resource[K]) -> str:
        """Return why a durable object can be neither observed nor changed now, or ""; what provides it may not run yet."""
        return ""

    def is_gone(self, kernel: Any, resource: Resource[K]) -> Optional[bool]:
        """Say whether the object is gone; None: only an observation shows it."""
        return True if resource.netns and not kernel.exists(resource.netns) else None

    def identity(self, kernel: Any, resource: Resource[K]) -> Any:
        """Return what distinguishes this object from a later one of the same key, as JSON; None: nothing does."""
        return None


# name -> Kind, in the order in which their objects are made
Kinds = Dict[str, Kind[Any]]


def underlying(kinds: Kinds, names: Iterable[str]) -> Set[str]:
    """Return ``names`` and those of the kinds that objects of these stand on, and these in turn.

    :param kinds: every kind, by name.
    """
    return _closure(names, lambda name: [one for one in kinds[name].tied_to if one in kinds])


def overlying(kinds: Kinds, names: Iterable[str]) -> Set[str]:
    """Return ``names`` and those of the kinds whose objects can end with objects of these, and with these in turn."""

    def above(name: str) -> List[str]:
        given = {name, *kinds[name].provided}
        return [kind.name for kind in kinds.values() if not given.isdisjoint(kind.tied_to)]

    return _closure(names, above)


def _closure(names: Iterable[str], further: Callable[[str], Iterable[str]]) -> Set[str]:
    found = set(names)
    queue = list(found)
    while queue:
        new = set(further(queue.pop())) - found
        found |= new
        queue += new
    return found


def distinct(ties: Iterable[Ties]) -> Iterable[Ties]:
    """Return those of ``ties`` (of :meth:`Kind.ties_of`) that are different objects in memory."""
    return {id(one): one for one in ties}.values()
