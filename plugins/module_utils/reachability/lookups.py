# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's own answers: which route a packet takes, which MAC address a neighbor has, where a MAC address is.

A question is ``{"kind": "route", "netns", "dst", "src", "iif", "mark"}`` (``iif``: the interface by which the packet comes in;
none: it is sent here), ``{"kind": "neighbor", "netns", "dev", "address"}`` or ``{"kind": "fdb", "netns", "dev", "mac"}``
(``dev``: a VXLAN device or a bridge). What else a question has comes back with its answer.
"""

from __future__ import annotations

import errno
from contextlib import closing
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..kernel.messages import (
    AF_BRIDGE,
    AF_INET,
    AF_INET6,
    NTF_SELF,
    NUD_NOARP,
    NUD_PERMANENT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTM_F_FIB_MATCH,
    RTM_F_LOOKUP_TABLE,
    RTNH_F_ONLINK,
    Index,
    Message,
)
from ..kernel.netlink import Decoded, Netlink

Plain = Dict[str, Any]
# linux/rtnetlink.h: RTN_*
TYPES = {
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
    9: "throw",
}
SCOPES = {0: "global", 200: "site", 253: "link", 254: "host"}
PROTOCOLS = {2: "kernel", 3: "boot", 4: "static", 9: "ra", 16: "dhcp"}
LAYER4 = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
# linux/neighbour.h: NUD_*
STATES = {0x01: "incomplete", 0x02: "reachable", 0x04: "stale", 0x08: "delay", 0x10: "probe", 0x20: "failed"}
# kernels before 5.0 answer questions for all entries only (neigh_get, net/core/neighbour.c; rtnl_fdb_get, net/core/rtnetlink.c)
UNHEARD = (errno.EOPNOTSUPP, errno.EINVAL)
FROM_ALL = "this kernel answers for all entries only: found among them"
# what ip_route_input_slow (net/ipv4/route.c) says of a packet that comes in
REFUSED = {
    errno.EXDEV: "the source is not reached by this interface (rp_filter)",
    errno.EHOSTUNREACH: "not forwarded",
    # since Linux 6.13 of all that is refused before there is a route
    errno.EINVAL: "refused by rp_filter, for a source that no packet may have, or by a blackhole route",
    errno.EACCES: "a prohibit route",
    errno.ENETUNREACH: "no route",
}


def answers(questions: List[Plain], netlink: Optional[Netlink] = None) -> List[Plain]:
    """Return for each question ``{"text", ...}`` or ``{"error": sentence}``, with what identifies the question.

    ``text`` is the entry as ip(8) or bridge(8) show it. A route has also ``prefix``, ``type``, ``table``, ``via`` and ``dev``
    (the way of this very packet, where there are several), ``src``; a neighbor ``mac`` and ``state``; a forwarding entry ``dst``
    and ``dev``. ``note``: how it was found, where the kernel lacks something.

    :raises OSError: a namespace cannot be entered.
    """
    with closing(netlink or Netlink()) as link:
        asked = _Asked(link)
        return [_answered(asked, one) for one in questions]


class _Asked:
    """The sockets, and the links of each namespace, read once."""

    def __init__(self, netlink: Netlink) -> None:
        self.lookup, self.dump, self.index = netlink.lookup, netlink.dump, netlink.index
        self._links: Dict[str, Dict[int, Plain]] = {}

    def link(self, netns: str, index: Optional[int]) -> Plain:
        """Return the attributes of the link of that index, none if there is none."""
        if netns not in self._links:
            self._links[netns] = {fields["index"]: attrs for fields, attrs in self.dump(netns, "link")}
        return self._links[netns].get(index or 0, {})

    def name(self, netns: str, index: Optional[int]) -> Optional[str]:
        """Return the name of the link of that index, or None."""
        return self.link(netns, index).get("IFLA_IFNAME")


def _answered(link: _Asked, question: Plain) -> Plain:
    kept = {name: value for name, value in question.items() if name in ("walk", "hop", "direction", "kind", "netns")}
    try:
        return {**kept, **KINDS[question["kind"]](link, question)}
    except LookupError as missing:  # an interface that has gone
        return {**kept, "error": str(missing.args[0])}


# routes


def _route(link: _Asked, question: Plain) -> Plain:
    netns, family = question["netns"], AF_INET6 if ":" in question["dst"] else AF_INET
    matching, taking = (_route_message(question, family, flags) for flags in (RTM_F_FIB_MATCH, 0))
    refused: Dict[int, Tuple[int, str]] = {}
    match, way = link.lookup(netns, [matching, taking], refused)
    if way is None:
        code, sentence = refused.get(1, (0, "no answer"))
        said = REFUSED.get(code, sentence) if question.get("iif") or code == errno.ENETUNREACH else sentence
        return {"error": said, "errno": errno.errorcode.get(code, str(code))}
    fields, attrs = match or way
    prefix = f"{attrs.get('RTA_DST', '::' if family == AF_INET6 else '0.0.0.0')}/{fields['dst_len']}"
    # of a packet for one of our addresses the matched route is no unicast: the answer says so
    kind = TYPES.get(way[0]["type"], str(way[0]["type"]))
    found = {
        "prefix": prefix,
        "type": kind,
        "table": attrs.get("RTA_TABLE", fields["table"]),
        "via": way[1].get("RTA_GATEWAY"),
        "dev": link.name(netns, way[1].get("RTA_OIF")),
        "src": way[1].get("RTA_PREFSRC"),
    }
    return {"text": _route_text(link, netns, prefix, fields, attrs, found), **found}


def _route_message(question: Plain, family: int, flags: int) -> Message:
    whole = 128 if family == AF_INET6 else 32
    fields = {"family": family, "dst_len": whole, "flags": flags | RTM_F_LOOKUP_TABLE}
    attrs: List[Tuple[str, Any]] = [("RTA_DST", question["dst"])]
    if question.get("src"):
        fields["src_len"] = whole
        attrs.append(("RTA_SRC", question["src"]))
    if question.get("iif"):
        attrs.append(("RTA_IIF", Index(question["netns"], question["iif"])))
    if question.get("oif"):
        attrs.append(("RTA_OIF", Index(question["netns"], question["oif"])))
    if question.get("mark"):
        attrs.append(("RTA_MARK", question["mark"]))
    if question.get("protocol") in LAYER4:
        attrs.append(("RTA_IP_PROTO", LAYER4[question["protocol"]]))
        ports = (("RTA_SPORT", question.get("sport")), ("RTA_DPORT", question.get("dport")))
        attrs += [(name, port) for name, port in ports if port and question["protocol"] in ("tcp", "udp")]
    return Message("get", "path", 0, fields, attrs)


def _route_text(link, netns, prefix, fields, attrs, found):
    kind = TYPES.get(fields["type"], str(fields["type"]))
    words = ([] if kind == "unicast" else [kind]) + [_short(prefix)]
    words += ["via", attrs["RTA_GATEWAY"]] if attrs.get("RTA_GATEWAY") else []
    words += ["dev", link.name(netns, attrs["RTA_OIF"]) or "?"] if attrs.get("RTA_OIF") else []
    words += (
        ["table", "local" if found["table"] == RT_TABLE_LOCAL else str(found["table"])]
        if found["table"] not in (0, RT_TABLE_MAIN)
        else []
    )
    words += ["proto", PROTOCOLS.get(fields["proto"], str(fields["proto"]))] if fields["proto"] else []
    words += (
        ["scope", SCOPES.get(fields["scope"], str(fields["scope"]))]
        if fields["family"] == AF_INET and fields["scope"]
        else []
    )
    words += ["src", attrs["RTA_PREFSRC"]] if attrs.get("RTA_PREFSRC") else []
    words += ["metric", str(attrs["RTA_PRIORITY"])] if attrs.get("RTA_PRIORITY") else []
    return " ".join([*words, *(["onlink"] if fields["flags"] & RTNH_F_ONLINK else [])])


def _short(prefix):
    """Return a prefix as ip-route(8) writes it."""
    return (
        "default"
        if prefix in ("0.0.0.0/0", "::/0")
        else prefix.replace("/32", "")
        if ":" not in prefix
        else prefix.replace("/128", "")
    )


# neighbors


def _neighbor(link: _Asked, question: Plain) -> Plain:
    netns, address = question["netns"], question["address"]
    family = AF_INET6 if ":" in address else AF_INET
    index = Index(netns, question["dev"])
    message = Message("get", "entry", 0, {"family": family, "ifindex": index}, [("NDA_DST", address)])
    found, note = _one(link, netns, message, {"family": family}, lambda fields, attrs: attrs.get("NDA_DST") == address)
    if found is None:
        return {"error": f"there is no neighbor {address} on {question['dev']}", **note}
    fields, attrs = found
    number = fields["state"]
    state = "permanent" if number & NUD_PERMANENT else "noarp" if number & NUD_NOARP else STATES.get(number, "none")
    mac = attrs.get("NDA_LLADDR")
    text = f"{address} dev {question['dev']} {f'lladdr {mac} ' if mac else ''}{state.upper()}"
    failure = {} if mac else {"error": f"{address} has not answered on {question['dev']} ({state})"}
    return {"text": text, "dev": question["dev"], "mac": mac, "state": state, **failure, **note}


# forwarding entries


def _fdb(link: _Asked, question: Plain) -> Plain:
    netns, dev, mac = question["netns"], question["dev"], question["mac"]
    index = link.index(netns, dev)
    kind = link.link(netns, index).get("IFLA_INFO_KIND")
    fields: Dict[str, Any] = {"family": AF_BRIDGE}
    attrs: List[Tuple[str, Any]] = [("NDA_LLADDR", mac)]
    if kind == "bridge":
        attrs.append(("NDA_MASTER", index))
    else:
        fields.update(ifindex=index, flags=NTF_SELF)

    def fits(found, values):
        there = values.get("NDA_MASTER", found["ifindex"]) if kind == "bridge" else found["ifindex"]
        return values.get("NDA_LLADDR") == mac and there == index

    found, note = _one(link, netns, Message("get", "entry", 0, fields, attrs), {"family": AF_BRIDGE}, fits)
    if found is None:
        return {"error": f"{dev} has no forwarding entry for {mac}", **note}
    head, values = found
    port = link.name(netns, head["ifindex"]) or dev
    dst = values.get("NDA_DST")
    state = "permanent" if head["state"] & NUD_PERMANENT else "static" if head["state"] & NUD_NOARP else "learned"
    words = [mac, "dev", port, *(["dst", dst] if dst else []), *(["master", dev] if kind == "bridge" else ["self"])]
    shown = " ".join(words + ([state] if state != "learned" else []))
    return {"text": shown, "mac": mac, "dev": port, "dst": dst, "state": state, **note}


def _one(
    link: _Asked, netns: str, message: Message, asked: Plain, fits: Callable[..., bool]
) -> Tuple[Optional[Decoded], Plain]:
    """Return (the entry or None, a note how it was found): by the question itself, of an old kernel among all."""
    refused: Dict[int, Tuple[int, str]] = {}
    (found,) = link.lookup(netns, [message], refused)
    if found is not None or refused.get(0, (0, ""))[0] not in UNHEARD:
        return found, {}
    every = link.dump(netns, "entry", asked)
    return next((one for one in every if fits(*one)), None), {"note": FROM_ALL}


KINDS = {"route": _route, "neighbor": _neighbor, "fdb": _fdb}
