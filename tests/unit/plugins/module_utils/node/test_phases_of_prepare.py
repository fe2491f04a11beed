# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What prepare configures in each phase of a change: no node stops accepting the old way before all send the new one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.node import preparation
from ansible_collections.nodenet.fabric.plugins.module_utils.node.coexistence import firewalls, registry

VXLAN = {
    "state": "present",
    "features": [],
    "coexist_with": ["firewalld"],
    "interfaces": ["fabric0", "vxlan1"],
    "tunnels": ["vxlan1"],
    "prefixes": ["10.244.0.0/24"],
    "remotes": ["192.168.32.246"],
    "encapsulation": "udp:8472",
    "expected": None,
}
HOST_GW = {**VXLAN, "interfaces": ["fabric0"], "tunnels": [], "remotes": [], "encapsulation": None}


@pytest.fixture
def policy(tmp_path, monkeypatch):
    """The file with the rules that accept tunnels; the node has firewalld and nothing else."""
    for manager in registry.MANAGERS.values():
        monkeypatch.setattr(manager, "paths", tuple(f"{tmp_path}{path}" for path in type(manager).paths), raising=False)
        monkeypatch.setattr(manager, "found", lambda: False, raising=False)
    firewalld = registry.MANAGERS["firewalld"]
    monkeypatch.setattr(firewalld, "found", lambda: True, raising=False)
    monkeypatch.setattr(registry, "has_systemd", lambda: True)
    monkeypatch.setattr(firewalls, "is_active", lambda _unit: False)
    monkeypatch.setattr(preparation.requirements, "check", lambda _features: {"versions": {}})
    for path in firewalld.paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    preparation.prepare(VXLAN, False)
    return Path(firewalld.paths[1])


def test_the_old_way_is_accepted_until_the_last_phase(policy):
    assert "8472" in policy.read_text(encoding="utf-8")
    for phase in ("expand", "switch"):
        found = preparation.prepare(HOST_GW, False, phase)
        assert not found["changed"] and found["remaining"] == ["contract"]
        assert "8472" in policy.read_text(encoding="utf-8")
    assert preparation.prepare(HOST_GW, True, "contract")["files"] == [str(policy)] and policy.exists()
    found = preparation.prepare(HOST_GW, False, "contract")
    assert found["changed"] and "remaining" not in found and not policy.exists()
    # a second run has nothing to do
    assert not preparation.prepare(HOST_GW, False, "expand").keys() & {"remaining"}


def test_all_at_once_the_old_way_goes_at_once(policy):
    assert preparation.prepare(HOST_GW, False)["changed"] and not policy.exists()


def test_the_new_way_is_accepted_from_the_first_phase_on(policy):
    port = {**VXLAN, "encapsulation": "udp:4789"}
    found = preparation.prepare(port, False, "expand")
    assert found["changed"] and found["remaining"] == ["contract"] and found["configured"]
    text = policy.read_text(encoding="utf-8")
    assert "8472" in text and "4789" in text
    assert not preparation.prepare(port, False, "switch")["changed"]
    assert preparation.prepare(port, False, "contract")["configured"] == []  # it was said
    text = policy.read_text(encoding="utf-8")
    assert "8472" not in text and "4789" in text


def test_only_the_first_phase_examines_the_node(policy, monkeypatch):
    asked = []
    monkeypatch.setattr(preparation.requirements, "check", lambda features: asked.append(features) or {})
    for phase in (None, "expand", "switch", "contract"):
        preparation.prepare(VXLAN, False, phase)
    assert len(asked) == 2
