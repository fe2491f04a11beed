# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret of a task is in what Ansible shows of it, however much it is asked to show."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.node.requirements import missing_features
from ansible_collections.nodenet.fabric.plugins.module_utils.system import keys, x25519

PRIVATE = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo="  # RFC 7748, 6.1
PUBLIC = keys.encoded(x25519.public_of(keys.decoded(PRIVATE)))
PEER = keys.encoded(bytes([7] * 32))
PRESHARED = keys.encoded(bytes(range(100, 132)))
DIGEST = keys.digest_of(keys.decoded(PRESHARED))
SECRETS = [PRIVATE, PRESHARED]

TASKS = [
    {"nodenet.fabric.wireguard": {"config": [{"name": "wg0", "private_key": PRIVATE}]}},
    {"nodenet.fabric.wireguard": {"name": "wg0", "private_key": PRIVATE, "public_key": PEER}, "ignore_errors": True},
    {"nodenet.fabric.wireguard_peer": {"dev": "wg0", "public_key": PEER, "preshared_key": PRESHARED}},
    {
        "nodenet.fabric.arrange": {
            "keys": {"private": [PRIVATE], "preshared": [PRESHARED]},
            "owner": "other",
            "wireguard": [{"name": "wg1", "public_key": PUBLIC}],
            "wireguard_peer": [{"dev": "wg1", "public_key": PEER, "preshared_key_digest": DIGEST}],
        }
    },
]


def played(tmp_path, *options):
    """Return what Ansible shows of the tasks, with all that it can show."""
    playbook = tmp_path / "tasks.yml"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": TASKS}]), encoding="utf-8")
    python = ["-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    program = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    command = [program, "-i", "localhost,", *python, str(playbook), "--diff", "-vvvv", *options]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


# in check mode any kernel does
@pytest.mark.parametrize("options", [["--check"], *([] if missing_features(["wireguard"]) else [[]])])
@pytest.mark.usefixtures("own_etc")
def test_no_secret_is_in_what_ansible_shows(node, tmp_path, options):
    output = played(tmp_path, *options)
    assert output.count("module_args") >= 4 and "is not the public key of private_key" in output
    assert f"private-key {keys.private_path(PUBLIC)}" in output and keys.preshared_path(DIGEST) in output
    assert not any(secret in output or secret[5:25] in output for secret in SECRETS), output
    assert os.path.exists(keys.FOLDER) is (not options)
    # nor is one in what is noted on the node
    noted = node.sh("cat /run/nodenet/* 2>/dev/null; true")
    assert bool(noted) is (not options) and not any(secret[5:25] in noted for secret in SECRETS)
