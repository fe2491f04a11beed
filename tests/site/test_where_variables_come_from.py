# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the check reads of the places that Ansible has variables from; it asks no node, so that none is there."""

import json

import pytest
from conftest import PLAYER, ROOT

INVENTORY = {
    "fabric": {
        "vars": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
        "hosts": {
            "vm1": {
                "fabric_node_address": "192.168.32.1",
                "fabric_node_subnet": "10.241.0.0/24",
                "fabric_node_subnet6": "{{ nothing | default(omit) }}",
                "fabric_endpoints": [{"name": "1", "address": "{{ nothing | default(omit) }}"}],
            },
            "vm2": {
                "other": "10.242.0.0/24",
                "fabric_node_address": "{{ hostvars['vm1'].fabric_node_address | regex_replace('1$', '2') }}",
                "fabric_node_subnet": "{{ hostvars[inventory_hostname].other }}",
                "fabric_endpoints": [{"name": "b"}],
            },
        },
    }
}
TASKS = [
    {"ansible.builtin.debug": {"msg": "x"}, "register": "fabric_state"},
    {"ansible.builtin.set_fact": {"fabric_deploy_time": 3}},
    {"nodenet.fabric.validate": {}, "register": "fabric_checked", "run_once": True},
    {"ansible.builtin.debug": {"msg": "READ {{ fabric_checked.fabric_inventory | to_json }}"}, "run_once": True},
    {"ansible.builtin.debug": {"msg": "VIEW {{ lookup('nodenet.fabric.node', part='vxlan').vni }}"}},
]
PLAY = {
    "hosts": "fabric",
    "gather_facts": False,
    "vars": {"fabric_backend": "{{ 'vxlan' }}", "fabric_masquerade": False},
    "tasks": TASKS,
}


@pytest.fixture
def run(tmp_path):
    def play(plays, *arguments, **variables):
        inventory = json.loads(json.dumps(INVENTORY))
        inventory["fabric"]["vars"].update(variables)
        for name, content in (("hosts.yml", inventory), ("play.yml", plays)):
            (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
        words = ["-i", str(tmp_path / "hosts.yml"), str(tmp_path / "play.yml"), *arguments]
        found = PLAYER.run(words, ROOT)
        assert "Traceback" not in found.stdout + found.stderr
        return found.returncode, " ".join((found.stdout + found.stderr).split())

    return play


def test_variables_of_the_play_are_read_those_of_tasks_are_nobodys_fault_and_templates_see_all_hosts(run):
    code, printed = run([PLAY])
    assert code == 0, printed
    # whoever is not there is not asked: the check is the controller's
    assert "unreachable=0" in printed
    for expected in (
        '"fabric_backend": "vxlan"',
        '"fabric_masquerade": false',
        "192.168.32.2",
        "10.242.0.0/24",
        "VIEW 1",
    ):
        assert expected in printed.replace('\\"', '"'), expected
    assert '"fabric_node_subnet6": null' in printed.replace('\\"', '"')


def test_misspellings_of_the_inventory_are_faults(run):
    code, printed = run([PLAY], fabric_bakend="vxlan", fabric_node={}, fabric_serial=1)
    assert code != 0
    assert "there is no variable fabric_bakend: did you mean fabric_backend?" in printed
    assert "fabric_node is set by the collection's playbooks: rename your variable." in printed
    assert "fabric_serial is not read from the inventory: give it on the command line" in printed


def test_what_site_is_imported_with_is_checked_as_the_rest(run):
    site = {"import_playbook": "nodenet.fabric.site", "vars": {"fabric_bridge": "a%d"}}
    code, printed = run([site], "--check")
    assert code != 0 and "fabric_bridge is 'a%d', which is not an interface name" in printed
    code, printed = run([{"import_playbook": "nodenet.fabric.site"}], "--check", "-e", "fabric_serial=x")
    assert code != 0 and "fabric_serial is 'x': it is a number of nodes, or a share of them such as 30%." in printed


def test_the_port_that_ansible_comes_by_is_not_published(run):
    publish = [{"port": 1, "endpoint": "{{ '1' if inventory_hostname == 'vm1' else 'b' }}"}]
    code, printed = run([PLAY], fabric_publish=publish)
    assert code != 0 and "publishes tcp port 1, by which Ansible reaches the node" in printed
    code, printed = run([PLAY], fabric_publish=publish, ansible_connection="local")
    assert code == 0, printed
