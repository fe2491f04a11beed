# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine's rtnetlink messages look like: the attributes of each object, under pyroute2's names."""

from __future__ import annotations

from .codec import BE16, BITS, DATA, IP, MAC, S32, TEXT, U8, U16, U32, Form, Info, Table, numbers

# linux/if_link.h
# The settings of linux/ip.h (IPV4_DEVCONF_*, from 1) and linux/ipv6.h (DEVCONF_*, from 0): numbers of 32 bits in a row, as
# far as arp_ignore and disable_ipv6, which kernels of all ages have. Asked for, those of IPv4 are attributes.
INET = Table(IFLA_INET_CONF=(1, numbers(26)))
INET6 = Table(IFLA_INET6_CONF=(2, numbers(27)), IFLA_INET6_ADDR_GEN_MODE=(8, U8))
# of any link, and of the other end of a veth
ATTRIBUTES = {
    "IFLA_ADDRESS": (1, MAC),
    "IFLA_IFNAME": (3, TEXT),
    "IFLA_MTU": (4, U32),
    "IFLA_LINK": (5, U32),
    "IFLA_MASTER": (10, U32),
    "IFLA_IFALIAS": (20, TEXT),
    "IFLA_AF_SPEC": (26, Table(AF_INET=(2, INET), AF_INET6=(10, INET6))),
    "IFLA_NET_NS_FD": (28, U32),
    "IFLA_EXT_MASK": (29, U32),
    "IFLA_NUM_TX_QUEUES": (31, U32),
    "IFLA_NUM_RX_QUEUES": (32, U32),
    "IFLA_LINK_NETNSID": (37, S32),
}
LINK_HEAD = "=BxHiII"
BRIDGE = Table(
    IFLA_BR_FORWARD_DELAY=(1, U32),
    IFLA_BR_HELLO_TIME=(2, U32),
    IFLA_BR_MAX_AGE=(3, U32),
    IFLA_BR_AGEING_TIME=(4, U32),
    IFLA_BR_STP_STATE=(5, U32),
    IFLA_BR_PRIORITY=(6, U16),
    IFLA_BR_VLAN_FILTERING=(7, U8),
    IFLA_BR_GROUP_FWD_MASK=(9, U16),
    IFLA_BR_MCAST_SNOOPING=(23, U8),
    IFLA_BR_VLAN_DEFAULT_PVID=(39, U16),
    IFLA_BR_MULTI_BOOLOPT=(46, BITS),
)
PORT = Table(
    IFLA_BRPORT_STATE=(1, U8),
    IFLA_BRPORT_PRIORITY=(2, U16),
    IFLA_BRPORT_COST=(3, U32),
    IFLA_BRPORT_MODE=(4, U8),
    IFLA_BRPORT_GUARD=(5, U8),
    IFLA_BRPORT_PROTECT=(6, U8),
    IFLA_BRPORT_FAST_LEAVE=(7, U8),
    IFLA_BRPORT_LEARNING=(8, U8),
    IFLA_BRPORT_UNICAST_FLOOD=(9, U8),
    IFLA_BRPORT_MCAST_FLOOD=(27, U8),
    IFLA_BRPORT_BCAST_FLOOD=(30, U8),
    IFLA_BRPORT_NEIGH_SUPPRESS=(32, U8),
    IFLA_BRPORT_ISOLATED=(33, U8),
    IFLA_BRPORT_LOCKED=(39, U8),
)
VXLAN = Table(
    IFLA_VXLAN_ID=(1, U32),
    IFLA_VXLAN_LINK=(3, U32),
    IFLA_VXLAN_LOCAL=(4, IP),
    IFLA_VXLAN_TTL=(5, U8),
    IFLA_VXLAN_LEARNING=(7, U8),
    IFLA_VXLAN_PORT=(15, BE16),
    IFLA_VXLAN_LOCAL6=(17, IP),
)
# linux/if_tunnel.h: IFLA_IPTUN_*
IPIP = Table(
    IFLA_IPIP_LINK=(1, U32),
    IFLA_IPIP_LOCAL=(2, IP),
    IFLA_IPIP_REMOTE=(3, IP),
    IFLA_IPIP_TTL=(4, U8),
    IFLA_IPIP_PMTUDISC=(10, U8),
)
# What the data of a link mean, by the attribute that names its kind; those of another kind are not read
TYPES = {
    ("IFLA_INFO_KIND", "veth"): Table(VETH_INFO_PEER=(1, Table(LINK_HEAD, **ATTRIBUTES))),
    ("IFLA_INFO_KIND", "bridge"): BRIDGE,
    ("IFLA_INFO_KIND", "vxlan"): VXLAN,
    ("IFLA_INFO_KIND", "ipip"): IPIP,
    ("IFLA_INFO_KIND", "wireguard"): Table(),  # what it has is not rtnetlink's, see wireguard.py
    ("IFLA_INFO_SLAVE_KIND", "bridge"): PORT,
}
INFO = Info(
    TYPES,
    IFLA_INFO_KIND=(1, TEXT),
    IFLA_INFO_DATA=(2, DATA),
    IFLA_INFO_SLAVE_KIND=(4, TEXT),
    IFLA_INFO_SLAVE_DATA=(5, DATA),
)

