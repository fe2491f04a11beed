# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of what packets are on their way over."""

import pytest
from test_overlay import VMS, entries, vteps  # noqa: F401 pylint: disable=unused-import

ASKED = "172.246.0.1 -I 172.245.0.1"
VTEP = {"netns": "vm1", "name": "vxlan1", "vni": 1, "local": "192.168.32.245", "dev": "eth0", "mac": VMS["vm1"][1]}


def connected(node):
    for vm in VMS:
        for module, options in entries(vm):
            node.task(module, **options)
    return node


def index(node, vm="vm1", dev="vxlan1"):
    return node.json(f"ip -n {vm} -j link show {dev}")[0]["ifindex"]


@pytest.mark.parametrize(
    "change",
    [{"local": "192.168.32.9"}, {"dev": "br0"}, {"ttl": 9}, {"learning": True}],
    ids="".join,
)
def test_what_the_kernel_changes_in_place_is_not_made_anew(vteps, change):  # noqa: F811
    node = connected(vteps)
    node.task("address", netns="vm1", dev="eth0", address="192.168.32.9/24")
    before, device = node.snapshot()["vm1"], index(node)
    found = node.task("vxlan", **{**VTEP, **change})
    assert found["changed"] and "reasons" not in found
    assert index(node) == device
    after = node.snapshot()["vm1"]
    for part in ("neighbors", "fdb", "routes", "addresses"):
        assert after[part] == before[part]
    assert node.ping("vm1", ASKED) == 64
    assert not node.task("vxlan", **{**VTEP, **change})["changed"]
    assert node.task("vxlan", **{**VTEP, "learning": False, "ttl": 0})["changed"]
    assert (index(node), node.ping("vm1", ASKED)) == (device, 64)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"vni": 2}, "vni"),
        ({"port": 4789}, "port"),
        ({"dev": ""}, "lower"),
    ],
    ids=lambda change: "".join(change) if isinstance(change, dict) else None,
)
def test_what_the_kernel_refuses_to_change_is_made_anew(vteps, change, reason):  # noqa: F811
    node = connected(vteps)
    device = index(node)
    found = node.task("vxlan", **{**VTEP, **change})
    assert any(f"cannot be changed in place: {reason}" in line for line in found["reasons"])
    assert index(node) != device
    assert not node.task("vxlan", **{**VTEP, **change})["changed"]
