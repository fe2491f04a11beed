# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab whose nodes are reached by SSH, from a controller that is a host of the same underlay: connections that can be cut.

Each node has an sshd of its own on its underlay address, and its own copies of the folders in which the fabric could leave
files. All of it is in the lab's namespaces and ends with them.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.control import end, start
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import Entrance, hosts_of, keeper_of
from run import Run

SNAPSHOT = Path(__file__).absolute().parents[1] / "snapshot.py"
CONTROLLER, ROUTER = "controller", "router"
NODES = {f"vm{number}": f"192.168.32.{number}" for number in (1, 2, 3)}
# the controller is in another subnet: no inventory says which
CONTROLLERS_SUBNET = "10.99.0"
# Fabrics: two that are sound, one that publishes the port by which vm2 is reached, and one that routes the controller's subnet to vm3
OLD, NEW, PORT, ROUTE = "old", "new", "port", "route"
# the nodes' sshd listen there, and a rule of the user's leads there from the port that the user's ssh_config(5) says: a node
# cannot know by which port the controller came
SSH_PORT, LOGIN_PORT = 2222, 2200
LOGIN = f"""nft -f - <<'END'
table ip login {{
    chain in {{ type nat hook prerouting priority dstnat + 10; tcp dport {LOGIN_PORT} redirect to :{SSH_PORT}; }}
}}
END"""
PYTHON = "/usr/bin/python3"
SSHD = "/usr/sbin/sshd"
SSH_CONFIG = """
Host *
Port {port}
UserKnownHostsFile {folder}/known_hosts
"""
SSHD_CONFIG = """
ListenAddress {address}:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
StrictModes no
PidFile none
MaxStartups 100
Subsystem sftp internal-sftp
"""
# what is written there stays in the node, as /run does
OWN_FOLDERS = """
set -e
mkdir -p /run/sshd /run/own
mount -t tmpfs tmpfs /run/own
for folder in /etc /usr/local /root /var/lib; do
    mkdir -p /run/own$folder/upper /run/own$folder/work
    mount -t overlay overlay -o lowerdir=$folder,upperdir=/run/own$folder/upper,workdir=/run/own$folder/work $folder
done
"""
# files below /run/nodenet that stay when a run has ended
LASTING = ("lock", "commits.json", "state.json")
LEFT = f"find /run/nodenet -type f {' '.join(f'! -name {name}' for name in LASTING)} 2>/dev/null | sort"


