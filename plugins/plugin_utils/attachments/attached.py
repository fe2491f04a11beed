# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles need of a node's endpoints, by how they are attached: bridge, routed, direct. Pure Python."""

from __future__ import annotations

import ipaddress

from ..inventory.model import attachments_of
from ..inventory.networks import GATEWAYS, subnets_of
from ..naming import INTERFACE, host_end, interface_of, mac_of

# The node's own on a link to endpoints; an endpoint derives one from its MAC address.
LINK_LOCAL = "fe80::1/64"
# What routed endpoints leave by in IPv6: nobody has it, the node answers for it; its own address there is another.
ROUTED_GATEWAY6, ROUTED_LINK_LOCAL = "fe80::1", "fe80::2/64"
# IPv4's link-local prefix (RFC 3927): a gateway from it is led to by a route, any other is said to be on the link.
LINK_LOCAL_IPV4 = ipaddress.ip_network("169.254.0.0/16")


class Attached:
    """The endpoints of one node, by how they are attached."""

    def __init__(self, node, values, mtu):
        self._node, self._values, self._mtu = node, values, mtu
        self._subnets = subnets_of(values)
        self._ipv6 = values["fabric_node_subnet6"] is not None

    def _of(self, attachment):
        return [endpoint for endpoint in self._values["fabric_endpoints"] if endpoint["attachment"] == attachment]

    def _endpoint(self, endpoint):
        name = endpoint["name"]
        return {
            "name": name,
            "host_end": host_end(endpoint),
            "interface": interface_of(endpoint),
            "mac": mac_of(self._node, name, INTERFACE),  # another name is no other MAC address
            "host_mac": mac_of(self._node, name, "host"),
            "mtu": self._mtu,
            "ipv6": self._ipv6,
        }

    def _proxies(self, bridge):
        """Return what answers on the bridge for the node's endpoints that are not on it, and seem to be: it is one subnet."""
        others = [endpoint for endpoint in self._values["fabric_endpoints"] if endpoint["attachment"] != "bridge"]
        return [
            {
                "interface": bridge,
                "family": "ipv6" if ":" in subnet else "ipv4",
                "addresses": [endpoint[key] for endpoint in others],
            }
            for subnet, key in self._subnets
            if others
        ]

    def _unwritten(self, attachment):
        """Return the endpoints that live with an address which the inventory does not write, and the subnet of each."""
        return [
            {"netns": endpoint["name"], "subnet": subnet}
            for subnet, key in self._subnets
            for endpoint in self._of(attachment)
            if key in endpoint["unwritten"]
        ]

    def _addresses(self, attachment, gateway, length):
        """Return a record for each address of each endpoint.

        :param gateway: takes an endpoint and a family's key; the address that it leaves by.
        :param length: takes an endpoint and a subnet; the length of the prefix that its address has.
        """
        return [
            {
                "endpoint": endpoint["name"],
                "host_end": host_end(endpoint),
                "interface": interface_of(endpoint),
                "address": endpoint[key],
                "prefix": f"{endpoint[key]}/{length(endpoint, subnet)}",
                "gateway": gateway(endpoint, key),
                "default": "::/0" if ":" in subnet else "0.0.0.0/0",
                "family": "ipv6" if ":" in subnet else "ipv4",
                **_nodad(subnet),
            }
            for subnet, key in self._subnets
            for endpoint in self._of(attachment)
        ]

    def bridge(self):
        """Return the bridge, what it has, and the endpoints on it."""
        name = self._values["fabric_bridge"]
        published = {entry["endpoint"] for entry in self._values["fabric_publish"]}
        gateways = []
        if "bridge" in attachments_of(self._values):
            gateways = [f"{self._values[GATEWAYS[key]]}/{_length(subnet)}" for subnet, key in self._subnets]
            # Without a link-local address the kernel sends no question on behalf of a packet that is only forwarded, and
            # an endpoint that has not spoken yet is not reached (RFC 4861, 7.2.2).
            gateways += [LINK_LOCAL] * self._ipv6
        return {
            "name": name,
            "mac": mac_of(self._node, "bridge", name),
            "mtu": self._mtu,
            "gateways": [{"prefix": prefix, **_nodad(prefix)} for prefix in gateways],
            "endpoints": [
                # one that the node publishes may reach itself by the node's address, over the port that it came by
                {**self._endpoint(endpoint), "hairpin": endpoint["name"] in published}
                for endpoint in self._of("bridge")
            ],
            "unwritten": self._unwritten("bridge"),
            "proxies": self._proxies(name) if self._of("bridge") else [],
            "addresses": self._addresses(
                "bridge", lambda _endpoint, key: self._values[GATEWAYS[key]], lambda _endpoint, subnet: _length(subnet)
            ),
        }

    def routed(self):
        """Return the endpoints that a route leads to, and the gateway that the node answers for without having it."""
        gateway = self._values["fabric_routed_gateway"]
        addresses = self._addresses(
            "routed",
            lambda _endpoint, key: gateway if key == "address" else ROUTED_GATEWAY6,
            lambda endpoint, subnet: 128 if ":" in subnet else endpoint.get("prefix_length") or 32,
        )
        for entry in addresses:
            entry["onlink"] = None if entry["family"] == "ipv6" or _is_link_local(gateway) else True
        ipv4 = [entry for entry in addresses if entry["family"] == "ipv4"]
        return {
            "endpoints": [self._endpoint(endpoint) for endpoint in self._of("routed")],
            "unwritten": self._unwritten("routed"),
            "addresses": addresses,
            "link_gateways": [
                {"endpoint": entry["endpoint"], "interface": entry["interface"], "gateway": gateway}
                for entry in ipv4
                if not entry["onlink"]
            ],
            # so that proxy ARP answers for the gateway: it does only for what a route covers that leads elsewhere
            "covered": [gateway] if ipv4 else [],
            "host_addresses": [
                {"host_end": entry["host_end"], "prefix": ROUTED_LINK_LOCAL, **_nodad(ROUTED_LINK_LOCAL)}
                for entry in addresses
                if entry["family"] == "ipv6"
            ],
            "proxies": [
                {
                    "host_end": entry["host_end"],
                    "family": entry["family"],
                    "addresses": [ROUTED_GATEWAY6] if entry["family"] == "ipv6" else [],
                }
                for entry in addresses
            ],
            # what nobody has is not sent around: only the endpoints' own routes lead anywhere
            "blocks": [subnet for subnet, _key in self._subnets] if attachments_of(self._values) == {"routed"} else [],
        }

    def direct(self):
        """Return what joins two namespaces, or one and the node, without anything between."""
        mine = [self._endpoint(endpoint) for endpoint in self._of("direct")]
        addresses = self._addresses(
            "direct",
            lambda endpoint, key: (
                (endpoint.get("host_address") if key == "address" else None) or self._values[GATEWAYS[key]]
            ),
            lambda _endpoint, subnet: 128 if ":" in subnet else _length(subnet),
        )
        for entry in addresses:
            entry["onlink"] = True if entry["family"] == "ipv6" else None
        links = self._values["fabric_links"]
        taken = {endpoint["name"] for endpoint in self._values["fabric_endpoints"]}
        ends = [end for link in links for end in (link["a"], link["b"])]
        others = dict.fromkeys(end["netns"] for end in ends if end.get("netns") and end["netns"] not in taken)
        six = {end["netns"] for end in ends if end.get("netns") and end.get("address6")}
        return {
            "namespaces": [{"name": endpoint["name"], "ipv6": endpoint["ipv6"]} for endpoint in mine]
            + [{"name": netns, "ipv6": netns in six} for netns in others],
            "links": [_endpoints_link(endpoint) for endpoint in mine] + [self._link(link) for link in links],
            "addresses": [entry for of in addresses for entry in _pair(of)]
            + [_address("", endpoint["host_end"], LINK_LOCAL) for endpoint in mine if endpoint["ipv6"]]
            + [_ends_address(end, key) for end in ends for key in ("address", "address6") if end.get(key)],
            "unwritten": self._unwritten("direct"),
            "endpoints": addresses,
            # to each other endpoints of one IPv4 subnet seem to be on one link: the node answers for the others
            "proxies": [{"host_end": of["host_end"]} for of in addresses if of["family"] == "ipv4"],
        }

    def _link(self, link):
        name, other = (f"{link[end].get('netns') or ''}/{link[end]['name']}" for end in ("a", "b"))
        ends = [
            {
                "netns": link[end].get("netns") or "",
                "name": link[end]["name"],
                "mac": mac_of(self._node, *words),
                "mtu": None,
                "addrgenmode": None,
                "side": "endpoint" if link[end].get("netns") else "node",
            }
            for end, words in (("a", ("link", name, other)), ("b", ("link", other, name)))
        ]
        return {"a": ends[0], "b": ends[1]}


