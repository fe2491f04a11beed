#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Ping from namespaces, measure paths and check published ports
version_added: 0.1.0
description:
  - Sends pings from namespaces of the node, from all at once, and returns for each target whether it answered and the TTL of
    the answer, which shows the number of routers between.
  - It changes nothing, but listens on published ports of endpoints while it checks them. A target that does not answer is a
    result, not a failure.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.matrix
    description: Prints the reachability matrix.
  - module: nodenet.fabric.validate
    description: Checks the whole inventory.
  - plugin: nodenet.fabric.probes
    plugin_type: filter
    description: The pings that a node sends.
  - plugin: nodenet.fabric.paths
    plugin_type: filter
    description: The paths to peers that a node measures.
  - plugin: nodenet.fabric.ports
    plugin_type: filter
    description: The published ports that a node checks.
  - plugin: nodenet.fabric.expected
    plugin_type: filter
    description: What the inventory expects of a node.
  - ref: ansible_collections.nodenet.fabric.verify_role
    description: The role C(nodenet.fabric.verify) verifies the fabric with packets.
  - name: ping(8)
    link: https://man7.org/linux/man-pages/man8/ping.8.html
    description: The program that sends the same pings.
options:
  probes:
    description:
      - Sources and their targets.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Label of the source. If omitted, its namespace.
        type: str
      netns:
        description:
          - Namespace of the source, by name or path (C(/proc/PID/ns/net) for that of a process). If omitted, the node's own.
        type: str
      targets:
        description:
          - IPv4 and IPv6 addresses.
        type: list
        elements: str
        required: true
  paths:
    description:
      - Paths to other nodes to measure. A packet of the path MTU must pass unfragmented, a larger one must be answered with an
        ICMP error, and the packets that leave the node are captured to see their encapsulation.
    type: list
    elements: dict
    default: []
    suboptions:
      netns:
        description:
          - Namespace of the source. If omitted, the node's own.
        type: str
      address:
        description:
          - Address of the target.
        type: str
        required: true
      mtu:
        description:
          - Length in bytes of the largest IP packet that must pass.
        type: int
        required: true
      larger:
        description:
          - Length in bytes of a larger IP packet, which must not pass. If omitted, O(paths[].mtu) and one.
        type: int
      underlay:
        description:
          - Addresses of the node on the underlay. Packets are captured on their interfaces.
        type: list
        elements: str
        required: true
      tunnel_end:
        description:
          - Address of the peer's node on the underlay, if packets to it are encrypted. They are then known by it,
            O(paths[].tunnel_port) and their length.
        type: str
      tunnel_port:
        description:
          - UDP port of the peer's tunnel.
        type: int
  ports:
    description:
      - Published ports to check. TCP must be accepted, UDP must be answered.
    type: list
    elements: dict
    default: []
    suboptions:
      netns:
        description:
          - Namespace of the source. If omitted, the node's own.
        type: str
      protocol:
        description:
          - Protocol of the port.
        type: str
        choices: [tcp, udp]
        default: tcp
      address:
        description:
          - Address of the node that publishes the port.
        type: str
        required: true
      port:
        description:
          - The published port.
        type: int
        required: true
      listener:
        description:
          - The endpoint's side of the port, on this node. If nothing listens there, the module does during the check.
          - If omitted, the port is another node's. The endpoint may answer or refuse; the TTL of its packets must be that of a host
            one hop behind the node.
        type: dict
        suboptions:
          netns:
            description:
              - Namespace of the endpoint.
            type: str
            required: true
          address:
            description:
              - Address of the endpoint.
            type: str
            required: true
          port:
            description:
              - Port of the endpoint.
            type: int
            required: true
  expected:
    description:
      - The inventory's description of the node, as the filter P(nodenet.fabric.expected#filter) returns it. The module compares it
        with the node's routes, policy rules, firewalls and sysctls, and returns likely causes of lost packets.
    type: dict
  timeout:
    description:
      - Seconds to wait for each answer, over all tries.
    type: float
    default: 2
  tries:
    description:
      - Number of pings to a target that does not answer.
    type: int
    default: 3
  size:
    description:
      - Length of the IP packets in bytes, sent unfragmentable. If omitted, they are short.
    type: int
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.reads
"""

EXAMPLES = r"""
- name: Ping the node's own loopback address
  nodenet.fabric.probe:
    probes:
      - targets: [127.0.0.1]
    timeout: 1
"""

RETURN = r"""
answers:
  description: For each of O(probes) the source, and for each target the result.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "ns245", "targets": [{"target": "172.246.0.2", "ok": true, "ttl": 62, "rtt_ms": 0.09, "reason": ""}]}]
paths:
  description: For each of O(paths) whether the packet of its MTU and the larger one passed, whether the larger one was lost
    without an ICMP error, and the encapsulation on the underlay.
  returned: success
  type: list
  elements: dict
  sample:
    - {"address": "172.246.0.2", "mtu": 1450, "passes": true, "larger_passes": false, "larger_vanishes": false, "reason": "",
       "wire": ["udp:8472"]}
causes:
  description: Likely causes of lost packets on the node, the likeliest first.
  returned: when O(expected) is given
  type: list
  elements: str
  sample: ["net.ipv4.ip_forward is 0: this node forwards no IPv4; run site"]
