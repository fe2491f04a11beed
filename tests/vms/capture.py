# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two nodes send each other, captured on the router between them: marked packets that can be read, and encrypted ones."""

import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PROGRAM = (Path(__file__).parent / "programs" / "captured_packets.py").read_text(encoding="utf-8")
MARK = "nodenet-payload!"
# a service that begins with the boot, whatever becomes of the ways; a run of ping is over when the endpoint is
SENDER = f"""
cat >/etc/systemd/system/sender.service <<'END'
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/sh -c 'while :; do ip netns exec {{}} ping -n -q -c 100 -i 0.05 -W 1 -p {MARK.encode().hex()} {{}}; sleep 0.2; done'
StandardOutput=null
StandardError=null
[Install]
WantedBy=sysinit.target
END
systemctl daemon-reload; systemctl --quiet enable --now sender
"""
NO_SENDER = """
systemctl --quiet disable --now sender 2>/dev/null
rm -f /etc/systemd/system/sender.service; systemctl daemon-reload
"""
# AppArmor's profile of tcpdump lets it write files of this name; a packet may pass twice, by a cable and by the bridge
WIRE = "/tmp/wire.pcap"
CAPTURE = f"""
rm -f {WIRE}; systemd-run --quiet --unit wire tcpdump -U --immediate-mode -n -i any -Q in -y LINUX_SLL -w {WIRE} udp or icmp
for time in $(seq 300); do [ -s {WIRE} ] && exit 0; sleep 0.1; done; exit 1
"""
READ = f"sleep 1; systemctl stop wire; python3 - {WIRE} {MARK} <<'END'\n{PROGRAM}END\nrm {WIRE}"


class Seen(NamedTuple):
    """Packets of one source: how many, and when the first and the last passed, in seconds."""

    packets: int
    first: float
    last: float


class Found(NamedTuple):
    """What a capture has seen: source -> :class:`Seen`, of marked packets in the clear and of encrypted ones."""

    clear: dict
    encrypted: dict
    seconds: float

    @property
    def marks(self):
        return sum(seen.packets for seen in self.clear.values())

    @property
    def sealed(self):
        return sum(seen.packets for seen in self.encrypted.values())

    def text(self, name):
        """Return a line with the figures."""
        return f"{name}: {self.sealed} encrypted packets, {self.marks} marked ones in the clear, {self.seconds:.0f} s"


@contextmanager
def senders(one, targets):
    """Have each node of a site send marked packets: node -> (namespace, address)."""
    try:
        for host, words in targets.items():
            one.on(host, SENDER.format(*words))
        yield
    finally:
        one.everywhere(NO_SENDER)


def captured(one, change):
    """Return what passed the router while ``change`` was made."""
    one.fleet.output("router", CAPTURE)
    began = time.monotonic()
    change()
    seconds = time.monotonic() - began
    found = json.loads(one.fleet.output("router", READ))
    kinds = ({source: Seen(*entry) for source, entry in found[kind].items()} for kind in ("clear", "encrypted"))
    return Found(*kinds, seconds)
