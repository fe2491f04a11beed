# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole network state of a node as data, read with ip(8), bridge(8), nft(8) and from /proc/sys, not with our own engine.

Run it on a node: it prints JSON. What differs from one run to the next without meaning anything (indexes, timers,
counters) is left out.
"""

import ctypes
import json
import os
import re
import subprocess
import sys
import time

# Duplicate address detection (RFC 4862, 5.4) ends by itself, later on a machine that has more to do; routes come after it.
TRIED_FOR = 5.0  # seconds
MEANINGLESS = {
    "ifindex",
    "link_index",
    "link_netnsid",
    "stats64",
    "promiscuity",
    "allmulti",
    "hello_timer",
    "tcn_timer",
    "topology_change_timer",
    "gc_timer",
    "valid_life_time",
    "preferred_life_time",
    "used",
    "confirmed",
    "updated",
    "probes",
    "refcnt",
    "group_fwd_mask_str",
    "port_id",
    "designated_port",
    "port_no",
    "id",
    "handle",
    "index",
    "hold_timer",
    "message_age_timer",
    "forward_delay_timer",
    "dynamic",
    "expires",
    "qdisc",
    "operstate",
    "flags",
    "pref",
    "parentdev",
    "txqlen",
    "broadcast",
    "state",
    "permaddr",
    "nhid",
    # of a link without a carrier; elsewhere it is waited for
    "tentative",
    "optimistic",
}
SYSCTLS = (
    r"net/ipv4/ip_forward$|/forwarding$|disable_ipv6$|proxy_arp$|proxy_ndp$|proxy_delay$|rp_filter$|route_localnet$"
)
CLONE_NEWNET = 0x40000000  # linux/sched.h


def output(*command):
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C"}
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return found.stdout if found.returncode == 0 else ""


def plain(value):
    """Return ``value`` without what means nothing; lists in one order."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key not in MEANINGLESS}
    if isinstance(value, list):
        return sorted((plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def one():
    """Return the state of the namespace that this process is in."""

    def read(*command, keep=lambda entry: True):
        return plain([entry for entry in json.loads(output(*command) or "[]") if keep(entry)])

    addresses = _addresses()
    links = json.loads(output("ip", "-d", "-j", "link") or "[]")
    routes = [
        route for version in ("-4", "-6") for route in read("ip", version, "-d", "-j", "route", "show", "table", "all")
    ]
    return {
        "links": plain(links),
        "up": sorted(link["ifname"] for link in links if "UP" in link["flags"]),
        "addresses": plain(addresses),
        "routes": routes,
        "neighbors": read("ip", "-j", "neigh", "show", "nud", "permanent"),
        "proxies": [entry for version in ("-4", "-6") for entry in read("ip", version, "-j", "neigh", "show", "proxy")],
        "fdb": read("bridge", "-j", "fdb", "show", keep=_stays),
        "sysctls": _sysctls(),
        "nft": plain(json.loads(output("nft", "-j", "list", "ruleset") or "{}").get("nftables", [])),
    }


def _addresses():
    """Return the addresses of the namespace when the kernel has tried them."""
    deadline = time.monotonic() + TRIED_FOR
    while True:
        found = json.loads(output("ip", "-j", "address") or "[]")
        carried = [link for link in found if "LOWER_UP" in link.get("flags", ())]
        tried = any(address.get("tentative") for link in carried for address in link.get("addr_info", ()))
        if not tried or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _sysctls():
    """Return the sysctls that matter, and their values: sysctl(8) would walk through all of the kernel's for each namespace."""
    paths = [f"{folder}/{name}" for folder, _folders, names in os.walk("/proc/sys/net") for name in names]
    return [f"{path} = {_text(path)}" for path in sorted(paths) if re.search(SYSCTLS, path)]


def _text(path):
    with open(path, encoding="utf-8") as source:
        return source.read().strip()


def _stays(entry):
    """Say whether a forwarding entry means something: what a bridge has learned from packets comes and, when it is old, goes."""
    return entry.get("state", "") not in ("", "stale") and not entry.get("mac", "").startswith(("33:33", "01:00"))


def snapshot():
    """Return namespace -> state; the node's own namespace is the empty string."""
    names = sorted(line.split()[0] for line in output("ip", "netns", "list").splitlines() if line.strip())
    own = one()
    return {"": own, **{name: _inside(name) for name in names}}


def _inside(netns):
    """Return the state of a namespace. This process goes there once: ip-netns(8) would mount a /sys anew for each command."""
    with open("/proc/thread-self/ns/net", "rb") as own, open(f"/run/netns/{netns}", "rb") as other:
        _enter(other)
        try:
            return one()
        finally:
            _enter(own)


def _enter(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns {namespace.name}")


def differences(before, after, path=""):
    """Return what differs between two snapshots, a line each: pytest cannot show where in so much it is."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted({*before, *after})
        return [line for key in keys for line in differences(before.get(key), after.get(key), f"{path}/{key}")]
    if isinstance(before, list) and isinstance(after, list):
        gone, come = ([item for item in one if item not in other] for one, other in ((before, after), (after, before)))
        if len(gone) == len(come) == 1:
            return differences(gone[0], come[0], path)
        return [f"{path}: - {item}" for item in gone] + [f"{path}: + {item}" for item in come]
    return [] if before == after else [f"{path}: {before!r} became {after!r}"]


def lasting_differences(before, after):
    """Return what :func:`differences` does without link-local addresses: the kernel makes them some time after their links."""
    return [line for line in differences(before, after) if "fe80:" not in line]


if __name__ == "__main__":
    json.dump(snapshot(), sys.stdout, indent=1, sort_keys=True)
