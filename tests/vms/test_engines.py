# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of real engines on two machines: each reaches each at a port that nobody published, with its own address.

A node is only given what a user types there: docker run, podman run, cnitool add, systemctl start. Guards and policy are on: the
engines' containers are no endpoints of the inventory and talk as without them, and attacks of both do not work.
"""

import json

import pytest
from conftest import ROOT, Site
from image import CONTAINER_IMAGE

ENGINES = ("docker", "podman", "cni", "service", "namespace")
NODES = {"vm1": ("10.244.1.2", "10.244.1.3"), "vm2": ("10.244.2.2", "10.244.2.3")}  # of a namespace, of a service
NODE_ADDRESSES = {"vm1": "192.168.32.245", "vm2": "192.168.32.246"}
MTU = 1450  # the same for both backends, so that containers stay over the change between them
# a namespace and a service of each node are in groups of their own, which open to each other what faults() asks
PORT = 8080  # of answer.py
GUARDED = {
    "fabric_mtu": MTU,
    "fabric_guard": True,
    "fabric_groups": {"spaces": ["ns245", "ns246"], "services": ["web245", "web246"]},
    "fabric_policy": [
        {"from": one, "to": other, "protocol": protocol, "port": PORT}
        for one, other in (("spaces", "services"), ("services", "spaces"))
        for protocol in ("tcp", "udp")
    ],
    "fabric_policy_bridge": True,
}
PROGRAMS = sorted((ROOT / "tests" / "vms" / "programs").glob("*.py"))

# a machine before it is a node: its engines as Debian's packages leave them, an image that is made here, a unit of the user's
ENGINES_START = """
set -e
systemctl --quiet enable --now docker.socket docker.service
cat >/etc/systemd/system/web.service <<'END'
[Service]
ExecStart=/usr/bin/python3 /srv/answer.py
[Install]
WantedBy=multi-user.target
END
cat >/etc/systemd/system/attack.service <<'END'
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/bin/python3 /srv/attack.py boot /run/netns/{space} /run/attack.json
[Install]
WantedBy=sysinit.target
END
systemctl --quiet enable web.service
docker import {image} nodenet-test >/dev/null
podman import --quiet {image} nodenet-test >/dev/null
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


# the machine is afterwards as it was, but for images on its disk
ALL_ENDS = """
docker rm -f web
podman rm -f -t 0 web
systemctl stop firewalld web web-cni0 web-{space}
python3 /srv/cnitool.py del fabric /run/netns/cni0
ip netns del cni0
"""
ENGINES_END = """
systemctl disable --now attack web docker docker.socket containerd
rm -f /etc/systemd/system/web.service /etc/systemd/system/attack.service /srv/*.py /run/attack.json
systemctl daemon-reload
iptables -P FORWARD ACCEPT
nft flush ruleset
for link in docker0 podman0; do ip link del $link; done
"""


# RFC 7348: VNI 1; within a broadcast frame of local experimental ethertype
VXLAN = "0800000000000100" + "ffffffffffff" + "020000000001" + "88b5" + "00" * 46
ENOUGH = 20  # more packets than come by themselves
INJECTION = f"""
import socket
sender = socket.socket(type=socket.SOCK_DGRAM)
for _time in range({2 * ENOUGH}):
    sender.sendto(bytes.fromhex("{VXLAN}"), ("{NODE_ADDRESSES["vm2"]}", 8472))
"""
# where they are sent: a machine, and what is before the command there
INJECTED = {
    "VXLAN of a host that is no peer": ("router", "ip address replace 192.168.32.99/24 dev seg0;"),
    "VXLAN of an endpoint": ("vm1", "ip netns exec ns245"),
}


OF_ENGINES = {engine: f"{engine} inspect -f '{{{{.State.Pid}}}}' web" for engine in ("docker", "podman")}


