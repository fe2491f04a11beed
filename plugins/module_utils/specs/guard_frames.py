# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ports of a bridge may send: the table of the family bridge that the module guard makes.

Sources: RFC 826 and RFC 5227 (ARP and its probes), RFC 4861 (ND), RFC 2131 and RFC 8415 (ports 68 and 546 are a client's).
"""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Iterable, List, Optional, Tuple

from ..kinds import fields, nft_text

OFFER = "udp dport { 68, 546 }"
NO_ROUTER = "icmpv6 type { nd-router-advert, nd-redirect } drop"
LINK_LOCAL = "fe80::/10"

# Most packets meet one lookup in a set: that of their own address, before all that says why another is dropped. Of IPv6 only
# what TCP or UDP follows at once is that early: behind other headers there may be a router advertisement (RFC 7113).
PORTS = [
    "set ports ifname",
    "set macs ifname . ether_addr",
    "set ipv4 ifname . ether_addr . ipv4_addr",
    "set ipv6 ifname . ether_addr . ipv6_addr",
    "chain prerouting filter prerouting -300",
    f"prerouting: {OFFER} iifname @ports drop",
    "prerouting: iifname . ether saddr . ip saddr @ipv4 accept",
    "prerouting: ip6 nexthdr tcp iifname . ether saddr . ip6 saddr @ipv6 accept",
    "prerouting: ip6 nexthdr udp iifname . ether saddr . ip6 saddr @ipv6 accept",
    "prerouting: iifname @ports goto endpoint",
    # a frame to 01:80:c2:00:00:0X passes this hook alone, and the bridge learns its source behind it (br_handle_frame)
    "chain input filter input 0",
    "input: meta pkttype multicast iifname @ports goto known",
    "chain known",
    "known: iifname . ether saddr != @macs drop",
    "chain endpoint",
    "endpoint: iifname . ether saddr != @macs drop",
    "endpoint: iifname . arp saddr ether . arp saddr ip @ipv4 accept",
    "endpoint: arp saddr ip 0.0.0.0 iifname . arp saddr ether @macs accept",
    f"endpoint: {NO_ROUTER}",
    "endpoint: drop",
]
# instead of the last of these, if an endpoint has IPv6: not every nft knows where ND has its target
ND = [
    "set nd ifname . integer",
    "endpoint: icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @nd drop",
    "endpoint: iifname . ether saddr . ip6 saddr @ipv6 accept",
    "endpoint: ip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . @th,64,128 @nd accept",
    "endpoint: drop",
]
# Nobody knows the addresses of other ports, as of an engine's container: they use none that is another's, and send to endpoints
# from the node's subnets. Not every kernel can tell which bridge a port is of (nft_meta_bridge): OTHERS hold on each bridge.
OTHERS = [
    "set taken ether_addr",
    "set taken4 ipv4_addr",
    "set others4 ipv4_addr interval",
    "prerouting: goto other",
    "input: meta pkttype multicast ether saddr @taken drop",
    "chain other",
    "other: ether saddr @taken drop",
    "other: ip saddr @taken4 drop",
    "other: arp saddr ether @taken drop",
    "other: arp saddr ip @taken4 drop",
    "chain forward filter forward -10",
    "forward: iifname @ports accept",
    "forward: oifname @ports goto received",
    "chain received",
    f"received: {OFFER} drop",
    f"received: {NO_ROUTER}",
    "received: ip saddr @others4 accept",
    "received: arp saddr ip @others4 accept",
    "received: arp saddr ip 0.0.0.0 accept",
    "received: drop",
]
OTHERS_ND = [
    "set taken6 ipv6_addr",
    "set nd_taken integer",
    "set node6 ipv6_addr",
    "set nd_node integer",
    "set others6 ipv6_addr interval",
    "other: ip6 saddr @taken6 drop",
    "other: icmpv6 type nd-neighbor-advert @th,64,128 @nd_taken drop",
    "other: ip6 saddr :: icmpv6 type nd-neighbor-solicit @th,64,128 @nd_taken drop",
    # a link-local address may be another's on another bridge
    "received: ip6 saddr @node6 drop",
    "received: icmpv6 type nd-neighbor-advert @th,64,128 @nd_node drop",
    "received: ip6 saddr @others6 accept",
    "received: drop",
]

# (bridge or "", interface, MAC address, its addresses and its link-local one)
Endpoint = Tuple[str, str, str, List[str]]
# lines of a layout, and set -> its elements
Table = Tuple[List[str], Dict[str, Iterable[str]]]


def of_frames(bridge: Optional[Dict[str, Any]], endpoints: List[Endpoint]) -> Table:
    """Return the table about what is sent to a bridge.

    :param bridge: whose further ports are guarded, too, with its options.
    """
    ports = [one for one in endpoints if one[0]]
    targets = [f"{name} . {text}" for _bridge, name, _mac, found in ports for text in fields.of_version(found, 6)]
    sets: Dict[str, Iterable[str]] = {
        "ports": [name for _bridge, name, _mac, _addresses in ports],
        "macs": [f"{name} . {mac}" for _bridge, name, mac, _addresses in ports],
        "ipv4": own(ports, 4),
        "ipv6": own(ports, 6),
    }
    lines, more = _of_others(bridge, endpoints) if bridge else ([], {})
    if not targets:
        return [*PORTS, *lines], {**sets, **more}
    return [*PORTS[:-1], *ND, *lines], {**sets, "nd": targets, **more}


def own(endpoints: List[Endpoint], version: int) -> List[str]:
    """Return the elements of the set of endpoints' addresses."""
    return [
        f"{name} . {mac} . {text}"
        for _bridge, name, mac, addresses in endpoints
        for text in fields.of_version(addresses, version)
    ]


def _of_others(bridge: Dict[str, Any], endpoints: List[Endpoint]) -> Table:
    """Return (lines, sets) about the bridge's ports that are no endpoints."""
    of_node = [fields.unicast(text, "bridge.addresses") for text in bridge["addresses"] or ()]
    on_link = [text for text in of_node if ipaddress.ip_address(text).is_link_local]
    taken = [text for _bridge, _name, _mac, addresses in endpoints for text in addresses]
    taken += [text for text in of_node if text not in on_link]
    sets: Dict[str, Iterable[str]] = {
        "taken": [mac for _bridge, _name, mac, _addresses in endpoints],
        "taken4": fields.of_version(taken, 4),
        "others4": prefixes_of(bridge, 4),
    }
    others6 = prefixes_of(bridge, 6)
    if not others6:
        return OTHERS, sets
    taken6, node6 = fields.of_version(taken, 6), fields.of_version(on_link, 6)
    sets.update(taken6=taken6, nd_taken=taken6, node6=node6, nd_node=node6, others6=others6)
    return [*OTHERS[:-1], *OTHERS_ND], sets


def prefixes_of(bridge: Dict[str, Any], version: int, further: Iterable[str] = ()) -> List[str]:
    """Return the elements of the set from which the ports of a bridge send.

    :param further: addresses.
    """
    texts = [*(bridge["subnets"] or ()), *further]
    found = fields.of_version([fields.prefix(text, "bridge.subnets") for text in texts], version)
    return nft_text.intervals([*found, *([LINK_LOCAL, "::/128"] if found and version == 6 else [])])
