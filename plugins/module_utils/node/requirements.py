# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs and kernel features that a node has or lacks; features are tried in a temporary namespace."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Optional

from ..engine.errors import FabricError
from ..kernel import namespaces
from ..system import programs

# feature -> (its name in messages, the link type that ip(8) adds if the kernel has it)
LINKS = {
    "veth": ("veth pairs (CONFIG_VETH, module veth)", "veth"),
    "bridge": ("bridges (CONFIG_BRIDGE, module bridge)", "bridge"),
    "vlan_filtering": (
        "VLAN filtering in bridges (CONFIG_BRIDGE_VLAN_FILTERING)",
        "bridge vlan_filtering 1",
    ),
    "vxlan": ("VXLAN devices (CONFIG_VXLAN, module vxlan)", "vxlan id 1 dstport 8472"),
    "ipip": ("IPIP tunnels (CONFIG_NET_IPIP, module ipip)", "ipip local 192.0.2.1"),
    "wireguard": ("WireGuard devices (CONFIG_WIREGUARD, module wireguard)", "wireguard"),
}
NETNS, IPV6 = "network namespaces (CONFIG_NET_NS)", "IPv6 (CONFIG_IPV6)"
# feature -> (its name in messages, the table that nft(8) adds if the kernel has it)
TABLES = {
    "masquerade": (
        "masquerade in nftables (CONFIG_NFT_MASQ, modules nft_masq and nft_chain_nat)",
        "table inet probe { chain c { type nat hook postrouting priority srcnat; masquerade fully-random; }; }",
    ),
    "inet_filter": (
        "nftables of packets (CONFIG_NF_TABLES_INET; with fabric_guard_tunnels: false the fabric does without, and its tunnels take"
        " packets from anybody)",
        "table inet probe { chain c { type filter hook prerouting priority -300; }; }",
    ),
    "bridge_filter": (
        "nftables of frames (CONFIG_NF_TABLES_BRIDGE)",
        "table bridge probe { chain c { type filter hook prerouting priority -300; }; }",
    ),
    "nd_target": (
        "sets of nftables with the target of neighbor discovery (the program nft is too old: 1.0.6 has them, 1.0.2 has not; with"
        " fabric_guard: false, or with IPv4 alone, the fabric does without)",
        "table bridge probe { set s { typeof iifname . @th,64,128; }; chain c { iifname . @th,64,128 @s accept; }; }",
    ),
    "intervals": (
        "sets of nftables with ranges of concatenations (Linux 5.6)",
        "table inet probe { set s { type ipv4_addr . inet_service; flags interval; }; }",
    ),
    "bridge_conntrack": (
        "connection tracking of frames (CONFIG_NF_CONNTRACK_BRIDGE, module nf_conntrack_bridge, Linux 5.3; with fabric_policy_bridge:"
        " false the policy does without, and does not hold between ports of one bridge)",
        "table bridge probe { chain c { type filter hook forward priority 0; ct state established accept; }; }",
    ),
}
FEATURES = ["netns", *LINKS, "ipv6", *TABLES]


class Lacking(FabricError):
    """The node lacks a requirement; nothing was changed.

    :param found: what the module returns beside the message.
    """

    def __init__(self, found: Dict[str, Any]) -> None:
        lacks = [f"this node's kernel lacks {sentence}" for sentence in found["missing_features"]]
        super().__init__("; ".join(lacks + [f"this node lacks {sentence}" for sentence in found["missing_software"]]))
        self._found = found

    def facts(self) -> Dict[str, Any]:
        return self._found


def check(features: List[str]) -> Dict[str, Any]:
    """Return what the module returns of a node that meets all requirements.

    :raises Lacking: it does not.
    """
    found = {
        "missing_software": missing_software(),
        "missing_features": missing_features(features),
        "versions": versions(),
    }
    if found["missing_software"] or found["missing_features"]:
        raise Lacking(found)
    return found


def missing_software() -> List[str]:
    """Return a sentence for each program that the engine needs and this node lacks."""
    return [
        f"the program {name} (package {package})"
        for name, package in (("ip", "iproute2"), ("nft", "nftables"))
        if not programs.find(name)
    ]


def missing_features(names: List[str]) -> List[str]:
    """Return a sentence for each of ``names`` that the kernel lacks, with its error."""
    try:
        return namespaces.in_fresh(lambda: _tried(names))
    except OSError as failure:
        return [f"{NETNS}: {failure.strerror}"]


def _tried(names):
    """Return what :func:`missing_features` does, tried in this thread's namespace."""
    links = [name for name in LINKS if name in names]
    found = [f"{LINKS[name][0]}: {answer}" for name, answer in _links(links).items()]
    if "ipv6" in names and not os.path.isdir("/proc/sys/net/ipv6/conf"):
        found.append(IPV6)
    for name in names:
        refused = _run(["nft", TABLES[name][1]]) if name in TABLES else None
        if refused and refused.returncode:
            found.append(f"{TABLES[name][0]}: {_first_line(refused.stderr)}")
        elif refused:
            _run(["nft", "delete table " + " ".join(TABLES[name][1].split()[1:3])])
    return found


def _links(names):
    """Try to add a link for each of ``names``, in one process; return name -> error of those that failed."""
    lines = "".join(f"link add probe{number} type {LINKS[name][1]}\n" for number, name in enumerate(names))
    found = _run(["ip", "-force", "-batch", "-"], lines) if names else None
    if found is None:  # the missing program is reported, not the kernel
        return {}
    # the error of a line, then the number of that line, from 1
    *parts, _rest = re.split(r"^Command failed .*?:(\d+)$", found.stderr, flags=re.M)
    return {names[int(line) - 1]: _first_line(error) for error, line in zip(parts[::2], parts[1::2])}


def _first_line(text):
    """Return the first line of a program's error."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0].strip() if lines else "no error message"


def versions() -> Dict[str, Optional[str]]:
    """Return the versions of kernel, iproute2 and nftables; None: missing."""
    return {
        "kernel": os.uname().release,
        "iproute2": _version(["ip", "-V"]),
        "nftables": _version(["nft", "-v"]),
    }


def _run(command, lines=""):
    try:
        return programs.run(command, lines)
    except (FileNotFoundError, PermissionError):  # missing, or not executable
        return None


def _version(command):
    found = _run(command)
    return found.stdout.strip().rsplit(", ", 1)[0] or None if found else None
