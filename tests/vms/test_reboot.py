# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of the fabric when its machines lose their memory, their power, or their disk."""

import json
import subprocess
import threading
import time

import pytest
from conftest import changed

FILE = "/etc/nodenet/fabric.json"


@pytest.fixture(scope="module")
def vxlan(site):
    """The example vxlan, arranged; each test leaves it whole."""
    one = site("vxlan")
    one.play("site")
    one.testinfra("vxlan")
    return one


def saved(one, host):
    """Return the file that is restored at boot, or None; it is never half of one."""
    text = one.on(host, f"cat {FILE} 2>/dev/null || true")
    assert not text or json.loads(text)["objects"]
    return text or None


def test_it_is_there_after_a_reboot(vxlan):
    read_mac = "cat /sys/class/net/vxlan1/address"
    macs = vxlan.everywhere(read_mac)
    assert set(vxlan.fleet.reboot(*vxlan.machine.values()).values()) == {"running"}
    # nobody but the machine itself has done anything since
    vxlan.play("verify")
    assert vxlan.everywhere(read_mac) == macs
    assert vxlan.everywhere("nodenet-fabric diff") == {"vm1": "", "vm2": ""}
    again = vxlan.play("site")
    assert changed(again) == 0, again


def test_a_power_cut_in_the_middle_of_save(vxlan):
    old = saved(vxlan, "vm2")
    vxlan.on("vm2", "ip netns del ns246")
    began = time.monotonic()
    vxlan.on("vm2", "nodenet-fabric save --file /root/less.json")
    lasts = time.monotonic() - began
    new = vxlan.on("vm2", "cat /root/less.json")
    assert old != new
    cut = threading.Timer(lasts * 0.9, vxlan.fleet.kill, ["vm2"])
    cut.start()
    vxlan.fleet.ssh("vm2", "nodenet-fabric save", check=False)
    cut.join()
    vxlan.fleet.start("vm2")
    assert saved(vxlan, "vm2") in (old, new)
    vxlan.play("site")
    vxlan.play("verify")
    assert saved(vxlan, "vm2") == old


def test_a_node_lost_for_good_is_made_anew_alone(vxlan):
    look = f"cat {FILE}; ip -br link; ip route; ip neigh show nud permanent; bridge fdb show dev vxlan1"
    before = vxlan.on("vm1", look)
    vxlan.fleet.renew("vm2")
    vxlan.play("site", "--limit", "vm2")
    vxlan.play("verify")
    # nothing was run on its peer, and nothing need be
    assert vxlan.on("vm1", look) == before
    again = vxlan.play("site")
    assert changed(again) == 0, again


TASK = "Apply the queue"


def another_endpoint(text):
    """Give vm2 an endpoint more."""
    return text.replace(
        "{name: ns246, address: 172.246.0.2}", "{name: ns246, address: 172.246.0.2}\n        - {name: more}"
    )


def test_a_power_cut_in_the_middle_of_site(vxlan, site):
    """The file is what it was before the run or what it is after it; the next run does what this one could not."""
    old = saved(vxlan, "vm2")
    larger = site("vxlan", another_endpoint)
    with subprocess.Popen(larger.command("site"), stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout:
            if TASK in line:
                # the task's own process is at work on the machine, or about to be
                threading.Timer(1.5, larger.fleet.kill, ["vm2"]).start()
        assert running.wait() != 0
    larger.fleet.start("vm2")
    found = saved(larger, "vm2")
    larger.play("site")
    new = saved(larger, "vm2")
    assert found in (old, new) and old != new
    larger.play("verify")
