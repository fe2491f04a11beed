# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine asks of a kind of kernel object. It knows no kind by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional, Set

from .resource import Ref, Resource


@dataclass
class Scope:
    """Where to look: the namespaces (references), the refs that the task speaks of.

    ``bystanders`` names kinds that the task is not about: what of them is in a namespace of ours can end with something.
    """

    netns: Set[str] = field(default_factory=set)
    refs: Set[tuple] = field(default_factory=set)
    bystanders: Set[str] = field(default_factory=set)


class Tie(NamedTuple):
    """That an object stands on another, or comes after it.

    :param to: the ref of an object, or of something that objects provide (see :meth:`Kind.provides`).
    :param option: the option that names it: it must be there; None: it need not be.
    :param binds: it ends when ``to`` ends.
    """

    to: Ref
    option: Optional[str] = None
    binds: bool = True


def underlying(kinds, names):
    """Return ``names`` and those of the kinds that objects of these stand on, and these in turn.

    :param kinds: every kind, by name.
    """
    return _closure(names, lambda name: [one for one in kinds[name].tied_to if one in kinds])


def overlying(kinds, names):
    """Return ``names`` and those of the kinds whose objects can end with objects of these, and with these in turn."""

    def above(name):
        given = {name, *kinds[name].provided}
        return [kind.name for kind in kinds.values() if not given.isdisjoint(kind.tied_to)]

    return _closure(names, above)


def _closure(names, further):
    found, queue = set(names), list(names)
    while queue:
        new = set(further(queue.pop())) - found
        found |= new
        queue += new
    return found


def distinct(ties):
    """Return those of ``ties`` (of :meth:`Kind.ties_of`) that are not one and the same."""
    return {id(one): one for one in ties}.values()


class Kind:
    """One sort of kernel object; each is one file in ``kinds/``.

    ``name`` is what resources carry, ``title`` what errors call it. ``key`` makes a key from its parts, the first of which
    is the namespace. ``fixed`` are the fields that the kernel lets
    nobody change after creation. ``read_only`` are the fields that are observed and never desired.
    A ``shared`` object is there whether or not we want it (a sysctl): it is never in conflict, it lasts as long as one
    set holds it (``holders``, a field), and removing it means giving it back the value it had. An object that
    ``has_identity`` may go without us and another of the same key come (see :meth:`identity`): what was in it does not
    come back, so that it goes last, when all else is seen to work. The kernel has no place for our mark on a kind that
    ``needs_ledger_mark``.
    ``tied_to`` names what the refs in :meth:`ties` are of, ``provided`` what those in :meth:`provides` are: from them
    follows which kinds can be touched, see :func:`underlying`. ``shakes_off`` says by field what ends when that changes in
    place: the names of the kinds of what is bound to the object.
    """

    name = ""
    title = ""
    key: Callable[..., tuple]
    fixed = frozenset()
    shared = False
    has_identity = False
    needs_ledger_mark = True
    read_only = frozenset()
    tied_to = ()
    provided = ()
    shakes_off = {}

    # pure: nothing here asks the kernel

    def ties(self, resource):
        """Return a tuple of :class:`Tie`; what stands on the same may have it in common."""
        return ()

    def ties_of(self, resource):
        """Return what :meth:`ties` does, which is asked once of each resource."""
        found = resource.ties
        if found is None:
            found = resource.ties = self.ties(resource)
        return found

    def provides(self, resource):
        """Return refs of what exists because this object does; of several that provide the same, it ends with the last."""
        return ()

    def unfit(self, resource, base):
        """Return why ``resource`` cannot stand on ``base``, which is there or desired; None: it can."""
        return

    def restorable(self, resource):
        """Say whether it is worth making again what fell with something else (the kernel makes some by itself)."""
        return True

    def stays(self, resource):
        """Return why a shared object is left as it is when the last set gives it up, or ""."""
        return ""

    def fixed_of(self, resource):
        """Return the fields of ``resource`` that the kernel lets nobody change after creation."""
        return self.fixed

    def rank(self, resource):
        """Return the place of the commands for an object among those for others that could be typed at the same time."""
        return ()

    def words(self, resource):
        """Return what distinguishes the object from others of its kind in one namespace."""
        return " ".join(str(part) for part in resource.key[1:])

    def label(self, resource):
        """Return how a diff names this object."""
        return self.words(resource) + (f" in {resource.netns}" if resource.netns else "")

    def noun(self, resource):
        """Return what a count calls this object."""
        return self.title

    def describe(self, resource):
        """Return how an error names this object."""
        return f"{self.title} {self.words(resource)!r}" + (
            f" in namespace {resource.netns!r}" if resource.netns else ""
        )

    def claimed(self, resource, owner):
        """Return the desired ``resource`` with the mark that makes it belong to the set ``owner``."""
        return resource.owned(owner)

    def wanted(self, resource):
        """Return an observed ``resource`` as what is to be desired so that it is as it was."""
        values = {name: value for name, value in resource.values.items() if name not in self.read_only}
        return Resource(resource.kind, resource.key, values, resource.owner)

    def remade(self, was, desired):
        """Return ``desired``, an object to be made anew, with what is not managed of it as it ``was``."""
        return was.merged(desired.values).owned(desired.owner)

    def companions(self, resource):
        """Return the refs of objects that the same request makes (the other end of a veth)."""
        return ()

    def renames(self, observed, wanted):
        """Return ref -> ref of observed objects that are wanted by another key, and can be given it in place."""
        return {}

    def ref_after(self, ref, names):
        """Return the ref of an object of any kind when those of this one have their new ``names`` (ref -> ref)."""
        return ref

    def after_rename(self, resource, names):
        """Return ``resource``, of any kind, as it is when those of this one have their new ``names`` (ref -> ref)."""
        return resource

    # the kernel

    def observe(self, kernel, scope):
        """Yield each object of this kind in the namespaces of ``scope``, one dump for each."""
        raise NotImplementedError

    def create(self, resource, companions):
        """Return the requests that make it, and with it those of its companions that are missing."""
        raise NotImplementedError

    def change(self, before, after, fields):
        """Return the requests that bring ``fields`` from ``before`` to ``after``."""
        raise NotImplementedError

    def rename(self, before, after):
        """Return the requests that give ``before`` the key of ``after``."""
        raise NotImplementedError

    def delete(self, resource):
        """Return the requests that remove it."""
        raise NotImplementedError

    def commands(self, step):
        """Return the shell commands that do by hand what ``step`` does."""
        raise NotImplementedError

    def applied(self, kernel, plan):
        """Called when ``plan``, an undo's too, was carried out: announce what changed, forget what is stale.

        :returns: warnings, if there are any.
        """

    def is_gone(self, kernel, resource):
        """Say whether the object is gone; None: only an observation shows it."""
        return True if resource.netns and not kernel.exists(resource.netns) else None

    def identity(self, kernel, resource):
        """Return what distinguishes this object from a later one of the same key, as JSON; None: nothing does."""
        return
