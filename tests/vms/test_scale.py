# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More endpoints on one machine than the kernel's usual neighbor table holds."""

import ipaddress

COUNT = 521  # both ends of each learn the other: more entries than 1,024
GATEWAY = "10.15.8.1"
# One endpoint after the other asks the gateway: a question floods all ports, and a queue takes 1,000 packets
# (netdev_max_backlog). What the table has no room for gets no answer (neigh_alloc in net/core/neighbour.c). Takes how many ask
# and how many seconds each waits; prints how many were answered.
ASK = f"""
import ctypes, os, socket, struct, sys
libc, answered = ctypes.CDLL(None), 0
for name in sorted(os.listdir("/run/netns"))[: int(sys.argv[1])]:
    place = os.open("/run/netns/" + name, os.O_RDONLY)
    assert libc.setns(place, 0x40000000) == 0
    os.close(place)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as one:
        one.settimeout(float(sys.argv[2]))
        try:
            # an echo request (RFC 792) and its checksum
            one.sendto(struct.pack("!BBHHH", 8, 0, 0xF7FF, 0, 0), ("{GATEWAY}", 0))
            while one.recv(2048)[20] != 0:  # behind the IP header: an echo reply, not what says that there is no way
                pass
            answered += 1
        except OSError:
            pass
print(answered)
"""
LIMITS = "sysctl -n net.ipv4.neigh.default.gc_thresh{1,2,3}"
FULL = "sysctl -qw net.ipv4.neigh.default.gc_thresh3=128 && ip neigh flush dev lab-br0"


def many(text):
    """Give the node of docker-bridge many endpoints."""
    first = ipaddress.ip_address(GATEWAY) + 1
    listed = "".join(f"        - {{name: e{number}, address: {first + number}}}\n" for number in range(COUNT))
    text = text.replace("10.15.10.0/24", "10.15.8.0/22")
    return text[: text.index("        - {name: lab-ns0")] + listed


def answered(one, count, seconds):
    """Return how many of the first ``count`` endpoints have an answer of the gateway."""
    return int(one.on("docker1", f"python3 - {count} {seconds} <<'END'{ASK}END"))


def test_each_of_many_endpoints_has_network(site):
    one = site("docker-bridge", many)
    before = one.on("docker1", f"bash -c '{LIMITS}'")
    assert before.split() == ["128", "512", "1024"]
    printed = one.play("site")
    assert "gc_thresh3 is raised from 1024 to 8192" in " ".join(printed.split())
    assert answered(one, COUNT, 5) == COUNT
    raised = one.on("docker1", f"bash -c '{LIMITS}'")
    one.on("docker1", FULL)
    assert answered(one, 20, 1) < 20
    one.on("docker1", f"sysctl -qw net.ipv4.neigh.default.gc_thresh3={raised.split()[-1]}")
    one.play("teardown")
    assert one.on("docker1", f"bash -c '{LIMITS}'") == before
