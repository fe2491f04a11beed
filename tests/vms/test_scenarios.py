# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples on machines of their own kernel: arranged, proven by packets, and gone again."""

import functools

import pytest
from conftest import ROOT, changed
from snapshot import lasting_differences
from walks import alike, walks


def near(text):
    """Put both nodes on one L2."""
    return text.replace("192.168.33.246", "192.168.32.246")


def pairs(text):
    """Make a tunnel for each pair of nodes."""
    return text.replace("fabric_backend: ipip", "fabric_backend: ipip\n    fabric_ipip_pairs: true")


# host-gw is molecule's scenario vms, vxlan what the reboots are about; there a second run of site changes nothing, too.
# what it is -> the example, what is changed in its inventory, what verify must report of the ways between the nodes
SCENARIOS = {
    "ipip across a router": ("ipip", [], "2 paths between nodes: IP in IP (protocol 4) on the wire, 1480 bytes"),
    "ipip in pairs on one L2": (
        "ipip",
        [pairs, near],
        "2 paths between nodes: IP in IP (protocol 4) on the wire, 1480",
    ),
    "wireguard": ("wireguard", [], "4 paths between nodes: wireguard:51820 on the wire, 1440 bytes"),
    "cross-subnet": ("cross-subnet", [], "8 paths between nodes: udp:8472 on the wire, 1450 bytes"),
    "calico-routed": ("calico-routed", [], "pairs answer"),
}


# ufw tries what the kernel can by a chain of its own in these tables, which stay, empty (get_netfilter_capabilities, ufw/util.py)
TABLES = "nft add table ip filter; nft add table ip6 filter"


def snapshot_of(one):
    """Return the machines' state, with what other programs leave there by being called."""
    one.everywhere(TABLES)
    return one.snapshot()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_is_arranged_proven_and_gone_again(site, scenario):
    example, changes, lines = SCENARIOS[scenario]
    one = site(example, lambda text: functools.reduce(lambda so_far, change: change(so_far), changes, text))
    before = snapshot_of(one)
    try:
        one.play("site")
        verified = one.play("verify")
        assert lines in verified, verified
        # over ssh, and each machine with its own clock
        assert alike(walks(one))
        if not changes:
            one.testinfra(example)
    finally:
        one.play("teardown")
    assert lasting_differences(before, one.snapshot()) == []


TUNNEL = str(ROOT / "tests" / "vms" / "tunnel.yml")
MARK = "nodenet-payload!"
PING = f"ping -n -c 3 -i 0.5 -W 5 -p {MARK.encode().hex()}"
CONFIGURATION = """[Interface] ListenPort = 51820 PrivateKey = cAdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LGo=
[Peer] PublicKey = 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=
PresharedKey = ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM= AllowedIPs = 10.231.2.0/24 Endpoint = 192.168.32.246:51820"""
SECRETS = ("AdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25L", "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1")
# what its service does at boot, with the files of keys and their folder
RESTORED = """
ip link del wg0; nodenet-fabric restore >/dev/null; wg showconf wg0
echo MODES; stat -c '%a %U' /etc/nodenet/wireguard /etc/nodenet/wireguard/* | sort
"""


# AppArmor's profile of tcpdump lets it write files of this name; with -U it writes the head of one once it listens
WIRE = "/tmp/wire.pcap"
LISTEN = f"""
tcpdump -U --immediate-mode -n -i eth0 -w {WIRE} </dev/null >/dev/null 2>/tmp/wire.said & echo $! >/tmp/wire.pid
for time in $(seq 300); do [ -s {WIRE} ] && exit 0; kill -0 $! || break; sleep 0.1; done
cat /tmp/wire.said; exit 1
"""
HEARD = f"""
kill $(cat /tmp/wire.pid)
for time in $(seq 300); do kill -0 $(cat /tmp/wire.pid) 2>/dev/null || break; sleep 0.1; done
grep -c '{MARK}' {WIRE}; rm {WIRE} /tmp/wire.said /tmp/wire.pid
"""


def answers(one, target):
    """Return whether vm1 reaches ``target``, and whether its payload can be read on vm2's uplink."""
    one.on("vm2", LISTEN)
    # the first packet waits for the handshake, which is tried every 5 s
    said = one.on("vm1", f"{PING} -c 1 -W 10 {target} >/dev/null; {PING} {target}; true")
    return " 0% packet loss" in said, one.on("vm2", HEARD).strip() != "0"


def test_a_tunnel_of_wireguard_is_made_by_modules(site):
    one = site("ipip", near)
    before = snapshot_of(one)
    try:
        planned = one.play(TUNNEL, "--check", "--diff")
        assert "wg set wg0 private-key /etc/nodenet/wireguard/hSDwCYkwp1R0i33c" in planned
        assert one.snapshot() == before
        one.play(TUNNEL, "-e", "without=vm2")
        assert answers(one, "10.231.2.1") == (False, False)
        one.play(TUNNEL)
        assert answers(one, "10.231.2.1") == (True, False) and answers(one, "192.168.32.246") == (True, True)
        assert changed(one.play(TUNNEL)) == 0
        saved = one.on("vm1", "cat /etc/nodenet/fabric.json")
        assert CONFIGURATION.split()[10] in saved and not any(secret in saved for secret in SECRETS)
        shown, _word, modes = one.on("vm1", RESTORED).partition("MODES")
        assert shown.split() == CONFIGURATION.split() and modes.split() == ["600", "root", "600", "root", "700", "root"]
    finally:
        one.play("teardown")
    assert lasting_differences(before, one.snapshot()) == []
