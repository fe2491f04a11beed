#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: walk
short_description: The way of a packet, predicted, asked of the kernels and captured
version_added: 0.1.0
description:
  - Predicts from the state of all nodes at which interfaces a packet and its answer are seen and which table entry decides at each
    hop, asks the nodes' kernels for the same entries, sends the packet with a mark of ours and sees it at every interface.
  - Fails if the packet or its answer does not arrive, or if the three differ. The message names the first hop where they do, the cause
    and what mends it.
  - A walk takes four tasks, one for each O(step), with the same options and the strategy linear. The playbook C(nodenet.fabric.walk)
    has them.
  - In check mode nothing is sent. What earlier tasks of the run would make is taken as there.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.capture
    description: What runs on the nodes; sees one marked packet at every interface.
  - module: nodenet.fabric.fabric_info
    description: Reads all that decides about packets.
  - module: nodenet.fabric.matrix
    description: Prints who reaches whom.
  - name: ip-route(8)
    link: https://man7.org/linux/man-pages/man8/ip-route.8.html
    description: ip route get asks the kernel the same.
options:
  step:
    description:
      - V(read) reads a node, which listens from now on. V(send) sends the packets of the node. V(collect) asks the node's kernel, and for
        what it has seen. V(show) compares and prints; run it once for a play.
    type: str
    choices: [read, send, collect, show]
    required: true
  from:
    description:
      - Who sends, an endpoint, a node, C(NODE/ENDPOINT), a host of C(fabric_outside), or an address. If omitted, all endpoints and nodes.
      - The packet of a host outside of the fabric is only predicted.
    type: str
  to:
    description:
      - Who is asked, in the same words. If omitted, all, and only what is wrong is drawn.
    type: str
  protocol:
    description:
      - An ICMP echo request, a TCP SYN, or a UDP datagram.
    type: str
    choices: [icmp, tcp, udp]
    default: icmp
  port:
    description:
      - The destination port of TCP and UDP.
    type: int
  size:
    description:
      - Bytes of the IP packet, which nobody may fragment then. If omitted, those of ping(8).
    type: int
  family:
    description:
      - The IP version. If omitted, IPv4 where both ends have it; of many walks all versions.
    type: int
    choices: [4, 6]
  source:
    description:
      - What is walked over, what the nodes have (V(observed)), what earlier tasks of a run in check mode would leave (V(planned)), or what
        the inventory alone says (V(declared)), for which no node is needed.
      - In a run with C(--check), V(observed) is V(planned).
    type: str
    choices: [observed, planned, declared]
    default: observed
  format:
    description:
      - Format of the output. Of several walks V(text) and V(mermaid) print only what is wrong, unless the run has C(-v).
    type: str
    choices: [text, json, mermaid]
    default: text
  path:
    description:
      - A file on the controller, which gets all walks of the run in this O(format) instead of the output. A relative path begins where
        C(ansible-playbook) is called. The playbook calls it C(walk_file).
      - Several walks as V(mermaid) are blocks of Markdown, V(json) is one list of them.
      - In check mode nothing is written.
    type: path
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.reads
"""

EXAMPLES = r"""
- name: Show the way from one endpoint to another that the inventory describes
  nodenet.fabric.walk:
    step: show
    source: declared
    from: lab-ns0
    to: lab-ns1
  register: way
  run_once: true

- name: Write the way as a diagram for a README
  nodenet.fabric.walk:
    step: show
    source: declared
    from: lab-ns0
    to: lab-ns1
    format: mermaid
    path: "{{ playbook_dir }}/walk.mmd"
  run_once: true
"""

RETURN = r"""
walks:
  description:
    - The walks, each with C(from), C(to), C(question), C(source), C(verdict), C(ok), the hops of C(forward) and C(reverse), what was
      C(captured), the answers of the C(kernel), the C(differences), and the C(cause).
  returned: for O(step=show), if the task has C(register)
  type: list
  elements: dict
  sample: [{"verdict": "delivered", "ok": true, "differences": [], "cause": null}]
path:
  description: The file that was written.
  returned: if O(path) is set
  type: str
  sample: /home/admin/walk.json
faults:
  description: A sentence for each walk that is not as it should be, with the first hop that differs, the cause and what mends it.
  returned: on failure, if the task has C(register)
  type: list
  elements: str
  sample: ["ns245 -> ns246 (172.246.0.2): dropped: no route to 172.246.0.2"]
"""
