# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left out to read many hosts' variables in little time changes nothing of what is read."""

from types import SimpleNamespace

import pytest
from ansible import constants as C
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory import host_variables


class Facts:
    """Two hosts, one of them with facts; it notes for whom Ansible would look for facts."""

    def __init__(self):
        self.injected, self._variable_manager = {}, SimpleNamespace(_fact_cache={"known": {"ansible_eth0": "up"}})

    def __contains__(self, host):
        return True

    def raw_get(self, host):
        self.injected[host] = C.INJECT_FACTS_AS_VARS
        return {"fabric_bridge": "br0"}


@pytest.mark.parametrize("usual", [True, False])
def test_facts_are_looked_for_where_there_are_any(monkeypatch, usual):
    monkeypatch.setattr(C, "INJECT_FACTS_AS_VARS", usual)
    facts = Facts()
    variables = host_variables.HostVariables({"hostvars": facts, "inventory_hostname": "known"})
    assert variables.of("known") == variables.of("unknown") == ({"fabric_bridge": "br0"}, [])
    assert facts.injected == {"known": usual, "unknown": False} and usual is C.INJECT_FACTS_AS_VARS


@pytest.mark.parametrize(
    "value, may_be",
    [
        ("plain", False),
        ("{{ other }}", True),
        ("{% if x %}", True),
        ("#jinja2: variable_start_string: '<<'\n<< other >>", True),
        ([{"name": "a", "address": "10.0.0.{{ 1 }}"}], True),
        ([{"name": "a", "ports": (1, 2.5, None, True)}], False),
        ({"{{ key }}": 1}, True),
        (object(), True),  # a text that is encrypted is of a type of its own
    ],
)
def test_what_may_be_a_template_is_given_to_ansible(value, may_be):
    assert host_variables._may_be_template(value) is may_be