FORMS = {
    "link": Form(
        ("family", "ifi_type", "index", "flags", "change"), Table(LINK_HEAD, **ATTRIBUTES, IFLA_LINKINFO=(18, INFO))
    ),
    # linux/if_addr.h
    "addr": Form(
        ("family", "prefixlen", "flags", "scope", "index"),
        Table(
            "=BBBBI",
            IFA_ADDRESS=(1, IP),
            IFA_LOCAL=(2, IP),
            IFA_BROADCAST=(4, IP),
            IFA_FLAGS=(8, U32),
            IFA_PROTO=(11, U8),
        ),
    ),
    # linux/rtnetlink.h
    "route": Form(
        ("family", "dst_len", "src_len", "tos", "table", "proto", "scope", "type", "flags"),
        Table(
            "=BBBBBBBBI",
            RTA_DST=(1, IP),
            RTA_OIF=(4, U32),
            RTA_GATEWAY=(5, IP),
            RTA_PRIORITY=(6, U32),
            RTA_PREFSRC=(7, IP),
            RTA_METRICS=(8, Table(RTAX_LOCK=(1, U32), RTAX_MTU=(2, U32))),
            RTA_TABLE=(15, U32),
        ),
    ),
    # linux/neighbour.h
    "neigh": Form(
        ("family", "ifindex", "state", "flags", "ndm_type"),
        Table("=BxxxiHBB", NDA_DST=(1, IP), NDA_LLADDR=(2, MAC)),
    ),
    # linux/fib_rules.h
    "rule": Form(
        ("family", "dst_len", "src_len", "tos", "table", "res1", "res2", "action", "flags"),
        Table(
            "=BBBBBBBBI",
            FRA_DST=(1, IP),
            FRA_SRC=(2, IP),
            FRA_IIFNAME=(3, TEXT),
            FRA_GOTO=(4, U32),
            FRA_PRIORITY=(6, U32),
            FRA_FWMARK=(10, U32),
            FRA_TUN_ID=(12, DATA),
            FRA_SUPPRESS_IFGROUP=(13, U32),
            FRA_SUPPRESS_PREFIXLEN=(14, U32),
            FRA_TABLE=(15, U32),
            FRA_FWMASK=(16, U32),
            FRA_OIFNAME=(17, TEXT),
            FRA_L3MDEV=(19, U8),
            FRA_UID_RANGE=(20, DATA),
            FRA_IP_PROTO=(22, U8),
            FRA_SPORT_RANGE=(23, DATA),
            FRA_DPORT_RANGE=(24, DATA),
            FRA_DSCP=(25, U8),
        ),
    ),
    # linux/net_namespace.h
    "nsid": Form(("rtgen_family",), Table("=Bxxx", NETNSA_NSID=(1, U32), NETNSA_FD=(3, U32))),
    # What only a question needs: more of the same objects than the engine reads of all of them
    # linux/rtnetlink.h: one route, and what the kernel answers about it
    "path": Form(
        ("family", "dst_len", "src_len", "tos", "table", "proto", "scope", "type", "flags"),
        Table(
            "=BBBBBBBBI",
            RTA_DST=(1, IP),
            RTA_SRC=(2, IP),
            RTA_IIF=(3, U32),
            RTA_OIF=(4, U32),
            RTA_GATEWAY=(5, IP),
            RTA_PRIORITY=(6, U32),
            RTA_PREFSRC=(7, IP),
            RTA_METRICS=(8, Table(RTAX_LOCK=(1, U32), RTAX_MTU=(2, U32))),
            RTA_MULTIPATH=(9, DATA),
            RTA_TABLE=(15, U32),
            RTA_MARK=(16, U32),
            RTA_VIA=(18, DATA),
            RTA_ENCAP_TYPE=(21, U16),
            RTA_IP_PROTO=(27, U8),
            RTA_SPORT=(28, BE16),
            RTA_DPORT=(29, BE16),
        ),
    ),
    # linux/neighbour.h: an entry of a neighbor table or of a forwarding table
    "entry": Form(
        ("family", "ifindex", "state", "flags", "ndm_type"),
        Table(
            "=BxxxiHBB",
            NDA_DST=(1, IP),
            NDA_LLADDR=(2, MAC),
            NDA_VLAN=(5, U16),
            NDA_PORT=(6, BE16),
            NDA_VNI=(7, U32),
            NDA_IFINDEX=(8, U32),
            NDA_MASTER=(9, U32),
        ),
    ),
    # linux/if_link.h: the program on a link that sees packets before all else
    "program": Form(
        ("family", "ifi_type", "index", "flags", "change"),
        Table(
            LINK_HEAD, IFLA_IFNAME=(3, TEXT), IFLA_EXT_MASK=(29, U32), IFLA_XDP=(43, Table(IFLA_XDP_ATTACHED=(2, U8)))
        ),
    ),
    # linux/pkt_sched.h
    "qdisc": Form(("family", "ifindex", "handle", "parent", "info"), Table("=BxxxiIII", TCA_KIND=(1, TEXT))),
}
