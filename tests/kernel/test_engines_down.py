# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker that is installed and does not run: what a user reads when its network is to be made, or removed."""

from __future__ import annotations

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError
from ansible_collections.nodenet.fabric.plugins.module_utils.system import engines as asked
from ansible_collections.nodenet.fabric.plugins.modules import sweep
from engines import docker, engines  # noqa: F401 pylint: disable=unused-import

NETWORK = {
    "name": "fabric",
    "engine": "docker",
    "bridge": "br0",
    "mtu": 1400,
    "subnets": [{"subnet": "10.9.0.0/24", "gateway": "10.9.0.1"}],
}
DOWN = r"docker's daemon does not answer on /run/docker.sock \(.*\): start it \(systemctl start docker\)"


def remove_all(check=False, **options):
    return sweep.perform({"except_sets": [], "promised": [], **options}, check)


def test_to_make_a_network_is_an_error_unless_the_engine_is_optional(engines):  # noqa: F811
    engines.task("bridge", name="br0")
    with pytest.raises(FabricError, match=DOWN):
        engines.task("container_network", **NETWORK)
    found = engines.task("container_network", **NETWORK, optional=True)
    assert not found["changed"] and len(found["warnings"]) == 1
    assert found["warnings"][0].startswith("docker was left out: docker's daemon does not answer")


def test_to_remove_all_is_refused_with_what_to_do_unless_the_network_may_stay(docker):  # noqa: F811
    node = docker.node
    node.task("bridge", name="br0")
    node.task("container_network", **NETWORK)
    docker.daemon.stop()
    for check in (True, False):
        with pytest.raises(FabricError, match=DOWN + ".*fabric_engines_optional: true.*nothing was changed$"):
            remove_all(check, engines=["docker", "podman"])
    assert "br0" in node.sh("ip link show br0")

    (warning,) = remove_all(engines=["docker"], engines_optional=True)["warnings"]
    assert warning.startswith("docker's network of the fabric is left if there is one: docker's daemon does not answer")
    assert "br0" not in node.sh("ip -br link")
    docker.daemon.start()
    assert docker.networks() == ["fabric"]
    node.sh(warning.partition(" and type ")[2])
    assert docker.networks() == []


def test_nobody_is_asked_who_was_not_named_or_is_not_installed(engines, monkeypatch):  # noqa: F811
    engines.task("bridge", name="br0")
    assert "warnings" not in remove_all(True) and "warnings" not in remove_all(True, engines=["cni", "systemd"])
    monkeypatch.setitem(asked.SOFTWARE, "docker", (("/nonexistent",), "docker.io"))
    assert "warnings" not in remove_all(engines=["docker"])


def test_a_daemon_that_runs_is_asked_without_a_word(docker):  # noqa: F811
    docker.node.task("bridge", name="br0")
    docker.node.task("container_network", **NETWORK)
    found = remove_all(engines=["docker"])
    assert "warnings" not in found and docker.networks() == []
