# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a namespace has that no kind of the engine is about: rules of routing, several next hops, learned entries, tc and XDP."""

from __future__ import annotations

import errno
import socket
import struct
from typing import Any, Dict, List, Tuple

from ..kernel import namespaces
from ..kernel.codec import ATTRIBUTE
from ..kernel.kernel import Kernel
from ..kernel.messages import (
    AF_BRIDGE,
    AF_INET,
    AF_INET6,
    NTF_MASTER,
    NTF_PROXY,
    NUD_NOARP,
    NUD_PERMANENT,
    RT_TABLE_LOCAL,
    RTEXT_FILTER_SKIP_STATS,
    RTM_F_CLONED,
    RTNH_F_ONLINK,
)
from ..kinds import route
from ..kinds.fdb import ZERO
from ..kinds.fields import GROUP
from ..kinds.learned import STATES

Entry = Dict[str, Any]
# linux/rtnetlink.h: rtm_type, without those that follow from addresses
TYPES = {**route.TYPE_WORDS, 9: "throw", 10: "nat"}
# those that the engine's routes are of
ENGINES_TYPES = frozenset(route.TYPES)
RTNEXTHOP = struct.Struct("=HBBi")  # struct rtnexthop
RTA_GATEWAY, RTA_VIA = 5, 18
TABLES = {253: "default", 254: "main", 255: "local"}
# linux/fib_rules.h
ACTIONS = {1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
FIB_RULE_INVERT = 2
NO_SUPPRESSION = 0xFFFFFFFF
SELECTORS = {
    "FRA_FWMARK": "fwmark",
    "FRA_FWMASK": "fwmask",
    "FRA_TUN_ID": "tun_id",
    "FRA_IIFNAME": "iif",
    "FRA_OIFNAME": "oif",
    "FRA_L3MDEV": "l3mdev",
    "FRA_UID_RANGE": "uidrange",
    "FRA_IP_PROTO": "ipproto",
    "FRA_SPORT_RANGE": "sport",
    "FRA_DPORT_RANGE": "dport",
    "FRA_DSCP": "dscp",
    "FRA_SUPPRESS_IFGROUP": "suppress_ifgroup",
    "FRA_SUPPRESS_PREFIXLEN": "suppress_prefixlength",
}
# linux/if_addr.h
IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x08, 0x40
# /proc/net: the tables of iptables that is not nft's, which list their names when they are there
LEGACY = {
    "ip_tables_names": "iptables-legacy",
    "ip6_tables_names": "ip6tables-legacy",
    "arp_tables_names": "arptables-legacy",
}
FILTERS = ("ingress", "clsact")
# queues that drop or delay on purpose (tc-netem(8), tc-tbf(8))
SHAPERS = ("blackhole", "netem", "tbf", "htb", "hfsc", "red")


def rules(kernel: Kernel, netns: str) -> List[Entry]:
    """Return the rules of routing (ip-rule(8)); a namespace to come has those that the kernel begins with."""
    found = _dumped(kernel, netns, "rule")
    if found is None or not kernel.exists(netns):
        return [
            _rule({"family": family, "action": 1, "table": table}, {"FRA_PRIORITY": priority})
            for family, priority, table in (
                (AF_INET, 0, 255),
                (AF_INET, 32766, 254),
                (AF_INET, 32767, 253),
                (AF_INET6, 0, 255),
                (AF_INET6, 32766, 254),
            )
        ]
    shown = [_rule(*one) for one in found if one[0]["family"] in (AF_INET, AF_INET6)]
    return sorted(shown, key=lambda one: (one["family"], one["priority"]))


def _dumped(kernel, netns, name):
    """Return the objects of a sort, or None: the kernel is built without it (CONFIG_IP_MULTIPLE_TABLES, CONFIG_NET_SCHED)."""
    try:
        return kernel.dump(netns, name)
    except OSError as failure:
        if failure.errno != errno.EOPNOTSUPP:
            raise
        return None


def _rule(fields, attrs):
    table, priority = attrs.get("FRA_TABLE", fields["table"]), attrs.get("FRA_PRIORITY", 0)
    words = {SELECTORS[name]: value for name, value in attrs.items() if name in SELECTORS}
    words = {
        word: value for word, value in words.items() if not (word.startswith("suppress") and value == NO_SUPPRESSION)
    }
    if not words.get("fwmark"):
        words = {word: value for word, value in words.items() if not word.startswith("fwma")}
    action = ACTIONS.get(fields["action"], f"action {fields['action']}")
    inverted = bool(fields.get("flags", 0) & FIB_RULE_INVERT)
    sides = [
        f"{word} {attrs[name]}/{fields[length]}" if fields.get(length) else f"{word} all"
        for word, name, length in (("from", "FRA_SRC", "src_len"), ("to", "FRA_DST", "dst_len"))
        if word == "from" or fields.get(length)
    ]
    shown = [f"{word} {value.hex() if isinstance(value, bytes) else value}" for word, value in words.items()]
    what = f"lookup {TABLES.get(table, table)}" if action == "lookup" else action
    selective = fields.get("src_len") or fields.get("dst_len") or fields.get("tos") or words or inverted
    return {
        "family": 4 if fields["family"] == AF_INET else 6,
        "priority": priority,
        "table": table,
        "plain": not selective and action == "lookup",
        "text": " ".join([f"{priority}:", *(["not"] if inverted else []), *sides, *shown, what]),
    }


def paths(kernel: Kernel, netns: str) -> Dict[Tuple[Any, ...], Entry]:
    """Return (table, prefix, metric, interface) -> route: of those that the engine does not know, and of several next hops."""
    found = {}
    for fields, attrs in kernel.dump(netns, "path", keep=_decides):
        several = _nexthops(kernel, netns, attrs.get("RTA_MULTIPATH", b""))
        kind = TYPES[fields["type"]]
        if not several and kind in ENGINES_TYPES and not attrs.keys() & {"RTA_VIA", "RTA_ENCAP_TYPE"}:
            continue
        any_address = "::" if fields["family"] == AF_INET6 else "0.0.0.0"
        prefix = f"{attrs.get('RTA_DST', any_address)}/{fields['dst_len']}"
        table, metric = attrs.get("RTA_TABLE", fields["table"]), attrs.get("RTA_PRIORITY", 0)
        dev = kernel.link_name(netns, attrs.get("RTA_OIF", 0))
        found[table, prefix, metric, dev] = {
            "table": table,
            "prefix": prefix,
            "type": kind,
            "via": attrs.get("RTA_GATEWAY") or _via(attrs.get("RTA_VIA", b"")),
            "dev": dev,
            "metric": metric,
            "protocol": fields["proto"],
            "onlink": bool(fields["flags"] & RTNH_F_ONLINK),
            "nexthops": several,
            "owner": None,
            **({"encap": attrs["RTA_ENCAP_TYPE"]} if attrs.get("RTA_ENCAP_TYPE") else {}),
        }
    return found


def _decides(inet, _length, _source, _tos, table, _protocol, _scope, kind, flags):
    return table != RT_TABLE_LOCAL and inet in (AF_INET, AF_INET6) and kind in TYPES and not flags & RTM_F_CLONED


def _nexthops(kernel, netns, data):
    """Return the next hops in an RTA_MULTIPATH; the kernel counts their weights from zero."""
    found, place = [], 0
    while place + RTNEXTHOP.size <= len(data):
        length, flags, weight, index = RTNEXTHOP.unpack_from(data, place)
        if length < RTNEXTHOP.size:
            break
        via, cursor = None, place + RTNEXTHOP.size
        while cursor + ATTRIBUTE.size <= place + length:
            size, number = ATTRIBUTE.unpack_from(data, cursor)
            if size < ATTRIBUTE.size:
                break
            value = data[cursor + ATTRIBUTE.size : cursor + size]
            via = _text(value) if number == RTA_GATEWAY else _via(value) if number == RTA_VIA else via
            cursor += size + 3 & ~3
        hop = {"via": via, "dev": kernel.link_name(netns, index), "weight": weight + 1}
        found.append({**hop, "onlink": bool(flags & RTNH_F_ONLINK)})
        place += length + 3 & ~3
    return found


def _via(data):
    """Return the gateway of the other family in a struct rtvia, or None."""
    return _text(data[2:]) if len(data) in (6, 18) else None


def _text(data):
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


def address_flags(kernel: Kernel, netns: str) -> Dict[Tuple[str, str], Entry]:
    """Return (interface, address) -> its ``peer``, if it has one, and whether it is ``tentative`` (RFC 4862)."""
    found: Dict[Tuple[str, str], Entry] = {}
    for fields, attrs in kernel.dump(netns, "addr"):
        local, peer = attrs.get("IFA_LOCAL"), attrs["IFA_ADDRESS"]
        flags = attrs.get("IFA_FLAGS", fields["flags"])
        entry: Entry = {"tentative": bool(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))}
        if local and local != peer:
            entry["peer"] = f"{peer}/{fields['prefixlen']}"
        dev = kernel.link_name(netns, fields["index"])
        found[dev or "", f"{local or peer}/{fields['prefixlen']}"] = entry
    return found


