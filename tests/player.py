# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook and ansible, run by a process that has imported Ansible already and forks for each run: half of a short run's time.

What runs is Ansible's own main function in a process of its own, with its own output. Ansible reads its settings from the
environment when it is imported: a run with other ANSIBLE_* variables than the process began with imports it anew.
"""

import ctypes
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

PLAYBOOK = "ansible-playbook"
PROGRAMS = {PLAYBOOK: "playbook", "ansible": "adhoc"}  # -> the module of ansible.cli
COLLECTION = "nodenet.fabric"
# linux/sched.h
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
SANDBOX = """
mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir /run/netns /run/etc /run/work && ip link set lo up &&
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work /etc
"""


class Player:
    """Runs these programs by the process behind it, from :meth:`start` to :meth:`close`."""

    def __init__(self):
        self._server = self._settings = None

    def start(self, cwd, environment=None):
        """Start the process, in the folder that has the ansible.cfg of all runs.

        :param environment: that of the runs, where it is not this process's own.
        """
        self._settings = _settings()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._server = subprocess.Popen([sys.executable, __file__], cwd=cwd, env=environment, text=True, **pipes)

    def run(self, words, cwd, sandbox=False, program=PLAYBOOK):
        """Run ``program`` with these arguments and return the finished process, its output as text.

        :param sandbox: it has a network, a /run and an /etc of its own, which end with it.
        """
        if _settings() != self._settings:
            assert not sandbox, "a run with other settings is none of the process behind"
            return subprocess.run([program, *words], cwd=cwd, capture_output=True, text=True, check=False)
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            places = [f"/proc/{os.getpid()}/fd/{stream.fileno()}" for stream in (out, err)]
            self._server.stdin.write(json.dumps([program, list(words), str(cwd), places, sandbox]) + "\n")
            self._server.stdin.flush()
            code = int(self._server.stdout.readline())
            for stream in (out, err):
                stream.seek(0)
            return subprocess.CompletedProcess([program, *words], code, out.read(), err.read())

    def close(self):
        """End the process."""
        self._server.stdin.close()
        self._server.wait(timeout=10)
        self._server.stdout.close()


def _settings():
    return {name: value for name, value in os.environ.items() if name.startswith("ANSIBLE_")}


def _serve():
    """Fork for each line of standard input, and answer with the status of what ran."""
    _prepare()
    for line in sys.stdin:
        program, words, cwd, places, sandbox = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _play(program, words, cwd, places, sandbox)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        _clear()
        print(code, flush=True)


def _clear():
    """Empty the folder for temporary files, which is another for each ansible-playbook; modules are packed once for all."""
    folder = Path(sys.modules["ansible.constants"].DEFAULT_LOCAL_TMP)
    for path in folder.iterdir():
        if path.name != "ansiballz_cache":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _prepare():
    """Import and read what each run does: Ansible, its plugins' documentation, the collection's plugins."""
    for name in (
        "cli.playbook",
        "cli.adhoc",
        "executor.playbook_executor",
        "plugins.strategy.linear",
        "plugins.action.normal",
    ):
        importlib.import_module(f"ansible.{name}")
    loader = importlib.import_module("ansible.plugins.loader")
    loader.init_plugin_loader()
    # a run does the same, and would find that it is done already
    warnings.filterwarnings("ignore", message="AnsibleCollectionFinder has already been configured")
    # not vars_loader: a run that finds it used already asks no vars plugin, and reads no group_vars and host_vars
    for plugins in (loader.inventory_loader, loader.callback_loader, loader.shell_loader):
        list(plugins.all(class_only=True))
    for plugins in (loader.filter_loader, loader.test_loader):
        list(plugins.all())
    package = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins")
    for kind in ("plugin_utils", "action", "connection", "filter", "lookup"):
        folder = os.path.join(os.path.dirname(package.__file__ or package.__path__[0]), kind)
        for module in pkgutil.walk_packages([folder], f"{package.__name__}.{kind}."):
            importlib.import_module(module.name)


def _enter_sandbox():
    """Move this process to a network and mounts of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["sh", "-c", SANDBOX], check=True)


def _play(program, words, cwd, places, sandbox):
    """Be ``program``, in a process that was forked for it; does not return."""
    code = 250
    try:
        os.chdir(cwd)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, place in enumerate(places, 1):
            os.dup2(os.open(place, os.O_WRONLY), number)
        if sandbox:
            _enter_sandbox()
        sys.argv = [program, *words]
        sys.modules[f"ansible.cli.{PROGRAMS[program]}"].main()
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # the folder for temporary files is the server's, and goes with it
        os._exit(code)


if __name__ == "__main__":
    _serve()
