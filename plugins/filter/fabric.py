# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles read from the inventory's model."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ..plugin_utils.inventory.variables import is_batch
from ..plugin_utils.node import what_is_looked_at
from ..plugin_utils.reachability import containers
from ..plugin_utils.reachability.expectations import Expectations
from ..plugin_utils.reachability.ports import port_checks
from ..plugin_utils.templated import MissingField, filled


def with_containers(model, hostvars, nodes, register):
    """Return the model with the running containers that ``nodes`` registered, as endpoints."""
    return containers.with_containers(model, containers.registered_by(hostvars, nodes, register))


def probes(model, name, cut=False):
    """Return the pings that one node sends, as the module nodenet.fabric.probe takes them; if ``cut`` those that the policy cuts."""
    _known(model, name)
    expectations = Expectations(model)
    return [
        {**probe, "targets": [target["address"] for target in probe["targets"]]}
        for probe in (expectations.cut_from(name) if cut else expectations.probes_from(name))
    ]


def paths(model, name):
    """Return the paths to its peers that one node measures, as the module nodenet.fabric.probe takes them."""
    _known(model, name)
    wanted = ("netns", "address", "mtu", "larger", "underlay", "tunnel_end", "tunnel_port")
    return [{key: path[key] for key in wanted if key in path} for path in Expectations(model).paths_from(name)]


def ports(model, name):
    """Return the published ports that one node checks, as the module nodenet.fabric.probe takes them."""
    _known(model, name)
    wanted = ("netns", "protocol", "address", "port", "listener")
    return [{key: check[key] for key in wanted} for check in port_checks(model, name)]


def expected(model, name):
    """Return what the inventory expects of one node, as the module nodenet.fabric.probe takes it."""
    _known(model, name)
    return what_is_looked_at(model, name)


def _known(model, name):
    if not isinstance(model, dict) or "nodes" not in model:
        raise AnsibleFilterError(
            "nodenet.fabric: what is filtered is not fabric_inventory as nodenet.fabric.validate returns it"
        )
    if name not in model["nodes"]:
        raise AnsibleFilterError(f"nodenet.fabric: there is no node {name!r} in the inventory's group fabric")


def each(items, template):
    """Return ``template`` filled in once for each of ``items``; what comes out as None is left out."""
    try:
        return [filled(template, item) for item in items]
    except MissingField as missing:
        raise AnsibleFilterError(f"nodenet.fabric.each: {missing}") from missing


def batches(value):
    """Return ``value`` as Ansible's keyword serial takes it; what it does not take counts as all, until the check refuses it."""
    return value if is_batch(value) else "100%"


class FilterModule:
    """The collection's filters."""

    def filters(self):
        return {
            "batches": batches,
            "each": each,
            "probes": probes,
            "paths": paths,
            "ports": ports,
            "expected": expected,
            "with_containers": with_containers,
        }
