# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one node reaches the subnets of its peers: who by a plain route, who by a tunnel, and with which entries. Pure Python.

Whatever a node must know of a peer is computed from the inventory, a VTEP's MAC address too: none is asked, and one that
is made anew is what it was.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re

from ...module_utils.kinds.names import interface_fault
from ..inventory.model import FAMILIES, Segments, mtu_of, subnets_of

# What the names of tunnels to one peer begin with
PAIRS = ("ipip-", "ip-", "i")


def mac_of(*words):
    """Return a MAC address derived from ``words``: locally administered, always the same, for a node made anew too."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def named(prefixes, name):
    """Return the name of an interface made for ``name``, which Ansible lets be anything.

    That is itself behind the first of ``prefixes`` with which an interface can be called so. If there is none, it is a digest
    behind the last, which is for that alone: :func:`patterns` tells others which names are ours.
    """
    for prefix in prefixes[:-1]:
        if not interface_fault(f"{prefix}{name}"):
            return f"{prefix}{name}"
    # 40 bits: names that begin alike, as those of replicas do, do not meet
    digest = base64.b32encode(hashlib.sha256(name.encode()).digest())[:8].decode().lower()
    return f"{prefixes[-1]}{re.sub(r'[^A-Za-z0-9_.-]', '', name)[:5]}-{digest}"


def patterns(prefixes):
    """Return the patterns (glob(7)) of the names that :func:`named` gives with ``prefixes``."""
    return [f"{prefix}*" for prefix in prefixes[:-1]] + [f"{prefixes[-1]}*-{'?' * 8}"]


def vtep_of(values):
    """Return the name of a node's VXLAN device."""
    return values["fabric_vxlan_name"] or f"vxlan{values['fabric_vxlan_vni']}"


