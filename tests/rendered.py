# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``site`` has the module arrange make on a node of an example: roles and inventory as they are, without a playbook."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.nodenet.fabric.plugins.plugin_utils.backends import backend_of, peers_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.role_sets import role_sets
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.variables import SECRETS
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model

ROOT = Path(__file__).parent.parent


def variables_of(example, **changed):
    """Return host -> its fabric_* variables of an example; ``changed`` are laid over those of the group."""
    group = yaml.safe_load((ROOT / "examples" / example / "hosts.yml").read_text(encoding="utf-8"))["fabric"]
    return {name: {**group.get("vars", {}), **own, **changed} for name, own in group["hosts"].items()}


def arranged(hosts, name=None):
    """Return the parameters with which ``site`` has arrange act on the node ``name``, the first one by default."""
    faults = faults_of(hosts)
    assert not faults, faults
    model, name = fabric_model(hosts), name or next(iter(hosts))
    secrets = {variable: value for variable, value in hosts[name].items() if variable in SECRETS}
    node = node_model(model, name, secrets)
    keys = backend_of(model["fabric"]).keys(peers_of(model, name, secrets))
    return {
        "sets": role_sets(node),
        **({"keys": keys} if keys else {}),
        "remove_sets_except": node["owners"],
        "remove_sets_among": node["all_owners"],
        "peer_sets": node["backends"],
    }
