# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is saved on one node and restored on a fresh one is the same, and what is missing is made again."""

import json
import os
import subprocess
import sys
import time

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import cli, install, snapshot
from snapshot import differences


@pytest.fixture
def file(tmp_path):
    return str(tmp_path / "etc" / "fabric.json")


def arrange(node):
    """A node of each sort of object; its underlay is not ours."""
    underlay(node)
    node.task("netns", name="red", ipv6=False, owner="bridge")
    node.task("bridge", name="br0", mac="02:00:00:00:00:01", addrgenmode="none", owner="bridge")
    end = {"name": "eth0", "netns": "red", "mac": "02:00:00:00:00:03"}
    node.task(
        "veth",
        name="v0",
        mac="02:00:00:00:00:02",
        addrgenmode="none",
        master="br0",
        hairpin=True,
        peer=end,
        owner="bridge",
    )
    addresses = [{"dev": "br0", "address": "10.0.0.1/24"}, {"dev": "eth0", "netns": "red", "address": "10.0.0.2/24"}]
    node.task("address", config=addresses, owner="bridge")
    node.task("route", config=[{"prefix": "default", "via": "10.0.0.1", "netns": "red"}], owner="bridge")
    node.task("forwarding", family="ipv4")
    mac = "02:00:00:00:00:09"
    node.task("vxlan", name="vx1", vni=1, local="192.0.2.1", mac="02:00:00:00:00:04", mtu=1450, addrgenmode="none")
    node.task("neighbor", dev="vx1", address="10.9.0.0", mac=mac)
    node.task("vxlan_fdb", dev="vx1", mac=mac, dst="192.0.2.9")
    node.task("route", prefix="10.9.0.0/24", via="10.9.0.0", dev="vx1", onlink=True)
    node.task("route", prefix="10.8.0.0/24", via="192.0.2.8")
    node.task("proxy_arp", interface="v0")
    node.task("masquerade", source="10.0.0.0/24", exclude=["10.0.0.0/24", "10.9.0.0/24"])
    node.task("port_forward", port="80", to="10.0.0.2", hairpin=["10.0.0.0/24"])


def underlay(node):
    node.sh("ip link add eth9 address 02:00:00:00:00:99 type bridge && sysctl -qw net.ipv6.conf.eth9.disable_ipv6=1")
    node.sh("ip link set eth9 up && ip address add 192.0.2.1/24 dev eth9")


def reboot(node):
    """What a reboot does to the kernel and to /run."""
    node.sh("nft flush ruleset; ip netns del red; ip link del br0; ip link del vx1; rm -rf /run/nodenet")
    node.sh("ip route flush proto 178; sysctl -qw net.ipv4.ip_forward=0; ip link del eth9")
    underlay(node)


def test_after_a_reboot_all_is_as_it_was_and_ours(node, file):
    arrange(node)
    before = node.snapshot()
    assert len(snapshot.save(file)) > 15
    reboot(node)
    assert node.snapshot() != before
    assert cli.main(["restore", "--file", file]) == 0
    assert differences(before, node.snapshot()) == []
    assert cli.main(["diff", "--file", file]) == 0
    # modules know it for theirs: nothing to do, and what is swept is gone
    assert not node.task("bridge", name="br0", owner="bridge")["changed"]
    assert not node.task("netns", name="red", owner="bridge")["changed"]
    assert not node.task("route", prefix="10.8.0.0/24", via="192.0.2.8")["changed"]
    node.task("netns", config=[], purge=True, owner="bridge")
    assert "red" not in node.sh("ip netns list")


def test_the_same_state_gives_the_same_file(node, file):
    arrange(node)
    snapshot.save(file)
    with open(file, encoding="utf-8") as source:
        first = source.read()
    reboot(node)
    snapshot.restore(file)
    snapshot.save(file)
    with open(file, encoding="utf-8") as source:
        assert source.read() == first


