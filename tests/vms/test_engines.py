# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of real engines on two machines: each reaches each at a port that nobody published, with its own address.

One boot for all of them. A node is only given what a user types there: docker run, podman run, cnitool add, systemctl start.
"""

import json

import pytest
from conftest import ROOT, Site
from fleet import Fleet
from image import CONTAINER_IMAGE, MANAGERS

ENGINES = ("docker", "podman", "cni", "service", "namespace")
NODES = {"vm1": ("10.244.1.2", "10.244.1.3"), "vm2": ("10.244.2.2", "10.244.2.3")}  # of a namespace, of a service
NODE_ADDRESSES = {"vm1": "192.168.32.245", "vm2": "192.168.32.246"}
MTU = 1450  # the same for both backends, so that containers stay over the change between them
PROGRAMS = sorted((ROOT / "tests" / "vms" / "programs").glob("*.py"))

# a machine before it is a node: its engines as Debian's packages leave them, an image that is made here, a unit of the user's
ENGINES_START = f"""
set -e
systemctl --quiet enable --now docker.socket docker.service
cat >/etc/systemd/system/web.service <<'END'
[Service]
ExecStart=/usr/bin/python3 /srv/answer.py
[Install]
WantedBy=multi-user.target
END
systemctl --quiet enable web.service
docker import {CONTAINER_IMAGE} nodenet-test >/dev/null
podman import --quiet {CONTAINER_IMAGE} nodenet-test >/dev/null
"""
# the image has no Python: the machine's is mounted
MOUNTS = " ".join(
    f"-v {here}:{there}:ro"
    for here, there in (
        ("/usr", "/usr"),
        ("/usr/lib", "/lib"),
        ("/usr/lib64", "/lib64"),
        ("/srv", "/srv"),
    )
)
RUN = f"-d --name web --network fabric {MOUNTS} nodenet-test /usr/bin/python3 /srv/answer.py"
CNI = "ip netns add cni0; ip -n cni0 link set lo up; python3 /srv/cnitool.py add fabric /run/netns/cni0"
PROGRAM = "systemd-run --quiet --unit web-{0} -p NetworkNamespacePath=/run/netns/{0} python3 /srv/answer.py"
# what a user types on a node, engine by engine
STARTS = {
    "docker": f"docker run --restart always {RUN}",
    "podman": f"podman run {RUN}",
    "cni": f"{CNI}; {PROGRAM.format('cni0')}",
    "service": "systemctl start web",
    "namespace": PROGRAM.format("{space}"),
}
# and after a boot, of which docker.service and web.service have started theirs
STARTS_AGAIN = {
    "podman": "podman start web",
    "cni": f"python3 /srv/cnitool.py del fabric /run/netns/cni0; {STARTS['cni']}",
    "namespace": STARTS["namespace"],
}
SPACES = """
echo docker=$(docker inspect -f '{{{{.State.Pid}}}}' web) podman=$(podman inspect -f '{{{{.State.Pid}}}}' web)
echo cni=/run/netns/cni0 service=$(systemctl show -P MainPID web) namespace=/run/netns/{space}
"""


class Containers:
    """Machines with an engine's container each, which answers at a port and asks."""

    def __init__(self, fleet, folder):
        self.fleet, self.folder = fleet, folder
        text = (ROOT / "examples" / "containers" / "hosts.yml").read_text(encoding="utf-8")
        self.text = text.replace("  vars:\n", f"  vars:\n    fabric_mtu: {MTU}\n")
        self.spaces = {"vm1": "ns245", "vm2": "ns246"}

    def site(self, *changes):
        """Run the playbook with changes to the example: pairs of old and new text."""
        inventory, text = self.folder / "hosts.yml", self.text
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        inventory.write_text(text, encoding="utf-8")
        one = Site(self.fleet, inventory)
        one.play("site")
        return one

    def everywhere(self, script):
        """Return machine -> what a script prints, in which {space} is the machine's endpoint."""
        return self.fleet.each(lambda name: self.fleet.output(name, script.format(space=self.spaces[name])), NODES)

    def start(self, commands):
        self.everywhere("exec >/dev/null\nset -e\n" + "\n".join(commands.values()))

    def faults(self):
        """Ask each from each of the other machine and return what is not as it must be."""
        spaces = {name: " ".join(text.split()) for name, text in self.everywhere(SPACES).items()}
        own = self._ask(spaces, dict.fromkeys(NODES, ()))
        self.addresses = {name: {engine: each["own"] for engine, each in own[name].items()} for name in NODES}
        others = {"vm1": self.addresses["vm2"].values(), "vm2": self.addresses["vm1"].values()}
        found = self._ask(spaces, others)
        assert all(set(found[name]) == set(ENGINES) for name in NODES)
        return [
            f"{name} {engine} {asked['own']} -> {address}: {asked[address]}"
            for name in NODES
            for engine, asked in found[name].items()
            for address in others[name]
            if asked[address] != {"tcp": asked["own"], "udp": asked["own"], "longer": "EMSGSIZE"}
        ]

    def _ask(self, spaces, targets):
        def ask(name):
            return self.fleet.output(name, f"python3 /srv/ask.py {MTU} {spaces[name]} -- {' '.join(targets[name])}")

        return {name: json.loads(text) for name, text in self.fleet.each(ask, NODES).items()}


