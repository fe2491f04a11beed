# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: what CNI's cnitool does, which Debian does not have: ``cnitool.py add|del NETWORK NAMESPACE``.

See the CNI specification, "Section 3: Execution of Network Configurations".
"""

import glob
import hashlib
import json
import os
import subprocess
import sys

PLUGINS = "/usr/lib/cni"
RESULTS = "/var/lib/cni/results"


def network(name):
    for path in sorted(glob.glob("/etc/cni/net.d/*.conflist")):
        with open(path, encoding="utf-8") as source:
            found = json.load(source)
        if found["name"] == name:
            return found
    sys.exit(f"no network {name} in /etc/cni/net.d")


def run(plugin, given, command, container, namespace):
    variables = {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": container,
        "CNI_NETNS": namespace,
        "CNI_IFNAME": "eth0",
        "CNI_PATH": PLUGINS,
    }
    done = subprocess.run(
        [f"{PLUGINS}/{plugin}"],
        input=json.dumps(given),
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{plugin}: {done.stdout}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def main():
    command, name, namespace = sys.argv[1:]
    found = network(name)
    container = f"cnitool-{hashlib.sha256(namespace.encode()).hexdigest()[:20]}"
    kept = f"{RESULTS}/{name}-{container}-eth0"
    common = {"cniVersion": found["cniVersion"], "name": name}
    if command == "add":
        result = None
        for plugin in found["plugins"]:
            given = {**plugin, **common, **({"prevResult": result} if result else {})}
            result = run(plugin["type"], given, "ADD", container, namespace)
        os.makedirs(RESULTS, exist_ok=True)
        with open(kept, "w", encoding="utf-8") as target:
            json.dump(result, target)
    else:
        # of a namespace that a reboot took, the address is still given back
        with open(kept, encoding="utf-8") as source:
            result = json.load(source)
        for plugin in reversed(found["plugins"]):
            run(plugin["type"], {**plugin, **common, "prevResult": result}, "DEL", container, namespace)
        os.remove(kept)


main()
