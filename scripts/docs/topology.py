# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawings of the examples' topologies, docs/site/examples/*.svg, which this program writes.

Each shows the nodes with their contents, the underlay's L2 segments, routers and hosts outside. The collection's own model says what
is drawn, from the inventory alone.
"""

from ipaddress import ip_interface
from pathlib import Path

import yaml
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.encapsulation import described
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.topology import topology_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.naming import host_end, interface_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model
from svg import CHARACTER, LINE, Drawing

ROOT = Path(__file__).resolve().parents[2]
PAD, GAP, TOP = 16, 36, 16


def hosts_of(folder):
    """Return host -> its variables, those of the group among them, of an example's ``folder``."""
    fabric = yaml.safe_load((Path(folder) / "hosts.yml").read_text(encoding="utf-8"))["fabric"]
    return {name: {**fabric.get("vars", {}), **own} for name, own in fabric["hosts"].items()}


def draw(folder):
    """Return the SVG of the example in ``folder``."""
    hosts = hosts_of(folder)
    model, lab = fabric_model(hosts), topology_of(hosts)
    drawing = Drawing()
    nodes = {name: Node(name, model["nodes"][name], node_model(model, name)) for name in hosts}
    columns = _columns(lab, nodes)
    bottom = TOP + max(node.height for node in nodes.values())
    for node, x in ((nodes[name], x) for column in columns.values() for name, x in column["nodes"].items()):
        node.draw(drawing, x, bottom - node.height)
    tunnelled = [node for node in nodes.values() if node.tunnel]
    if tunnelled:
        _encapsulated(drawing, tunnelled, bottom + 26)
    _underlay(drawing, lab, columns, nodes, bottom)
    return drawing.svg(f"Topology of the example {Path(folder).name}")


class Node:
    """A node: endpoints at the top, what they hang on, the routes to the peers, the devices at the bottom."""

    def __init__(self, name, values, view):
        self.name, self.values = name, values
        self.endpoints = [_endpoint(one) for one in values["fabric_endpoints"]]
        self.links = values["fabric_links"]
        self.bridge = _bridge(values)
        self.routes = _routes(values, view)
        self.tunnel = next(iter(view["ours"]["tunnels"]), None)
        self.wire = view["ours"]["encapsulation"]
        self.addresses = [values[key] for key in ("fabric_node_address", "fabric_node_address6") if values[key]]
        tops = [lines[:-1] for lines in self.endpoints] + [end for link in self.links for end in _ends(link)]
        self.top_width = max(
            [_width(lines) for lines in [*tops, *([lines[-1]] for lines in self.endpoints)]], default=0
        )
        self.top_height = max([len(lines) for lines in tops], default=0) * LINE + 12
        inner = [len(tops) * (self.top_width + PAD) - PAD, _width(self.routes), _width(self.bridge), 250]
        self.width = max(inner) + 2 * PAD
        self.height = self._draw(Drawing(), 0, 0) + PAD
        self.uplink = self.device = None

    def draw(self, drawing, x, y):
        """Draw it, with its top left corner there."""
        drawing.box("node", x, y, self.width, self.height)
        self._draw(drawing, x, y)

    def _draw(self, drawing, x, y):
        """Draw what is in it; return where that ends."""
        drawing.text(x + PAD, y + 22, self.name, "title")
        y = self._tops(drawing, x + PAD, y + 34)
        inner = self.width - 2 * PAD if hasattr(self, "width") else 0
        for kind, lines in (("bridge", self.bridge), ("routing", self.routes)):
            if lines:
                drawing.box(kind, x + PAD, y, inner, len(lines) * LINE + 10)
                drawing.lines(x + PAD + 10, y + 18, lines)
                y += len(lines) * LINE + 10 + 12
        return self._devices(drawing, x + PAD, y)

    def _tops(self, drawing, x, y):
        """Draw the endpoints and the ends of links; return where the next row begins."""
        step, low = self.top_width + PAD, y + self.top_height
        for number, lines in enumerate(self.endpoints):
            left = x + number * step
            drawing.box("endpoint", left, y, self.top_width, self.top_height)
            drawing.text(left + 8, y + 18, lines[0], "title")
            drawing.lines(left + 8, y + 18 + LINE, lines[1:-1])
            drawing.line(left + 20, low, left + 20, low + GAP, "veth")
            drawing.text(left + 28, low + 22, lines[-1])
        x += len(self.endpoints) * step
        for number, (one, other) in enumerate(map(_ends, self.links)):
            left = x + 2 * number * step
            for place, lines in ((left, one), (left + step, other)):
                drawing.box("endpoint", place, y, self.top_width, self.top_height)
                drawing.text(place + 8, y + 18, lines[0], "title")
                drawing.lines(place + 8, y + 18 + LINE, lines[1:])
            drawing.line(left + self.top_width, y + 20, left + step, y + 20, "veth")
        return low + (GAP if self.endpoints else PAD)

    def _devices(self, drawing, x, y):
        height = max(len(self.addresses), 1) * LINE + 10
        width = _width(self.addresses) + 10
        drawing.box("device", x, y, width, height)
        drawing.lines(x + 10, y + 18, self.addresses)
        self.uplink = x + width / 2
        if self.tunnel:
            drawing.box("tunnel", x + width + PAD, y, _width([self.tunnel]), height)
            drawing.text(x + width + PAD + 10, y + 18, self.tunnel)
            self.device = x + width + PAD + _width([self.tunnel]) / 2
        return y + height


