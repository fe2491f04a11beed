# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Docker lets in from other nodes."""

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.system import engines as asked
from engines import docker, engines  # noqa: F401 pylint: disable=unused-import


@pytest.mark.parametrize("trusted", [[], ["up0"]], ids=["untrusted", "trusted"])
def test_a_packet_by_a_trusted_interface_reaches_a_port_that_is_not_published(docker, trusted):  # noqa: F811
    """Since 28.0 Docker drops what other nodes send to containers, whatever its chain DOCKER-USER says (moby#49792)."""
    drops = asked.numbers(asked.version("docker")) >= (28, 0)
    node = docker.node
    node.task("bridge", name="br0")
    node.task("address", dev="br0", address="10.9.0.1/24")
    node.sh("ip netns add peer && ip link add up0 type veth peer name eth0 netns peer && ip link set up0 up")
    node.sh("ip address add 192.0.2.1/24 dev up0 && ip -n peer address add 192.0.2.2/24 dev eth0")
    node.sh("ip -n peer link set eth0 up && ip -n peer route add 10.9.0.0/24 via 192.0.2.1")
    subnets = [{"subnet": "10.9.0.0/24", "gateway": "10.9.0.1"}]
    described = {"engine": "docker", "name": "fabric", "bridge": "br0", "mtu": 1500, "subnets": subnets}
    node.task("container_network", **described, trusted_interfaces=trusted)
    node.sh("iptables -I DOCKER-USER -d 10.9.0.0/24 -j ACCEPT && iptables -I DOCKER-USER -s 10.9.0.0/24 -j ACCEPT")
    docker.start("web", "fabric", command="nc -l -p 7000")
    connect = f"timeout 3 ip netns exec peer bash -c 'sleep 0.5; exec </dev/tcp/{docker.address('web')}/7000'"
    node.sh(connect, fails=drops and not trusted)
