# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles read of a node with engines."""

from __future__ import annotations

import copy

from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.validation import faults_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model
from inventories import SOUND

RANGE = {"fabric_engines": ["docker"]}
DUAL = {"fabric_node_subnet6": "fd00:5::/64", "fabric_node_address6": "fd00::5"}


def hosts(common=None, **variables):
    """Return the inventory, with ``common`` for all nodes and ``variables`` for vm5."""
    found = {name: {**values, **(common or {})} for name, values in copy.deepcopy(SOUND).items()}
    found["vm5"].update(variables)
    return found


def seen(common=None, **variables):
    """Return the model of vm5."""
    inventory = hosts(common, **variables)
    assert faults_of(inventory) == []
    return node_model(fabric_model(inventory), "vm5")


def test_the_bridge_is_there_for_containers_alone():
    alone = seen(**RANGE, fabric_endpoints=[])
    assert [one["prefix"] for one in alone["bridge"]["gateways"]] == ["10.245.0.1/24"]
    assert [part["role"] for part in alone["arrangement"]] == ["bridge", "host_gw", "engines"]
    assert "fabric0" in alone["ours"]["interfaces"]
    beside = seen(**RANGE, fabric_endpoints=[{"name": "a", "attachment": "routed"}])
    (proxy,) = beside["bridge"]["proxies"]
    assert proxy["addresses"] == [beside["routed"]["addresses"][0]["address"]]
    assert beside["routed"]["blocks"] == []
    without = seen(fabric_endpoints=[{"name": "a", "attachment": "routed"}])
    assert without["bridge"]["gateways"] == [] and without["routed"]["blocks"]


def test_each_engine_has_a_network_and_each_set_its_files():
    found = seen({"fabric_backend": "vxlan"}, fabric_engines=["docker", "cni"])
    assert found["engines"]["docker"] == [
        {
            "engine": "docker",
            "name": "fabric",
            "bridge": "fabric0",
            "mtu": 1450,
            "subnets": [{"subnet": "10.245.0.0/24", "gateway": "10.245.0.1", "range": "10.245.0.128/26"}],
            "trusted_interfaces": ["vxlan1"],
            "trusted_addresses": ["192.168.32.5"],
            "optional": False,
        }
    ]
    assert found["engines"]["podman"] == [] and found["engines"]["cni"][0]["subnets"][0]["range"] == "10.245.0.192/26"
    env, tmpfiles = found["engines"]["files"]["cni"]
    assert env == {
        "path": "/run/flannel/subnet.env",
        "content": "FLANNEL_NETWORK=10.244.0.0/14\nFLANNEL_SUBNET=10.245.0.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n",
    }
    line = env["content"].replace("\n", "\\n")
    assert tmpfiles["content"].endswith(f"/subnet.env 0644 root root - # nodenet.fabric/cni\\n{line}\n")
    assert {"docker", "cni"} <= set(found["owners"]) and not {"podman", "systemd", "names"} & set(found["owners"])
    assert {"docker", "podman", "cni", "systemd", "names"} <= set(found["all_owners"])


def test_tunnels_to_single_peers_are_trusted_by_their_names():
    found = seen({"fabric_backend": "ipip", "fabric_ipip_pairs": True}, **RANGE)
    assert found["engines"]["docker"][0]["trusted_interfaces"] == [one["name"] for one in found["ipip"]["devices"]]
    assert seen(**RANGE)["engines"]["docker"][0]["trusted_interfaces"] == []


def test_flannels_file_has_both_families():
    inventory = hosts({"fabric_node_address6": "fd00::1", "fabric_engines": ["cni"]})
    for number, values in zip((5, 6), inventory.values()):
        values.update(fabric_node_address6=f"fd00::{number}", fabric_node_subnet6=f"fd00:{number}::/64")
    assert faults_of(inventory) == []
    text = node_model(fabric_model(inventory), "vm6")["engines"]["files"]["cni"][0]["content"]
    assert "FLANNEL_IPV6_NETWORK=fd00:4::/30\nFLANNEL_IPV6_SUBNET=fd00:6::1/64\n" in text


def test_a_service_has_a_drop_in_and_its_name_servers():
    found = seen(
        fabric_engines=["systemd"], fabric_endpoints=[{"name": "web", "service": "web.service"}, {"name": "b"}]
    )
    drop_in, resolver = found["engines"]["files"]["systemd"]
    assert drop_in["path"] == "/etc/systemd/system/web.service.d/nodenet-fabric.conf"
    assert "NetworkNamespacePath=/run/netns/web\n" in drop_in["content"]
    assert resolver == {"path": "/etc/netns/web/resolv.conf", "name_servers": True}


def test_the_names_of_nodes_and_endpoints():
    endpoints = [{"name": "web", "address": "10.245.0.9"}, {"name": "ns6", "address": "10.245.0.10"}]
    found = seen(fabric_hosts_file=True, fabric_endpoints=endpoints)
    files = found["engines"]["files"]["names"]
    assert [one["path"] for one in files] == ["/etc/netns/web/hosts", "/etc/netns/ns6/hosts", "/etc/nodenet/hosts"]
    assert files[0]["content"].splitlines()[2:] == [
        "192.168.32.5 vm5",
        "192.168.32.6 vm6",
        "10.245.0.9 web.vm5 web",
        "10.245.0.10 ns6.vm5",  # vm6 has one of that name, too
        "10.246.0.2 ns6.vm6",
    ]
    assert seen()["engines"]["files"]["names"] == []


def test_a_node_that_is_called_by_its_address_has_no_name():
    inventory = {
        ("192.0.2.7" if name == "vm6" else name): values for name, values in hosts({"fabric_hosts_file": True}).items()
    }
    text = node_model(fabric_model(inventory), "vm5")["engines"]["files"]["names"][0]["content"]
    assert "192.168.32.5 vm5\n" in text and "192.168.32.6" not in text and "10.246.0.2 ns6\n" in text


def test_containers_and_processes_are_told_to_the_roles():
    container = {"engine": "docker", "name": "x"}
    for attachment, part in (("bridge", "endpoints"), ("routed", "endpoints"), ("direct", "namespaces")):
        endpoints = [{"name": "a", "container": container}, {"name": "b", "pid": "77"}, {"name": "c"}]
        records = seen(fabric_attachment=attachment, fabric_endpoints=endpoints)[attachment][part]
        assert [(one.get("container"), one.get("pid")) for one in records] == [
            (container, None),
            (None, "77"),
            (None, None),
        ]


def test_podmans_masquerading_is_held_off():
    assert [one["keep"] for one in seen(fabric_engines=["podman"])["masquerade"]] == [True]
    assert all("keep" not in one for one in seen(fabric_engines=["systemd"])["masquerade"])
    # nobody is to see another source then
    (rule,) = seen(fabric_engines=["podman"], fabric_masquerade=False)["masquerade"]
    assert rule["keep"] and rule["masquerade"] is False
    assert seen(fabric_engines=["docker"], fabric_masquerade=False)["masquerade"] == []


def test_a_port_keeps_the_bridge_that_podman_would_delete():
    found = seen(fabric_engines=["podman"])
    (port,) = found["engines"]["ports"]
    assert port["master"] == "fabric0" and not port["up"] and not port["peer"]["up"]
    assert {port["name"], port["peer"]["name"]} <= set(found["ours"]["interfaces"])
    assert seen(**RANGE)["engines"]["ports"] == []
    taken = faults_of(hosts(fabric_engines=["podman"], fabric_bridge="fabric-keep"))
    assert len(taken) == 1 and "which is fabric_bridge: choose another name" in taken[0]
