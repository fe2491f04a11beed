# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small fabric in namespaces: made, changed and mended by commands, read by the collection, asked by packets."""

from __future__ import annotations

import select
import socket
import struct
import subprocess
import time
from typing import Any, Dict, List, NamedTuple, Tuple

from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import Scope
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import namespaces
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.kernel import Kernel
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.messages import (
    NTF_PROXY,
    NUD_INCOMPLETE,
    NUD_NOARP,
    NUD_PERMANENT,
    Message,
)
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.ownership import Ledger
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.network_state import network_state
from walk_fabrics import Fabric

KINDS = ("link", "port", "address", "neighbor", "proxy", "fdb", "route", "nat")
CLIENT, SERVER, PUBLISHED = 33000, 33001, 8053
# linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h: without a tuple all connections are deleted
NETLINK_NETFILTER, CT_DELETE, NLM_F_REQUEST = 12, 1 << 8 | 2, 1
NUD_FAILED = 0x20  # linux/neighbour.h
IP_PKTINFO, IPV6_PKTINFO, IPV6_RECVPKTINFO = 8, 50, 49
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IPV6_MTU_DISCOVER, IPV6_DONTFRAG = 10, 2, 23, 62
UDP_BYTES = {4: 28, 6: 48}

# nothing that a packet teaches outlives it: no MTU of a path, no redirect; and nothing waits
SETTINGS = {
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv4.icmp_ratelimit": "0",
    "net.ipv4.route.mtu_expires": "0",
    "net.ipv6.route.mtu_expires": "0",
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.default.accept_redirects": "0",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    "net.ipv6.conf.all.accept_redirects": "0",
    "net.ipv6.conf.default.accept_redirects": "0",
    "net.ipv6.conf.default.accept_ra": "0",
}


class Probe(NamedTuple):
    """A packet to send."""

    source: str
    address: str
    port: int
    size: int  # of the IP packet


