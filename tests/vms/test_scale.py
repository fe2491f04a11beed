# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More endpoints on one machine than the kernel's usual neighbor table holds."""

import ipaddress

COUNT = 521  # both ends of each learn the other: more entries than 1,024
GATEWAY = "10.15.8.1"
# A few endpoints at a time ask the gateway, as a question floods all ports, which takes long under emulation. What the table
# has no room for is refused at once (neigh_alloc in net/core/neighbour.c). Prints how many were answered.
ASK = f"""
python3 - <<'END'
import ctypes, os, select, socket, struct, time
libc, asking = ctypes.CDLL(None), []
for name in sorted(os.listdir("/run/netns")):
    place = os.open("/run/netns/" + name, os.O_RDONLY)
    assert libc.setns(place, 0x40000000) == 0
    os.close(place)
    asking.append(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
request = struct.pack("!BBHHH", 8, 0, 0xF7FF, 0, 0)  # an echo request (RFC 792) and its checksum
answered = 0
for first in range(0, len(asking), 16):
    waiting, poll = set(asking[first : first + 16]), select.poll()
    for one in waiting:
        poll.register(one, select.POLLIN)
        try:
            one.sendto(request, ("{GATEWAY}", 0))
        except OSError:
            pass
    end = time.monotonic() + 4
    while waiting and time.monotonic() < end:
        ready = {{number for number, _event in poll.poll(200)}}
        for one in [one for one in waiting if one.fileno() in ready]:
            if one.recv(2048)[20] == 0:  # behind the IP header: an echo reply, not what says that there is no way
                waiting.remove(one)
                poll.unregister(one)
                answered += 1
print(answered)
END
"""
LIMITS = "sysctl -n net.ipv4.neigh.default.gc_thresh{1,2,3}"
FULL = "sysctl -qw net.ipv4.neigh.default.gc_thresh3=128 && ip neigh flush dev lab-br0"


def many(text):
    """Give the node of docker-bridge many endpoints."""
    first = ipaddress.ip_address(GATEWAY) + 1
    listed = "".join(f"        - {{name: e{number}, address: {first + number}}}\n" for number in range(COUNT))
    text = text.replace("10.15.10.0/24", "10.15.8.0/22")
    return text[: text.index("        - {name: lab-ns0")] + listed


def test_each_of_many_endpoints_has_network(site):
    one = site("docker-bridge", many)
    before = one.on("docker1", f"bash -c '{LIMITS}'")
    assert before.split() == ["128", "512", "1024"]
    printed = one.play("site")
    assert "gc_thresh3 is raised from 1024 to 8192" in " ".join(printed.split())
    assert one.on("docker1", ASK) == f"{COUNT}\n"
    raised = one.on("docker1", f"bash -c '{LIMITS}'")
    one.on("docker1", FULL)
    assert int(one.on("docker1", ASK)) < COUNT
    one.on("docker1", f"sysctl -qw net.ipv4.neigh.default.gc_thresh3={raised.split()[-1]}")
    one.play("teardown")
    assert one.on("docker1", f"bash -c '{LIMITS}'") == before
