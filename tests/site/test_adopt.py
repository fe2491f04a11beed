# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody typed the commands that site printed, and then runs site."""

from conftest import by_hand, recap

NODES = ["vm1", "vm2"]
# what a node of the lab has without a fabric; forwarding stays as it was found, turned on by hand
BARE = "ip netns list; ip -br link | grep -vE '^(lo|eth0@)'; nft list ruleset; ip route | grep -v eth0; ls /run"


def changed(one, *arguments):
    return [counts["changed"] for counts in recap(one.play("site", *arguments)).values()]


def test_what_was_typed_is_taken_over_where_fabric_adopt_says_so_and_goes_with_the_fabric(fabric):
    one = fabric("host-gw")
    commands = by_hand(one.play("site", "--check", "--diff"))
    for node in NODES:
        one.run_by_hand(node, commands[node])
    typed = one.snapshots(NODES)

    printed = one.play("site", fails=True)
    assert "network namespace 'ns245' exists and does not belong to the fabric" in printed
    assert "fabric_adopt: true" in printed
    assert "(adopt: true" not in printed
    assert one.snapshots(NODES) == typed

    assert changed(one, "-e", "fabric_adopt=true") == [1, 1]
    assert one.snapshots(NODES) == typed
    assert changed(one, "-e", "fabric_adopt=true") == [0, 0]
    assert changed(one) == [0, 0]
    assert one.ping("vm1", "ns245", "172.246.0.2") == 62

    one.play("teardown")
    assert [one.on(node, f"{BARE} || true") for node in NODES] == ["netns\n", "netns\n"]


def test_a_foreign_object_in_the_way_of_a_module_names_the_modules_option(fabric, tmp_path):
    one = fabric("host-gw")
    one.on("vm1", "ip link add name fabric0 type bridge")
    play = tmp_path / "own.yml"
    play.write_text(
        "- hosts: vm1\n  gather_facts: false\n  tasks: [{nodenet.fabric.bridge: {name: fabric0}}]\n", encoding="utf-8"
    )
    printed = one.play(str(play), fails=True)
    assert "(adopt: true" in printed and "fabric_adopt" not in printed
    play.write_text("- hosts: vm1\n  gather_facts: false\n  roles: [nodenet.fabric.bridge]\n", encoding="utf-8")
    printed = one.play(str(play), fails=True)
    assert "(fabric_adopt: true" in printed and "(adopt: true" not in printed
    one.play(str(play), "-e", "fabric_adopt=true")
    assert "fabric_adopt is 'maybe': it is true or false" in one.play(str(play), "-e", "fabric_adopt=maybe", fails=True)
