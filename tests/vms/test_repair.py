# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others take away comes back: by the timer where it was asked for, else by the next run of site."""

import time

from conftest import changed

# an uplink that flaps, a firewall that is reloaded, a person
DAMAGE = """
# site starts the unit, which looks once more at what there is
for time in $(seq 100); do systemctl is-active -q nodenet-fabric.service && break; sleep 0.3; done
ip link set eth0 down; ip link set eth0 up
nft flush ruleset
ip netns del ns245
"""
FOREIGN = "ip link add other type bridge; ip route add blackhole 203.0.113.0/24"
WITHIN = 90  # seconds


def whole(one):
    return one.fleet.ssh("vm1", "nodenet-fabric diff", check=False).returncode == 0


def lost(one):
    one.on("vm1", DAMAGE)
    assert not whole(one)


def test_what_was_lost_comes_back_and_what_is_foreign_stays(site):
    one = site("host-gw")
    one.play("site")
    one.on("vm1", FOREIGN)
    lost(one)
    assert changed(one.play("site")) > 0
    assert whole(one) and "12 of 12 pairs answer" in one.play("verify")

    repair = ["-e", "fabric_repair=true"]
    one.play("site", *repair)
    lost(one)
    began = time.monotonic()
    while not whole(one):
        assert time.monotonic() - began < WITHIN
        time.sleep(2)
    journal = one.on("vm1", "journalctl --no-pager -o cat -u nodenet-fabric-repair")
    restored = [line for line in journal.splitlines() if "restored" in line][-1]
    assert "create network namespace 'ns245'" in restored and "172.246.0.0/24" in restored
    assert "12 of 12 pairs answer" in one.play("verify")
    assert changed(one.play("site", *repair)) == 0

    assert one.on("vm1", "ip -br link show other; ip route show 203.0.113.0/24").count("\n") == 2
    one.on("vm1", "ip link del other; ip route del blackhole 203.0.113.0/24")
    one.play("teardown")
    left = "systemctl list-unit-files --no-legend 'nodenet-fabric*'; ls /etc/nodenet /usr/local/sbin 2>/dev/null"
    assert "nodenet-fabric" not in one.on("vm1", f"{left}; true")
