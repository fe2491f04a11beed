# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's processes: one for each machine, and one that is the cables between them. Their folder says all about them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from image import MANAGEMENT, MANAGEMENT_MAC, USER

MEMORY = "768"
SEGMENTS = 2  # the L2s that machines can be on; the router is on each


class Process:
    """A QEMU of the fleet, ended by its pid and by no other sign.

    :param folder: the fleet's: pid files, sockets, disks and consoles lie there.
    """

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.mark = f"nodenet-{folder.name}-{name}"

    @property
    def pid(self):
        """The pid if it runs; one that another program has meanwhile is not ours."""
        try:
            pid = int((self.folder / f"{self.name}.pid").read_text(encoding="utf-8"))
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if self.mark.encode() in words else None

    def run(self, *words):
        """Start QEMU in the background; what it complains of while it starts is an error."""
        command = ["nice", "-n", "5", "qemu-system-x86_64", "-name", self.mark]
        # sockets by names relative to the folder: the length of a path to one is limited (unix(7))
        command += [
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-daemonize",
            "-pidfile",
            f"{self.name}.pid",
            *words,
        ]
        found = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if found.returncode:
            raise RuntimeError(f"{self.name} does not start: {found.stderr.strip()}")

    def kill(self):
        """End it as a power cut does."""
        pid = self.pid
        if pid:
            os.kill(pid, signal.SIGKILL)
            while self.pid:
                time.sleep(0.02)


class Cables(Process):
    """The L2s: a QEMU without a machine, whose hubs join what is plugged in. A machine may come and go."""

    def __init__(self, folder):
        super().__init__(folder, "cables")

    def lay(self, machines, router, ports):
        """Give each machine a cable to the first L2, and the router one to each.

        A hub that has but one port keeps its packets forever: each has a spare one. The cables are UDP on loopback: with a
        stream, one machine that does not listen would keep the others waiting.

        :param ports: an iterator over free ports.
        """
        cables = {**dict.fromkeys(machines, 0), **{f"{router}{number}": number for number in range(SEGMENTS)}}
        words = ["-machine", "none", "-monitor", "none", "-qmp", "unix:cables.qmp,server=on,wait=off"]
        for segment in range(SEGMENTS):
            words += ["-netdev", f"hubport,id=spare{segment},hubid={segment}"]
        for cable, segment in cables.items():
            here, there = next(ports), next(ports)
            ends = f"udp=127.0.0.1:{here},localaddr=127.0.0.1:{there}"
            (self.folder / f"{cable}.cable").write_text(ends, encoding="utf-8")
            words += ["-netdev", f"socket,id={cable},udp=127.0.0.1:{there},localaddr=127.0.0.1:{here}"]
            words += ["-netdev", f"hubport,id={cable}-plug,hubid={segment},netdev={cable}"]
        self.run(*words)

    def plug(self, machine, segment):
        """Plug a machine's cable into an L2."""
        self._ask("netdev_del", id=f"{machine}-plug")
        self._ask("netdev_add", type="hubport", id=f"{machine}-plug", hubid=segment, netdev=machine)

    def _ask(self, command, **arguments):
        with socket.socket(socket.AF_UNIX) as control:
            path = os.open(self.folder, os.O_PATH)
            try:
                control.connect(f"/proc/self/fd/{path}/cables.qmp")
            finally:
                os.close(path)
            lines = control.makefile("rw", encoding="utf-8")
            lines.readline()  # the greeting
            for asked in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                lines.write(json.dumps(asked) + "\n")
                lines.flush()
                answer = json.loads(lines.readline())
                while "event" in answer:
                    answer = json.loads(lines.readline())
                if "error" in answer:
                    raise RuntimeError(f"cables: {command} {arguments}: {answer['error']['desc']}")


