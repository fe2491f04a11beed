#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: capture
short_description: See one marked packet at every interface of a node
version_added: 0.1.0
description:
  - Listens on all interfaces of the node's namespaces for one packet with a mark of ours, sends it, and returns where it was seen, in
    order, with its headers and in both directions.
  - The kernel hands on only frames with the mark, so that a node with much traffic is not burdened. Packets within VXLAN and IP tunnels
    are found.
  - M(nodenet.fabric.walk) does all of it on all nodes and compares what was seen with what was predicted.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.walk
    description: The way of a packet, predicted, asked of the kernels and captured.
  - module: nodenet.fabric.fabric_info
    description: Reads all that decides about packets.
  - name: packet(7)
    link: https://man7.org/linux/man-pages/man7/packet.7.html
    description: The sockets that see frames.
options:
  step:
    description:
      - With V(listen) a process of its own begins to listen, until it is asked or O(seconds) have passed.
      - With V(send) the packet is sent, until something comes back or O(tries) have been made.
      - With V(collect) the process is asked what it has seen, and ends.
    type: str
    choices: [listen, send, collect]
    required: true
  token:
    description:
      - 16 hexadecimal digits, the mark in the packet. Choose others for each packet.
    type: str
    required: true
  port:
    description:
      - The source port of UDP and TCP, part of the mark.
    type: int
    default: 0
  netns:
    description:
      - Namespaces to listen in, by name or path. The empty string is the node's own. If omitted, the node's own and those that the
        collection made.
      - Namespaces that are not there are left out.
    type: list
    elements: str
  seconds:
    description:
      - How long to listen at most.
    type: int
    default: 60
  network:
    description:
      - With O(step=listen), also return all that decides about packets, as M(nodenet.fabric.fabric_info) does.
    type: bool
    default: false
  packets:
    description:
      - The packets to send, all at once.
    type: list
    elements: dict
    default: []
    suboptions:
      flow:
        description: The number of the packet among all of this capture, below 4095. It is part of the mark.
        type: int
        default: 0
      netns:
        description: The namespace that sends it. The empty string is the node's own.
        type: str
        default: ""
      source:
        description: Its source address.
        type: str
        required: true
      target:
        description: The address that it is sent to.
        type: str
        required: true
      protocol:
        description: An ICMP echo request, a UDP datagram, or a TCP SYN.
        type: str
        choices: [icmp, udp, tcp]
        default: icmp
      port:
        description: The destination port of UDP and TCP.
        type: int
        default: 0
      size:
        description: Bytes of the IP packet, which nobody may fragment then.
        type: int
  collect:
    description:
      - With O(step=send), also ask the process what it has seen when the packets have been sent, and end it.
    type: bool
    default: false
  tries:
    description:
      - How often to send a packet at most.
    type: int
    default: 3
  questions:
    description:
      - What to ask the kernel once the packets have been sent. Each has its C(kind), C(route) (with C(netns), C(dst), and C(src),
        C(iif), C(mark)), C(neighbor) (with C(netns), C(dev), C(address)) or C(fdb) (with C(netns), C(dev), C(mac)).
    type: list
    elements: dict
    default: []
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.reads
"""

EXAMPLES = r"""
- name: Begin to listen for a packet
  nodenet.fabric.capture:
    step: listen
    token: 6e6f64656e657401

- name: Send it, and ask the kernel for its route
  nodenet.fabric.capture:
    step: send
    token: 6e6f64656e657401
    packets:
      - {source: 127.0.0.1, target: 127.0.0.1}
    questions:
      - {kind: route, netns: "", dst: 127.0.0.1}

- name: See where it was seen
  nodenet.fabric.capture:
    step: collect
    token: 6e6f64656e657401
  register: fabric_capture
"""

RETURN = r"""
listening:
  description: The namespaces in which the node listens.
  returned: when O(step=listen)
  type: list
  elements: str
  sample: [""]
network:
  description: All that decides about packets, as M(nodenet.fabric.fabric_info) returns it.
  returned: when O(network) is true
  type: dict
  sample: {"source": "observed", "namespaces": {}}
sent:
  description:
    - For each packet its C(flow), how often it was C(sent), whether anything came back (C(answered)), and the C(error) of the kernel if
      it did not send it.
  returned: when O(step=send)
  type: list
  elements: dict
  sample: [{"flow": 0, "sent": 1, "answered": true, "error": ""}]
