# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which published ports are asked by whom, and what is reported of them."""

from __future__ import annotations

from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.ports import (
    port_lines,
    port_questions,
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


def asked(model, node):
    return [
        (one["name"], one["protocol"], one["address"], one["port"], one["listener"] and one["listener"]["port"])
        for one in port_questions(model, node)
    ]


def test_the_node_an_endpoint_itself_and_another_ask_and_the_next_node_is_outside():
    model = fabric(PUBLISHED, nodes=3)
    ports = [("tcp", 80, 8080), ("tcp", 8000, 8000), ("tcp", 8003, 8003), ("udp", 53, 53)]
    assert asked(model, "vm1") == [
        (name, protocol, "192.0.2.1", port, to) for protocol, port, to in ports for name in ("vm1", "blue", "red")
    ]
    assert asked(model, "vm2") == [("vm2", protocol, "192.0.2.1", port, None) for protocol, port, _to in ports]
    assert asked(model, "vm3") == []
    assert {name for name, *_rest in asked(fabric(PUBLISHED, nodes=1), "vm1")} == {"vm1", "blue", "red"}


def test_a_port_of_one_address_is_asked_there_alone_and_that_of_all_not_there():
    model = fabric([{"port": 80, "endpoint": "blue"}, {"port": 80, "endpoint": "red", "address": "192.0.2.1"}])
    assert {one["endpoint"] for one in port_questions(model, "vm1")} == {"red"}


def test_of_one_endpoint_no_more_udp_ports_are_asked_from_outside_than_it_may_refuse_at_once():
    model = fabric([{"port": 50 + number, "endpoint": "blue", "protocol": "udp"} for number in range(9)])
    assert len(port_questions(model, "vm2")) == 6


def lines_of(publish, *answers):
    """Return what is said of the ports where the first questions of each node have such answers, and the others none."""
    model = fabric(publish)
    questions = {node: port_questions(model, node) for node in model["nodes"]}
    found = {
        node: [
            next(
                (answer for who, answer in answers if who == one["name"]),
                {"ok": True, "reason": "", "served": "probe" if one["listener"] else None},
            )
            for one in asked_
        ]
        for node, asked_ in questions.items()
    }
    ports = published_ports(questions, found)
    return [*port_lines(ports), *(port.told() for port in ports if not port.ok)]


def test_the_line_counts_and_who_got_no_answer_is_named():
    assert lines_of([]) == []
    assert lines_of(PUBLISHED) == ["published ports: 4 of 4 answer"]
    silent = {"ok": False, "reason": "", "served": "probe"}
    refused = {"ok": False, "reason": "Connection refused", "served": "probe"}
    assert lines_of(PUBLISHED[:1], ("red", silent), ("blue", refused)) == [
        "published ports: 0 of 1 answer",
        "published tcp port 80 of vm1 (192.0.2.1) -> blue: Connection refused (asked from blue); no answer (asked from red)",
    ]


def test_a_service_of_udp_that_does_not_answer_is_no_fault():
    service = {"ok": False, "reason": "a service listens there", "served": "service"}
    silent = {"ok": False, "reason": "", "served": None}
    answers = [("vm1", service), ("red", service), ("blue", service), ("vm2", silent)]
    assert lines_of(PUBLISHED[2:], *answers) == [
        "published ports: 0 of 0 answer; 1 not asked, where a service of UDP listens"
    ]
    # with ours the silence that the other node met is one
    assert lines_of(PUBLISHED[2:], ("vm2", silent))[0] == "published ports: 0 of 1 answer"