class Containers:
    """Machines with an engine's container each, which answers at a port and asks."""

    def __init__(self, fleet, folder):
        self.fleet, self.folder = fleet, folder
        text = (ROOT / "examples" / "containers" / "hosts.yml").read_text(encoding="utf-8")
        more = "".join(f"    {name}: {json.dumps(value)}\n" for name, value in GUARDED.items())
        self.text = text.replace("  vars:\n", f"  vars:\n{more}")
        self.last = None  # the site that was arranged last
        self.spaces = {"vm1": "ns245", "vm2": "ns246"}

    def site(self, *changes):
        """Run the playbook with changes to the example: pairs of old and new text."""
        inventory, text = self.folder / "hosts.yml", self.text
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        inventory.write_text(text, encoding="utf-8")
        self.last = Site(self.fleet, inventory)
        self.last.play("site")

    def everywhere(self, script):
        """Return machine -> what a script prints, in which {space} is the machine's endpoint, and {port} that on the bridge."""

        def run(name):
            space = self.spaces[name]
            return self.fleet.ssh(name, script.format(space=space, port=f"veth-{space}"), timeout=600).stdout

        return self.fleet.each(run, NODES)

    def end(self):
        """Give the machines back."""
        for script in (ALL_ENDS, ENGINES_END):
            self.everywhere(f"exec >/dev/null 2>&1\n{script}\ntrue")
            if script is ALL_ENDS:
                self.last.play("teardown")

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

    def attacks(self, injected=False):
        """Return the attacks that work.

        :param injected: also the packets of the tunnel that are of no node.
        """
        script = "python3 /srv/attack.py once /run/netns/ns245 {} {}".format(NODES["vm1"][1], NODES["vm2"][1])
        found = json.loads(self.fleet.output("vm1", script))
        for engine, pid in OF_ENGINES.items():
            script = f"python3 /srv/attack.py container /proc/$({pid})/ns/net {NODES['vm1'][1]}"
            tried = json.loads(self.fleet.output("vm1", script))
            found.update({f"{engine}: {name}": works for name, works in tried.items()})
        if injected:
            found.update({name: self._arrives(*ways) for name, ways in INJECTED.items()})
        self.tried = list(found)
        return [name for name, works in found.items() if works]

    def _arrives(self, machine, prefix):
        def received():
            (link,) = json.loads(self.fleet.output("vm2", "ip -j -s link show dev vxlan1"))
            return link["stats64"]["rx"]["packets"]

        before = received()
        self.fleet.output(machine, f"set -e; {prefix} python3 -c '{INJECTION}'; sleep 0.5")
        return received() - before >= ENOUGH

    def _ask(self, spaces, targets):
        def ask(name):
            return self.fleet.output(name, f"python3 /srv/ask.py {MTU} {spaces[name]} -- {' '.join(targets[name])}")

        return {name: json.loads(text) for name, text in self.fleet.each(ask, NODES).items()}


@pytest.fixture(scope="module")
def containers(fleet, tmp_path_factory):
    """The example containers on two machines, and a container of each engine on each."""
    here = Containers(fleet, tmp_path_factory.mktemp("engines"))
    files = "".join(f"cat >/srv/{path.name} <<'END'\n{path.read_text(encoding='utf-8')}END\n" for path in PROGRAMS)

    def begin(name):
        start = ENGINES_START.format(image=CONTAINER_IMAGE, space=here.spaces[name])
        fleet.ssh(name, files + start, timeout=600)

    fleet.each(begin, NODES)
    try:
        here.site()
        here.start(STARTS)
        yield here
    finally:
        here.end()


def test_each_reaches_each_with_its_own_address_and_the_whole_mtu(containers):
    assert containers.faults() == []
    for name, (namespace, service) in NODES.items():
        here = containers.addresses[name]
        assert (here["namespace"], here["service"]) == (namespace, service)
        # docker, podman and cni have quarters of the subnet's upper half
        assert [int(here[engine].rpartition(".")[2]) // 32 for engine in ("docker", "podman", "cni")] == [4, 5, 6]


GUARDS = ("bridge nodenet_guard", "inet nodenet_guard", "bridge nodenet_policy", "inet nodenet_policy")
NO_TABLES = "".join(f"nft delete table {table};" for table in GUARDS)


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


# bridged frames are shown to the hooks of IP, too, as some setups of Docker need it
FILTERED = "modprobe br_netfilter; systemctl restart docker; sysctl net.bridge.bridge-nf-call-iptables | grep -q 1"


@pytest.mark.parametrize(
    "disturbance", [pytest.param(FILTERED, id="docker and br_netfilter start"), REPAIRED, FIREWALLD]
)
def test_it_is_so_after(containers, disturbance):
    containers.everywhere(disturbance)
    assert containers.faults() == []
    assert containers.attacks() == []


def test_it_is_so_over_vxlan_where_the_containers_have_stayed(containers):
    containers.site(("fabric_backend: host_gw", "fabric_backend: vxlan"))
    assert containers.faults() == []
    assert containers.attacks(injected=True) == []


# frames of a lying endpoint that came to its own port, and to the bridge
LIES = """
systemctl stop attack
python3 -c 'import json; seen = json.load(open("/run/attack.json")); print(seen.get("{port}", 0), seen.get("fabric0", 0))'
"""


def lies(containers):
    return [tuple(map(int, text.split())) for text in containers.everywhere(LIES).values()]


def test_it_is_so_after_a_reboot_with_nothing_typed_but_starts(containers):
    containers.everywhere("systemctl --quiet enable attack")
    assert set(containers.fleet.reboot(*NODES).values()) == {"running"}
    found = lies(containers)
    # from the moment that its interface is there an endpoint lies, and not one frame of these passes
    assert all(at_port > 100 and passed == 0 for at_port, passed in found), found
    containers.start(STARTS_AGAIN)
    assert containers.faults() == []
    assert containers.attacks(injected=True) == []
    assert set(containers.everywhere("nodenet-fabric diff").values()) == {""}
    # each of these attacks works without the tables
    containers.everywhere(f"{NO_TABLES} systemctl start attack")
    assert containers.attacks(injected=True) == containers.tried
    assert all(passed > 10 for _at_port, passed in lies(containers))


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
