# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fabric as the inventory describes it: what is computed over all of its nodes, once, and what one node needs of it.

Pure Python without Ansible. The *model* is a dict that JSON can hold, linear in the number of nodes; the model of
one node (:mod:`node`) is read from it.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ..attachments import ATTACHMENTS, used_by
from ..attachments.base import attachment_of
from ..backends import backend_of
from ..values.addresses import assigned
from ..values.networks import (
    FAMILIES,
    GATEWAYS,
    Values,
    collapsed,
    ip_network,
    subnets_of,
    underlay_of,
    underlay_version,
)
from ..values.ranges import kept_ranges
from .variables import DEFAULTS, FABRIC_WIDE, OF_MODEL, SECRETS


def normalised(variables: Values) -> Values:
    """Return ``variables`` of one host (fabric_* name -> value) in their normal form, with the defaults for what is unset.

    They are sound (see :func:`variables.variable_faults`).
    """
    found = {}
    for variable in OF_MODEL:
        value = variables.get(variable.name)
        if value is None:
            found[variable.name] = variable.default
        else:
            found[variable.name] = variable.normal(value) if variable.normal else value
    for family in FAMILIES:
        gateway = GATEWAYS[family.key]
        found[gateway] = found[gateway] or _first(found, family.subnet)
    return found


def _first(values: Values, subnet: str) -> Optional[str]:
    """Return the first address of a node's subnet if endpoints need a gateway there; otherwise an endpoint may have it."""
    needed = any(attachment.needs_gateway for attachment in used_by(values))
    return str(ip_network(values[subnet]).network_address + 1) if values[subnet] and needed else None


def fabric_model(hosts: Dict[str, Values]) -> Dict[str, Any]:
    """Return the model of the fabric: ``{"fabric": what is one for all, "nodes": name -> its own}``, without secrets.

    Names of variables stay as users know them; each endpoint has its addresses.

    :param hosts: host name -> its fabric_* variables; they are sound (see :mod:`validation`).
    """
    nodes = {name: normalised(variables) for name, variables in hosts.items()}
    first = next(iter(nodes.values()), dict(DEFAULTS))
    nodes = backend_of(first).public(nodes)
    wide = {name: first[name] for name in FABRIC_WIDE if name not in SECRETS}
    wide["fabric_underlay"] = underlay_of(first["fabric_underlay"], nodes.values())
    wide["underlay_version"] = underlay_version(nodes.values())
    wide["inside"] = collapsed(subnet for values in nodes.values() for subnet, _key in subnets_of(values))
    return {"fabric": wide, "nodes": {name: _own(values) for name, values in nodes.items()}}


def _own(values: Values) -> Values:
    """Return what a node has of its own, its endpoints with all of their addresses."""
    own = {name: value for name, value in values.items() if name not in (*FABRIC_WIDE, *SECRETS)}
    addresses = {
        key: assigned(values["fabric_endpoints"], subnet, key, values[GATEWAYS[key]], kept_ranges(values, key))
        for subnet, key in subnets_of(values)
    }
    own["fabric_endpoints"] = [
        {
            **{name: value for name, value in endpoint.items() if value not in (None, "")},
            "attachment": attachment_of(values, endpoint),
            **{key: found[endpoint["name"]] for key, found in addresses.items()},
            # those of its addresses that the inventory does not write
            "unwritten": [key for key in addresses if not endpoint.get(key)],
        }
        for endpoint in values["fabric_endpoints"]
    ]
    return own


def mtu_of(fabric: Values, values: Values) -> int:
    """Return the MTU of a node's endpoints in bytes."""
    return backend_of(fabric).mtu(fabric["underlay_version"], values)


def open_tunnels_of(fabric: Values) -> Dict[str, List[int]]:
    """Return which packets, by the options of the module guard, tunnels take from peers alone; nothing: no tunnel is guarded."""
    return backend_of(fabric).open_tunnels(fabric) if fabric["fabric_guard_tunnels"] else {}


def has_guard(fabric: Values) -> bool:
    """Say whether the module guard has anything to do on the nodes."""
    return fabric["fabric_guard"] or bool(open_tunnels_of(fabric))


def roles_of(fabric: Values, values: Values) -> List[str]:
    """Return the roles that arrange a node, in order."""
    attachments = [attachment.name for attachment in ATTACHMENTS.values() if attachment.has_work(values)]
    guards = ["guard"] if has_guard(fabric) or fabric["fabric_groups"] else []
    return [*guards, *sorted(attachments), fabric["fabric_backend"], "nat"]
