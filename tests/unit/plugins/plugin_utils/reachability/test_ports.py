# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of published ports, and the lines of their results."""

from __future__ import annotations

from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.ports import (
    port_checks,
    port_lines,
    published_ports,
)

PUBLISHED = [
    {"port": 80, "endpoint": "blue", "to_port": 8080},
    {"port": "8000-8003", "endpoint": "blue"},
    {"port": 53, "endpoint": "blue", "protocol": "udp"},
]


def fabric(publish, nodes=2):
    return fabric_model(
        {
            f"vm{number}": {
                "fabric_node_address": f"192.0.2.{number}",
                "fabric_node_subnet": f"10.{number}.0.0/24",
                "fabric_endpoints": [
                    {"name": "red", "address": f"10.{number}.0.2"},
                    {"name": "blue", "address": f"10.{number}.0.3"},
                ],
                "fabric_publish": publish if number == 1 else [],
            }
            for number in range(1, nodes + 1)
        }
    )


def checks_of(model, node):
    return [
        (one["name"], one["protocol"], one["address"], one["port"], one["listener"] and one["listener"]["port"])
        for one in port_checks(model, node)
    ]


def test_a_port_is_checked_from_the_node_its_endpoint_another_endpoint_and_the_next_node():
    model = fabric(PUBLISHED, nodes=3)
    ports = [("tcp", 80, 8080), ("tcp", 8000, 8000), ("tcp", 8003, 8003), ("udp", 53, 53)]
    assert checks_of(model, "vm1") == [
        (name, protocol, "192.0.2.1", port, to) for protocol, port, to in ports for name in ("vm1", "blue", "red")
    ]
    assert checks_of(model, "vm2") == [("vm2", protocol, "192.0.2.1", port, None) for protocol, port, _to in ports]
    assert checks_of(model, "vm3") == []
    assert {name for name, *_rest in checks_of(fabric(PUBLISHED, nodes=1), "vm1")} == {"vm1", "blue", "red"}


def test_a_port_at_one_address_precedes_that_port_at_all_addresses():
    model = fabric([{"port": 80, "endpoint": "blue"}, {"port": 80, "endpoint": "red", "address": "192.0.2.1"}])
    assert {one["endpoint"] for one in port_checks(model, "vm1")} == {"red"}


def test_an_endpoint_gets_no_more_udp_checks_from_outside_than_icmp_errors_that_it_may_send_at_once():
    model = fabric([{"port": 50 + number, "endpoint": "blue", "protocol": "udp"} for number in range(9)])
    assert len(port_checks(model, "vm2")) == 6


def lines(publish, *answers):
    """Return the lines about the ports; ``answers`` are (source, result), all other checks succeed."""
    model = fabric(publish)
    checks = {node: port_checks(model, node) for node in model["nodes"]}
    found = {
        node: [
            next(
                (answer for source, answer in answers if source == one["name"]),
                {"ok": True, "reason": "", "served": "probe" if one["listener"] else None},
            )
            for one in asked_
        ]
        for node, asked_ in checks.items()
    }
    ports = published_ports(checks, found)
    return [*port_lines(ports), *(port.line() for port in ports if not port.ok)]


def test_a_line_counts_the_ports_and_others_name_the_sources_without_an_answer():
    assert lines([]) == []
    assert lines(PUBLISHED) == ["published ports: 4 of 4 answer"]
    silent = {"ok": False, "reason": "", "served": "probe"}
    refused = {"ok": False, "reason": "Connection refused", "served": "probe"}
    assert lines(PUBLISHED[:1], ("red", silent), ("blue", refused)) == [
        "published ports: 0 of 1 answer",
        "published tcp port 80 of vm1 (192.0.2.1) -> blue: Connection refused (asked from blue); no answer (asked from red)",
    ]


def test_a_silent_udp_service_is_no_fault():
    service = {"ok": False, "reason": "a service listens there", "served": "service"}
    silent = {"ok": False, "reason": "", "served": None}
    answers = [("vm1", service), ("red", service), ("blue", service), ("vm2", silent)]
    assert lines(PUBLISHED[2:], *answers) == [
        "published ports: 0 of 0 answer; 1 not asked: a UDP service listens there"
    ]
    # if the check itself listens, silence towards the other node is a fault
    assert lines(PUBLISHED[2:], ("vm2", silent))[0] == "published ports: 0 of 1 answer"
