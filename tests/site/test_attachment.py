# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Living endpoints on two nodes go from the bridge to routes and back, by site, while packets go all ways between them."""

from __future__ import annotations

import re

from loss import End, Traffic, end_in_lab

NUMBERS = {"vm1": "245", "vm2": "246"}


def with_another(text):
    """Return the inventory with a second endpoint on each node."""
    return re.sub(
        r"( +)- \{name: ns(\d+), address: (\S+)\.2, address6: \"(\S+)::2\"\}",
        r'\g<0>\n\1- {name: more\2, address: \3.3, address6: "\4::3"}',
        text,
    )


def traffic(one):
    """Packets between endpoints of one node, of two, and between one and its node, by IPv4 and by IPv6."""
    pairs = []
    for family in (0, 1):
        ends = {
            f"{name}{number}": end_in_lab(
                one.holder(host), f"{name}{number}", (f"172.{number}.0.{last}", f"fd00:{number}::{last}")[family]
            )
            for host, number in NUMBERS.items()
            for name, last in (("ns", 2), ("more", 3))
        }
        own = ("192.168.32.245", "fd32::245")[family]
        node = End("vm1", f"/proc/{one.holder('vm1')}/ns/net", (own,))
        pairs += [(ends["ns245"], other) for other in (ends["more245"], ends["ns246"], node)]
        pairs += [(ends["more245"], ends["more246"])]
    return Traffic(pairs, tcp=False)


def test_site_takes_living_endpoints_from_the_bridge_to_routes_and_back(fabric):
    one = fabric("dual-stack", with_another)
    one.play("site")
    with traffic(one) as sent:
        one.play("site", "-e", "fabric_attachment=routed")
        assert one.on("vm1", "ip -o link show type bridge") == ""
        one.play("site")
        result = sent.stop()
    assert "fabric0" in one.on("vm1", "ip -o link show type bridge")
    assert not result.lost and min(flow.sent for flow in result.flows) > 3000, result.text()