ports:
  description:
    - For each of O(ports) whether it answered, and what listened. V(probe) is the module itself, V(service) another program.
      A UDP service is not checked, as its protocol is unknown.
  returned: success
  type: list
  elements: dict
  sample: [{"address": "192.168.1.2", "port": 80, "protocol": "tcp", "ok": true, "reason": "", "served": "probe"}]
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.fields import address, in_range
from ansible_collections.nodenet.fabric.plugins.module_utils.node.examination.causes import likely_causes
from ansible_collections.nodenet.fabric.plugins.module_utils.node.expected import OPTIONS, Expected
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.distance import check_remote
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.path_mtu import Path, measure
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.ping import probe
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.ports import Listener, PortCheck, check_own
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.exits import guarded
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.options import reference

NAMES = {"type": "list", "elements": "str", "default": []}
EXPECTED = {**OPTIONS, "interfaces": dict(NAMES), "tunnels": dict(NAMES), "encapsulation": {"type": "str"}}
SPEC = {
    "probes": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str"},
            "netns": {"type": "str"},
            "targets": {"type": "list", "elements": "str", "required": True},
        },
    },
    "paths": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "netns": {"type": "str"},
            "address": {"type": "str", "required": True},
            "mtu": {"type": "int", "required": True},
            "larger": {"type": "int"},
            "underlay": {"type": "list", "elements": "str", "required": True},
            "tunnel_end": {"type": "str"},
            "tunnel_port": {"type": "int"},
        },
    },
    "ports": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "netns": {"type": "str"},
            "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "listener": {
                "type": "dict",
                "options": {
                    "netns": {"type": "str", "required": True},
                    "address": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                },
            },
        },
    },
    "expected": {"type": "dict"},
    "timeout": {"type": "float", "default": 2},
    "tries": {"type": "int", "default": 3},
    "size": {"type": "int"},
}


def perform(params):
    """Return the module's result for ``params``."""
    in_range(params["tries"], 1, 100, "tries")
    in_range(params["size"], 68, 65535, "size")
    expected = _expected(params["expected"])
    wanted = [
        (
            _source(entry, f"probes[{number}]."),
            [address(text, f"probes[{number}].targets") for text in entry["targets"]],
        )
        for number, entry in enumerate(params["probes"])
    ]
    found = probe(wanted, params["timeout"], params["tries"], params["size"])
    answers = [
        {"name": entry["name"] or entry["netns"] or "", "targets": [_plain(answer) for answer in answered]}
        for entry, answered in zip(params["probes"], found)
    ]
    paths = [_path(entry, f"paths[{number}]") for number, entry in enumerate(params["paths"])]
    measure(paths, params["timeout"])
    ports = [_port(entry, f"ports[{number}]") for number, entry in enumerate(params["ports"])]
    check_own([check for check in ports if check.listener], params["timeout"])
    check_remote([check for check in ports if not check.listener], params["timeout"])
    results = ("address", "mtu", "passes", "larger_passes", "larger_vanishes", "reason", "wire")
    return {
        "changed": False,
        # in any case: what swallows a packet may be on another node than who asked
        **({"causes": likely_causes(expected)} if expected else {}),
        "answers": answers,
        "paths": [{name: getattr(path, name) for name in results} for path in paths],
        "ports": [
            {name: getattr(check, name) for name in ("address", "port", "protocol", "ok", "reason", "served")}
            for check in ports
        ],
    }


def _source(entry, option):
    """Return the namespace of a probe; that of a container may have ended since it was found, and its answers say so."""
    path = entry["netns"] or ""
    return path if path.startswith("/proc/") and not os.path.exists(path) else reference(entry, option)


def _expected(given):
    """Return the option ``expected`` as an :class:`Expected`, or None where it is not given."""
    if not given:
        return None
    found = ArgumentSpecValidator(EXPECTED).validate(given)
    if found.error_messages:
        raise InputError("expected", "; ".join(found.error_messages))
    return Expected(**found.validated_parameters)


def _path(entry, option):
    return Path(
        reference(entry, f"{option}."),
        address(entry["address"], f"{option}.address"),
        in_range(entry["mtu"], 68, 65534, f"{option}.mtu"),
        in_range(entry["larger"] or entry["mtu"] + 1, 69, 65535, f"{option}.larger"),
        [address(text, f"{option}.underlay") for text in entry["underlay"]],
        entry["tunnel_end"] and address(entry["tunnel_end"], f"{option}.tunnel_end"),
        in_range(entry["tunnel_port"], 1, 65535, f"{option}.tunnel_port"),
    )


def _port(entry, option):
    to = entry["listener"] and Listener(
        reference(entry["listener"], f"{option}.listener."),
        entry["protocol"],
        address(entry["listener"]["address"], f"{option}.listener.address"),
        in_range(entry["listener"]["port"], 1, 65535, f"{option}.listener.port"),
    )
    return PortCheck(
        reference(entry, f"{option}."),
        entry["protocol"],
        address(entry["address"], f"{option}.address"),
        in_range(entry["port"], 1, 65535, f"{option}.port"),
        to,
    )


def _plain(answer):
    return {
        "target": answer.target,
        "ok": answer.ttl is not None,
        "ttl": answer.ttl,
        "rtt_ms": answer.rtt,
        "reason": answer.reason,
    }


def main():
    module = AnsibleModule(SPEC, supports_check_mode=True)
    guarded(module, lambda: perform(module.params))


if __name__ == "__main__":
    main()