class Machine(Process):
    """A virtual machine: its disk, its process, and the way in by SSH.

    :param number: a number of its own in the fleet, for its MAC.
    :param cables: its cables, eth0's first.
    """

    def __init__(self, folder, name, number, cables, keys):
        super().__init__(folder, name)
        self.number, self.cables, self.keys = number, cables, keys
        self.disk = folder / f"{name}.qcow2"
        self.kernel_options = ""  # options of its kernel from the next start on, beside the usual

    @property
    def ssh_port(self):
        return int((self.folder / f"{self.name}.ssh").read_text(encoding="utf-8"))

    def install(self, image, port):
        """Give it a fresh disk of the image, and the port of this machine's loopback where its SSH is."""
        self.disk.unlink(missing_ok=True)
        words = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image.disk), str(self.disk)]
        subprocess.run(words, check=True)
        (self.folder / f"{self.name}.ssh").write_text(str(port), encoding="utf-8")

    def start(self, image):
        """Switch it on."""
        words = ["-machine", "q35", "-cpu", "max", "-smp", "1", "-m", MEMORY, "-monitor", "none"]
        # the kernel's own names, so that the underlay is eth0 as in the lab
        line = f"root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 systemd.hostname={self.name} {self.kernel_options}"
        # what keeps processes of one kernel from reading each other's memory takes half of an emulated boot
        line += " mitigations=off"
        # emulated on a busy machine, a device that systemd waits for may take more than its usual 90 seconds
        line += " systemd.default_timeout_start_sec=600"
        words += ["-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", line]
        words += ["-chardev", f"file,id=console,path={self.name}.console,append=on", "-serial", "chardev:console"]
        words += ["-drive", f"file={self.disk},if=virtio,format=qcow2", "-device", "virtio-rng-pci"]
        for index, cable in enumerate(self.cables):
            ends = (self.folder / f"{cable}.cable").read_text(encoding="utf-8")
            words += ["-netdev", f"socket,id=net{index},{ends}"]
            mac = f"52:54:00:6e:{self.number:02x}:{index:02x}"
            words += ["-device", f"virtio-net-pci,netdev=net{index},mac={mac},romfile="]
        # restrict: nothing leaves this machine by it, only SSH comes in
        forward = f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22"
        words += ["-netdev", f"user,id=management,restrict=on,ipv6=off,net={MANAGEMENT},{forward}"]
        words += ["-device", f"virtio-net-pci,netdev=management,mac={MANAGEMENT_MAC},romfile="]
        if os.access("/dev/kvm", os.W_OK) and not os.environ.get("NODENET_EMULATE"):
            # within a virtual machine it may be there and not work
            with contextlib.suppress(RuntimeError):
                return self.run("-accel", "kvm", *words)
        return self.run("-accel", "tcg,thread=multi", *words)

    def kill(self):
        self.hang_up()
        super().kill()

    def ssh_options(self):
        """Return ssh(1)'s options; one connection serves many commands, Ansible's too."""
        options = {
            "UserKnownHostsFile": self.folder / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "HostKeyAlias": "nodenet-machine",
            "IdentitiesOnly": "yes",
            "ServerAliveInterval": 15,
            "LogLevel": "ERROR",
        }
        return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]

    def ssh_command(self):
        """Return the words that lead into the machine."""
        share = ["ControlMaster=auto", "ControlPersist=60s", f"ControlPath={self.control}", "ConnectTimeout=10"]
        shared = [word for option in share for word in ("-o", option)]
        key = ["-i", str(self.keys / "user"), "-p", str(self.ssh_port)]
        return ["ssh", "-F", "none", *key, *self.ssh_options(), *shared, f"{USER}@127.0.0.1"]

    @property
    def control(self):
        return self.folder / f"{self.name}.master"

    def hang_up(self):
        """End the connection that is shared: its other end is about to go."""
        if self.control.exists():
            command = self.ssh_command()
            subprocess.run([*command[:-1], "-O", "exit", command[-1]], capture_output=True, check=False)
            self.control.unlink(missing_ok=True)

    def inventory(self):
        """Return the variables by which Ansible finds it."""
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.ssh_port,
            "ansible_control_path": str(self.control),
            "ansible_ssh_common_args": " ".join(self.ssh_options()),
        }
