# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests compare nodes by: the same node gives the same snapshot, a changed one gives another."""

import time

from snapshot import differences, snapshot


def test_an_address_that_is_still_being_tried_is_the_same_as_one_that_is_not(node):
    node.sh("sysctl -qw net.ipv6.conf.default.accept_dad=1")
    node.sh("ip link add name v0 type veth peer name v1; ip link set v1 up; ip link set v0 up")
    node.sh("ip -6 address add fd00::1/64 dev v0")
    assert "tentative" in node.sh("ip -6 -o address show dev v0")
    before = snapshot()
    deadline = time.monotonic() + 10
    while "tentative" in node.sh("ip -6 -o address show dev v0"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert differences(before, snapshot()) == []
    node.sh("ip -6 address add fd00::2/64 dev v0 nodad")
    assert differences(before, snapshot()) != []
