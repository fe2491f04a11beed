# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node has and lacks, found by trying it in a namespace that is thrown away."""

from __future__ import annotations

import os
import shutil
import subprocess

from .kernel import namespaces
from .kernel.netlink import PYROUTE2_FLOOR, pyroute2_problem, pyroute2_version

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

# feature -> (what a person knows it by, the command that needs it)
FEATURES = {
    "netns": ("network namespaces (CONFIG_NET_NS)", ["true"]),
    "veth": ("veth pairs (CONFIG_VETH, module veth)", ["ip", "link", "add", "probe0", "type", "veth"]),
    "bridge": ("bridges (CONFIG_BRIDGE, module bridge)", ["ip", "link", "add", "probe0", "type", "bridge"]),
    "vlan_filtering": (
        "bridges that tell VLANs apart (CONFIG_BRIDGE_VLAN_FILTERING)",
        ["ip", "link", "add", "probe0", "type", "bridge", "vlan_filtering", "1"],
    ),
    "ipv6": ("IPv6 (CONFIG_IPV6)", ["test", "-d", "/proc/sys/net/ipv6/conf"]),
    "vxlan": (
        "VXLAN devices (CONFIG_VXLAN, module vxlan)",
        ["ip", "link", "add", "probe0", "type", "vxlan", "id", "1", "dstport", "8472"],
    ),
    "ipip": (
        "IPIP tunnels (CONFIG_NET_IPIP, module ipip)",
        ["ip", "link", "add", "probe0", "type", "ipip", "local", "192.0.2.1"],
    ),
    "wireguard": (
        "WireGuard devices (CONFIG_WIREGUARD, module wireguard)",
        ["ip", "link", "add", "probe0", "type", "wireguard"],
    ),
    "masquerade": (
        "masquerade in nftables (CONFIG_NFT_MASQ, modules nft_masq and nft_chain_nat)",
        [
            "nft",
            "table inet probe { chain c { type nat hook postrouting priority srcnat; masquerade fully-random; }; }",
        ],
    ),
}


def has_systemd():
    """Say whether systemd runs the node (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def missing_software():
    """Return a sentence for each program or library that the engine needs and this node lacks."""
    missing = [
        f"the program {name} (package {package})"
        for name, package in (("ip", "iproute2"), ("nft", "nftables"))
        if not shutil.which(name, path=PATH)
    ]
    floor = ".".join(str(part) for part in PYROUTE2_FLOOR)
    problem = pyroute2_problem()
    if problem is not None:
        missing.append(f"pyroute2 {floor} or newer for this Python (package python3-pyroute2): {problem}")
    return missing


def missing_features(names):
    """Return a sentence for each of ``names`` that the kernel lacks, with what it said."""

    def attempt():
        return {name: _try(FEATURES[name][1]) for name in names}

    try:
        found = namespaces.in_fresh(attempt)
    except OSError as failure:
        return [f"{FEATURES['netns'][0]}: {failure.strerror}"]
    return [f"{FEATURES[name][0]}: {answer}" for name, answer in found.items() if answer]


def versions():
    """Return the versions of what the engine stands on, None for what is missing."""
    return {
        "pyroute2": _pyroute2(),
        "kernel": os.uname().release,
        "iproute2": _version(["ip", "-V"]),
        "nftables": _version(["nft", "-v"]),
    }


def _pyroute2():
    try:
        return pyroute2_version()
    except ImportError:
        return None


def _try(command):
    """Return None if ``command`` succeeds, else what it said."""
    found = _run(command)
    _run(["ip", "link", "del", "probe0"])
    if found is None or found.returncode == 0:
        return None  # a program that is missing is told as such, not as a fault of the kernel
    said = [line for line in found.stderr.splitlines() if line.strip()]
    return said[0].strip() if said else f"exit code {found.returncode}"


def _run(command):
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": PATH, "LC_ALL": "C"}
        )
    except FileNotFoundError:
        return None


def _version(command):
    found = _run(command)
    return found.stdout.strip().rsplit(", ", 1)[0] or None if found else None
