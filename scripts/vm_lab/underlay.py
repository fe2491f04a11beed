# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The underlay of an inventory on the fleet: which machine is which host, on which L2 it is, and the script that each runs
at boot. The addresses, the router and what is outside are as in the lab of namespaces: its topology is taken as it is."""

import json
import subprocess
import sys
from pathlib import Path

from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.topology import topology_of
from machine import SEGMENTS

# whatever was there before goes
UNPLUGGED = "set -e\nip address flush dev eth0\nip link set eth0 down\n"
ROUTER_EMPTY = """\
udevadm settle
for netns in $(ip netns list | cut -d ' ' -f 1); do ip netns del $netns; done
for bridge in $(ip -o link show type bridge | cut -d : -f 2); do ip link del $bridge; done
sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
"""


def hosts_of(inventory):
    """Return host -> variables of the group ``fabric``, as Ansible reads them."""
    command = [Path(sys.executable).parent / "ansible-inventory", "-i", str(inventory), "--list"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {host: found["_meta"]["hostvars"].get(host, {}) for host in found["fabric"]["hosts"]}


def assigned(hosts, machines):
    """Return host -> machine: the one of its name, the others in their order the next that is free."""
    free = [machine for machine in machines if machine not in hosts]
    lacking = [host for host in hosts if host not in machines]
    if len(lacking) > len(free):
        raise ValueError(f"the fleet has {len(machines)} machines, too few for {', '.join(hosts)}")
    return {**{host: host for host in hosts if host in machines}, **dict(zip(lacking, free))}


def underlay(hosts, machines, router):
    """Return machine -> (number of its L2, its script), for the router and the idle ones, too.

    :param hosts: see :func:`hosts_of`.
    :param router: its name, or None: there is none.
    :raises ValueError: there are too few machines, or the inventory needs a router.
    """
    topology = topology_of(hosts)
    machine_of = assigned(hosts, machines)
    segments = [topology["hosts"][host]["links"][0]["segment"] for host in hosts]
    cable = {segment: number for number, segment in enumerate(sorted(set(segments)))}
    if len(cable) > SEGMENTS:
        raise ValueError(f"the nodes are on {len(cable)} L2s, the fleet has {SEGMENTS}")
    scripts = dict.fromkeys(machines, (0, UNPLUGGED))
    for host, segment in zip(hosts, segments):
        script = UNPLUGGED + _plugged(topology["hosts"][host], "eth0", topology["mtu"])
        scripts[machine_of[host]] = (cable[segment], script)
    others = {name: host for name, host in topology["hosts"].items() if name not in hosts}
    if router:
        scripts[router] = (None, ROUTER_EMPTY + _router(others, cable, topology["mtu"]))
    elif others:
        raise ValueError(f"the fleet has no router, which would be {', '.join(others)}")
    return scripts


def _plugged(host, device, mtu, inside=""):
    """Return the commands that give a host its addresses and its way out."""
    addresses = host["links"][0]["addresses"]
    return "".join(
        [
            f"ip {inside}link set {device} mtu {mtu} up\n",
            *(f"ip {inside}address add {address}{_at_once(address)} dev {device}\n" for address in addresses),
            *(f"ip {inside}route add default via {gateway}\n" for gateway in host["gateways"]),
        ]
    )


def _at_once(address):
    return " nodad" if ":" in address else ""


def _router(hosts, cable, mtu):
    """Return the router's commands: a bridge for each L2, cables and hosts outside plugged into it."""
    used = sorted({*cable, *(link["segment"] for host in hosts.values() for link in host["links"])})
    commands = ""
    for segment in used:
        commands += f"ip link add seg{segment} mtu {mtu} up type bridge mcast_snooping 0\n"
    for segment, number in cable.items():
        commands += f"ip link set eth{number} master seg{segment} mtu {mtu} up\n"
    for name, host in hosts.items():
        if host["router"]:
            commands += "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1\n"
            for link in host["links"]:
                for address in link["addresses"]:
                    commands += f"ip address add {address}{_at_once(address)} dev seg{link['segment']}\n"
        else:
            port = f"out{len(commands)}"
            commands += f"ip netns add {name}\nip link add {port} type veth peer name eth0 netns {name}\n"
            commands += f"ip link set {port} master seg{host['links'][0]['segment']} mtu {mtu} up\n"
            commands += f"ip -n {name} link set lo up\n" + _plugged(host, "eth0", mtu, inside=f"-n {name} ")
    return commands
