# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples on machines of their own kernel: arranged, proven by packets, and gone again."""

import functools

import pytest
from snapshot import lasting_differences


def near(text):
    """Put both nodes on one L2."""
    return text.replace("192.168.33.246", "192.168.32.246")


def pairs(text):
    """Make a tunnel for each pair of nodes."""
    return text.replace("fabric_backend: ipip", "fabric_backend: ipip\n    fabric_ipip_pairs: true")


# host-gw is molecule's scenario vms, vxlan what the reboots are about; there a second run of site changes nothing, too.
# what it is -> the example, what is changed in its inventory, what verify must report of the ways between the nodes
SCENARIOS = {
    "ipip across a router": ("ipip", [], "2 paths between nodes: IP in IP (protocol 4) on the wire, 1480 bytes"),
    "ipip in pairs on one L2": (
        "ipip",
        [pairs, near],
        "2 paths between nodes: IP in IP (protocol 4) on the wire, 1480",
    ),
    "cross-subnet": ("cross-subnet", [], "8 paths between nodes: udp:8472 on the wire, 1450 bytes"),
    "calico-routed": ("calico-routed", [], "pairs answer"),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_is_arranged_proven_and_gone_again(site, scenario):
    example, changes, lines = SCENARIOS[scenario]
    one = site(example, lambda text: functools.reduce(lambda so_far, change: change(so_far), changes, text))
    before = one.snapshot()
    try:
        one.play("site")
        verified = one.play("verify")
        assert lines in verified, verified
        if not changes:
            one.testinfra(example)
    finally:
        one.play("teardown")
    assert lasting_differences(before, one.snapshot()) == []