@pytest.fixture(scope="module")
def containers(tmp_path_factory):
    """The example containers on two machines, and a container of each engine on each."""
    machines = Fleet("engines", 2, extra=MANAGERS, router=False)
    machines.up()
    try:
        here = Containers(machines, tmp_path_factory.mktemp("engines"))
        files = "".join(f"cat >/srv/{path.name} <<'END'\n{path.read_text(encoding='utf-8')}END\n" for path in PROGRAMS)
        machines.each(lambda name: machines.output(name, files + ENGINES_START), NODES)
        here.site()
        here.start(STARTS)
        yield here
    finally:
        machines.down()


def test_each_reaches_each_with_its_own_address_and_the_whole_mtu(containers):
    assert containers.faults() == []
    for name, (namespace, service) in NODES.items():
        here = containers.addresses[name]
        assert (here["namespace"], here["service"]) == (namespace, service)
        # docker, podman and cni have quarters of the subnet's upper half
        assert [int(here[engine].rpartition(".")[2]) // 32 for engine in ("docker", "podman", "cni")] == [4, 5, 6]


def test_podman_hides_everybody_of_its_node_where_the_rule_that_keeps_the_source_is_missing(containers):
    containers.everywhere("nft delete chain inet nodenet_fabric keep")
    faults = containers.faults()
    # it masquerades its subnet, in which the others are, too
    assert len(faults) == 2 * len(ENGINES) ** 2
    assert all(f"'tcp': '{address}'" in fault for fault in faults for address in [NODE_ADDRESSES[fault.split()[0]]])
    containers.everywhere("systemctl start nodenet-fabric-repair")
    assert containers.faults() == []


REPAIRED = "nft flush ruleset; systemctl start nodenet-fabric-repair"
FIREWALLD = "systemctl start firewalld; firewall-cmd --quiet --reload"


@pytest.mark.parametrize("disturbance", ["systemctl restart docker", REPAIRED, FIREWALLD])
def test_it_is_so_after(containers, disturbance):
    containers.everywhere(disturbance)
    assert containers.faults() == []


def test_it_is_so_over_vxlan_where_the_containers_have_stayed(containers):
    containers.site(("fabric_backend: host_gw", "fabric_backend: vxlan"))
    assert containers.faults() == []


def test_it_is_so_after_a_reboot_with_nothing_typed_but_starts(containers):
    assert set(containers.fleet.reboot(*NODES).values()) == {"running"}
    containers.start(STARTS_AGAIN)
    assert containers.faults() == []
    assert set(containers.everywhere("nodenet-fabric diff").values()) == {""}


def test_without_fabric_engines_no_engine_has_the_network(containers):
    containers.everywhere("docker rm -f web; podman rm -f -t 0 web; python3 /srv/cnitool.py del fabric /run/netns/cni0")
    containers.site(
        ("fabric_engines: [docker, podman, cni, systemd]", "fabric_engines: []"), (", service: web.service", "")
    )
    for engine, complaint in (
        ("docker", "network fabric not found"),
        ("podman", "find network .* fabric: network not found"),
    ):
        containers.everywhere(f"{STARTS[engine]} 2>&1 | grep -q '{complaint}'")
    add = "python3 /srv/cnitool.py add fabric /run/netns/cni0"
    containers.everywhere(f"ip link show fabric0; {add} 2>&1 | grep -q 'no network fabric in'")
    # a service is in the machine's own network
    containers.everywhere("systemctl restart web; [ /proc/1/ns/net -ef /proc/$(systemctl show -P MainPID web)/ns/net ]")
