# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of several modules, and of several sets, as one plan, which one undo takes back."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Callable, Collection, Dict, List, NamedTuple, Optional, Set, Tuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..engine.errors import FabricError, InputError
from ..engine.kind import CONTRACT, SWITCH
from ..engine.plan import Purge
from ..engine.resource import Desired, Ref, Resource, differing
from ..engine.session import Begin
from ..engine.step import Plan
from ..kinds.registry import all_kinds
from ..runner.options import COMMON, desired_in, refuse
from ..runner.run import execute
from ..system import keys
from . import keep_addresses, lost_peers, lost_ports
from .registry import SPECS
from .spec import Spec
from .transition import OWNER as TRANSITION
from .transition import Transition
from .wireguard import key_of

LISTS = {name: {"type": "list", "elements": "dict"} for name in SPECS}
# what the module takes for one set, by itself or as an entry of ``sets``
SET = {**LISTS, "owner": COMMON["owner"], "purge": COMMON["purge"], "keep_addresses": keep_addresses.OPTION}


# secret keys, apart from the objects that name them: what nothing logs is in one option
KEYS = {
    "type": "dict",
    "no_log": True,
    "options": {name: {"type": "list", "elements": "str", "no_log": True} for name in ("private", "preshared")},
}


class Declaration(NamedTuple):
    """What a task declares for one set.

    :param place: where the user wrote it, for errors: "" or "sets[1].".
    :param lists: the name of each module that is given -> its objects.
    """

    place: str
    owner: str
    purge: bool
    lists: Dict[str, List[Dict[str, Any]]]
    keep_addresses: List[Dict[str, str]]


def arrange(params: Dict[str, Any], check: bool, begin: Optional[Begin] = None) -> Dict[str, Any]:
    """Return the module's result for ``params``, in which the names of modules hold lists of their objects.

    :param begin: see :class:`Session`.
    :raises FabricError: an entry is not what the module of that name takes.
    """
    hold(params.get("keys") or {})
    sets, keep = _declarations(params), params["remove_sets_except"]
    desired = _desired(sets)
    given = {name: SPECS[name] for one in sets for name in one.lists}
    phase, transition = params.get("phase"), Transition()
    is_whole = keep is not None or phase  # what is there only for a transition is of any kind
    kinds = all_kinds() if is_whole else [kind for spec in given.values() for kind in spec.kinds]
    refuse_move = keep_addresses.refusal([entry for one in sets for entry in one.keep_addresses])
    in_use, leaves = _reach(sets, keep, params["remove_sets_among"])
    purge = _purge(sets, leaves if keep is not None else TRANSITION.__eq__ if phase else None)
    warnings: List[str] = []

    def yields(owner: Optional[str]) -> bool:
        return owner in in_use or leaves(owner)

    def look(plan: Plan) -> None:
        if phase in (SWITCH, CONTRACT):
            return  # expand has looked at all of it
        refuse_move(plan)
        warnings.extend(lost_peers.warnings(plan, desired, params["peer_sets"] or ()))
        warnings.extend(lost_ports.warnings(plan))

    run = check, params["promised"], purge, params["adopt"]
    change: Dict[str, Any] = {"phase": phase, "transition": transition, "begin": begin}
    result = execute(kinds, desired, *run, refuse_plan=look, yields=yields, **change)
    warnings += [*result.get("warnings", []), *_said(sets)]
    return {**result, "warnings": warnings} if warnings else result


def hold(secrets: Dict[str, Any]) -> None:
    """Hold the keys that objects of this run name, see :data:`KEYS`."""
    for name, hold_one in (("private", keys.hold_private), ("preshared", keys.hold_preshared)):
        for number, text in enumerate(secrets.get(name) or ()):
            hold_one(key_of(text, f"keys.{name}[{number}]"))


def _declarations(params: Dict[str, Any]) -> List[Declaration]:
    """Return what ``params`` declare for each set: by the options themselves, and by each entry of ``sets``."""
    found = [_declaration("", params)] if any(params[name] is not None for name in SPECS) else []
    faults: List[FabricError] = []
    for number, entry in enumerate(params["sets"] or ()):
        checked = ArgumentSpecValidator(SET).validate(entry)
        if checked.error_messages:
            faults.append(InputError(f"sets[{number}]", "; ".join(checked.error_messages)))
        else:
            found.append(_declaration(f"sets[{number}].", checked.validated_parameters))
    refuse(faults)
    return found


def _declaration(place: str, options: Dict[str, Any]) -> Declaration:
    lists = {name: options[name] for name in SPECS if options[name] is not None}
    return Declaration(place, options["owner"], options["purge"], lists, options["keep_addresses"])


def _desired(sets: List[Declaration]) -> List[Desired]:
    """Return the desired resources of all ``sets``; one error reports all faults."""
    desired: List[Desired] = []
    faults: List[FabricError] = []
    for one in sets:
        try:
            desired += desired_in(_listed(one), one.owner, place=one.place)
        except FabricError as fault:
            faults.append(fault)
    refuse(faults)
    if len(sets) > 1:
        refuse(contradictions(desired))
    return desired


