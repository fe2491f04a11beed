# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of several parts in one run: planned together, undone together."""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..engine.errors import InputError
from ..runner import execute, refuse, wishes_in
from . import (
    address,
    bridge,
    bridge_port,
    forwarding,
    ipip_tunnel,
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

PARTS = {
    module.__name__.rpartition(".")[2]: module.PART
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


def arrange(params, check):
    """Return the module's result for ``params``, in which the names of parts hold lists of their objects.

    :raises FabricError: an entry is not what the module of that name takes.
    """
    parts = {name: part for name, part in PARTS.items() if params[name] is not None}
    wishes = wishes_in(_listed(parts, params), params["owner"])
    kinds = {kind.name: kind for part in parts.values() for kind in part.kinds}

    def purge(resource):
        return resource.owner == params["owner"] and any(part.purges(resource) for part in parts.values())

    return execute(
        kinds.values(), wishes, check, params["promised"], purge if params["purge"] else None, params["adopt"]
    )


def _listed(parts, params):
    """Return ``(part, where it is written, entry)`` of all entries, checked as Ansible checks options."""
    spec = {name: part.list_spec() for name, part in parts.items()}
    found = {name: ArgumentSpecValidator({name: spec[name]}).validate({name: params[name]}) for name in parts}
    refuse([InputError(name, "; ".join(one.error_messages)) for name, one in found.items() if one.error_messages])
    return [
        (part, f"{name}[{number}].", entry)
        for name, part in parts.items()
        for number, entry in enumerate(found[name].validated_parameters[name])
    ]