@pytest.mark.parametrize(
    "damage, expected",
    [
        ("ip route del 10.8.0.0/24", "route '10.8.0.0/24'"),
        ("nft flush ruleset", "NAT rule 'masquerade 10.0.0.0/24'"),
        ("ip netns del red", "network namespace 'red'"),
        ("ip link set vx1 down", "interface 'vx1'"),
        ("ip link del br0", "interface 'br0'"),
        ("sysctl -qw net.ipv4.ip_forward=0", "net.ipv4.ip_forward"),
        ("bridge fdb del 02:00:00:00:00:09 dev vx1 dst 192.0.2.9 self", "forwarding entry"),
    ],
)
def test_what_somebody_took_away_comes_back_and_is_named(node, file, damage, expected, capsys):
    arrange(node)
    before = node.snapshot()
    snapshot.save(file)
    assert cli.main(["restore", "--check", "--file", file]) == 0
    capsys.readouterr()
    node.sh(damage)
    assert cli.main(["diff", "--file", file]) == 1
    assert expected in capsys.readouterr().out
    assert cli.main(["restore", "--check", "--file", file]) == 1
    capsys.readouterr()
    assert cli.main(["restore", "--file", file]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1 and "restored" in printed
    assert differences(before, node.snapshot()) == []


def test_what_is_foreign_is_neither_saved_nor_touched(node, file, capsys):
    arrange(node)
    node.sh("ip link add mine type bridge && ip route add 10.7.0.0/24 via 192.0.2.7")
    snapshot.save(file)
    with open(file, encoding="utf-8") as source:
        text = source.read()
    assert "mine" not in text and "10.7.0.0" not in text and "eth9" not in text.replace('"dev": "eth9"', "")
    node.task("route", prefix="10.6.0.0/24", via="192.0.2.6")
    assert cli.main(["diff", "--file", file]) == 1
    assert capsys.readouterr().out == "+ route '10.6.0.0/24'\n"
    assert cli.main(["restore", "--file", file]) == 0
    assert "10.7.0.0" in node.sh("ip route") and "mine" in node.sh("ip link")


def test_a_foreign_object_in_the_way_is_named_and_left_alone(node, file, capsys):
    arrange(node)
    snapshot.save(file)
    reboot(node)
    node.sh("ip link add br0 type bridge")
    before = node.snapshot()
    assert cli.main(["restore", "--file", file]) == 2
    assert "interface 'br0' exists and does not belong to the fabric" in capsys.readouterr().err
    assert differences(before, node.snapshot()) == []


def test_a_file_is_whole_or_not_there(node, file):
    arrange(node)
    snapshot.save(file)
    assert os.listdir(os.path.dirname(file)) == ["fabric.json"]
    with open(file, encoding="utf-8") as source:
        text = source.read()
    assert json.loads(text)["version"] == 1
    with pytest.raises(FabricError, match="is not a file that nodenet-fabric saved"):
        snapshot.from_text(text[: len(text) // 2])
    with pytest.raises(FabricError, match="has version 99"):
        snapshot.from_text('{"version": 99}')
    with pytest.raises(FabricError, match="there is no .*nodenet-fabric save writes it"):
        snapshot.read(file + ".other")


def test_help_reads_like_a_manual():
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0


def test_killed_in_the_middle_of_saving_the_file_is_the_old_or_the_new_one(node, file, tmp_path):
    """A writer that is killed again and again, while a reader never finds half a file."""
    writer = (
        "import sys; from ansible_collections.nodenet.fabric.plugins.module_utils.persistence.snapshot import write\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    write(sys.argv[1], str(n % 10) * 500000)\n"
    )
    for _round in range(8):
        one = subprocess.Popen([sys.executable, "-c", writer, file])
        for _wait in range(100):
            if os.path.exists(file):
                break
            time.sleep(0.1)
        time.sleep(0.2)
        one.kill()
        one.wait()
        with open(file, encoding="utf-8") as source:
            text = source.read()
        assert len(text) == 500000 and len(set(text)) == 1


def test_the_program_is_one_file_that_needs_nothing_of_ansible(node, file, tmp_path):
    arrange(node)
    before = node.snapshot()
    program = tmp_path / "nodenet-fabric"
    snapshot.write(str(program), install.program(), 0o755)
    assert program.read_bytes() == install.program()
    assert b"ansible_collections" not in program.read_bytes()
    node.sh(f"cd / && env -u PYTHONPATH {program} save --file {file}")
    reboot(node)
    printed = node.sh(f"cd / && env -u PYTHONPATH {program} restore --file {file}")
    assert "objects restored: create" in printed
    assert differences(before, node.snapshot()) == []
    assert "network namespace 'red'" in node.sh(f"{program} show --file {file}")
    assert "in the manner" not in node.sh(f"{program} --help") and "exit status" in node.sh(f"{program} --help")
