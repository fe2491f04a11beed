# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever YAML can hold, for each variable: a sentence, or something that the rest can work with. Never a traceback."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.entries import ENTRIES, LINK_KEYS
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of, warnings_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.variables import RESERVED, VARIABLES
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.templated import plain
from ansible_collections.nodenet.fabric.plugins.plugin_utils.values.checks import shown
from hypothesis import given, settings
from hypothesis import strategies as st
from inventories import SOUND

HUGE = 1 << 20_000  # more digits than Python writes
NEARLY = [
    *["auto", "json", "yes", "bridge", "routed", "direct", "vxlan", "ipip", "host_gw", "tcp", "30%", "x%", "0%"],
    *[
        "10.245.0.9",
        "10.245.0.9/24",
        "10.9.0.0/24",
        "192.168.32.1",
        "fd00::1",
        "fd00:5::/64",
        "fe80::1%eth0",
        "::ffff:1.2.3.4",
    ],
    *["ns5", "lo", "a%d", "*", "x\0", "\udc80", "٣", "²", "9" * 5000, "80", "80-90", "90-80", "1-" * 50, "x" * 300],
    *[0, 1, 80, 1500, 2**24, float("nan"), float("inf"), 1.5, True, False, None, ""],
]
SCALARS = st.one_of(
    st.sampled_from(NEARLY), st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary().map(str)
)
KEYS = sorted({key for keys, _needed, _example in ENTRIES.values() for key in keys} | set(LINK_KEYS))
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text() | st.integers(), inner, max_size=6)
    ),
    max_leaves=12,
)
SWITCHES = [name for name, variable in VARIABLES.items() if variable.type == "bool"]
EVERY = [*VARIABLES, *RESERVED, "fabric_unknown"]


def answered(variables, group=None):
    """Give ``variables`` to one node, and return its faults; where there are none, everything must be computable."""
    hosts = {name: {**values, **(group or {})} for name, values in copy.deepcopy(SOUND).items()}
    hosts["vm5"].update(variables)
    hosts = json.loads(json.dumps(plain(hosts)))
    faults = faults_of(hosts, {"vm5": ("192.168.32.5", 22), "vm6": (None, 22)})
    assert all(isinstance(fault, str) and fault.endswith((".", "?")) and len(fault) < 2000 for fault in faults)
    if not faults:
        warnings_of(hosts)
        model = fabric_model(hosts)
        assert all(node_model(model, name) for name in hosts)
    return faults


@pytest.mark.parametrize("variable", EVERY)
@given(ANYTHING)
@settings(max_examples=25, deadline=None)
def test_whatever_a_variable_holds_is_told_or_works(variable, value):
    answered({variable: value})


@pytest.mark.parametrize("variable", [name for name in EVERY if name != "fabric_verify_output"])
@pytest.mark.parametrize("value", [HUGE, -HUGE, [HUGE], {"name": HUGE}, [{HUGE: HUGE}]], ids=range(5))
def test_a_number_that_python_does_not_write(variable, value):
    assert answered({variable: value})


@given(st.dictionaries(st.sampled_from(EVERY), ANYTHING, max_size=5))
@settings(deadline=None)
def test_several_variables_at_once(variables):
    answered({}, variables)


@pytest.mark.parametrize("listed", ENTRIES)
@given(st.data())
@settings(deadline=None)
def test_entries_that_have_all_that_they_need(listed, data):
    keys, needed, _example = ENTRIES[listed]
    end = st.dictionaries(st.sampled_from(LINK_KEYS), SCALARS)
    value = {"a": end, "b": end}
    needs = st.fixed_dictionaries({key: value.get(key, SCALARS) for key in needed})
    more = st.dictionaries(st.sampled_from(keys), ANYTHING, max_size=2)
    answered({listed: data.draw(st.lists(st.builds(lambda one, two: {**two, **one}, needs, more), max_size=3))})


