# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes as site makes them, phase by phase, each undone exactly: kernel and marks."""

import json
import sys
from pathlib import Path

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import commit
from ansible_collections.nodenet.fabric.plugins.modules import arrange as module
from commits import everything, same

sys.path.insert(0, str(Path(__file__).parent.parent))
import rendered

PHASES = ("expand", "switch", "contract")
UPLINK = """
ip link add eth0 address 02:00:00:00:00:99 type bridge && sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
ip link set eth0 up && ip address add 192.168.32.245/24 dev eth0
"""


def site(variables, **options):
    given = {**rendered.arranged(rendered.variables_of("host-gw", **variables)), **options}
    found = ArgumentSpecValidator(module.ARGUMENTS).validate(json.loads(json.dumps(given)))
    assert not found.error_messages
    return module.perform(found.validated_parameters, False)


VXLAN, ROUTED = {"fabric_backend": "vxlan"}, {"fabric_attachment": "routed"}


@pytest.mark.parametrize(
    "before, after, done",
    [
        ({}, {**VXLAN, **ROUTED}, 3),
        ({**VXLAN, **ROUTED}, {}, 2),
        (VXLAN, {**VXLAN, "fabric_vxlan_vni": 7, "fabric_mtu": 1400}, 3),
    ],
    ids=["host_gw and bridge", "vxlan and routed", "VNI and MTU"],
)
def test_a_change_is_undone_exactly(node, before, after, done):
    node.sh(UPLINK)
    site(before)
    was = everything(node)
    for phase in PHASES[:done]:
        assert site(after, phase=phase, commit={"id": "s", "timeout": 60})["changed"]
    assert commit.cancel("s")["left"] == []
    assert same(was, node)
