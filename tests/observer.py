# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides about packets on the nodes of a lab, as fabric_info returns it: a process on each node that reads it again and again.

A module that is started anew for each reading would take a quarter of a second to import.
"""

import importlib
import json
import subprocess
import sys

PARAMS = {"netns": None, "ours": False, "learned": False, "network": True, "engines": None, "promised": []}


class Observer:
    """Reads the nodes of a lab.

    :param entrances: node -> the namespaces of a host of a lab, a :class:`processes.Entrance`.
    """

    def __init__(self, entrances):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._readers = {
            node: subprocess.Popen([*entrance.words(), "--", sys.executable, __file__], **pipes)
            for node, entrance in entrances.items()
        }

    def read(self, nodes):
        """Return the states of ``nodes``; they read at the same time."""
        for node in nodes:
            self._readers[node].stdin.write("\n")
            self._readers[node].stdin.flush()
        return {node: {"node": node, **json.loads(self._readers[node].stdout.readline())} for node in nodes}

    def close(self):
        for reader in self._readers.values():
            reader.stdin.close()
            reader.wait(timeout=10)
            reader.stdout.close()


def _serve():
    perform = importlib.import_module("ansible_collections.nodenet.fabric.plugins.modules.fabric_info").perform
    for _line in sys.stdin:
        print(json.dumps(perform(PARAMS)["network"]), flush=True)


if __name__ == "__main__":
    _serve()
