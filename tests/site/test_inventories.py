# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories as people have them: INI text, a program's JSON, constructed groups, vaulted values, names of all sorts."""

import json
import re

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from conftest import PLAYER, ROOT

PASSWORD = "a password"
# numbers and booleans are text here; with older ansible-core a file *.ini in a folder is no inventory
INI = """\
[machines]
Node-A.Example.org fabric_node_address=192.168.32.1 fabric_endpoints="[{{'name': '1', 'address': '10.241.0.9'}}]"

[fabric:children]
machines

[fabric:vars]
ansible_host=127.0.0.1
ansible_port=1
fabric_backend=vxlan
fabric_masquerade={masquerade}
fabric_cross_subnet=yes
fabric_vxlan_vni={vni}
fabric_vxlan_port="4789"
fabric_mtu='1400'
"""
CLOUD = """\
#!/bin/sh
cat <<'END'
{"cloud": {"hosts": ["node-b"]}, "_meta": {"hostvars": {"node-b": {"private": "192.168.32.2/24", "subnet": "10.242.0.0/24"}}}}
END
"""
CONSTRUCTED = """\
plugin: ansible.builtin.constructed
strict: false
compose:
  fabric_node_address: private | ansible.builtin.regex_replace('/.*', '')
  fabric_node_subnet: subnet
groups:
  fabric: private is defined
"""
PLAY = """\
- hosts: fabric
  gather_facts: false
  tasks:
    - {nodenet.fabric.validate: {}, register: fabric_checked, run_once: true}
    - {ansible.builtin.debug: {msg: "READ {{ fabric_checked.fabric_inventory | to_json }} END"}, run_once: true}
"""


@pytest.fixture
def check(tmp_path):
    """Return a function that has the inventory checked, and returns the status and what was printed, in one line."""

    def run(masquerade="no", vni="7", vaulted="10.241.0.0/24"):
        folder = tmp_path / "inventory"
        (folder / "host_vars").mkdir(parents=True, exist_ok=True)
        secret = VaultLib([("default", VaultSecret(PASSWORD.encode()))]).encrypt(vaulted).decode()
        indented = "".join(f"  {line}\n" for line in secret.splitlines())
        files = {
            "1-hosts": INI.format(masquerade=masquerade, vni=vni),
            "2-cloud.sh": CLOUD,
            "3-constructed.yml": CONSTRUCTED,
            "host_vars/Node-A.Example.org.yml": f"fabric_node_subnet: !vault |\n{indented}",
            "../play.yml": PLAY,
            "../password": PASSWORD,
        }
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "2-cloud.sh").chmod(0o755)
        words = ["-i", str(folder), "--vault-password-file", str(tmp_path / "password"), str(tmp_path / "play.yml")]
        found = PLAYER.run(words, ROOT)
        assert "Traceback" not in found.stdout + found.stderr
        return found.returncode, " ".join((found.stdout + found.stderr).split())

    return run


def test_text_of_an_ini_file_a_program_constructed_variables_and_a_vault_are_read_as_what_they_say(check):
    code, printed = check()
    assert code == 0, printed
    read = json.loads(re.search(r"READ (.*) END", printed.replace('\\"', '"'))[1])
    nodes = read["nodes"]
    one, other = nodes["Node-A.Example.org"], nodes["node-b"]
    assert one["fabric_node_subnet"] == "10.241.0.0/24" and other["fabric_node_subnet"] == "10.242.0.0/24"
    assert other["fabric_node_address"] == "192.168.32.2"
    assert (one["fabric_masquerade"], one["fabric_mtu"]) == (False, 1400)
    assert (read["fabric"]["fabric_vxlan_vni"], read["fabric"]["fabric_vxlan_port"]) == (7, 4789)
    assert read["fabric"]["fabric_cross_subnet"] is True
    assert one["fabric_endpoints"][0]["name"] == "1"


def test_what_they_say_wrongly_is_told(check):
    code, printed = check(masquerade="perhaps", vni="seven", vaulted="10.241.0.0/99")
    assert code != 0
    for expected in (
        "fabric_masquerade is 'perhaps'",
        "fabric_vxlan_vni is 'seven'",
        "fabric_node_subnet is '10.241.0.0/99'",
    ):
        assert expected in printed, printed
