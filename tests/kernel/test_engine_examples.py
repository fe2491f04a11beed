# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples that need a container engine run as they stand; those of the other modules, see tests/site."""

import pytest
import yaml
from ansible_collections.nodenet.fabric.plugins.modules import container_network, netns
from engines import cni, docker, engines, podman  # noqa: F401 pylint: disable=unused-import


@pytest.mark.parametrize("module", [container_network, netns], ids=["container_network", "netns"])
def test_the_examples_of_a_module_run_as_they_stand(docker, podman, cni, module):  # noqa: F811
    podman.start("web")
    for task in yaml.safe_load(module.EXAMPLES):
        ((name, options),) = ((key.rpartition(".")[2], value) for key, value in task.items() if key != "name")
        several = options.items() if name == "arrange" else ()
        for kind, config in several:
            assert docker.node.task(kind, config=config)["changed"], task
        if not several:
            # an example may have removed it by purge
            assert docker.node.task(name, **options)["changed"] or options.get("state") == "absent", task
            assert not docker.node.task(name, **options)["changed"], task