class SshLab:
    """Three nodes and a controller.

    :param folder: an empty one, for keys and inventories.
    """

    def __init__(self, folder, name, timeout=10):
        self.folder, self.name, self.timeout = Path(folder), name, timeout
        self._runs = 0
        self._servers = []

    def __enter__(self):
        try:
            self._keys()
            end(self.name)  # of a test that was killed
            start(self.name, _topology())
            self.hosts = hosts_of(self.name)
            for node, address in NODES.items():
                self._serve(node, address)
            for variant in (OLD, NEW, PORT, ROUTE):
                self._write(variant)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_failure):
        end(self.name)
        for server in self._servers:
            server.wait(timeout=10)

    def _keys(self):
        for name in ("host_key", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True)
        words = " ".join((self.folder / "host_key.pub").read_text(encoding="utf-8").split()[:2])
        known = "".join(f"[{address}]:{LOGIN_PORT} {words}\n" for address in NODES.values())
        (self.folder / "known_hosts").write_text(known, encoding="utf-8")
        text = SSH_CONFIG.format(port=LOGIN_PORT, folder=self.folder)
        (self.folder / "ssh_config").write_text(text, encoding="utf-8")

    def _serve(self, node, address):
        self.on(node, OWN_FOLDERS)
        self.on(node, LOGIN)
        config = self.folder / f"sshd-{node}"
        config.write_text(SSHD_CONFIG.format(address=address, port=SSH_PORT, folder=self.folder), encoding="utf-8")
        errors = (self.folder / f"sshd-{node}.log").open("w")
        self._servers.append(self.start(node, [SSHD, "-D", "-e", "-f", str(config)], stdout=errors, stderr=errors))

    def _write(self, variant):
        folder = self.folder / variant
        folder.mkdir()
        hosts = {node: {**_node(node, variant), "ansible_host": address} for node, address in NODES.items()}
        text = json.dumps({"fabric": {"vars": self._variables(variant), "hosts": hosts}}, indent=1)
        (folder / "hosts.yml").write_text(text, encoding="utf-8")

    def _variables(self, variant):
        return {
            "ansible_user": "root",
            "ansible_remote_tmp": "/run/ansible",
            "ansible_python_interpreter": PYTHON,
            "ansible_ssh_private_key_file": str(self.folder / "key"),
            "ansible_ssh_common_args": f"-F {self.folder}/ssh_config",
            "fabric_attachment": "bridge",
            "fabric_backend": "host_gw" if variant == OLD else "vxlan",
            "fabric_persist": False,  # the nodes of a lab run no systemd
        }

    # running

    def entered(self, host):
        """Return the words before a command that runs on a host; they are good until the lab ends."""
        return [
            "nsenter",
            *("-t", str(self.hosts[host].pid), "-m", "-n", "-p", "-u"),
        ]

    def start(self, host, words, **streams):
        """Start a program on a host of the lab; return the process outside that waits for it."""
        return subprocess.Popen([*self.entered(host), *words], stdin=subprocess.DEVNULL, **streams)

    def on(self, host, script, check=True):
        """Run a shell script on a host, past SSH, and return what it prints."""
        words = [*self.entered(host), "sh", "-c", script]
        found = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert not check or found.returncode == 0, f"{host}: {script}: {found.stdout} {found.stderr}"
        return found.stdout

    def on_segment(self, command):
        """Run a command where the cables of the lab end."""
        keeper = Entrance(keeper_of(self.name))
        try:
            subprocess.run([*keeper.words(), "--", *command], check=True, capture_output=True)
        finally:
            keeper.close()

    def playbook(self, playbook, variant, *arguments, at=""):
        """Start a playbook on the controller.

        :param at: the step at which it waits, as ``callback_plugins/steps.py`` names steps.
        """
        self._runs += 1
        words = ["-i", str(self.folder / variant / "hosts.yml"), f"nodenet.fabric.{playbook}", *arguments]
        return Run(self.entered(CONTROLLER), self.folder / f"run{self._runs}", words, at)

    def play(self, playbook, variant, *arguments):
        """Run a playbook to its end, which must be a good one; return what it prints."""
        run = self.playbook(playbook, variant, *arguments)
        assert run.wait() == 0, run.printed()
        return run.printed()

    # looking

    def snapshot(self):
        """Return node -> its network, its marks, and what is left of runs; not as the fabric's own code sees it."""
        return self.each(self._snapshot)

    def _snapshot(self, node):
        network = json.loads(self.on(node, f"cd / && {sys.executable} {SNAPSHOT}"))
        return {"network": network, "left": self.left(node), "marks": self._marks(node)}

    def _marks(self, node):
        """Return what the fabric knows to be its own there; a namespace that was made anew has another number."""
        path = self.run_folder(node) / "state.json"
        marks = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        owned = [[kind, owner, key] for kind, owner, keys in marks.pop("owned", []) for key in keys]
        for entry in marks.get("marks", []):
            entry["mark"].pop("identity", None)
        return {**marks, "owned": owned}

    def left(self, node):
        """Return the files of runs that are on a node."""
        files = self.run_folder(node).rglob("*")
        return sorted(path.name for path in files if path.is_file() and path.name not in LASTING)

    def run_folder(self, node):
        """Return where the fabric's files below /run of a node are seen from here."""
        return Path(f"/proc/{self.hosts[node].pid}/root/run/nodenet")

    def pending(self):
        """Return node -> in how many seconds it undoes its change, for those on which one waits to be confirmed."""
        found = {node: list(self.run_folder(node).glob("pending/*.json")) for node in NODES}
        return {node: _seconds_left(paths[0]) for node, paths in found.items() if paths}

    def working(self):
        """Return the nodes on which a module is at work: a Python without arguments, which reads it from SSH."""
        there = {os.readlink(f"/proc/{self.hosts[node].pid}/ns/pid"): node for node in NODES}
        modules = [entry for entry in os.listdir("/proc") if entry.isdigit() and _is_module(entry)]
        return [there[namespace] for namespace in map(_namespace, modules) if namespace in there]

    @staticmethod
    def each(look):
        """Return node -> what ``look`` says of it, all at the same time."""
        with ThreadPoolExecutor() as pool:
            return dict(zip(NODES, pool.map(look, NODES)))


def _seconds_left(path):
    with suppress(OSError, ValueError):  # it has just ended
        return json.loads(path.read_text(encoding="utf-8"))["deadline"] - time.clock_gettime(time.CLOCK_BOOTTIME)
    return 0.0


def _is_module(pid):
    with suppress(OSError):  # it has ended
        return Path(f"/proc/{pid}/cmdline").read_bytes() == f"{PYTHON}\0".encode()


def _namespace(pid):
    with suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/pid")


def port_of(host):
    """Return the interface at the other end of a host's cable: the lab numbers them in order."""
    return f"port{[*NODES, CONTROLLER].index(host)}"


def _topology():
    router = {0: "192.168.32.254", 1: f"{CONTROLLERS_SUBNET}.254"}
    hosts = {node: _host([(0, address)], [router[0]]) for node, address in NODES.items()}
    hosts[CONTROLLER] = _host([(1, f"{CONTROLLERS_SUBNET}.250")], [router[1]])
    hosts[ROUTER] = {**_host(router.items()), "router": True}
    return {"mtu": 1500, "segments": 2, "hosts": hosts}


def _host(places, gateways=()):
    links = [{"segment": segment, "addresses": [f"{address}/24"]} for segment, address in places]
    return {"links": links, "gateways": list(gateways), "router": False}


def _node(node, variant):
    """Return the variables of a node: the new fabric has another endpoint, too, and a published port."""
    number = node[-1]
    subnet = CONTROLLERS_SUBNET if (node, variant) == ("vm3", ROUTE) else f"10.244.{number}"
    found = {
        "fabric_node_address": NODES[node],
        "fabric_node_subnet": f"{subnet}.0/24",
        "fabric_endpoints": [{"name": f"ns{number}", "address": f"{subnet}.2"}],
    }
    if variant != OLD and node == "vm1":
        found["fabric_endpoints"].append({"name": "added", "address": f"{subnet}.3"})
    if variant != OLD and node == "vm2":
        published = {"port": LOGIN_PORT if variant == PORT else 8080, "endpoint": f"ns{number}", "to_port": 80}
        found["fabric_publish"] = [published]
    return found
