# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection plugin, from playbooks."""

import json

import pytest
from conftest import node, result_of

RAW = {"ansible_connection": "nodenet.fabric.lab", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


@pytest.fixture(scope="module")
def lab(inventories):
    # ansible_host is what the inventory says of real machines
    hosts = {"n1": node(1, ansible_host="203.0.113.1"), "n2": node(2, ansible_host="203.0.113.2")}
    found = inventories("reach", hosts, fabric_outside=[{"name": "outside", "address": "8.8.8.8"}])
    found.up()
    return found


def play(lab, *tasks, hosts="n1", words=(), **options):
    """Run tasks; return their results and the finished process."""
    plays = [{"hosts": hosts, "gather_facts": False, "tasks": [{"name": f"task{n}", **t} for n, t in enumerate(tasks)]}]
    path = lab.folder.parent / "play.json"
    path.write_text(json.dumps(plays), encoding="utf-8")
    found = lab.playbook(path, "-v", *words, **options)
    text = found.stdout
    return [result_of(text, f"TASK [task{n}]") for n in range(len(tasks)) if f"TASK [task{n}]" in text], found


def test_what_a_command_gives(lab):
    results, _found = play(
        lab,
        {"ansible.builtin.command": {"argv": ["cat"], "stdin": "input", "stdin_add_newline": False}},
        {"ansible.builtin.shell": {"cmd": "hostname; pwd; echo to-err >&2; exit 3"}, "ignore_errors": True},
        {"ansible.builtin.raw": "ip -br a show lo && nft list ruleset && printf '\\303\\244' && cat"},
    )
    assert results[0]["stdout"] == "input"
    assert (results[1]["rc"], results[1]["stdout_lines"][0], results[1]["stderr"]) == (3, "n1", "to-err")
    assert "127.0.0.1" in results[2]["stdout"] and "ä" in results[2]["stdout"]  # ip(8) is found whatever PATH was


def test_python_reads_a_module_at_once_however_the_controllers_output_is(lab):
    environment = {"PYTHONUNBUFFERED": "1", "SOMETHING_ELSE": "is kept"}
    results, _found = play(lab, {"ansible.builtin.raw": "env"}, env=environment)
    assert "SOMETHING_ELSE=is kept" in results[0]["stdout"] and "PYTHONUNBUFFERED" not in results[0]["stdout"]


def test_files_go_in_and_out(lab):
    content = "lines\nand ä\n" * 20000
    target = lab.folder.parent / "fetched"
    results, found = play(
        lab,
        {"ansible.builtin.copy": {"content": content, "dest": "/run/with space", "mode": "0600"}},
        {"ansible.builtin.command": "ls -l /run"},
        {"ansible.builtin.fetch": {"src": "/run/with space", "dest": str(target), "flat": True}},
        {"ansible.builtin.fetch": {"src": "/run/none", "dest": str(target), "flat": True}},
        words=("-e", "ansible_pipelining=false"),
    )
    assert found.returncode == 2  # of the last alone
    assert target.read_text(encoding="utf-8") == content
    assert "with space" in results[1]["stdout"]
    assert "does not exist" in results[3]["msg"] and "with space" not in lab.sh("n2", "ls /run")


def test_delegation_goes_where_it_says(lab):
    hostname = {"ansible.builtin.command": "hostname"}
    results, found = play(
        lab,
        {**hostname, "delegate_to": "n2"},
        {**hostname, "delegate_to": "router", "vars": RAW},
        {**hostname, "delegate_to": "{{ item }}", "vars": RAW, "loop": ["outside", "n2", "n1"]},
        hostname,
    )
    assert [results[0]["stdout"], results[1]["stdout"], results[3]["stdout"]] == ["n2", "router", "n1"]
    looped = [line for line in found.stdout.splitlines() if line.startswith("changed: ") and "(item=" in line]
    assert [json.loads(line[line.index("=> {") + 3 :])["stdout"] for line in looped] == ["outside", "n2", "n1"]


def test_a_node_that_does_not_run_is_named_and_what_to_do(lab):
    found = lab.playbook("nodenet.fabric.lab_down")
    assert found.returncode == 0
    results, found = play(lab, {"ansible.builtin.command": "hostname"})
    name = lab.up("--check")["lab"]
    message = (
        f"the lab '{name}' has no running node 'n1': start it with ansible-playbook -i INVENTORY nodenet.fabric.lab_up"
    )
    assert message in results[0]["msg"]
    assert found.returncode == 4  # unreachable
