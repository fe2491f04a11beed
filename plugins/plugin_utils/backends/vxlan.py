# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vxlan: Ethernet in UDP (RFC 7348), with every entry written down and nothing learned. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

from ...module_utils.reachability.encapsulation import Encapsulation
from ..naming import mac_of
from ..values.declaration import integer, interface_name
from ..values.networks import Values, network_address
from .base import Backend, Device, Port
from .peers import Peers

# of the kernel and of flannel; IANA's is 4789
USUAL_PORT = 8472


class Vxlan(Backend):
    """A route to each peer's subnet over one VTEP, with the peer's neighbor and forwarding entry.

    A VTEP's MAC address is derived from the node's address and the VNI: peers compute it, and a reinstalled node has the
    same.
    """

    name = "vxlan"
    title = "VXLAN"
    features = ("vxlan",)
    variables = (
        integer("fabric_vxlan_vni", 1, 1, 2**24 - 1, fabric_wide=True),
        integer("fabric_vxlan_port", USUAL_PORT, 1, 65535, fabric_wide=True),
        interface_name("fabric_vxlan_name"),
        interface_name("fabric_vxlan_dev"),
    )

    def overhead(self, version: Optional[int]) -> int:
        return 70 if version == 6 else 50

    def devices(self, values: Values) -> Iterator[Device]:
        yield Device("fabric_vxlan_name", _vtep(values))
        if values["fabric_vxlan_dev"]:
            yield Device("fabric_vxlan_dev", values["fabric_vxlan_dev"], lower=True)

    def ports(self, values: Values) -> Iterator[Port]:
        yield Port("fabric_vxlan_port", "udp", values["fabric_vxlan_port"])

    def encapsulation(self, values: Values) -> Optional[Encapsulation]:
        return Encapsulation("udp", values["fabric_vxlan_port"])

    def open_tunnels(self, values: Values) -> Dict[str, List[int]]:
        return {"tunnel_ports": [values["fabric_vxlan_port"]], "tunnel_vnis": [values["fabric_vxlan_vni"]]}

    def tunnels(self, values: Values) -> List[str]:
        return [_vtep(values)]

    def part(self, peers: Peers, mtu: int) -> Dict[str, Any]:
        values = peers.values
        entries = [
            {
                "name": one.peer,
                "subnet": one.subnet,
                "gateway": network_address(one.subnet),
                "mac": self._mac(peers, one.values),
                "dst": peers.tunnel_end(one.values),
                "mtu": peers.route_mtu(one.values),
            }
            for one in peers.tunnelled
        ]
        vteps = {entry["mac"]: {"mac": entry["mac"], "dst": entry["dst"]} for entry in entries}
        return {
            "name": _vtep(values),
            "vni": values["fabric_vxlan_vni"],
            "port": values["fabric_vxlan_port"],
            "mac": self._mac(peers, values),
            "local": peers.tunnel_end(values),
            "dev": values["fabric_vxlan_dev"] or "",
            "mtu": mtu,
            "addresses": peers.own_addresses(),
            "peers": entries,
            "vteps": list(vteps.values()),
        }

    def _mac(self, peers: Peers, values: Values) -> str:
        return mac_of("vtep", peers.tunnel_end(values), str(peers.values["fabric_vxlan_vni"]))

    def expected(self, values: Values) -> Dict[str, Any]:
        return {"vxlan_vni": values["fabric_vxlan_vni"]}


def _vtep(values: Values) -> str:
    """Return the name of a node's VTEP.

    The kernel changes neither VNI nor port of a device: with another the node has another name, too, so that old and new stand
    side by side while packets move from one to the other.
    """
    vni, port = values["fabric_vxlan_vni"], values["fabric_vxlan_port"]
    return values["fabric_vxlan_name"] or (f"vxlan{vni}" if port == USUAL_PORT else f"v{vni}-{port}")
