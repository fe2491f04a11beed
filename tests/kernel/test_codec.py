# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's own encoder and decoder against pyroute2's, byte for byte and value for value."""

import socket
import struct
import sys
from importlib import import_module
from types import SimpleNamespace

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import codec, netlink, pyroute2, tables
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.netlink import Netlink

AF_BRIDGE = 7


def info(kind, *data):
    return ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", kind), ("IFLA_INFO_DATA", {"attrs": list(data)})]})


NAMED = ("IFLA_IFNAME", "v-red")
PEER = {
    "attrs": [("IFLA_NET_NS_FD", 7), ("IFLA_IFNAME", "eth0"), ("IFLA_ADDRESS", "02:00:00:00:00:02"), ("IFLA_MTU", 1450)]
}
MODE = {"attrs": [("AF_INET6", {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", 1)]})]}
SETTINGS = {"attrs": [("AF_INET", {"attrs": [("IFLA_INET_CONF", ((1, 1), (19, 0)))]}), *MODE["attrs"]]}
SLAVE = [("IFLA_BRPORT_ISOLATED", 1), ("IFLA_BRPORT_MODE", 0), ("IFLA_BRPORT_COST", 9), ("IFLA_BRPORT_PRIORITY", 8)]
REQUESTS = [
    ("link", {"flags": 1, "change": 1}, [("IFLA_IFNAME", "lo")]),
    ("link", {}, [NAMED, ("IFLA_IFALIAS", "nodenet.fabric/déjà"), ("IFLA_MASTER", 3), ("IFLA_AF_SPEC", MODE)]),
    (
        "link",
        {},
        [NAMED, ("IFLA_ADDRESS", "02:00:00:00:00:01"), ("IFLA_MTU", 1500), info("veth", ("VETH_INFO_PEER", PEER))],
    ),
    ("link", {}, [("IFLA_EXT_MASK", 8)]),
    ("link", {}, [NAMED, info("bridge")]),
    (
        "link",
        {},
        [
            NAMED,
            info("bridge", ("IFLA_BR_STP_STATE", 1), ("IFLA_BR_PRIORITY", 4096), ("IFLA_BR_VLAN_DEFAULT_PVID", 2)),
        ],
    ),
    (
        "link",
        {},
        [
            NAMED,
            info(
                "vxlan",
                ("IFLA_VXLAN_ID", 1),
                ("IFLA_VXLAN_LOCAL", "192.0.2.1"),
                ("IFLA_VXLAN_LOCAL6", "2001:db8::1"),
                ("IFLA_VXLAN_LINK", 2),
                ("IFLA_VXLAN_PORT", 8472),
                ("IFLA_VXLAN_LEARNING", 0),
            ),
        ],
    ),
    (
        "link",
        {},
        [
            NAMED,
            info(
                "ipip",
                ("IFLA_IPIP_LOCAL", "192.0.2.1"),
                ("IFLA_IPIP_REMOTE", "192.0.2.2"),
                ("IFLA_IPIP_LINK", 2),
                ("IFLA_IPIP_TTL", 9),
                ("IFLA_IPIP_PMTUDISC", 0),
            ),
        ],
    ),
    (
        "link",
        {},
        [
            NAMED,
            (
                "IFLA_LINKINFO",
                {"attrs": [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", {"attrs": SLAVE})]},
            ),
        ],
    ),
    (
        "addr",
        {"family": 2, "prefixlen": 24, "index": 5, "scope": 253, "flags": 2},
        [("IFA_LOCAL", "10.0.0.1"), ("IFA_ADDRESS", "10.0.0.1"), ("IFA_BROADCAST", "10.0.0.9"), ("IFA_FLAGS", 0x202)],
    ),
    (
        "addr",
        {"family": 10, "prefixlen": 64, "index": 5},
        [("IFA_LOCAL", "fd00::1"), ("IFA_ADDRESS", "fd00::1"), ("IFA_FLAGS", 0)],
    ),
    (
        "route",
        {"family": 2, "dst_len": 24, "table": 254, "type": 1, "proto": 178, "scope": 0, "flags": 4},
        [
            ("RTA_TABLE", 254),
            ("RTA_DST", "10.0.0.0"),
            ("RTA_PRIORITY", 5),
            ("RTA_GATEWAY", "10.1.0.1"),
            ("RTA_PREFSRC", "10.1.0.2"),
            ("RTA_OIF", 4),
            ("RTA_METRICS", {"attrs": [("RTAX_MTU", 1450)]}),
        ],
    ),
    ("route", {"family": 10, "dst_len": 0}, [("RTA_TABLE", 1000), ("RTA_DST", "::"), ("RTA_GATEWAY", "fe80::1")]),
    (
        "neigh",
        {"family": 2, "ifindex": 3, "state": 0x80, "flags": 0},
        [("NDA_DST", "10.0.0.9"), ("NDA_LLADDR", "02:00:00:00:00:09")],
    ),
    (
        "neigh",
        {"family": AF_BRIDGE, "ifindex": 3, "state": 0x80, "flags": 2},
        [("NDA_LLADDR", "02:00:00:00:00:09"), ("NDA_DST", "192.0.2.9")],
    ),
    ("neigh", {"family": 10, "ifindex": 3, "state": 0x80, "flags": 8}, [("NDA_DST", "fd00::9")]),
    ("nsid", {"rtgen_family": 0}, [("NETNSA_FD", 7)]),
]


@pytest.mark.parametrize("name, fields, attrs", REQUESTS)
def test_requests_are_packed_as_pyroute2_does(name, fields, attrs):
    words = 16, 0x605, 77, fields, attrs, None
    assert tables.FORMS[name].encoded(*words) == pyroute2.encoded(name, *words)


def test_settings_of_ipv4_are_attributes_within_theirs():
    packed = tables.FORMS["link"].encoded(16, 0, 1, {}, [NAMED, ("IFLA_AF_SPEC", SETTINGS)], None)
    # inet_set_link_af (net/ipv4/devinet.c): AF_INET (2) holds IFLA_INET_CONF (1), which holds forwarding (1) and arp_ignore (19)
    parts = [(24, 2), (20, 1), (8, 1, 1), (8, 19, 0)]
    assert b"".join(struct.pack("=HHI"[: 1 + len(part)], *part) for part in parts) in packed


@pytest.mark.parametrize(
    "fields, attrs", [({}, [("IFLA_PROP_LIST", b"")]), ({"unheard": 1}, []), ({}, [NAMED, info("macvlan")])]
)
def test_what_is_in_no_table_is_left_to_pyroute2(fields, attrs):
    with pytest.raises(KeyError):
        tables.FORMS["link"].encoded(16, 0, 1, fields, attrs, None)


def rich(node):
    """Make objects of every sort that the engine reads."""
    for command in (
        "ip link add br0 type bridge stp_state 1",
        "ip link add v0 type veth peer name v1",
        "ip netns add red",
        "ip link add v2 address 02:00:00:00:00:21 mtu 1400 type veth peer name eth0 netns red",
        "ip link set v0 master br0",
        "ip link set v0 alias nodenet.fabric/default",
        "ip link set dev v0 type bridge_slave isolated on cost 7",
        "ip link set dev v1 addrgenmode none",
        "ip link add vx4 type vxlan id 5 dstport 8472 local 192.0.2.1 dev br0 ttl 9 nolearning",
        "ip link add vx6 type vxlan id 6 dstport 8472 local 2001:db8::1 learning",
        *(f"ip link set {name} up" for name in ("br0", "v0", "v1", "v2", "vx4", "vx6")),
        "ip address add 10.0.0.1/24 broadcast 10.0.0.255 dev v1 noprefixroute",
        "ip address add 10.0.1.1 peer 10.0.1.2/32 dev v2 scope link",
        "ip address add fd00::1/64 dev v1 nodad",
        "ip route add 10.5.0.0/16 via 10.0.0.9 dev v1 onlink mtu 1300 metric 6 proto 178",
        "ip route add blackhole 10.6.0.0/16 table 1000",
        "ip route add 10.7.0.0/16 nexthop via 10.0.0.7 dev v1 onlink nexthop via 10.0.0.8 dev v1 onlink",
        "ip route add fd01::/64 via fd00::9 dev v1 src fd00::1",
        "ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v1 nud permanent",
        "ip neigh add fd00::9 lladdr 02:00:00:00:00:09 dev v1 nud permanent",
        "ip neigh add proxy fd00::8 dev v1",
        "bridge fdb add 02:00:00:00:00:0a dev vx4 dst 192.0.2.10 self permanent",
        "bridge fdb append 00:00:00:00:00:00 dev vx6 dst 2001:db8::7 self permanent",
    ):
        node.sh(command)


def by_pyroute2(name, data, offset):
    """Return what :meth:`codec.Form.decoded` does, with all that pyroute2 knows."""
    kind = pyroute2.CLASSES[name]
    message = getattr(import_module(f"pyroute2.netlink.rtnl.{kind}"), kind)(data, offset=offset)
    message.decode()
    return {key: value for key, value in message.items() if key not in ("attrs", "header")}, flattened(message)


def flattened(value):
    """Return the attributes in pyroute2's ``{'attrs': [...]}`` by name, those of nested ones beside the others."""
    found = {}
    for name, inner in value["attrs"]:
        nested = hasattr(inner, "get") and inner.get("attrs") is not None
        found.update(flattened(inner) if nested else {name: inner})
    return found


def names(table):
    """Return the names of the values that ``table`` and those in it hold."""
    inside = [
        names(sort) if isinstance(sort, codec.Table) else {name} for name, (_number, sort) in table.by_name.items()
    ]
    if isinstance(table, codec.Info):
        inside += [names(tables.TYPES[kind]) for kind in tables.TYPES if kind != ("IFLA_INFO_KIND", "veth")]
    return set().union(*inside) - {"IFLA_INFO_DATA", "IFLA_INFO_SLAVE_DATA"}


def known(values, table):
    """Return what of pyroute2's ``values`` is in ``table``."""
    found = {name: value for name, value in values.items() if name in names(table)}
    if "IFLA_INET6_CONF" in found:
        found["IFLA_INET6_CONF"] = signed(found["IFLA_INET6_CONF"].values())[:27]
    if "AF_INET" in values:  # pyroute2 has the attribute's head for a field
        found["IFLA_INET_CONF"] = signed(values["AF_INET"].values())[1:27]
    return found


def signed(numbers):
    """Return pyroute2's numbers of 32 bits with their signs."""
    return tuple((number ^ 1 << 31) - (1 << 31) for number in numbers)


# what pyroute2 does not know; tests/integration/targets/module_bridge has what ip(8) says of it
UNKNOWN = {"IFLA_BR_MULTI_BOOLOPT"}
DUMPS = [("link", {}), ("addr", {}), ("route", {})] + [
    ("neigh", {"family": family, "flags": flags}) for family in (2, 10, AF_BRIDGE) for flags in (0, 8)
]


@pytest.mark.parametrize("name, fields", DUMPS)
def test_answers_are_read_as_pyroute2_does(node, monkeypatch, name, fields):
    rich(node)
    compared, form = [], tables.FORMS[name]

    def both(data, offset, _keep):
        ours, theirs = form.decoded(data, offset), by_pyroute2(name, data, offset)
        assert ours[0] == {field: theirs[0][field] for field in ours[0]}
        assert {key: value for key, value in ours[1].items() if key not in UNKNOWN} == known(theirs[1], form.attributes)
        compared.append(ours[1])
        return ours

    monkeypatch.setitem(netlink.FORMS, name, SimpleNamespace(encoded=form.encoded, decoded=both))
    link = Netlink()
    try:
        link.dump("", name, fields)
    finally:
        link.close()
    assert compared or fields.get("flags")


# links of others, by name, in ip-link(8)'s words
FOREIGN = {
    "macvlan": "link v0 name macvlan type macvlan mode bridge",
    "vlan": "link v0 name vlan type vlan id 7",
    "dummy": "name dummy type dummy",
    "bond": "name bond type bond mode active-backup",
    "vrf": "name vrf type vrf table 1000",
    "tun": "",
}


def test_links_of_kinds_unknown_to_us_are_read_without_their_data(node):
    node.sh("ip link add v0 type veth peer name v1; ip tuntap add tun mode tun || true")
    for words in FOREIGN.values():
        node.sh(f"ip link add {words} || true")  # what the kernel has
    link = Netlink()
    try:
        found = {attrs["IFLA_IFNAME"]: attrs for _fields, attrs in link.dump("", "link")}
    finally:
        link.close()
    assert {name for name, attrs in found.items() if attrs.get("IFLA_INFO_KIND") == "veth"} == {"v0", "v1"}
    foreign = {name: found[name] for name in FOREIGN if name in found}
    assert "macvlan" in foreign
    assert all(attrs["IFLA_INFO_KIND"] == name for name, attrs in foreign.items())
    assert set().union(*foreign.values()) <= names(tables.FORMS["link"].attributes)


# a Python that has no pyroute2, as a node
WITHOUT = """
import sys
sys.modules["pyroute2"] = None
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import MissingSoftware
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.messages import Message
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.netlink import Netlink
link = Netlink()
answers = {}
link.request([(0, "", Message("new", "link", 0x600, {}, [("IFLA_IFNAME", "p0"), %s]))], answers)
print(answers)
"""


@pytest.mark.parametrize(
    "attribute, said",
    [
        ('("IFLA_MTU", 1400), ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", "bridge")]})', "{0: None}"),
        ('("IFLA_GROUP", 7)', "a request about a link with IFLA_IFNAME, IFLA_GROUP needs pyroute2"),
    ],
)
def test_what_needs_pyroute2_says_so_where_there_is_none(node, attribute, said):
    found = node.sh(f"{sys.executable} - 2>&1 <<'END' || true\n{WITHOUT % attribute}\nEND\n")
    assert said in found


def test_addresses_of_any_length_are_read():
    assert codec.IP.convert(socket.inet_aton("192.0.2.1")) == "192.0.2.1"
    assert codec.MAC.convert(bytes([10, 0, 0, 1])) == "0a:00:00:01"


def test_messages_of_one_length_are_told_apart_by_every_header():
    form, words = tables.FORMS["neigh"], (28, 0, 1, {"family": 2, "ifindex": 3})
    known = form.encoded(*words, [("NDA_DST", "10.0.0.9"), ("NDA_LLADDR", "02:00:00:00:00:09")], None)
    # the second attribute is NDA_VLAN's number, not NDA_LLADDR's, and as long
    other = known[:36] + codec.ATTRIBUTE.pack(10, 5) + known[40:]
    for _time in range(2):
        assert form.decoded(known, 0)[1] == {"NDA_DST": "10.0.0.9", "NDA_LLADDR": "02:00:00:00:00:09"}
        assert form.decoded(other, 0)[1] == {"NDA_DST": "10.0.0.9"}
    # behind another message in one answer of the kernel
    assert form.decoded(other + known, len(other))[1]["NDA_LLADDR"] == "02:00:00:00:00:09"
