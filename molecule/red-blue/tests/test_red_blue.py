# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two namespaces joined by one veth."""

from conftest import ttl, without


def test_red_and_blue_reach_each_other_and_the_host_has_no_part_in_it(node):
    host1 = node("host1")
    assert "inet 192.168.15.1/24" in host1.check_output("ip -n red -4 -o address show veth-red")
    assert "inet 192.168.15.2/24" in host1.check_output("ip -n blue -4 -o address show veth-blue")
    assert ttl(host1, "red", "192.168.15.2") == ttl(host1, "blue", "192.168.15.1") == 64
    assert "veth" not in host1.check_output("ip -o link")
    own = "192.168.15.2/24 dev veth-blue"
    with without(host1, f"ip -n blue address del {own}", f"ip -n blue address add {own}"):
        assert ttl(host1, "red", "192.168.15.2") is None
    assert ttl(host1, "red", "192.168.15.2") == 64
