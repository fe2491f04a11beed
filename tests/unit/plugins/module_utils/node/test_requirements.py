# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node is said to have and to lack."""

from __future__ import annotations

from types import SimpleNamespace

from ansible_collections.nodenet.fabric.plugins.module_utils.node import requirements
from ansible_collections.nodenet.fabric.plugins.module_utils.system import programs


def test_each_link_that_ip_could_not_make_is_told_with_what_it_said(monkeypatch):
    said = (
        "RTNETLINK answers: Operation not supported\nCommand failed -:1\n"
        "Error: Unknown device type.\nMore of it\nCommand failed -:3\n"
    )
    monkeypatch.setattr(requirements, "_run", lambda command, lines="": SimpleNamespace(stderr=said, returncode=1))
    assert requirements._links(["vlan_filtering", "veth", "ipip"]) == {
        "vlan_filtering": "RTNETLINK answers: Operation not supported",
        "ipip": "Error: Unknown device type.",
    }


def test_a_program_that_is_missing_is_no_fault_of_the_kernel(monkeypatch):
    monkeypatch.setattr(programs, "PATH", "/nonexistent")
    assert requirements._links(["veth"]) == {}
    assert len(requirements.missing_software()) == 2
