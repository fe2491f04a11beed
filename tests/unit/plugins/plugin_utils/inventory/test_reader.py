# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles used alone read: the inventory, once in a run, and again where it has changed."""

from __future__ import annotations

import pytest
from ansible import constants as C
from ansible.errors import AnsibleError
from ansible_collections.nodenet.fabric.plugins.plugin_utils import reader


class Variables:
    """What Ansible hands to a lookup on one host, over the variables of all hosts; it counts who is read."""

    def __init__(self, hosts):
        self.hosts, self.reads = hosts, 0

    def __contains__(self, host):
        return host in self.hosts

    def __getitem__(self, host):
        self.reads += 1
        return self.hosts[host]

    def raw_get(self, host):
        return self[host]

    def seen_by(self, host):
        return {"inventory_hostname": host, "groups": {"fabric": list(self.hosts)}, "hostvars": self}


@pytest.fixture
def variables(monkeypatch, tmp_path):
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return Variables(
        {
            f"vm{number}": {
                "fabric_node_address": f"192.0.2.{number}",
                "fabric_node_subnet": f"10.0.{number}.0/24",
                "ansible_host": "elsewhere",
            }
            for number in range(1, 6)
        }
    )


def peers(variables, host):
    return [peer["via"] for peer in reader.node_of(variables.seen_by(host), host)["peers"]]


def test_one_host_reads_the_inventory_for_all(variables):
    assert peers(variables, "vm1") == [f"192.0.2.{number}" for number in (2, 3, 4, 5)]
    assert variables.reads == 1 + 5
    assert peers(variables, "vm2")[0] == "192.0.2.1"
    assert peers(variables, "vm1")[0] == "192.0.2.2"
    # each only its own, to see whether it has changed
    assert variables.reads == 1 + 5 + 1 + 1
    assert list(reader.model_of(variables.seen_by("vm3"))["nodes"]) == [f"vm{number}" for number in range(1, 6)]
    assert variables.reads == 1 + 5 + 1 + 1 + 1


def test_it_is_read_again_where_the_asking_host_has_changed_and_then_for_all(variables):
    peers(variables, "vm1")
    variables.hosts["vm2"]["fabric_node_address"] = "192.0.2.22"
    assert peers(variables, "vm1")[0] == "192.0.2.2"
    reader.node_of(variables.seen_by("vm2"), "vm2")
    assert peers(variables, "vm1")[0] == "192.0.2.22"


def test_validate_reads_it_again(variables):
    peers(variables, "vm1")
    variables.hosts["vm2"]["fabric_node_address"] = "192.0.2.22"
    reader.read(variables.seen_by("vm1"))
    assert peers(variables, "vm1")[0] == "192.0.2.22"


def test_what_playbooks_register_is_no_change(variables):
    peers(variables, "vm1")
    before = variables.reads
    variables.hosts["vm1"]["fabric_checked"] = {"fabric_inventory": {}}
    peers(variables, "vm1")
    assert variables.reads == before + 1


def test_faults_are_told_to_every_role_and_nothing_is_kept(variables):
    variables.hosts["vm2"]["fabric_node_subnet"] = "10.0.1.0/24"
    for host in ("vm1", "vm3"):
        with pytest.raises(reader.InventoryError, match="The inventory has a fault") as refused:
            peers(variables, host)
        assert len(refused.value.faults) == 1
    variables.hosts["vm2"]["fabric_node_subnet"] = "10.0.2.0/24"
    assert len(peers(variables, "vm3")) == 4


def test_a_host_that_is_no_node_is_told(variables):
    with pytest.raises(reader.InventoryError, match="no node 'vm9': the inventory's group fabric has no such host"):
        peers(variables, "vm9")


def test_a_part_is_of_a_role_that_the_inventory_uses(variables):
    view = reader.node_of(variables.seen_by("vm1"), "vm1")
    assert reader.part_of(view, "host_gw")["peers"] == view["peers"]
    assert reader.part_of(view, "mtu") == 1500
    for part, meant in (("vxlan", "Set fabric_backend: vxlan"), ("routed", "Set fabric_attachment: routed")):
        with pytest.raises(AnsibleError, match=f"nodenet.fabric.{part} has nothing to do on vm1.*{meant}"):
            reader.part_of(view, part)
    with pytest.raises(AnsibleError, match="no part 'brige'; there are: name, address"):
        reader.part_of(view, "brige")
