# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process on a machine that has imported the module arrange and forks for each run of it: an emulated machine takes seconds
to start Python.

:class:`Worker` is the end on this machine. The file itself runs on the other one, where each line of standard input is a run.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

PLACE = "/root/nodenet-worker"
SENT = ("ansible/__init__.py", "ansible/release.py", "ansible/_vendor", "ansible/module_utils")


class Worker:
    """Runs arrange on a machine.

    :param machine: of the fleet.
    """

    def __init__(self, machine, files=()):
        self._command = [*machine.ssh_command(), "sudo"]
        self._send(files)
        program = f"{PLACE}/{Path(__file__).name}"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(self.words("python3", program), text=True, **pipes)
        assert self._process.stdout.readline() == "ready\n"

    def words(self, *words):
        """Return the words of a command that runs on the machine as root."""
        return [*self._command, "env", f"PYTHONPATH={PLACE}", "PYTHONDONTWRITEBYTECODE=1", *words]

    def _send(self, files):
        import ansible  # noqa: PLC0415 the machine has none

        root, content = Path(ansible.__file__).parent.parent, io.BytesIO()
        ours = Path(__file__).absolute().parents[2] / "plugins" / "module_utils"
        with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as archive:
            for name in SENT:
                archive.add(root / name, name, filter=_is_source)
            package = "ansible_collections/nodenet/fabric/plugins/module_utils"
            archive.add(ours, package, filter=_is_source)
            for path in (__file__, *files):
                archive.add(path, Path(path).name)
        unpack = f"mkdir -p {PLACE} && tar -xzf - -C {PLACE} && python3 -m compileall -q {PLACE}/ansible_collections"
        found = subprocess.run([*self._command, "sh", "-c", f"'{unpack}'"], input=content.getvalue(), check=False)
        assert found.returncode == 0

    def ask(self, params):
        """Begin a run of arrange."""
        self._process.stdin.write(json.dumps(params) + "\n")
        self._process.stdin.flush()

    def answer(self):
        """Wait for its end, and return its result."""
        found = json.loads(self._process.stdout.readline())
        assert "failure" not in found, found["failure"]
        return found

    def close(self):
        """End the process; nothing is left on the machine."""
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()
        subprocess.run([*self._command, "rm", "-rf", PLACE], check=True)


def run_all(workers, params):
    """Run arrange on several machines at a time; return name -> result.

    :param workers: name -> Worker; ``params``: name -> the options.
    """
    for name, worker in workers.items():
        worker.ask(params[name])
    return {name: worker.answer() for name, worker in workers.items()}


def _is_source(entry):
    return None if "__pycache__" in entry.name else entry


def _serve():
    from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import arrange  # noqa: PLC0415

    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _run(arrange, json.loads(line))
        os.waitpid(child, 0)


def _run(arrange, params):
    """Print the result of a run in one line, and end this process."""
    try:
        found = arrange(params, False)
        found = {name: found[name] for name in ("changed", "commands", "remaining") if name in found}
    except Exception as failure:  # it is said on the other end
        found = {"failure": f"{type(failure).__name__}: {failure}"}
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    _serve()
