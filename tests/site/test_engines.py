# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines of the inventory in a lab, as far as its nodes have any: names, services, and what is left of them."""

import os

import pytest
from conftest import recap

DROP_IN = "/etc/systemd/system/web.service.d/nodenet-fabric.conf"
OURS = ("/etc/nodenet", "/etc/netns", "/etc/systemd/system/web.service.d", "/run/flannel")


def with_engines(*lines, service="web.service"):
    """Return what adds variables of the group, and a service on vm1, to the inventory of the example vxlan."""

    def change(text):
        text = text.replace(
            "address: 172.245.0.2}",
            f"address: 172.245.0.2, service: {service}}}" if service else "address: 172.245.0.2}",
        )
        return text.replace(
            "    fabric_attachment: bridge\n",
            "".join(f"    {line}\n" for line in ("fabric_attachment: bridge", *lines)),
        )

    return change


def changed(printed):
    return {host: counts["changed"] for host, counts in recap(printed).items()}


def test_endpoints_look_each_other_up_by_name_and_without_the_variable_do_not(fabric):
    one = fabric("vxlan", with_engines("fabric_engines: [systemd]", "fabric_hosts_file: true"))
    one.play("site")
    inside = "ip netns exec ns245"
    assert one.on("vm1", f"{inside} getent hosts ns246.vm2").split() == ["172.246.0.2", "ns246.vm2", "ns246"]
    assert "1 received" in one.on("vm1", f"{inside} ping -n -c 1 -W 2 ns246")
    assert "192.168.33.246" in one.on("vm1", f"{inside} getent hosts vm2")
    assert "ns246" in one.on("vm1", "cat /etc/nodenet/hosts")
    assert "NetworkNamespacePath=/run/netns/ns245\n" in one.on("vm1", f"cat {DROP_IN}")
    one.on("vm2", f"test -e {DROP_IN}", fails=True)
    assert set(changed(one.play("site")).values()) == {0}
    assert "pairs answer" in one.play("verify")

    one.play("site", "-e", "fabric_hosts_file=false")
    one.on("vm1", f"{inside} getent hosts ns246", fails=True)
    assert one.ping("vm1", "ns245", "172.246.0.2") == 62
    one.play("teardown")
    for path in OURS:
        one.on("vm1", f"test -e {path}", fails=True)
        assert path == "/etc/nodenet" or not os.path.exists(path)  # the machine's own


def test_a_foreign_drop_in_is_named_and_stays_and_so_does_the_node(fabric):
    one = fabric("vxlan", with_engines("fabric_engines: [systemd]"))
    one.on("vm1", f"mkdir -p {os.path.dirname(DROP_IN)} && echo '# mine' >{DROP_IN}")
    before = one.snapshots(["vm1"])
    printed = one.play("site", fails=True)
    assert "web.service.d/nodenet-fabric.conf' exists and does not belong to the fabric" in printed
    assert "(fabric_adopt: true takes it over)" in printed
    assert one.on("vm1", f"cat {DROP_IN}") == "# mine\n" and one.snapshots(["vm1"]) == before
    one.on("vm1", f"mv {DROP_IN} {os.path.dirname(DROP_IN)}/mine.conf")
    one.play("site")
    one.play("teardown")
    assert one.on("vm1", f"ls {os.path.dirname(DROP_IN)}") == "mine.conf\n"


@pytest.mark.parametrize(
    "lines, message",
    [
        (["fabric_engines: [dokcer]"], "fabric_engines[0] is 'dokcer', which is no engine: did you mean docker?"),
        (["fabric_engines: [docker, systemd]", "fabric_engine_range: 10.9.0.0/24"], "10.9.0.0/24, which is not in fabric_node_subnet"),
        (["fabric_engines: [docker, systemd]", "fabric_engine_range: {docker: 172.245.0.0/29}"], "172.245.0.2, the address of endpoint"),
        ([], "fabric_endpoints[0] has service web.service, and fabric_engines has no systemd: add it."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_any_node_is_touched(fabric, lines, message):
    one = fabric("vxlan", with_engines(*lines), up=False)
    assert message in one.play("site", fails=True)
