# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints that are the namespaces of running processes, on a bridge and routed: connected, connected again, and left alone."""

import re

INVENTORY = """\
fabric:
  hosts:
    vm1:
      fabric_node_address: 192.168.32.1
      fabric_node_address6: fd32::1
      fabric_node_subnet: 10.244.1.0/24
      fabric_node_subnet6: fd00:1::/64
      fabric_endpoints:
        - {name: web, address: 10.244.1.11, pid: WEB}
        - {name: db, address: 10.244.1.12, pid: DB, attachment: routed}
        - {name: own}
    vm2:
      fabric_node_address: 192.168.32.2
      fabric_node_address6: fd32::2
      fabric_node_subnet: 10.244.2.0/24
      fabric_node_subnet6: fd00:2::/64
      fabric_endpoints: [{name: p, address: 10.244.2.11}]
"""


def started(one):
    """Start a process in a network namespace of its own on vm1 and return its pid there."""
    return int(one.on("vm1", "unshare -n sleep 600 </dev/null >/dev/null 2>&1 & echo $!"))


def asks(one, pid, target):
    """Say whether a process of vm1 gets an answer."""
    return one.inside("vm1", f"nsenter -t {pid} -n ping -n -c 1 -W 1 {target}").returncode == 0


def links(one, pid):
    return re.findall(r"^\d+: ([^:@]+)", one.on("vm1", f"nsenter -t {pid} -n ip -o link"), re.M)


def all_pairs_answer(printed):
    return re.search(r"^(\d+) of \1 pairs answer", printed, re.M)


def test_processes_are_endpoints_and_outlive_the_fabric(fabric):
    one = fabric("dual-stack", lambda _text: INVENTORY.replace("WEB", "4000000").replace("DB", "4000001"))
    hosts = one.inventory / "hosts.yml"
    web, db = started(one), started(one)
    text = INVENTORY.replace("DB", str(db))
    hosts.write_text(text.replace("WEB", str(web)), encoding="utf-8")
    assert not asks(one, web, "10.244.2.11") and not asks(one, db, "10.244.2.11")
    one.play("site")
    assert all_pairs_answer(one.play("verify"))
    for pid, other in ((web, "10.244.1.12"), (db, "10.244.1.11")):
        assert links(one, pid) == ["lo", "eth0"] and asks(one, pid, other) and asks(one, pid, "10.244.2.11")

    # one is started again, and has an interface of its own; the other one leaves, and goes on without the fabric
    one.on("vm1", f"kill {web}")
    assert f"there is no process {web} on this node" in one.play("site", fails=True)
    web = started(one)
    one.on("vm1", f"nsenter -t {web} -n ip link add dev own0 type bridge")
    text = "".join(line for line in text.splitlines(True) if "name: db" not in line)
    hosts.write_text(text.replace("WEB", str(web)), encoding="utf-8")
    assert not asks(one, web, "10.244.2.11")
    one.play("site")
    assert all_pairs_answer(one.play("verify")) and asks(one, web, "10.244.2.11")
    assert links(one, db) == ["lo"] and not asks(one, db, "10.244.2.11")

    one.play("teardown")
    assert links(one, web) == ["lo", "own0"] and not asks(one, web, "10.244.2.11")
    assert one.on("vm1", f"kill -0 {web} {db}; ls /run/netns") == ""
