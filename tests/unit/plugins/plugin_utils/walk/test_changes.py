# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change is proven in each of its phases, and while nodes wait for each other."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine import phases
from ansible_collections.nodenet.fabric.plugins.plugin_utils.proof import changes
from ansible_collections.nodenet.fabric.plugins.plugin_utils.proof.changes import observed_objects, of_change
from fabrics import model_of, nodes, there

BACKENDS = ("host_gw", "vxlan", "ipip")


def lost(old, new, strict=False):
    """Return (phase, reason) of what a change from one inventory to another loses."""
    before, after = model_of(old), model_of(new)
    observed = {name: there(before, name, strict) for name in before["nodes"]}
    return [(phase, one.reason) for phase, _proof, faults in of_change(after, observed) for one in faults]


@pytest.mark.parametrize(("old", "new"), list(itertools.permutations(BACKENDS, 2)))
def test_another_backend_loses_no_pair_on_the_way(old, new):
    assert lost(nodes(backend=old), nodes(backend=new), strict=True) == []


def test_without_what_is_there_for_the_transition_pairs_are_lost_on_the_way(monkeypatch):
    monkeypatch.setattr(changes, "Transition", phases.Transition)  # which adds nothing
    found = lost(nodes(backend="vxlan"), nodes(backend="host_gw"), strict=True)
    assert {phase for phase, _reason in found} == {"on the way to switch"}
    assert all("rp_filter" in reason for _phase, reason in found)


def test_a_first_run_must_only_hold_at_its_end():
    model = model_of(nodes())
    names = []
    for phase, proof, faults in of_change(model, {}):
        names.append(phase)
        assert faults == []
        assert (proof.reach == proof.pairs) == (phase != "now" and "expand" not in phase) or phase == "expand"
    assert names[0] == "now" and names[-1] == "contract" and len(names) == 10


def test_what_neither_reaches_now_nor_at_the_end_is_no_loss_and_known():
    new = nodes()
    new["n1"]["fabric_publish"] = [{"port": 80, "endpoint": "a1", "address": "192.0.2.2"}]
    assert lost(nodes(), new) == []
    *_phases, (phase, proof, _faults) = of_change(model_of(new), {name: there(model_of(nodes()), name) for name in new})
    assert phase == "contract" and {one.question.port for one in proof.faults} == {80}


def test_of_a_large_fabric_only_nodes_of_each_sort_are_walked():
    model = model_of(nodes(14))
    (_phase, proof, _faults), *_more = of_change(model, {name: there(model, name) for name in model["nodes"]})
    assert proof.pairs == proof.reach < 100


def test_objects_are_read_as_fabric_info_returns_them():
    objects = {
        "link": [{"netns": "", "key": ["lo"], "values": {"type": "device", "peer": ["", "x"]}, "owner": None}],
        "config_file": [{"netns": "", "key": ["/etc/x"], "values": {}, "owner": "names"}],
    }
    network = {"namespaces": {"": {"sysctls": {"net.ipv4.ip_forward": "1", "net.ipv4.conf.lo.rp_filter": "1"}}}}
    found = {(one.kind, *one.key): one.values for one in observed_objects(objects, network)}
    assert found == {
        ("link", "", "lo"): {"type": "device", "peer": ("", "x")},
        ("sysctl", "", "net.ipv4.ip_forward"): {"value": "1", "before": "1"},
    }
