# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``site`` declares for a node, as resources."""

from __future__ import annotations

from ansible_collections.nodenet.fabric.plugins.module_utils.specs import sets
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from rendered import arranged


def declared(hosts, name):
    """Return (entries, what says which objects go) of the node ``name``."""
    params = {**dict.fromkeys(SPECS), "owner": "default", "purge": False, "keep_addresses": [], **arranged(hosts, name)}
    found = sets._declarations(params)
    _in_use, leaves = sets._reach(found, params["remove_sets_except"], params["remove_sets_among"])
    return sets._desired(found), sets._purge(found, leaves)
