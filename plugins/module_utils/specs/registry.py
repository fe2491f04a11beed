# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of several parts, and of several sets, in one run: planned together, undone together."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Dict, List, NamedTuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..engine.errors import FabricError, InputError
from ..engine.resource import differing
from ..kinds.registry import all_kinds
from ..runner.options import COMMON, desired_in, refuse
from ..runner.run import execute
from . import (
    address,
    bridge,
    bridge_port,
    forwarding,
    ipip_tunnel,
    keep_addresses,
    lost_peers,
    masquerade,
    neighbor,
    netns,
    port_forward,
    proxy_arp,
    route,
    veth,
    vxlan,
    vxlan_fdb,
)

SPECS = {
    module.__name__.rpartition(".")[2]: module.SPEC
    for module in (
        netns,
        bridge,
        veth,
        vxlan,
        ipip_tunnel,
        bridge_port,
        address,
        neighbor,
        vxlan_fdb,
        proxy_arp,
        route,
        forwarding,
        masquerade,
        port_forward,
    )
}

LISTS = {name: {"type": "list", "elements": "dict"} for name in SPECS}
# what the module takes for one set, by itself or as an entry of ``sets``
SET = {**LISTS, "owner": COMMON["owner"], "purge": COMMON["purge"], "keep_addresses": keep_addresses.OPTION}


class Told(NamedTuple):
    """What a task says of one set.

    :param place: where the user wrote it, for errors: "" or "sets[1].".
    :param lists: the name of each spec that is given -> its objects.
    """

    place: str
    owner: str
    purge: bool
    lists: Dict[str, List[Dict[str, Any]]]
    keep_addresses: List[Dict[str, str]]


def arrange(params, check):
    """Return the module's result for ``params``, in which the names of parts hold lists of their objects.

    :raises FabricError: an entry is not what the module of that name takes.
    """
    sets, keep = _sets(params), params["remove_sets_except"]
    desired = _desired(sets)
    given = {name: SPECS[name] for one in sets for name in one.lists}
    kinds = all_kinds() if keep is not None else [kind for spec in given.values() for kind in spec.kinds]
    refuse_move = keep_addresses.refusal([entry for one in sets for entry in one.keep_addresses])
    in_use, leaves = _reach(sets, keep, params["remove_sets_among"])
    purge = _purge(sets, keep is not None and leaves)
    warnings = []

    def yields(owner):
        return owner in in_use or leaves(owner)

    def look(plan):
        refuse_move(plan)
        warnings.extend(lost_peers.warnings(plan, desired))

    run = check, params["promised"], purge, params["adopt"]
    result = execute(kinds, desired, *run, refuse_plan=look, yields=yields)
    warnings += result.get("warnings", [])
    return {**result, "warnings": warnings} if warnings else result


def _sets(params):
    """Return what ``params`` say of each set: by the options themselves, and by each entry of ``sets``."""
    found, faults = [_told("", params)] if any(params[name] is not None for name in SPECS) else [], []
    for number, entry in enumerate(params["sets"] or ()):
        checked = ArgumentSpecValidator(SET).validate(entry)
        if checked.error_messages:
            faults.append(InputError(f"sets[{number}]", "; ".join(checked.error_messages)))
        else:
            found.append(_told(f"sets[{number}].", checked.validated_parameters))
    refuse(faults)
    return found


def _told(place, options):
    lists = {name: options[name] for name in SPECS if options[name] is not None}
    return Told(place, options["owner"], options["purge"], lists, options["keep_addresses"])


def _desired(sets):
    """Return the desired of all ``sets``; every fault in them is reported together."""
    desired, faults = [], []
    for one in sets:
        try:
            desired += desired_in(_listed(one), one.owner, place=one.place)
        except FabricError as fault:
            faults.append(fault)
    refuse(faults)
    if len(sets) > 1:
        refuse(contradictions(desired))
    return desired


def _listed(one_set):
    """Return ``(part, where it is written, entry)`` of all entries, checked as Ansible checks options."""
    found, faults = [], []
    for name, entries in one_set.lists.items():
        checked = ArgumentSpecValidator({name: SPECS[name].list_spec()}).validate({name: entries})
        if checked.error_messages:
            faults.append(InputError(one_set.place + name, "; ".join(checked.error_messages)))
        else:
            listed = enumerate(checked.validated_parameters[name])
            found += [(SPECS[name], f"{one_set.place}{name}[{number}].", entry) for number, entry in listed]
    refuse(faults)
    return found


def contradictions(desired):
    """Return a fault for each object of which sets of two owners say different things: no run would end the same."""
    first, faults = {}, []
    for entry in desired:
        known = first.setdefault(entry.resource.ref, entry)
        if known.resource.owner != entry.resource.owner and _disagree(known, entry):
            others = known.option.rstrip(".")
            problem = f"the set {known.resource.owner!r} says otherwise of the same {entry.resource.kind} in {others}"
            faults.append(InputError(entry.option.rstrip("."), problem))
    return faults


def _disagree(one, other):
    if one.present != other.present:
        return True
    return any(name in one.resource.values for name in differing(other.resource, one.resource))


def _reach(sets, keep, among):
    """Return the labels of the sets in use, and a function that says of a label whether its set is to go, or was of none."""
    in_use = {*(keep or ()), *(one.owner for one in sets)}

    def leaves(owner):
        return not owner or (keep is not None and owner not in in_use and (among is None or owner in among))

    return in_use, leaves


def _purge(sets, leaves):
    """Return a function that says whether an observed resource of ours that nobody desires is to go; None: nothing is.

    :param leaves: says of a label whether its whole set is to go; False: none is.
    """
    specs = defaultdict(dict)  # of several sets of one owner each may purge another sort
    for one in sets:
        if one.purge:
            specs[one.owner].update({name: SPECS[name] for name in one.lists})
    if not specs and not leaves:
        return None

    def purge(resource):
        if leaves and leaves(resource.owner):
            return True
        return any(spec.purges(resource) for spec in specs.get(resource.owner, {}).values())

    return purge