def neighbors(kernel: Kernel, netns: str) -> List[Entry]:
    """Return all neighbors, learned ones too, by interface and address; without those that stand for groups and the loopback."""
    found = [
        {
            "dev": kernel.link_name(netns, fields["ifindex"]),
            "address": attrs["NDA_DST"],
            "mac": attrs.get("NDA_LLADDR"),
            "state": _state(fields["state"]),
        }
        for fields, attrs in kernel.dump(netns, "neigh", {"family": 0, "flags": 0})
        if fields["family"] in (AF_INET, AF_INET6) and not fields["flags"] & NTF_PROXY and "NDA_DST" in attrs
    ]
    found = [one for one in found if not (one["state"] == "noarp" and _stands_for_many(one))]
    return sorted(found, key=lambda one: (one["dev"] or "", one["address"]))


def _state(number):
    return "permanent" if number & NUD_PERMANENT else "noarp" if number & NUD_NOARP else STATES.get(number, "none")


def _stands_for_many(entry):
    return entry["mac"] in (None, "", ZERO) or entry["mac"][1] in GROUP


def forwarding(kernel: Kernel, netns: str) -> List[Entry]:
    """Return the entries of bridges and of VXLAN devices (bridge(8), "fdb"), without those for groups that lead nowhere."""
    kinds = {attrs.get("IFLA_INFO_KIND") for _fields, attrs in kernel.links(netns).values()}
    if kinds.isdisjoint({"bridge", "vxlan"}):
        return []
    found = []
    for fields, attrs in kernel.dump(netns, "entry", {"family": AF_BRIDGE}):
        mac, dst = attrs.get("NDA_LLADDR"), attrs.get("NDA_DST")
        if mac is None or (mac[1] in GROUP and not dst):
            continue
        state = fields["state"]
        entry = {
            "dev": kernel.link_name(netns, fields["ifindex"]),
            "mac": mac,
            "dst": dst,
            "state": "permanent" if state & NUD_PERMANENT else "static" if state & NUD_NOARP else "learned",
            "master": bool(fields["flags"] & NTF_MASTER or attrs.get("NDA_MASTER")),
        }
        vlan = {"vlan": attrs["NDA_VLAN"]} if attrs.get("NDA_VLAN") else {}
        found.append({**entry, **vlan})
    return found


