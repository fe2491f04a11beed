# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project of one's own with the collection installed from its tarball: an INI inventory, become, and ansible-pull."""

import os
import subprocess

import pytest
from conftest import ROOT, Fabric, recap

NODES = ["Node-A.Example.org", "node-b"]
# with older ansible-core a file *.ini in a folder is no inventory
FILES = {
    "ansible.cfg": "[defaults]\ncollections_path = collections\n",
    "site.yml": "- import_playbook: nodenet.fabric.site\n",
    "inventory/hosts": """\
[fabric]
Node-A.Example.org fabric_node_address=192.168.32.245 fabric_node_subnet=10.244.0.0/24 fabric_endpoints="[{'name': 'web-1'}]"
node-b fabric_node_address=192.168.32.246 fabric_node_subnet=10.244.1.0/24 fabric_endpoints="[{'name': 'B.2'}]"

[fabric:vars]
fabric_persist=no
fabric_mtu=1400
ansible_python_interpreter="{{ ansible_playbook_python }}"
ansible_remote_tmp=/run/ansible
""",
    # what ansible-pull does not have: there the node itself is asked
    "lab/nodes": """\
[fabric]
Node-A.Example.org
node-b

[fabric:vars]
ansible_connection=nodenet.fabric.lab
ansible_become_method=ansible.builtin.su
""",
}


class Project(Fabric):
    """A folder with an inventory, and with the collection as ansible-galaxy installs it."""

    def __init__(self, folder):
        super().__init__(folder / "inventory")
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.environment.update(HOME=str(folder), ANSIBLE_COLLECTIONS_PATH=str(folder / "collections"))

    def run(self, *words, cwd=None, **variables):
        environment = {**self.environment, **variables}
        folder = cwd or self.folder
        return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    def ok(self, *words, **options):
        found = self.run(*words, **options)
        assert found.returncode == 0 and "Traceback" not in found.stderr, found.stdout + found.stderr
        return found.stdout + found.stderr

    def play(self, playbook, *words, fails=False, **variables):
        arguments = ["-i", "inventory", "-i", "lab", f"nodenet.fabric.{playbook}", *words]
        found = self.run("ansible-playbook", *arguments, **variables)
        assert (found.returncode != 0) == fails, found.stdout + found.stderr
        return found.stdout + found.stderr


@pytest.fixture
def project(tmp_path):
    one = Project(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    one.ok("ansible-galaxy", "collection", "build", "--output-path", str(tmp_path), cwd=ROOT)
    (tarball,) = tmp_path.glob("nodenet-fabric-*.tar.gz")
    one.ok("ansible-galaxy", "collection", "install", "--offline", str(tarball), "-p", "collections")
    one.play("lab_up")
    yield one
    one.end()


def test_it_works_with_become_with_and_without_pipelining_and_from_the_node_itself(project):
    become = ("-e", "ansible_become=true")
    assert "pairs do not answer" in project.play("verify", *become, fails=True)
    # that it goes by su at all
    assert "no-such-su" in project.play("site", *become, "-e", "ansible_become_exe=/no-such-su", fails=True)
    made = project.play("site", *become, ANSIBLE_PIPELINING="false")
    assert {host: counts["changed"] for host, counts in recap(made).items()} == dict.fromkeys(NODES, 1)
    again = project.play("site", "-e", "ansible_become=false", ANSIBLE_PIPELINING="true")
    assert {host: counts["changed"] for host, counts in recap(again).items()} == dict.fromkeys(NODES, 0)
    printed = project.play("verify", *become)
    assert "12 of 12 pairs answer" in printed, printed

    # a node that has lost its route fetches the project and mends itself
    for words in (["init", "-q", "-b", "main"], ["add", "ansible.cfg", "site.yml", "inventory"]):
        project.ok("git", *words)
    project.ok("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "fabric")
    project.on(NODES[0], "ip route del 10.244.1.0/24")
    pull = (
        f"cd {project.folder} && env HOME={project.folder} ansible-pull --url file://{project.folder} --directory pulled"
        f" -i inventory --connection local --limit {NODES[0]} site.yml"
    )
    assert recap(project.on(NODES[0], pull))[NODES[0]]["changed"] == 1
    assert "10.244.1.0/24 via 192.168.32.246" in project.on(NODES[0], "ip route")
    assert recap(project.on(NODES[0], pull))[NODES[0]]["changed"] == 0
