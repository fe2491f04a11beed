# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker and Podman themselves, with their files, daemons and containers in the namespaces of one test.

The containers' files are busybox alone. The engines see a hierarchy of control groups of version 2 alone, as crun asks for.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

IMAGE = "nodenet-test"
APPLETS = ("sh", "sleep", "ip", "ping", "nc", "cat", "wget", "httpd", "udhcpc")
# what an engine writes to outside of /run
FOLDERS = ("/etc/cni", "/etc/containers", "/etc/docker", "/var/lib/cni", "/var/lib/containers")
# a machine may let nobody raise its limits
LIMITS = "--ulimit nofile=1000:1000 --ulimit nproc=500:500"


def rootfs(path):
    """Make the files of a container."""
    binaries = Path(path) / "bin"
    binaries.mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), binaries / "busybox")
    for name in APPLETS:
        (binaries / name).symlink_to("busybox")
    return path


@pytest.fixture
def engines(node, tmp_path):
    """The node, with folders of its own for the engines."""
    made = [folder for folder in FOLDERS if not os.path.isdir(folder)]
    for folder in FOLDERS:
        os.makedirs(folder, exist_ok=True)
        node.sh(f"mount -t tmpfs tmpfs {folder}")
    Path("/etc/containers/policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    storage = (
        '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n'
    )
    Path("/etc/containers/storage.conf").write_text(storage)
    node.sh("mount -t tmpfs tmpfs /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup")
    node.rootfs = rootfs(tmp_path / "rootfs")
    yield node
    node.sh("umount /sys/fs/cgroup && umount /sys/fs/cgroup")
    for folder in FOLDERS:
        node.sh(f"umount {folder}")
    for folder in made:
        os.rmdir(folder)


class Engine:
    """One engine on the node of a test.

    :param options: what ``run`` needs on any machine.
    :param image: the words that name the files.
    """

    def __init__(self, node, name, options, image):
        self.node, self.name, self.options, self.image = node, name, options, image

    def __call__(self, words, fails=False):
        return self.node.sh(f"{self.name} {words}", fails=fails).strip()

    def start(self, name, network="none", more="", command="sleep 1000"):
        """Start a container and return its id."""
        return self(f"run -d --name {name} --network {network} {self.options} {more} {self.image} {command}")

    def inside(self, name, command, fails=False):
        return self(f"exec {name} {command}", fails=fails)


@pytest.fixture
def podman(engines):
    found = Engine(engines, "podman", f"--cgroups disabled {LIMITS}", f"--rootfs {engines.rootfs}")
    yield found
    found("rm --all --force --time 0")


class Daemon:
    """A dockerd that keeps its files in a folder and its socket in /run."""

    def __init__(self, folder, *more):
        self.folder, self.more, self.process = folder, more, None

    def start(self):
        words = ["dockerd", f"--data-root={self.folder}/data", "--bridge=none"]
        words += [f"--pidfile={self.folder}/pid", "--host=unix:///run/docker.sock", "--storage-driver=vfs"]
        words += [f"--cgroup-parent=/{self.group}", *self.more]
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log)
        for _attempt in range(300):
            if subprocess.run(["docker", "version"], capture_output=True, check=False).returncode == 0:
                return
            assert self.process.poll() is None, Path(f"{self.folder}/log").read_text(encoding="utf-8")[-2000:]
            time.sleep(0.1)
        raise AssertionError("dockerd does not answer")

    @property
    def group(self):
        return f"nodenet-test-{os.getpid()}"

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def restart(self):
        self.stop()
        self.start()


@pytest.fixture
def docker(engines, tmp_path):
    folder = tmp_path / "docker"
    folder.mkdir()
    # no other file system below the daemon's own
    engines.sh(f"mount -t tmpfs tmpfs {folder}")
    daemon = Daemon(folder)
    daemon.start()
    found = Engine(engines, "docker", LIMITS, IMAGE)
    found.daemon = daemon
    engines.sh(f"tar -C {engines.rootfs} -c . | docker import - {IMAGE}")
    yield found
    left = found("ps --all --quiet").split()
    if left:
        found(f"rm --force {' '.join(left)}")
    daemon.stop()
    group = Path("/sys/fs/cgroup") / daemon.group
    if group.is_dir():
        group.rmdir()
    engines.sh(f"umount --lazy {folder}")
