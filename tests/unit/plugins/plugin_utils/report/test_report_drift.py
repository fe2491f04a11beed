# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a node's drift the report shows, and what is not the fabric's business."""

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import declared_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report.build import fabric_of
from reported import model_of

MODEL = model_of("vxlan")
VTEP = "192.168.33.246"


def drifted(change):
    """Return (namespace, kind, state, whole text) of what is drift after a change of one node's tables."""
    observed = declared_states(MODEL)
    change(observed["vm1"]["namespaces"])
    found = fabric_of(MODEL, observed, {}, "").drift
    assert all(row.node == "vm1" for row in found)
    return [(row.netns, row.kind, row.word, f"{row.text} {row.declared}") for row in found]


def entry(spaces, part, **fields):
    """Return the entry of a list of the node's own namespace that has these fields."""
    return next(one for one in spaces[""][part] if all(one.get(name) == value for name, value in fields.items()))


FOREIGN = {"table": "main", "prefix": "172.246.0.128/25", "type": "unicast", "dev": "eth9", "protocol": 4}
CHANGES = {
    "a route is gone": (
        lambda spaces: spaces[""]["routes"].remove(entry(spaces, "routes", dev="vxlan1", prefix="172.246.0.0/24")),
        ("", "route", "missing", "172.246.0.0/24"),
    ),
    "another MTU": (
        lambda spaces: entry(spaces, "links", name="vxlan1").update(mtu=9000),
        ("", "link", "altered", "9000"),
    ),
    "another VTEP": (
        lambda spaces: entry(spaces, "fdb", dst=VTEP).update(dst="192.0.2.1"),
        ("", "fdb", "altered", f"dst {VTEP}"),
    ),
    "no VTEP": (
        lambda spaces: spaces[""]["fdb"].remove(entry(spaces, "fdb", dst=VTEP)),
        ("", "fdb", "missing", f"dst {VTEP}"),
    ),
    "a namespace is gone": (lambda spaces: spaces.pop("ns245"), ("ns245", "namespace", "missing", "ns245")),
    "a route that was ours": (
        lambda spaces: spaces[""]["routes"].append({**FOREIGN, "prefix": "192.0.2.0/24", "owner": "vxlan"}),
        ("", "route", "left over", "192.0.2.0/24"),
    ),
    "an interface that was ours": (
        lambda spaces: spaces[""]["links"].append({**entry(spaces, "links", name="vxlan1"), "name": "vxlan7"}),
        ("", "link", "left over", "vxlan7"),
    ),
    "a foreign route into the fabric": (
        lambda spaces: spaces[""]["routes"].append(FOREIGN),
        ("", "route", "foreign", "172.246.0.128/25"),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_drift_is_found(name):
    change, (netns, kind, word, words) = CHANGES[name]
    found = [one for one in drifted(change) if one[:3] == (netns, kind, word)]
    assert len(found) == 1 and words in found[0][3]


def test_an_altered_entry_says_what_is_declared_and_the_command():
    observed = declared_states(MODEL)
    entry(observed["vm1"]["namespaces"], "fdb", dst=VTEP)["dst"] = "192.0.2.1"
    (row,) = fabric_of(MODEL, observed, {}, "").drift
    assert "192.0.2.1" in row.text and VTEP in row.declared and VTEP in row.command and row.owner == "vxlan"


NO_DRIFT = {
    "nothing": lambda spaces: None,
    "a foreign route elsewhere": lambda spaces: spaces[""]["routes"].append({**FOREIGN, "prefix": "192.0.2.0/24"}),
    "a connected route": lambda spaces: spaces[""]["routes"].append({**FOREIGN, "protocol": 2}),
    "a learned neighbor": lambda spaces: spaces[""]["neighbors"].append(
        {"dev": "vxlan1", "address": "172.246.0.9", "mac": "02:00:00:00:00:09", "state": "stale"}
    ),
    "a foreign interface": lambda spaces: spaces[""]["links"].append(
        {
            "name": "docker0",
            "index": 99,
            "type": "bridge",
            "up": True,
            "running": True,
            "mac": "02:00:00:00:00:09",
            "mtu": 1500,
        }
    ),
    "a link-local address": lambda spaces: spaces[""]["addresses"].append(
        {"dev": "vxlan1", "address": "fe80::1/64", "scope": "link"}
    ),
}


@pytest.mark.parametrize("name", NO_DRIFT)
def test_what_is_not_the_fabrics_business_is_no_drift(name):
    assert drifted(NO_DRIFT[name]) == []


def test_a_node_that_was_not_asked_has_no_drift():
    assert fabric_of(MODEL, {"vm2": declared_states(MODEL)["vm2"]}, {"vm1": "no route to host"}, "").drift == []
