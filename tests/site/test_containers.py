# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of a real Podman on two nodes of a lab: one on the network fabric, which verify asks, and one that is an endpoint."""

import re
import shutil

from walks import alike, walks

INVENTORY = """\
fabric:
  vars:
    fabric_engines: [podman]
    fabric_verify_engines: true
    fabric_hosts_file: true
  hosts:
    vm1:
      fabric_node_address: 192.168.32.1
      fabric_node_subnet: 10.244.1.0/24
      fabric_endpoints:
        - {name: own}
        - {name: web, container: {engine: podman, name: plain}}
    vm2:
      fabric_node_address: 192.168.32.2
      fabric_node_subnet: 10.244.2.0/24
      fabric_endpoints: [{name: other}]
"""
# a node's /etc and /run are its own; so that its containers are, too, is what Podman keeps in /var/lib
SETUP = """set -e
mount -t tmpfs tmpfs /var/lib
mkdir -p /etc/containers /run/root/bin /run/tmp
printf '[storage]\\ndriver = "vfs"\\nrunroot = "/run/containers/storage"\\ngraphroot = "/var/lib/containers/storage"\\n' \\
  >/etc/containers/storage.conf
printf '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json
mount -t tmpfs tmpfs /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
cp BUSYBOX /run/root/bin/busybox
for name in sh sleep ip ping; do ln -s busybox /run/root/bin/$name; done
"""
RUN = "--cgroups disabled --cap-add NET_RAW --ulimit nofile=1000:1000 --ulimit nproc=500:500 --rootfs /run/root sleep 1000"


# what the page of engines says
NAMES = "-v /etc/nodenet/hosts:/etc/hosts:ro"


def start(one, host, name, network, more=""):
    """Start a container and return its pid."""
    one.on(host, f"podman run -d --name {name} --network {network} {more} {RUN} </dev/null >/run/tmp/{name} 2>&1")
    return int(one.on(host, f"podman inspect -f '{{{{.State.Pid}}}}' {name}"))


def all_pairs_answer(printed):
    return re.search(r"^(\d+) of \1 pairs answer", printed, re.M)


def test_containers_of_two_nodes_are_asked_and_ask(fabric):
    one = fabric("host-gw", lambda _text: INVENTORY)
    for host in ("vm1", "vm2"):
        one.on(host, SETUP.replace("BUSYBOX", shutil.which("busybox")))
    start(one, "vm1", "plain", "none")
    one.play("site")
    pid = start(one, "vm1", "a", "fabric", NAMES)
    start(one, "vm2", "b", "fabric")
    for name in ("other", "other.vm2", "vm2"):
        assert "1 packets received" in one.on("vm1", f"podman exec a ping -c 1 -W 2 {name}")
    assert "bad address" in one.inside("vm2", "podman exec b ping -c 1 -W 2 other").stderr  # without the file
    printed = one.play("verify")
    assert all_pairs_answer(printed) and "running containers that were asked: podman 2" in printed
    assert re.search(r"^podman:a .*64", printed, re.M) and "podman:b" in printed
    # of the ends own, web, other, vm1 and vm2 each to each; beside them the engine has rules and interfaces of its own
    assert len(alike(walks(one))) == 5 * 4

    one.on("vm1", f"nsenter -t {pid} -n ip link set eth0 down")
    printed = one.play("verify", fails=True)
    assert re.search(r"podman:b -> podman:a \(10\.244\.1\.\d+\): ", printed)

    without = one.play("verify", "-e", "fabric_verify_engines=false")
    assert all_pairs_answer(without) and "podman" not in without.partition("Show the matrix")[2]