def unknown(kernel: Kernel, netns: str) -> List[str]:
    """Return a sentence for each thing that decides about packets and is read by nobody here."""
    found = namespaces.in_netns(netns, _legacy)
    queues = [(fields["ifindex"], attrs.get("TCA_KIND")) for fields, attrs in _dumped(kernel, netns, "qdisc") or ()]
    for index, kind in dict.fromkeys(queues):
        dev = kernel.link_name(netns, index)
        if kind in FILTERS:
            found.append(f"tc: {dev} has a {kind} queue, whose filters may drop or redirect packets")
        elif kind in SHAPERS:
            found.append(f"tc: the {kind} queue of {dev} may drop or delay packets")
    programs = kernel.netlink.dump(netns, "program", attrs=[("IFLA_EXT_MASK", RTEXT_FILTER_SKIP_STATS)])
    found += [
        f"XDP: a program on {attrs['IFLA_IFNAME']} sees packets first"
        for _fields, attrs in programs
        if attrs.get("IFLA_XDP_ATTACHED")
    ]
    return found


def _legacy():
    found = []
    for name, program in LEGACY.items():
        try:
            # the folder of the thread: that of the process is of another namespace
            with open(f"/proc/thread-self/net/{name}", encoding="ascii") as source:
                tables = source.read().split()
        except OSError:
            continue
        if tables:
            found.append(f"{program} has tables here ({', '.join(tables)}), whose rules may drop or translate packets")
    return found
