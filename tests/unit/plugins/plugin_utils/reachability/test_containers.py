# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running containers ask and are asked as endpoints of the inventory."""

from __future__ import annotations

from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.containers import (
    container_faults,
    container_lines,
    registered_by,
    with_containers,
)
from ansible_collections.nodenet.fabric.plugins.plugin_utils.reachability.expectations import Expectations


def node(number, **more):
    return {"fabric_node_address": f"192.0.2.{number}", "fabric_node_subnet": f"10.{number}.0.0/24", **more}


MODEL = fabric_model(
    {"vm1": node(1, fabric_endpoints=[{"name": "web", "address": "10.1.0.2"}]), "vm2": node(2), "vm3": node(3)}
)
WEB = {"engine": "podman", "name": "web", "pid": 4711, "addresses": ["10.2.0.129", "fd00::9"]}
DB = {"engine": "docker", "name": "db", "pid": 4712, "addresses": ["10.2.0.193"]}
FOUND = {
    "vm1": {"containers": [], "engines": {"docker": "docker does not answer"}},
    "vm2": {"containers": [WEB, DB], "engines": {"podman": "", "docker": ""}},
    "vm3": None,
}


def asked(model, name):
    """Return namespace -> its targets by name, with the TTL that is expected."""
    probes = Expectations(model).probes_from(name)
    return {probe["netns"]: {one["name"]: one["ttl"] for one in probe["targets"]} for probe in probes}


def test_a_container_asks_all_and_all_ask_it():
    model = with_containers(MODEL, FOUND)
    path = "/proc/4711/ns/net"
    assert asked(model, "vm2")[path] == {"web": 62, "docker:db": 64, "vm1": 63, "vm2": 64, "vm3": 63}
    assert asked(model, "vm1")["web"] == {"podman:web": 62, "docker:db": 62, "vm1": 64, "vm2": 63, "vm3": 63}
    assert asked(model, "vm3") == {"": {"web": 63, "podman:web": 63, "docker:db": 63}}
    assert Expectations(model).labels()[:3] == ["web", "podman:web", "docker:db"]


def test_without_containers_nothing_is_different():
    only = {"web": {"vm1": 64, "vm2": 63, "vm3": 63}, "": {"web": 64}}
    assert asked(with_containers(MODEL, {}), "vm1") == asked(MODEL, "vm1") == only


def test_a_path_between_nodes_is_measured_from_a_container_where_there_is_no_endpoint():
    assert Expectations(MODEL).paths_from("vm2") == []
    (path,) = Expectations(with_containers(MODEL, FOUND)).paths_from("vm2")
    assert (path["netns"], path["name"], path["target"]) == ("/proc/4711/ns/net", "podman:web", "web")


def test_the_report_counts_them_by_engine_and_names_an_engine_that_is_silent():
    assert container_lines(FOUND) == ["running containers that were asked: docker 1, podman 1"]
    assert container_faults(FOUND) == ["vm1: docker could not be asked for its containers: docker does not answer"]
    assert container_lines({}) == [] == container_faults({"vm3": None})


def test_what_a_node_registered_is_taken_as_it_was():
    class HostVars:
        def raw_get(self, name):
            return {"vm1": {"found": FOUND["vm1"]}, "vm2": {"found": {"skipped": True}}, "vm3": {}}[name]

    assert registered_by(HostVars(), ["vm1", "vm2", "vm3"], "found") == {**FOUND, "vm2": None}
    assert registered_by(HostVars(), ["vm1"], None) == {}