class Sandbox:
    """The namespaces of one fabric."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        for name in fabric.names:
            subprocess.run(["ip", "netns", "add", name], check=True)
            self.put(name, {**SETTINGS, "net.ipv6.conf.all.disable_ipv6": "0" if fabric.recipe.dual else "1"})
        self._run(["ip", "-batch", "-"], "\n".join(line for line in fabric.links if not line.startswith("-n")))
        for line in fabric.links:
            if line.startswith("-n"):
                subprocess.run(["ip", *line.split()], check=True)
        self.kernel, self.kinds = Kernel(Ledger()), by_name()
        self.netlink = self.kernel.netlink
        self.sockets: Dict[Tuple[str, int, str], socket.socket] = {}
        for name in fabric.names:
            self._run(["ip", "-n", name, "-batch", "-"], "link set dev lo up")
        for name in fabric.names:
            self.mend(name, check=True)
        self.conntrack: List[socket.socket] = []
        for name in fabric.names:
            namespaces.in_netns(name, lambda name=name: self._open(name))

    # --- how it is changed ---

    @staticmethod
    def _run(command: List[str], text: str, check: bool = True) -> str:
        found = subprocess.run(command, input=text + "\n", capture_output=True, text=True, check=False)
        assert found.returncode == 0 or not check, f"{command}: {text}\n{found.stderr}"
        return found.stderr

    def lines(self, netns: str, *lines: str) -> None:
        """Run commands in a namespace: each begins with ip, bridge, sysctl or nft. What fails is left."""
        by_program: Dict[str, List[str]] = {}
        for line in lines:
            program, _space, rest = line.partition(" ")
            by_program.setdefault(program, []).append(rest)
        for program, rest in by_program.items():
            if program == "sysctl":
                self.put(netns, dict(one.split("=") for one in rest))
            elif program == "nft":
                self._run(["ip", "netns", "exec", netns, "nft", "-f", "-"], "\n".join(rest), check=False)
            else:
                self._run([program, "-n", netns, "-force", "-batch", "-"], "\n".join(rest), check=False)

    @staticmethod
    def put(netns: str, settings: Dict[str, str]) -> None:
        """Write sysctls."""

        def body():
            for name, value in settings.items():
                try:
                    with open("/proc/sys/" + name.replace(".", "/"), "w", encoding="ascii") as target:
                        target.write(value)
                except FileNotFoundError:
                    pass

        namespaces.in_netns(netns, body)

    def mend(self, netns: str, check: bool = False, rules: bool = True) -> None:
        """Make a namespace as the recipe says; what is foreign stays."""
        lines = self.fabric.lines.get(netns, [])
        self._run(["ip", "-n", netns, *([] if check else ["-force"]), "-batch", "-"], "\n".join(lines), check)
        if self.fabric.fdb.get(netns):
            self._run(["bridge", "-n", netns, "-batch", "-"], "\n".join(self.fabric.fdb[netns]), check)
        self.put(netns, self.fabric.sysctls.get(netns, {}))
        if rules:
            script = "flush ruleset\n" + self.fabric.rules.get(netns, "")
            self._run(["ip", "netns", "exec", netns, "nft", "-f", "-"], script, check)

    # --- how it is read ---

    def state(self) -> Dict[str, Any]:
        """Return the namespaces' state, as fabric_info returns it."""
        self.kernel.forget()
        where = set(self.fabric.names)
        scope = Scope(where, set())
        found = {one.ref: one for name in KINDS for one in self.kinds[name].observe(self.kernel, scope)}
        return network_state(self.kernel, found, where)

    # --- packets ---

    def _open(self, netns: str) -> None:
        """Open a client's and a server's socket in the namespace of the calling thread."""
        self.conntrack.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER))
        for version, inet in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            for role, port in (("client", CLIENT), ("server", SERVER), ("published", PUBLISHED)):
                one = socket.socket(inet, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                if version == 6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    one.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
                    one.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO)
                    one.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
                else:
                    one.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
                    one.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
                one.bind(("::" if version == 6 else "0.0.0.0", port))
                self.sockets[netns, version, role] = one

    def send(
        self, probes: Dict[bytes, Probe], expected: int, patience: float
    ) -> Tuple[Dict[bytes, str], Dict[bytes, str]]:
        """Send packets; return what arrived where, and of what the answer arrived.

        :param probes: the packets by the four bytes that they begin with.
        :param expected: how many arrivals and answers there should be; then what is not expected has a moment.
        """
        by_socket = {one.fileno(): (key, one) for key, one in self.sockets.items()}
        poll = select.poll()
        for number in by_socket:
            poll.register(number, select.POLLIN)
        for word, probe in probes.items():
            version = 6 if ":" in probe.address else 4
            try:
                data = word + bytes(probe.size - UDP_BYTES[version] - len(word))
                self.sockets[probe.source, version, "client"].sendto(data, (probe.address, probe.port))
            except OSError:  # no route, or larger than the device's MTU
                pass
        arrived: Dict[bytes, str] = {}
        answered: Dict[bytes, str] = {}
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            events = poll.poll(max(1, int((deadline - time.monotonic()) * 1000)))
            for number, _event in events:
                self._read(*by_socket[number], probes, arrived, answered)
            if len(arrived) + len(answered) >= expected:
                deadline = min(deadline, time.monotonic() + 0.004)
                expected = 1 << 30
        return arrived, answered

    def _read(self, key, one, probes, arrived, answered) -> None:
        netns, version, role = key
        try:
            data, ancillary, _flags, sender = one.recvmsg(2048, 128)
        except OSError:  # an ICMP error
            return
        word = data[:4]
        if word not in probes:
            return
        if role == "client":
            answered[word] = f"{netns} {sender[0]}"
            return
        arrived[word] = netns
        try:
            one.sendmsg([data], [_from(ancillary, version)], 0, sender)
        except OSError:
            pass

    def close(self) -> None:
        """End the namespaces."""
        for one in (*self.sockets.values(), *self.conntrack):
            one.close()
        self.kernel.close()
        for name in self.fabric.names:
            subprocess.run(["ip", "netns", "del", name], check=True)


def _from(ancillary, version):
    """Return the control message that answers from the address that was asked."""
    data = next(data for level, _kind, data in ancillary if level in (socket.IPPROTO_IP, socket.IPPROTO_IPV6))
    if version == 6:
        return socket.IPPROTO_IPV6, IPV6_PKTINFO, data[:16] + struct.pack("i", 0)
    return socket.IPPROTO_IP, IP_PKTINFO, struct.pack("i", 0) + data[8:12] + bytes(4)


def flush(sandbox: Sandbox, everything: bool) -> None:
    """Forget neighbors that are asked for or failed, or all that were learned."""
    forgotten = (NUD_INCOMPLETE | NUD_FAILED) if everything is False else ~(NUD_PERMANENT | NUD_NOARP) & 0xFF
    messages = []
    for netns in sandbox.fabric.names:
        for fields, attrs in sandbox.netlink.dump(netns, "neigh", {"family": 0, "flags": 0}):
            if fields["state"] & forgotten and not fields["flags"] & NTF_PROXY and "NDA_DST" in attrs:
                named = {"family": fields["family"], "ifindex": fields["ifindex"], "state": 0, "flags": 0}
                messages.append(
                    (len(messages), netns, Message("del", "neigh", 0, named, [("NDA_DST", attrs["NDA_DST"])]))
                )
    sandbox.netlink.request(messages, [None] * len(messages))
    for link in sandbox.conntrack:
        link.send(struct.pack("=IHHII4x", 20, CT_DELETE, NLM_F_REQUEST, 0, 0))
