# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the report show: the fabrics of drawn.py with drift of each sort, and the examples."""

from pathlib import Path

import yaml
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report.data import Fabric as Reported
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report.drift import Row
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report.pairs import End

ROOT = Path(__file__).absolute().parents[1]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir())
# what each text of an inventory may try
MARKUP = "</script><!--<script><img src=x onerror=alert(1)><b>\"'&{{ 7*7 }}\u2028"


def model_of(example):
    """Return the model of an example's inventory."""
    fabric = yaml.safe_load((ROOT / "examples" / example / "hosts.yml").read_text(encoding="utf-8"))["fabric"]
    return fabric_model({name: {**fabric.get("vars", {}), **(own or {})} for name, own in fabric["hosts"].items()})


def reported(fabric, more=""):
    """Return a fabric as the report wants it, with drift of each sort and a node that could not be asked.

    :param more: is appended to every text that is no name of the fabric's.
    """
    ends = [End(label, node, netns) for label, node, netns, _address in fabric.labels]
    ends.append(End(fabric.name("outside"), ""))
    first, last = fabric.nodes[0], fabric.nodes[-1]
    tunnel = f"10.2.0.0/24 via 10.2.0.0 dev v1{more}"
    drift = [
        Row(first, "", "route", tunnel, "missing", "", f"vxlan{more}", f"ip route add {tunnel}"),
        Row(last, fabric.labels[-1][2], "link", f"eth0 mtu 1500{more}", "altered", f"eth0 mtu 1450{more}"),
        Row(last, "", "route", f"10.9.0.0/16 dev eth9{more}", "foreign"),
    ]
    states = {node: {**state, "unknown": [f"legacy iptables rules{more}"]} for node, state in fabric.states.items()}
    walks = fabric.walks()
    for walk in walks:
        for hop in walk["forward"]["hops"]:
            hop["reason"] = hop["reason"] and hop["reason"] + more
            if hop["entry"]:
                hop["entry"] = {
                    name: f"{value}{more}" if isinstance(value, str) else value for name, value in hop["entry"].items()
                }
    title, made = f"Fabric of examples/vxlan{more}", f"Observed on all nodes{more}"
    total = (len(ends) - 1) ** 2
    return Reported(
        title, made, states, fabric.underlay(), ends, walks, total, None, drift, True, {last: f"no route to host{more}"}
    )