def _endpoints_link(endpoint):
    return {
        "a": {
            "netns": "",
            "name": endpoint["host_end"],
            "mac": endpoint["host_mac"],
            "mtu": endpoint["mtu"],
            "addrgenmode": "none",  # its addresses are given
            "side": "node",
        },
        "b": {
            "netns": endpoint["name"],
            "name": endpoint["interface"],
            "mac": endpoint["mac"],
            "mtu": endpoint["mtu"],
            "side": "endpoint",
        },
    }


def _address(netns, dev, prefix):
    return {"netns": netns, "dev": dev, "prefix": prefix, "noprefixroute": None, "broadcast": None, **_nodad(prefix)}


def _pair(of):
    """Return the address of a direct endpoint and that of the node, its gateway."""
    gateway = _address("", of["host_end"], f"{of['gateway']}/{_length(of['prefix'])}")
    return _address(of["endpoint"], of["interface"], of["prefix"]), {**gateway, "noprefixroute": True}


def _ends_address(end, key):
    address = _address(end.get("netns") or "", end["name"], end[key])
    return {**address, "broadcast": (end.get("broadcast") or "") if key == "address" else None}


def _nodad(subnet):
    """An address of ours is nobody else's: IPv6 need not ask before it is used (RFC 4862, 5.4)."""
    return {"nodad": True if ":" in subnet else None}


def _is_link_local(gateway):
    return ipaddress.ip_address(gateway) in LINK_LOCAL_IPV4


def _length(subnet):
    return subnet.split("/")[1]