def described(sets: List[Dict[str, Any]], kinds: Collection[str]) -> List[Resource]:
    """Return the resources of those of ``kinds`` that ``sets`` describe, with their owners; no node is looked at.

    :param sets: entries of the option ``sets``, which name namespaces by their names.
    :raises FabricError: an entry is not what the module of that name takes.
    """
    found: List[Resource] = []
    for one in _declarations({**dict.fromkeys(SPECS), "sets": sets}):
        wanted = {name: one.lists[name] for name in one.lists if any(kind.name in kinds for kind in SPECS[name].kinds)}
        for spec, option, entry in _listed(one._replace(lists=wanted)):
            options = {**entry, "netns": entry.get("netns") or "", "state": entry.get("state") or "present"}
            try:
                made = (spec.described or spec.resources)(options)
            except InputError as fault:
                raise InputError(option + fault.option, fault.problem) from fault
            found += [resource.owned(one.owner) for resource in made if options["state"] == "present"]
    return found


def removal(sets: List[Dict[str, Any]], keep: List[str], among: List[str]) -> Optional[Purge]:
    """Return a function that says whether ``sets`` let an observed resource go, as the module arrange would with them.

    :param keep: the option ``remove_sets_except``; ``among``: ``remove_sets_among``.
    """
    found = _declarations({**dict.fromkeys(SPECS), "sets": sets})
    _in_use, leaves = _reach(found, keep, among)
    return _purge(found, leaves)


def _listed(one_set: Declaration) -> List[Tuple[Spec, str, Dict[str, Any]]]:
    """Return ``(spec, where it is written, entry)`` of all entries, checked as Ansible checks options."""
    found: List[Tuple[Spec, str, Dict[str, Any]]] = []
    faults: List[FabricError] = []
    for name, entries in one_set.lists.items():
        checked = ArgumentSpecValidator({name: SPECS[name].list_spec(SPECS[name].secrets)}).validate({name: entries})
        if checked.error_messages:
            faults.append(InputError(one_set.place + name, "; ".join(checked.error_messages)))
        else:
            listed = enumerate(checked.validated_parameters[name])
            found += [(SPECS[name], f"{one_set.place}{name}[{number}].", entry) for number, entry in listed]
    refuse(faults)
    return found


def contradictions(desired: List[Desired]) -> List[FabricError]:
    """Return a fault for each object for which sets of two owners declare different things: no run would be the last."""
    first: Dict[Ref, Desired] = {}
    faults: List[FabricError] = []
    for entry in desired:
        known = first.setdefault(entry.resource.ref, entry)
        if known.resource.owner != entry.resource.owner and _disagree(known, entry):
            others = known.option.rstrip(".")
            problem = (
                f"the set {known.resource.owner!r} declares the same {entry.resource.kind} differently in {others}"
            )
            faults.append(InputError(entry.option.rstrip("."), problem))
    return faults


def _disagree(one: Desired, other: Desired) -> bool:
    if one.present != other.present:
        return True
    return any(name in one.resource.values for name in differing(other.resource, one.resource))


def _said(sets: List[Declaration]) -> List[str]:
    """Return the warnings of the modules about the entries; only those of modules that have any are checked again."""
    lists = [{name: one.lists[name] for name in one.lists if SPECS[name].warnings} for one in sets]
    entries = [listed for one, some in zip(sets, lists) for listed in _listed(one._replace(lists=some))]
    return [warning for spec, _option, entry in entries for warning in spec.warnings_of([entry])]


def _reach(
    sets: List[Declaration], keep: Optional[List[str]], among: Optional[List[str]]
) -> Tuple[Set[str], Callable[[Optional[str]], bool]]:
    """Return the labels of the sets in use, and a function that says whether the set of a label is to be removed."""
    in_use = {*(keep or ()), *(one.owner for one in sets)}

    def leaves(owner: Optional[str]) -> bool:
        return (
            not owner
            or owner == TRANSITION
            or (keep is not None and owner not in in_use and (among is None or owner in among))
        )

    return in_use, leaves


def _purge(sets: List[Declaration], leaves: Optional[Callable[[Optional[str]], bool]]) -> Optional[Purge]:
    """Return a function that says whether to remove an observed resource of ours; None: there is nothing to remove.

    :param leaves: says whether the set of a label is to be removed; None: no whole set is.
    """
    specs: Dict[str, Dict[str, Spec]] = defaultdict(
        dict
    )  # several sets of one owner may each purge another module's objects
    for one in sets:
        if one.purge:
            specs[one.owner].update({name: SPECS[name] for name in one.lists})
    if not specs and not leaves:
        return None

    def purge(resource: Resource) -> bool:
        if leaves and leaves(resource.owner):
            return True
        return any(spec.purges(resource) for spec in specs.get(resource.owner or "", {}).values())

    return purge