def _endpoint(one):
    """Return the lines of an endpoint: its name, its interface, its addresses, the node's end of its veth."""
    addresses = [one[key] for key in ("address", "address6") if one.get(key)]
    return [one["name"], *(f"{interface_of(one)} {address}" for address in addresses), host_end(one)]


def _ends(link):
    for end in (link["a"], link["b"]):
        yield [
            end.get("netns") or "the node",
            end["name"],
            *(end[key] for key in ("address", "address6") if end.get(key)),
        ]


def _bridge(values):
    if not any(one["attachment"] == "bridge" for one in values["fabric_endpoints"]):
        return []
    addresses = [values[key] for key in ("fabric_bridge_address", "fabric_bridge_address6") if values[key]]
    return [f"{values['fabric_bridge']}  bridge", *addresses]


def _routes(values, view):
    """Return what the node's routing table, its proxy ARP and its NAT do for the fabric, a line for each."""
    lines = []
    for one in values["fabric_endpoints"]:
        if one["attachment"] != "bridge":
            lines.append(f"{one['address']} dev {host_end(one)}")
    if any(one["attachment"] == "routed" for one in values["fabric_endpoints"]):
        lines.append(f"answers ARP for {values['fabric_routed_gateway']}")
    tunnel = next(iter(view["ours"]["tunnels"]), None)
    direct = {(peer["subnet"], peer["via"]) for peer in view["peers"]}
    lines += [f"{subnet} via {via}" for subnet, via in sorted(direct)]
    known = {subnet for subnet, _via in direct} | set(view["subnets"])
    others = [one["prefix"] for one in view["expected"]["prefixes"] if one["prefix"] not in known]
    lines += [f"{subnet} dev {tunnel}" for subnet in others if tunnel]
    for entry in values["fabric_publish"]:
        to_port = f":{entry['to_port']}" if entry.get("to_port") else ""
        lines.append(f"{entry.get('protocol') or 'tcp'} {entry['port']} to {entry['endpoint']}{to_port}")
    if view["masquerade"]:
        lines.append("masquerade for what leaves")
    return lines


def _width(lines):
    return max(map(len, lines), default=0) * CHARACTER + 20


def _columns(lab, nodes):
    """Return segment -> where it begins and ends, and x of its nodes."""
    columns, x = {}, PAD
    for segment in sorted({host["links"][0]["segment"] for host in lab["hosts"].values() if not host["router"]}):
        here = [name for name, host in lab["hosts"].items() if host["links"][0]["segment"] == segment]
        outside = [name for name in here if name not in nodes and not lab["hosts"][name]["router"]]
        column = {"left": x, "nodes": {}, "outside": outside}
        for name in here:
            if name in nodes:
                column["nodes"][name] = x
                x += nodes[name].width + PAD
        column["right"] = max(x - PAD, column["left"] + 190 * len(outside) + 40, column["left"] + 190)
        columns[segment], x = column, column["right"] + GAP
    return columns


def _encapsulated(drawing, nodes, y):
    """Draw what the tunnels join, as one dashed line."""
    ends = [node.device for node in nodes]
    for node in nodes:
        drawing.line(node.device, y - 26 - PAD, node.device, y, "encapsulated")
    drawing.line(min(ends), y, max(ends), y, "encapsulated")
    words = described(nodes[0].wire).replace("udp:", "UDP port ")
    drawing.text(min(ends) + 8, y - 8, words, "note")


def _underlay(drawing, lab, columns, nodes, bottom):
    """Draw the segments, the hosts outside and the router."""
    y = bottom + (64 if any(node.tunnel for node in nodes.values()) else 40)
    low = y + 6 + (84 if any(column["outside"] for column in columns.values()) else 40)
    for segment, column in columns.items():
        drawing.box("segment", column["left"], y, column["right"] - column["left"], 6)
        drawing.text(column["left"] + 24, y + 22, ", ".join(_prefixes(lab, segment)), "note")
        for name in column["nodes"]:
            drawing.line(nodes[name].uplink, bottom - PAD, nodes[name].uplink, y)
        for number, name in enumerate(column["outside"]):
            x = column["left"] + 190 * number + 24
            drawing.line(x + 150, y + 6, x + 150, y + 34)
            drawing.box("outside", x, y + 34, 170, 44)
            drawing.text(x + 10, y + 52, name, "title")
            drawing.text(x + 10, y + 69, lab["hosts"][name]["links"][0]["addresses"][0].split("/")[0])
    for name, host in lab["hosts"].items():
        if host["router"]:
            _router(drawing, name, [columns[link["segment"]] for link in host["links"]], (y + 6, low))


def _prefixes(lab, segment):
    """Return the prefixes of an L2 segment."""
    found = [
        str(ip_interface(address).network)
        for host in lab["hosts"].values()
        for link in host["links"]
        if link["segment"] == segment
        for address in link["addresses"]
    ]
    return list(dict.fromkeys(found))


def _router(drawing, name, columns, rows):
    """Draw the router below the segments that it joins; its lines pass the hosts outside."""
    top, low = rows
    left, right = columns[0]["right"] - 110, columns[-1]["left"] + 110
    drawing.box("router", left, low, right - left, 30)
    drawing.text((left + right) / 2, low + 20, name, "title", "middle")
    for x in [columns[0]["right"] - 10, *(column["left"] + 10 for column in columns[1:])]:
        drawing.line(x, top, x, low)


if __name__ == "__main__":
    for path in sorted((ROOT / "examples").iterdir()):
        (ROOT / "docs" / "site" / "examples" / f"{path.name}.svg").write_text(draw(path), encoding="utf-8")
