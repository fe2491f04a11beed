# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compose file of the page about Docker, by docker-compose itself; with an image of the test's own, as nothing is pulled."""

from __future__ import annotations

import re
import shutil
import textwrap
from pathlib import Path

import pytest
from engines import IMAGE, docker, engines  # noqa: F401 pylint: disable=unused-import

PAGE = Path(__file__).parents[2] / "docs/site/docker.rst"
SUBNET, GATEWAY, RANGE = "10.244.1.0/24", "10.244.1.1", "10.244.1.128/25"


def documented():
    """Return the text of the compose file on the page."""
    blocks = re.findall(r"\.\. code-block:: yaml\n\n((?:   .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))
    (found,) = [textwrap.dedent(block) for block in blocks if "services:" in block]
    return found


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="there is no docker-compose; make engines has it")
def test_a_container_of_the_documented_file_answers_at_its_address(docker, tmp_path):  # noqa: F811
    node = docker.node
    text = documented()
    (address,) = re.findall(r"ipv4_address: (\S+)", text)
    serve = "sh -c 'echo hello >/index.html && httpd -f -h /'"
    more = f'image: {IMAGE}\n    command: "{serve}"\n    ulimits: {{nofile: 1000, nproc: 500}}'
    (tmp_path / "compose.yml").write_text(text.replace("image: nginx", more), encoding="utf-8")
    compose = f"cd {tmp_path} && docker-compose -p test -f compose.yml"

    node.sh(f"{compose} up -d", fails=True)  # there is no such network
    node.sh(f"{compose} down")
    node.task("bridge", name="fabric0", mac="02:00:00:00:00:01", addrgenmode="none", side="node")
    node.task("address", dev="fabric0", address=f"{GATEWAY}/24")
    subnets = [{"subnet": SUBNET, "gateway": GATEWAY, "range": RANGE}]
    node.task("container_network", name="fabric", engine="docker", bridge="fabric0", mtu=1500, subnets=subnets)
    node.sh(f"{compose} up -d")

    node.task("netns", name="ns1", ipv6=False)
    node.task("veth", name="v-ns1", master="fabric0", peer={"name": "eth0", "netns": "ns1"})
    node.task("address", netns="ns1", dev="eth0", address="10.244.1.2/24")
    ask = f"ip netns exec ns1 busybox timeout 5 busybox wget -qO- http://{address}"
    assert node.sh(ask) == "hello\n"
    node.sh(f"{compose} down --timeout 0")
    node.sh(ask, fails=True)
    assert docker.networks() == ["fabric"]  # an external network stays
