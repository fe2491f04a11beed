# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles used alone, as their READMEs say: each README's inventory and play, and what does not pass without the role."""

import os
import re

import pytest
import yaml
from conftest import ROOT, recap

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
# from -> to: TTL, where the role is used and not before
REACH = {
    "bridge": ("vm1", "web1", "10.244.1.3", 64),
    "host_gw": ("vm1", "web1", "10.244.2.2", 62),
    "nat": ("vm1", "web1", "198.51.100.8", 62),
    "routed": ("vm1", "web1", "10.244.1.3", 63),
    "direct": ("vm1", "red", "192.168.15.2", 64),
    "vxlan": ("vm1", "web1", "10.244.2.2", 62),
    "ipip": ("vm1", "web1", "10.244.2.2", 62),
    "wireguard": ("vm1", "web1", "10.244.2.2", 62),
}
LISTEN = """
import socket
with socket.create_server(("", 80)) as server:
    server.settimeout(20)
    server.accept()[0].sendall(b"from web1")
"""
CONNECT = """
import socket
with socket.create_connection(("192.168.32.245", 8080), timeout=3) as connection:
    print(connection.recv(20).decode())
"""


def example(role):
    """Return the inventory and the play in the README of a role, as text; it may have no inventory of its own."""
    text = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
    return next((one for one in blocks if one.startswith("fabric:")), ""), blocks[-1]


def without(role):
    """Return the play of a role's README without that role, as text."""
    play = yaml.safe_load(example(role)[1])
    play[0]["roles"].remove(f"nodenet.fabric.{role}")
    play[0].pop("tasks", None)
    return yaml.safe_dump(play)


class Readmes:
    """One lab, in which the READMEs' examples are run one after the other."""

    def __init__(self, fabric, folder):
        self.fabric, self.folder = fabric, folder

    def run(self, role, *arguments, play=None, after=(), **how):
        """Run the play of a role's README over its inventory; return what is printed."""
        inventory, own = example(role)
        if inventory:
            (self.fabric.inventory / "hosts.yml").write_text(inventory, encoding="utf-8")
        path = self.folder / f"{role}.yml"
        path.write_text(play or own, encoding="utf-8")
        return self.fabric.play(*after, str(path), *arguments, **how)

    def reaches(self, role):
        host, netns, target, _ttl = REACH[role]
        return self.fabric.ping(host, netns, target)


@pytest.fixture
def readmes(fabric, tmp_path):
    one = fabric("host-gw", up=False)
    return Readmes(one, tmp_path)


def test_every_role_has_an_example_and_says_what_it_makes_and_removes():
    for role in ROLES:
        text = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
        assert re.findall(r"^## What it removes$", text, re.M), role
        play = yaml.safe_load(example(role)[1])
        assert f"nodenet.fabric.{role}" in play[0]["roles"], role


def test_each_readmes_example_works_and_nothing_passes_without_its_role(readmes):
    readmes.run("lab")
    assert "pairs do not answer" in readmes.run("verify", fails=True)
    for role in ("bridge", "host_gw", "nat"):  # each needs what the one before has made, and lacks its own part
        assert readmes.reaches(role) is None, role
        _nobody_listens(readmes)
        assert all(counts["changed"] > 0 for counts in recap(readmes.run(role)).values())
        assert readmes.reaches(role) == REACH[role][-1], role
    assert all(counts["changed"] == 0 for counts in recap(readmes.run("nat")).values())
    _published(readmes)
    assert "pairs answer" in readmes.run("verify")
    readmes.run("prepare")
    # a lab's nodes have the machine's files, and no systemd: tests/vms keeps a fabric over a reboot
    readmes.run("persist", "--check", "-e", "fabric_persist=false")

    readmes.fabric.play("teardown")
    for role in ("routed", "direct"):
        assert readmes.reaches(role) is None, role
        readmes.run(role, after=["teardown"])
        assert readmes.reaches(role) == REACH[role][-1], role
    for role in ("vxlan", "ipip", "wireguard"):
        readmes.run(role, play=without(role), after=["teardown"])
        assert readmes.reaches(role) is None, role
        if role != "vxlan" and not os.path.exists(f"/sys/module/{role}"):
            assert role in readmes.run(role, fails=True)
            continue
        readmes.run(role)
        assert readmes.reaches(role) == REACH[role][-1], role


def _nobody_listens(readmes):
    assert "refused" in readmes.fabric.inside("vm2", f"python3 -c '{CONNECT}'").stderr


def _published(readmes):
    readmes.fabric.inside("vm1", f"ip netns exec web1 python3 -c '{LISTEN}' >/dev/null 2>&1 </dev/null & sleep 0.5")
    assert readmes.fabric.on("vm2", f"python3 -c '{CONNECT}'") == "from web1\n"


def test_a_role_that_the_inventory_does_not_use_says_which_variable_to_set(readmes):
    readmes.run("lab")
    printed = readmes.run("vxlan", "-e", "fabric_backend=host_gw", fails=True)
    assert "Set fabric_backend: vxlan, or leave the role out" in printed