OTHER_VARIABLES = [
    ({"fabric_serial": "x"}, "fabric_serial is 'x': it is a number of nodes, or a share of them such as 30%."),
    ({"fabric_serial": 0}, "fabric_serial is 0: it is a number"),
    ({"fabric_serial": [1, "x%"]}, "fabric_serial is [1, 'x%']: it is"),
    ({"fabric_confirm_timeout": 9}, "fabric_confirm_timeout is 9: it is a number of seconds from 10 to 86400, or 0 to change"),
    ({"fabric_confirm_timeout": "soon"}, "fabric_confirm_timeout is 'soon': it is a number of seconds from 10"),
    ({"fabric_confirm_timeout": False}, "fabric_confirm_timeout is False: it is a number of seconds"),
    ({"fabric_verify_change": "maybe"}, "fabric_verify_change is 'maybe': it is true or false."),
    ({"fabric_commit": "../x"}, "fabric_commit is '../x', not the id of a commit such as 20261128-040512-3f9a."),
    ({"fabric_persist": "maybe"}, "fabric_persist is 'maybe': it is true or false."),
    ({"fabric_repair": "maybe"}, "fabric_repair is 'maybe': it is true or false."),
    ({"fabric_readdress": []}, "fabric_readdress is []: it is true or false."),
    ({"fabric_verify_format": "xml"}, "fabric_verify_format is 'xml': it is one of text, json."),
    ({"fabric_verify_output": ["x"]}, "fabric_verify_output is ['x'], not the path of a file."),
    ({"fabric_lab": "../x"}, "fabric_lab is '../x', not a name: use letters"),
    ({"fabric_lab": ""}, "fabric_lab is '', not a name"),
    ({"fabric_node": {}}, "fabric_node is set by the collection's playbooks: rename your variable."),
    ({"fabric_queue": True}, "fabric_queue is set by the collection's playbooks: rename your variable."),
    ({"fabric_publish": [{"port": 80, "endpoint": ["ns5"]}]}, "fabric_publish[0].endpoint is ['ns5'], not text."),
    ({"fabric_vxlan_vni": "9" * 5000}, "fabric_vxlan_vni is '99999"),
    ({"fabric_vxlan_vni": HUGE}, "fabric_vxlan_vni is '0x1000"),
    ({"fabric_endpoints": [{"name": "a%d"}]}, "fabric_endpoints[0].name is 'a%d', which is not an interface name"),
    ({"fabric_endpoints": [{"name": "a\0"}]}, "fabric_endpoints[0].name is 'a\\x00', which is not an interface name"),
    ({"fabric_vxlan_name": "*"}, "fabric_vxlan_name is '*', which is not an interface name"),
    ({"fabric_bridge": "[a-z]*"}, "fabric_bridge is '[a-z]*', which is not an interface name"),
    ({"fabric_bridge": "lo"}, "fabric_bridge is 'lo', which is reserved by the kernel"),
    ({"fabric_outside": [{"name": "../x", "address": "198.51.100.9"}]}, "fabric_outside[0].name is '../x', which is not a host's"),
    ({"fabric_node_subnet": "0.0.0.0/1"}, "fabric_node_subnet is 0.0.0.0/1, and holds 0.0.0.0/8, which no hosts can have"),
    ({"fabric_node_subnet": "127.0.0.0/7"}, "fabric_node_subnet is 127.0.0.0/7, with host bits set: the prefix is 126.0.0.0/7."),
    ({"fabric_node_subnet": "126.0.0.0/7"}, "fabric_node_subnet is 126.0.0.0/7, and holds 127.0.0.0/8, which"),
    ({"fabric_node_subnet": "169.254.0.0/15"}, "fabric_node_subnet is 169.254.0.0/15, and holds 169.254.0.0/16, which"),
    ({"fabric_node_subnet": "240.0.0.0/24"}, "fabric_node_subnet is 240.0.0.0/24, which no hosts can have"),
    ({"fabric_node_subnet6": "fe00::/7"}, "fabric_node_subnet6 is fe00::/7, and holds fe80::/10, which"),
    ({"fabric_node_subnet6": "::ffff:0:0/96"}, "fabric_node_subnet6 is ::ffff:0:0/96, which no hosts can have"),
    ({"fabric_node_address6": "fe80::1%eth0"}, "fabric_node_address6 is 'fe80::1%eth0', which is not an address."),
    ({"fabric_node_address": "240.0.0.1"}, "fabric_node_address is 240.0.0.1, which other networks cannot reach"),
    ({"fabric_routed_gateway": "224.0.0.1"}, "fabric_routed_gateway is 224.0.0.1, which other networks cannot reach"),
    ({"fabric_ipip_address": "10.9.0.0/24"}, "fabric_ipip_address is 10.9.0.0/24, the network's own address"),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "message"), OTHER_VARIABLES)
def test_what_no_node_could_work_with_is_reported(variables, message):
    (fault,) = answered(variables)
    assert fault.startswith(f"vm5: {message}"), fault


def test_what_is_right_is_no_fault():
    for serial in (1, "30%", "2", [1, "50%"]):
        assert answered({"fabric_serial": serial}) == []
    for timeout in (0, "0", 10, "120", 86400):
        assert answered({"fabric_confirm_timeout": timeout}) == []
    for variable in SWITCHES:
        assert answered({}, {variable: "no"}) == []
    assert (
        answered({"fabric_verify_format": "json", "fabric_verify_output": "/tmp/x y", "fabric_lab": "my-lab.2"}) == []
    )
    assert answered({"fabric_endpoints": [{"name": "1"}, {"name": "büro.2_b"}], "fabric_bridge": "br.7"}) == []


def test_a_value_is_shown_at_no_more_length_than_a_person_reads():
    assert shown("x") == "'x'"
    assert shown("\x1b[2J") == r"'\x1b[2J'"
    assert shown("x" * 500) == f"'{'x' * 59}… (502 characters)"
    assert shown(10**5000) == shown([10**5000]) == "a number of thousands of digits"
