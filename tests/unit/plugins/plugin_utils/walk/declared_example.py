# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared states of an example, for tests that change them."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import declared_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.state import Underlay, node_state
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.walker import walk

EXAMPLES = Path(__file__).absolute().parents[5] / "examples"


class Example:
    """The declared states of an example, which a test changes."""

    def __init__(self, name, **changed):
        group = yaml.safe_load((EXAMPLES / name / "hosts.yml").read_text(encoding="utf-8"))["fabric"]
        model = fabric_model(
            {host: {**group.get("vars", {}), **own, **changed} for host, own in group["hosts"].items()}
        )
        self.states = {node: node_state(plain) for node, plain in declared_states(model).items()}
        self.underlay = Underlay(model["fabric"]["fabric_underlay"])

    def at(self, node, netns=""):
        return self.states[node].namespaces[netns]

    def change(self, node, part, which, netns="", **fields):
        """Change the entries of a part for which ``which`` is true; without fields, remove them."""
        entries = getattr(self.at(node, netns), part)
        assert any(which(one) for one in entries)
        kept = [one._replace(**fields) if which(one) else one for one in entries if fields or not which(one)]
        setattr(self.at(node, netns), part, kept)

    def walk(self, start, end, trace=True, **question):
        return walk(self.states.values(), self.underlay, {"from": start, "to": end, **question}, trace=trace)
