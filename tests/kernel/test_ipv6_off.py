# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel that was started with ipv6.disable=1, as its files show it: there is no /proc/sys/net/ipv6. (tests/vms boots one.)"""

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import procfs
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import cli, snapshot


@pytest.fixture
def without_ipv6(node):
    node.sh("mount -t tmpfs none /proc/sys/net/ipv6")
    procfs.has_ipv6.cache_clear()
    yield node
    node.sh("umount /proc/sys/net/ipv6")
    procfs.has_ipv6.cache_clear()


def endpoint(node):
    node.task("bridge", name="br0", addrgenmode="none")
    made = [node.task("netns", name="red", ipv6=False)]
    end = {"name": "eth0", "netns": "red"}
    made.append(node.task("veth", name="v0", addrgenmode="none", master="br0", peer=end))
    node.task("address", config=[{"dev": "br0", "address": "10.0.0.1/24"}])
    node.task("address", config=[{"netns": "red", "dev": "eth0", "address": "10.0.0.2/24"}])
    return made


def test_what_wants_no_ipv6_has_it(without_ipv6, tmp_path):
    node, file = without_ipv6, str(tmp_path / "fabric.json")
    assert all(made["changed"] for made in endpoint(node))
    assert not any(made["changed"] for made in endpoint(node))
    assert node.ping("red", "10.0.0.1")
    # and it is restored, a file from the time when the kernel had IPv6 as well
    snapshot.save(file)
    resources = snapshot.read(file)
    for resource in resources:
        resource.values.update({"addrgenmode": "none"} if resource.kind == "link" else {})
        resource.values.update({"ipv6": False} if resource.kind == "netns" else {})
    node.sh("ip netns del red; ip link del br0; rm -rf /run/nodenet")
    (tmp_path / "fabric.json").write_text(snapshot.as_text(resources), encoding="utf-8")
    snapshot.restore(file)
    assert node.ping("red", "10.0.0.1")
    assert cli.main(["restore", "--file", file]) == 0
    assert cli.main(["diff", "--file", file]) == 0
    node.task("netns", config=[], purge=True)
    assert "red" not in node.sh("ip netns list")


def test_who_wants_ipv6_is_told_that_there_is_none(without_ipv6):
    for options in ({"module": "netns", "name": "blue", "ipv6": True}, {"module": "forwarding", "family": "ipv6"}):
        with pytest.raises(FabricError, match="IPv6 switched off"):
            without_ipv6.task(**options)
    assert without_ipv6.sh("ip netns list") == ""
    # what is off anyway may be asked to be off: the next boot may have it
    off = {"family": "ipv6", "enabled": False}
    assert [without_ipv6.task("forwarding", **off)["changed"] for _run in range(2)] == [True, False]
    released = without_ipv6.task("forwarding", family="ipv6", state="absent")
    assert released["changed"] and released["commands"] == []


def test_with_ipv6_both_are_set(node):
    endpoint(node)
    assert node.sh("ip netns exec red cat /proc/sys/net/ipv6/conf/all/disable_ipv6") == "1\n"
    assert "addrgenmode none" in node.sh("ip -d link show v0")