class Overlay:
    """What one node has to arrange for its peers."""

    def __init__(self, model, name):
        self.fabric, self.values = model["fabric"], model["nodes"][name]
        self._nodes, self._name = model["nodes"], name
        self._segments = Segments(self.fabric["fabric_underlay"])
        tunnelled, direct = [], []
        for other, values in self._nodes.items():
            if other != name:
                for family in FAMILIES:
                    if values[family[0]]:
                        (direct if self._is_direct(values, family) else tunnelled).append((other, values, family))
        self._direct, self._tunnelled = direct, tunnelled

    def _is_direct(self, values, family):
        """Say whether a plain route leads to a peer's subnet of one family."""
        _subnet, address, _key = family
        if self.fabric["fabric_backend"] == "host_gw":
            return True
        ends = self.values[address], values[address]
        if not (self.fabric["fabric_cross_subnet"] and all(ends)):
            return False
        return self._segments.of(ends[0]) == self._segments.of(ends[1])

    def wire(self, name):
        """Return how packets to the IPv4 and IPv6 subnets of node ``name`` look on the underlay, family -> word."""
        direct = {family[2]: "plain" for other, _values, family in self._direct if other == name}
        return {
            **{family[2]: self.encapsulation for other, _values, family in self._tunnelled if other == name},
            **direct,
        }

    @property
    def encapsulation(self):
        """How the backend's tunnels look on the underlay, or None where it has none."""
        words = {"vxlan": f"udp:{self.fabric['fabric_vxlan_port']}", "ipip": "ipip"}
        return words.get(self.fabric["fabric_backend"])

    def remotes(self):
        """Return the addresses that the peers' tunnels end at."""
        return list(dict.fromkeys(self._underlay(values) for _other, values, _family in self._tunnelled))

    def tunnels(self):
        """Return the names of the node's tunnels, or patterns of them."""
        given = self.values["fabric_ipip_name"]
        if self.fabric["fabric_backend"] == "ipip":
            return [given] if given else patterns(PAIRS) if self.fabric["fabric_ipip_pairs"] else ["ipip0"]
        return [self._vtep] if self.fabric["fabric_backend"] == "vxlan" else []

    @property
    def _vtep(self):
        return vtep_of({**self.values, **self.fabric})

    def direct(self):
        """Return the peers' subnets to which a plain route leads, each by way of the peer's address of that family."""
        return [
            {"name": other, "subnet": values[subnet], "via": values[address], "mtu": self._route_mtu(values)}
            for other, values, (subnet, address, _key) in self._direct
            if values[address]
        ]

    def _route_mtu(self, values):
        """Return the MTU of a route to a peer that takes less than the node sends; 0 where the interface's will do."""
        own, other = (mtu_of(self.fabric, one) for one in (self.values, values))
        return other if other < own else 0

    def _underlay(self, values):
        """Return the address of a node that tunnels end at."""
        return values["fabric_node_address6" if self.fabric["underlay_version"] == 6 else "fabric_node_address"]

    def _vtep_mac(self, values):
        return mac_of("vtep", self._underlay(values), str(self.fabric["fabric_vxlan_vni"]))

    def vxlan(self, mtu):
        """Return the VTEP of the node, and the entries of its peers."""
        vni = self.fabric["fabric_vxlan_vni"]
        peers = [
            {
                "name": other,
                "subnet": values[subnet],
                "gateway": _network_address(values[subnet]),
                "mac": self._vtep_mac(values),
                "dst": self._underlay(values),
                "mtu": self._route_mtu(values),
            }
            for other, values, (subnet, _address, _key) in self._tunnelled
        ]
        vteps = {peer["mac"]: {"mac": peer["mac"], "dst": peer["dst"]} for peer in peers}
        return {
            "name": self._vtep,
            "vni": vni,
            "port": self.fabric["fabric_vxlan_port"],
            "mac": self._vtep_mac(self.values),
            "local": self._underlay(self.values),
            "dev": self.values["fabric_vxlan_dev"] or "",
            "mtu": mtu,
            "addresses": self._own_addresses(),
            "peers": peers,
            "vteps": list(vteps.values()),
        }

    def _own_addresses(self):
        """The network's own address, alone, so that it brings no route of its own; what the node itself sends has it."""
        subnets = [subnet for subnet, _key in subnets_of(self.values)]
        return [f"{_network_address(subnet)}/{128 if ':' in subnet else 32}" for subnet in subnets]

    def ipip(self, mtu):
        """Return the tunnels of the node, one for all or one for each peer, and the routes over them."""
        pairs, local = self.fabric["fabric_ipip_pairs"], self.values["fabric_node_address"]
        remotes = {other: values["fabric_node_address"] for other, values, _family in self._tunnelled}
        own = self.values["fabric_ipip_address"]
        inner = [own] if own else self._own_addresses()
        if pairs:
            devices = [
                {"name": self._pair(other), "local": local, "remote": remote, "mtu": mtu}
                for other, remote in remotes.items()
            ]
            routes = [
                {
                    "prefix": values[subnet],
                    "dev": self._pair(other),
                    "via": None,
                    "onlink": None,
                    "mtu": self._route_mtu(values),
                }
                for other, values, (subnet, *_rest) in self._tunnelled
            ]
        else:
            devices = [{"name": self.values["fabric_ipip_name"] or "ipip0", "local": local, "remote": None, "mtu": mtu}]
            routes = [
                {
                    "prefix": prefix,
                    "dev": devices[0]["name"],
                    "via": values["fabric_node_address"],
                    "onlink": True,
                    "mtu": self._route_mtu(values),
                }
                for _other, values, (subnet, *_rest) in self._tunnelled
                for prefix in (values[subnet], *_inner(values))
            ]
        addresses = [{"dev": device["name"], "prefix": prefix} for device in devices for prefix in inner]
        return {"devices": devices, "addresses": addresses, "routes": routes}

    def _pair(self, other):
        return self.values["fabric_ipip_name"] or named(PAIRS, other)


def _inner(values):
    """Return the peer's address inside the tunnel as a prefix of its own, if it was given one."""
    given = values["fabric_ipip_address"]
    return [f"{given.split('/')[0]}/32"] if given else []


def _network_address(subnet):
    return str(ipaddress.ip_network(subnet).network_address)