hops:
  description:
    - Where the packets were seen, in order. Each has the namespace C(netns), the C(device), the C(action) C(out) or C(in), the headers of
      the C(packet) from the outermost one, the C(time), to whom the frame is addressed (C(to), as packet(7) says), the C(flow), which
      try it is (C(sequence)), and its C(direction), C(forward), C(reverse) for the answer, or C(error) for what a router says about it.
  returned: when O(step=collect) or O(collect) is true
  type: list
  elements: dict
  sample: [{"netns": "", "device": "lo", "action": "out", "to": "outgoing", "direction": "forward", "flow": 0, "sequence": 0,
    "time": 1795000000.5, "packet": [{"type": "ethernet", "src": "00:00:00:00:00:00", "dst": "00:00:00:00:00:00"}]}]
answers:
  description:
    - The kernel's answers to O(questions), in their order, each with the C(text) of the entry or an C(error).
  returned: when O(questions) are given
  type: list
  elements: dict
  sample: [{"kind": "route", "netns": "", "text": "local 127.0.0.1 dev lo table local", "type": "local", "dev": "lo"}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.namespaces import in_worker_thread
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability import listener, marked
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.capture import hops
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.frames import MOST_FLOWS, Mark
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.lookups import answers
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.exits import guarded

PACKET = {
    "flow": {"type": "int", "default": 0},
    "netns": {"type": "str", "default": ""},
    "source": {"type": "str", "required": True},
    "target": {"type": "str", "required": True},
    "protocol": {"type": "str", "choices": ["icmp", "udp", "tcp"], "default": "icmp"},
    "port": {"type": "int", "default": 0},
    "size": {"type": "int"},
}
SPEC = {
    "step": {"type": "str", "choices": ["listen", "send", "collect"], "required": True},
    "token": {"type": "str", "required": True, "no_log": False},
    "port": {"type": "int", "default": 0},
    "netns": {"type": "list", "elements": "str"},
    "seconds": {"type": "int", "default": 60},
    "network": {"type": "bool", "default": False},
    "packets": {"type": "list", "elements": "dict", "default": [], "options": PACKET},
    "collect": {"type": "bool", "default": False},
    "tries": {"type": "int", "default": 3},
    "questions": {"type": "list", "elements": "dict", "default": []},
}


def perform(params):
    """Return the module's result for ``params``."""
    mark = _mark(params)
    doing = {"listen": _listen, "send": _send, "collect": _collect}[params["step"]]
    result = in_worker_thread(lambda: {**doing(params, mark), **_answers(params)})
    return {"changed": False, **result}


def _mark(params):
    try:
        token = bytes.fromhex(params["token"])
    except ValueError:
        token = b""
    if len(token) != 8:
        raise InputError("token", f"{params['token']!r} is no mark: write 16 hexadecimal digits")
    for number, packet in enumerate(params["packets"]):
        if not 0 <= packet["flow"] < MOST_FLOWS:
            raise InputError(f"packets[{number}].flow", f"{packet['flow']} is out of range: 0 to {MOST_FLOWS - 1}")
        if packet["protocol"] != "icmp" and not (packet["port"] and params["port"]):
            raise InputError(
                f"packets[{number}].port", f"{packet['protocol']} needs a port, and port for the packet's source"
            )
    return Mark(token, params["port"])


def _listen(params, mark):
    from ansible_collections.nodenet.fabric.plugins.module_utils.reachability import network_state  # noqa: PLC0415 - large

    where, found = network_state.observe(params["netns"], params["network"])
    more = {"network": {"source": "observed", "namespaces": found}} if params["network"] else {}
    return {"listening": listener.start(where, mark, params["seconds"]), **more}


def _send(params, mark):
    packets = [marked.Packet(**one) for one in params["packets"]]
    sent = {"sent": marked.send(packets, mark, params["tries"])}
    return {**sent, **_collect(params, mark)} if params["collect"] else sent


def _collect(_params, mark):
    return {"hops": hops(listener.stop(mark), mark)}


def _answers(params):
    return {"answers": answers(params["questions"])} if params["questions"] else {}


def main():
    module = AnsibleModule(SPEC, supports_check_mode=True)
    guarded(module, lambda: perform(module.params))


if __name__ == "__main__":
    main()
