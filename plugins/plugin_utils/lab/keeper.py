# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper of a lab: the first process of a sandbox in which the lab's hosts are namespaces.

It is started with ``nodenet-lab LAB keeper DIGEST`` as its last arguments and the topology as JSON on its standard input,
and answers one line of JSON: ``{"ready": true}`` or ``{"error": "..."}``. When it ends, however it ends, the kernel ends
everything in its PID namespace, and with the last process go the networks and the mounts.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

from ...module_utils.engine.resource import Resource, Wish
from ...module_utils.engine.session import Session
from ...module_utils.kernel.door import Kernel
from ...module_utils.kinds.address import Address
from ...module_utils.kinds.link import Link
from ...module_utils.kinds.netns import Netns
from ...module_utils.kinds.route import Route
from ...module_utils.kinds.sysctl import Sysctl
from ...module_utils.ownership import Ledger
from .processes import MARK

# linux/sched.h, linux/mount.h
NEWNS, NEWUTS, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18
PROTOCOL_STATIC = 4

# A namespace takes some of these over from the machine (ip-sysctl, devconf_inherit_init_net): the lab starts from the kernel's own.
FRESH = {
    "net.ipv4.ip_forward": "0",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv4.conf.all.proxy_arp": "0",
    "net.ipv4.conf.default.proxy_arp": "0",
}
# Duplicate address detection would make each start of a lab a second longer.
IPV6 = {"net.ipv6.conf.all.accept_dad": "0", "net.ipv6.conf.default.accept_dad": "0"}

_libc = ctypes.CDLL(None, use_errno=True)


def main():
    lab, _role, _digest = sys.argv[sys.argv.index(MARK) + 1 :][:3]
    topology = json.load(sys.stdin)
    try:
        _sandbox()
    except OSError as failure:
        _answer(error=_refused(failure))
        return
    if os.fork():  # the first process of a PID namespace is a child of the one that asked for it
        return
    os.setsid()
    try:
        _mounts()
        _network(topology, {name: _host(lab, name) for name in topology["hosts"]})
    except Exception as failure:  # told to the one who started us; nothing is left, we end
        _answer(error=str(failure))
        os._exit(1)
    _answer(ready=True)
    _detach()
    _wait()


def _sandbox():
    """Leave the machine's namespaces; a user who is not root becomes it in a namespace of users first (user_namespaces(7))."""
    uid, gid = os.geteuid(), os.getegid()
    if uid:
        _unshare(NEWUSER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as target:
                target.write(text)
    _unshare(NEWNS | NEWNET | NEWUTS | NEWPID)


def _refused(failure):
    if os.geteuid() == 0:
        return (
            f"this machine lets root make no namespaces ({failure.strerror}): is this a container without the right to?"
        )
    return (
        f"this machine lets an ordinary user make no user namespaces ({failure.strerror}). Run the lab as root, or allow it:"
        " sysctl kernel.unprivileged_userns_clone=1 (Debian) or kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu 24.04)"
    )


def _mounts():
    """Give this mount namespace a /proc, a /run and a /sys of its own; nothing that is mounted here is seen outside."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV)
    os.mkdir("/run/netns")
    try:
        _mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError:
        pass  # some containers refuse it; nothing of ours reads it, /sys/class/net shows the machine's then


def _host(lab, name):
    """Start a host: a process that is the first of namespaces of its own. Return its pid."""
    reading, writing = os.pipe()
    between = os.fork()
    if between == 0:
        _unshare(NEWNS | NEWNET | NEWUTS | NEWPID)
        child = os.fork()
        if child:
            os.write(writing, str(child).encode())
            os._exit(0)
        os.close(writing)
        _libc.sethostname(name.encode(), len(name.encode()))
        _mounts()
        os.chdir("/")
        _detach()
        init = os.path.join(os.path.dirname(os.path.abspath(__file__)), "init.py")
        os.execv(sys.executable, [sys.executable, "-S", "-E", init, MARK, lab, "host", name])
    os.close(writing)
    os.waitpid(between, 0)
    with os.fdopen(reading) as source:
        return int(source.read())


def _network(topology, pids):
    """Make the underlay with the engine itself; without marks, since it is the fabric's world, not a part of it."""
    places = {name: f"/proc/{pid}/ns/net" for name, pid in pids.items()}
    kinds = {kind.name: kind for kind in (Netns(), Sysctl(), Link(), Address(), Route())}
    kernel = Kernel(Ledger("/run/nodenet-lab"))
    try:
        session = Session(kinds, kernel)
        # IPv6 is settled before a link comes up.
        for part in (
            _settings(topology, places),
            [*_segments(topology), *_links(topology, places)],
            _inside(topology, places),
        ):
            session.run([Wish(resource) for resource in part], adopt=True)
    finally:
        kernel.close()


def _segments(topology):
    for number in range(topology["segments"]):
        yield Resource(
            "link",
            ("", f"segment{number}"),
            {"type": "bridge", "mtu": topology["mtu"], "addrgenmode": "none", "up": True},
        )


def _links(topology, places):
    numbers = iter(range(10**6))
    for name, host in topology["hosts"].items():
        for index, link in enumerate(host["links"]):
            here, there = ("", f"port{next(numbers)}"), (places[name], f"eth{index}")
            both = {"type": "veth", "mtu": topology["mtu"], "up": True}
            yield Resource(
                "link", here, {**both, "peer": there, "master": f"segment{link['segment']}", "addrgenmode": "none"}
            )
            yield Resource("link", there, {**both, "peer": here})


def _settings(topology, places):
    ipv6 = os.path.isdir("/proc/sys/net/ipv6")
    for name, host in topology["hosts"].items():
        forward = (
            {"net.ipv4.ip_forward": "1", **({"net.ipv6.conf.all.forwarding": "1"} if ipv6 else {})}
            if host["router"]
            else {}
        )
        for sysctl, value in {**FRESH, **(IPV6 if ipv6 else {}), **forward}.items():
            yield Resource("sysctl", (places[name], sysctl), {"value": value})


def _inside(topology, places):
    """Return the loopbacks, addresses and routes of the hosts."""
    for name, host in topology["hosts"].items():
        place = places[name]
        yield Resource("link", (place, "lo"), {"up": True})
        for index, link in enumerate(host["links"]):
            for address in link["addresses"]:
                yield Resource("address", (place, f"eth{index}", address), {"nodad": True} if ":" in address else {})
        for gateway in host["gateways"]:
            inet6 = ":" in gateway
            yield Resource(
                "route",
                (place, 254, "::/0" if inet6 else "0.0.0.0/0", 1024 if inet6 else 0),
                {"type": "unicast", "via": gateway, "dev": "eth0", "protocol": PROTOCOL_STATIC},
            )


def _answer(**words):
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _detach():
    """Let go of the standard streams and the folder of the one who started us."""
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def _wait():
    signal.signal(signal.SIGTERM, lambda *_arguments: os._exit(0))
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.pause()


def _unshare(flags):
    if _libc.unshare(flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _mount(source, target, sort, flags):
    if _libc.mount(source.encode(), target.encode(), sort and sort.encode(), ctypes.c_ulong(flags), None):
        number = ctypes.get_errno()
        raise OSError(number, f"mounting {sort or 'private'} on {target}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
