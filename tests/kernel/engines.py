# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker and Podman themselves, with their files, daemons and containers in the namespaces of one test.

The containers' files are busybox alone. The engines see a hierarchy of control groups of version 2 alone, as crun asks for.
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

IMAGE = "nodenet-test"
APPLETS = ("sh", "sleep", "ip", "ping", "nc", "cat", "wget", "httpd", "udhcpc")
OVERLAID = ("/etc", "/var/lib")
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
    (Path(path) / "etc").mkdir()
    # nsswitch.conf(5): without it glibc asks name servers before the file, and any image has it
    (Path(path) / "etc/nsswitch.conf").write_text("hosts: files dns\n", encoding="utf-8")
    return path


@pytest.fixture
def engines(node, tmp_path):
    """The node, with an /etc and a /var/lib of its own, over the machine's, in which the engines have nothing."""
    for number, folder in enumerate(OVERLAID):
        own = f"/run/engines/{number}"
        node.sh(f"mkdir -p {own}/upper {own}/work")
        node.sh(f"mount -t overlay -o lowerdir={folder},upperdir={own}/upper,workdir={own}/work overlay {folder}")
    for folder in FOLDERS:
        node.sh(f"rm -rf {folder} && mkdir -p {folder}")
    Path("/etc/containers/policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    storage = (
        '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n'
    )
    Path("/etc/containers/storage.conf").write_text(storage)
    node.sh("mount -t tmpfs tmpfs /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup")
    node.rootfs = rootfs(tmp_path / "rootfs")
    yield node
    node.sh("umount /sys/fs/cgroup && umount /sys/fs/cgroup")
    for folder in reversed(OVERLAID):
        node.sh(f"umount --lazy {folder}")


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

    def starts(self, name, network="fabric"):
        """Try to start a container on a network that may not be there."""
        words = f"{self.name} run -d --name {name} --network {network} {self.options} {self.image} sleep 1000"
        found = subprocess.run(words, shell=True, capture_output=True, text=True, check=False)
        if found.returncode:
            self.end(name)
        return found.returncode == 0

    def end(self, name):
        at_once = "--time 0" if self.name == "podman" else ""
        subprocess.run(f"{self.name} rm --force {at_once} {name}", shell=True, capture_output=True, check=False)

    def inside(self, name, command, fails=False):
        return self(f"exec {name} {command}", fails=fails)

    def address(self, name, network="fabric"):
        found = json.loads(self(f"container inspect {name}"))[0]
        return found["NetworkSettings"]["Networks"][network]["IPAddress"]

    def called(self, name):
        """Return how an error names a container."""
        return name

    def networks(self):
        found = self("network ls --format '{{.Name}}'").split()
        return sorted(set(found) - {"bridge", "host", "none", "podman"})

    def make_foreign(self, name):
        self(f"network create --subnet 10.10.0.0/24 {name}")

    def detail(self, name):
        """Return all that the engine knows of a network and that does not change when it is made again."""
        found = json.loads(self(f"network inspect {name}"))[0]
        return {key: value for key, value in found.items() if key not in ("Id", "Created", "created")}

    def edit(self, name):
        """Change a network by hand: this one's file, or the daemon's by removing and creating it."""
        if self.name == "docker":
            self(f"network rm {name}")
            self(f"network create --subnet 10.9.0.0/24 --label nodenet.fabric=default {name}")
        else:
            path = Path(f"/etc/containers/networks/{name}.json")
            path.write_text(json.dumps({**json.loads(path.read_text()), "dns_enabled": True}))


class Cni:
    """CNI's plugins, called as a runtime calls them (https://www.cni.dev/docs/spec/), for namespaces as containers."""

    name = "cni"
    folder = Path("/etc/cni/net.d")

    def __init__(self, node):
        self.node = node
        self.started = {}

    def _files(self):
        found = {path: json.loads(path.read_text()) for path in sorted(self.folder.glob("*.conflist"))}
        return {content["name"]: (path, content) for path, content in found.items()}

    def _call(self, command, name, network):
        """Call each plugin of a network, in order, or for DEL in reverse."""
        content = self._files()[network][1]
        plugins, result = content["plugins"], None
        environment = {
            **os.environ,
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": f"id-{name}",
            "CNI_NETNS": f"/run/netns/{name}",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": "/usr/lib/cni",
        }
        for plugin in plugins if command == "ADD" else reversed(plugins):
            given = {**plugin, "cniVersion": content["cniVersion"], "name": network}
            given.update({"prevResult": result} if result else {})
            words = [f"/usr/lib/cni/{plugin['type']}"]
            found = subprocess.run(
                words, input=json.dumps(given), env=environment, capture_output=True, text=True, check=False
            )
            assert found.returncode == 0, found.stdout + found.stderr
            result = json.loads(found.stdout) if command == "ADD" else None
        return result

    def start(self, name, network="fabric"):
        self.node.sh(f"ip netns add {name} && ip -n {name} link set lo up")
        self.started[name] = network, self._call("ADD", name, network)

    def starts(self, name, network="fabric"):
        if network not in self._files():
            return False
        self.start(name, network)
        return True

    def end(self, name):
        self._call("DEL", name, self.started.pop(name)[0])
        self.node.sh(f"ip netns del {name}")

    def inside(self, name, command, fails=False):
        return self.node.sh(f"ip netns exec {name} busybox {command}", fails=fails).strip()

    def address(self, name):
        return self.started[name][1]["ips"][0]["address"].partition("/")[0]

    def called(self, name):
        return f"id-{name}"

    def networks(self):
        return sorted(self._files())

    def make_foreign(self, name):
        plugin = {"type": "bridge", "bridge": "cni7", "ipam": {"type": "static"}}
        content = {"cniVersion": "1.0.0", "name": name, "plugins": [plugin]}
        (self.folder / "50-other.conflist").write_text(json.dumps(content))

    def detail(self, name):
        path, _content = self._files()[name]
        return path, path.read_text()

    def edit(self, name):
        path, content = self._files()[name]
        content["plugins"][0]["ipMasq"] = True
        path.write_text(json.dumps(content))


@pytest.fixture
def cni(engines):
    found = Cni(engines)
    found.folder.mkdir(exist_ok=True)
    yield found
    for name in list(found.started):
        found.end(name)


@pytest.fixture
def podman(engines):
    found = Engine(engines, "podman", f"--cgroups disabled --cap-add NET_RAW {LIMITS}", f"--rootfs {engines.rootfs}")
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

    def kill(self):
        """End it at once, and with it its containerd (PR_SET_PDEATHSIG): what they have is thrown away."""
        self.process.kill()
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
    daemon.kill()
    group = Path("/sys/fs/cgroup") / daemon.group
    if group.is_dir():
        group.rmdir()
    engines.sh(f"umount --lazy {folder}")
