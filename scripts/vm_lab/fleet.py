# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines for the inventory of an example, or for one after another: the same machines, cabled anew.

What they are made of is kept in the cache, ``~/.cache/nodenet`` or ``NODENET_CACHE``: the image, the keys, and a folder for
each fleet that runs. Nothing of it touches this machine's network but ports of its loopback.
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import random
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from image import USER, image
from machine import SEGMENTS, Cables, Machine
from underlay import assigned, hosts_of, underlay

ROOT = Path(__file__).resolve().parent.parent.parent
ROUTER = "router"
# below the ports that the kernel gives to those who ask for any (ip_local_port_range)
PORTS = range(20000, 32000)


def cache_folder():
    # not HOME, which the tests have of their own: an image takes a minute to make
    return Path(os.environ.get("NODENET_CACHE") or Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache" / "nodenet")


class Fleet:
    """The machines vm1, vm2 … and a router.

    :param name: of the fleet; the same name in another clone is another fleet.
    :param nodes: how many machines there are beside the router; without it as many as run, or four.
    :param extra: what their image has beside the usual, see :data:`image.EXTRA`.
    :param router: whether there is one; without it the nodes are on one L2, and nobody is outside.
    """

    def __init__(self, name="vms", nodes=None, extra=(), router=True):
        digest = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
        self.cache, self.extra, self.name = cache_folder(), tuple(extra), name
        self.folder = self.cache / "fleets" / f"{name}-{digest}"
        self.keys = self.cache / "keys"
        self.overlays = ROOT / ".cache" / "vms" / name
        self.cables = Cables(self.folder)
        nodes = nodes or (self.cables.pid and len(list(self.folder.glob("vm*.qcow2")))) or 4
        self.nodes = [f"vm{number}" for number in range(1, nodes + 1)]
        self.machines = {
            machine: Machine(self.folder, machine, number, [machine], self.keys)
            for number, machine in enumerate(self.nodes, 1)
        }
        cables = [f"{ROUTER}{number}" for number in range(SEGMENTS)]
        if router:
            self.machines[ROUTER] = Machine(self.folder, ROUTER, 0, cables, self.keys)
        self._image = None
        self.assigned = {}  # host of the inventory -> machine

    @property
    def image(self):
        """What the machines boot from; made if there is none."""
        if not self._image:
            self.cache.mkdir(parents=True, exist_ok=True)
            # two that want the same image make it once
            with (self.cache / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._make_keys()
                self._image = image(self.cache / "images", self.keys, self.extra)
        return self._image

    def _make_keys(self):
        self.keys.mkdir(exist_ok=True)
        for name in ("user", "host"):
            if not (self.keys / f"{name}.pub").exists():
                words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"nodenet-{name}", "-f", self.keys / name]
                subprocess.run(words, check=True)

    @property
    def runs(self):
        return bool(self.cables.pid) and all(machine.pid for machine in self.machines.values())

    def up(self):
        """Boot all of them on fresh disks, and wait until they are there."""
        made = self.image
        self.down()
        self.folder.mkdir(parents=True)
        host_key = (self.keys / "host.pub").read_text(encoding="utf-8")
        (self.folder / "known_hosts").write_text(f"nodenet-machine {host_key}", encoding="utf-8")
        ports = _free_ports()
        try:
            self.cables.lay(self.nodes, ROUTER, ports)
            for machine in self.machines.values():
                machine.install(made, next(ports))
                machine.start(made)
            self.each(self.wait, self.machines)
        except BaseException:
            self.down()
            raise

    def down(self):
        """End all of them; nothing is left but the image."""
        for pidfile in self.folder.glob("*.pid"):
            # of a fleet that had more machines, too
            Machine(self.folder, pidfile.stem, 0, [], self.keys).kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.overlays, ignore_errors=True)

    def each(self, act, names):
        """Do a thing to several machines at a time, and return what came of it for each."""
        names = list(names)
        with ThreadPoolExecutor(len(names)) as pool:
            return dict(zip(names, pool.map(act, names)))

    # -- one machine

    def ssh(self, name, script, check=True, timeout=120):
        """Run a shell script on a machine as root and return the finished process.

        :raises AssertionError: it failed; its output is in the message.
        """
        words = [*self.machines[name].ssh_command(), "sudo", "sh", "-s"]
        found = subprocess.run(words, input=script, capture_output=True, text=True, check=False, timeout=timeout)
        assert not check or found.returncode == 0, f"{name}: {script}: {found.stdout}{found.stderr}"
        return found

    def output(self, name, script):
        """Return what a script prints."""
        return self.ssh(name, script).stdout

    def boot(self, name):
        """Return the identity of the machine's boot, or None: it does not answer."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            found = self.ssh(name, "cat /proc/sys/kernel/random/boot_id", check=False, timeout=20)
            return found.stdout.strip() or None
        return None

    def wait(self, name, other_than=None, timeout=600):
        """Wait until a machine has booted and return what systemd says of it: ``running``, or ``degraded``.

        :param other_than: the boot that is over.
        """
        deadline = time.monotonic() + timeout
        while self.boot(name) in (None, other_than):
            machine = self.machines[name]
            machine.hang_up()
            if not machine.pid:
                raise RuntimeError(f"{name} has ended")
            if time.monotonic() > deadline:
                console = self.folder / f"{name}.console"
                raise TimeoutError(f"{name} does not answer:\n{console.read_text(errors='replace')[-3000:]}")
            time.sleep(0.5)
        return self.ssh(name, "systemctl is-system-running --wait", check=False, timeout=timeout).stdout.strip()

    def reboot(self, *names):
        """Have machines reboot as a person does, and wait for them; return what systemd says then."""

        def one(name):
            before = self.boot(name)
            self.ssh(name, "systemctl reboot", check=False)
            self.machines[name].hang_up()
            return self.wait(name, other_than=before)

        return self.each(one, names)

    def kill(self, *names):
        """Cut the power of machines."""
        for name in names:
            self.machines[name].kill()

    def start(self, *names):
        """Switch machines on, and wait for them."""
        for name in names:
            self.machines[name].start(self.image)
        return self.each(self.wait, names)

    def renew(self, name):
        """Put a fresh disk into a machine: what it was is lost, its place on the underlay is not."""
        machine = self.machines[name]
        machine.kill()
        machine.install(self.image, machine.ssh_port)
        self.start(name)
        self._settle(name)

    # -- the underlay

    def arrange(self, inventory):
        """Make the machines the hosts of an inventory: cables, addresses, router, what is outside.

        :param inventory: a file; not a folder, whose ``lab.yml`` would make it a lab of namespaces.
        :returns: the overlay, an inventory that says how Ansible reaches them.
        """
        inventory = Path(inventory)
        hosts = hosts_of(inventory)
        router = ROUTER if ROUTER in self.machines else None
        for name, (segment, script) in underlay(hosts, self.nodes, router).items():
            if segment is not None:
                self.cables.plug(name, segment)
            (self.folder / f"{name}.underlay").write_text(script, encoding="utf-8")
        # at once: one who asks before the other has its address remembers for a while that nobody answered
        self.each(self._settle, self.machines)
        self.assigned = assigned(hosts, self.nodes)
        return self._overlay(inventory)

    def _settle(self, name):
        """Have a machine be on the underlay what it was said to be, now and at each boot."""
        script = self.folder / f"{name}.underlay"
        if script.exists():
            text = script.read_text(encoding="utf-8")
            write = f"cat >/etc/nodenet-underlay <<'END'\n{text}END\n"
            self.ssh(name, f"set -e\n{write}systemctl restart nodenet-underlay\nsync\n")

    def _overlay(self, inventory):
        ways = {host: self.machines[machine].inventory() for host, machine in self.assigned.items()}
        every = {
            "ansible_user": USER,
            "ansible_ssh_private_key_file": str(self.keys / "user"),
            "ansible_pipelining": True,
            "ansible_timeout": 120,  # an emulated machine is slow, and so may be what emulates it
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        name = inventory.parent.name if inventory.name == "hosts.yml" else inventory.stem
        path = self.overlays / f"{name}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"fabric": {"vars": every, "hosts": ways}}, width=1000), encoding="utf-8")
        return path


def _free_ports():
    """Give ports of the loopback that nobody listens at."""
    for port in random.sample(PORTS, len(PORTS)):
        if _is_free(port):
            yield port


def _is_free(port):
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
        try:
            for one in (stream, datagram):
                one.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
