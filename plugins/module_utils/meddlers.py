# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else acts on a node's network, and the files that keep the fabric out of its hands.

Each meddler is told what it has to know by files of its own kind, below the folders where it looks for them.
"""

from __future__ import annotations

import contextlib
import html
import ipaddress
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import List, Optional

from .engine.errors import FabricError
from .files import write
from .systemd import has_systemd, is_active, is_on

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
HEAD = "# Written by nodenet.fabric.prepare\n"
XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<!-- Written by nodenet.fabric.prepare -->\n'
DOCKER_UNIT = "nodenet-fabric-docker.service"
MARK = "nodenet.fabric"


@dataclass(frozen=True)
class Ours:
    """What is the fabric's on this node.

    :param interfaces: names of interfaces in the node's own namespace, or patterns of them (glob(7)).
    :param tunnels: those of them that are tunnels.
    :param prefixes: subnets of the whole fabric.
    :param remotes: addresses from which encapsulated packets come.
    :param encapsulation: their protocol: "ipip", "udp:PORT", or None.
    """

    interfaces: List[str] = field(default_factory=list)
    tunnels: List[str] = field(default_factory=list)
    prefixes: List[str] = field(default_factory=list)
    remotes: List[str] = field(default_factory=list)
    encapsulation: Optional[str] = None


class Meddler:
    """One of them.

    ``does``: what it does to a fabric; ``answer``: what is set against it; ``paths``: all files that may be set.
    """

    does = answer = ""
    paths = ()

    def found(self):
        """Say whether the node has it."""
        raise NotImplementedError

    def files(self, ours):
        """Return path -> text of what is to be there; {}: there is nothing to keep from it."""
        raise NotImplementedError

    def before_removal(self, paths):
        """Return commands to run before ``paths``, which are there, are removed."""
        return []

    def reload(self, paths):
        """Return the commands by which it takes notice of ``paths``, which have changed."""
        return []


class Udev(Meddler):
    """systemd.link(5)."""

    does = "gives interfaces that were made without a MAC address another one (MACAddressPolicy=persistent)"
    answer = "leaves the MAC addresses of the fabric's interfaces as they are"
    paths = ("/etc/systemd/network/10-nodenet-fabric.link",)

    def found(self):
        return os.path.exists("/run/udev/control")

    def files(self, ours):
        if not ours.interfaces:
            return {}
        names = " ".join(ours.interfaces)
        return {self.paths[0]: f"{HEAD}[Match]\nOriginalName={names}\n\n[Link]\nMACAddressPolicy=none\n"}

    def reload(self, paths):
        return [["udevadm", "control", "--reload"]]


class Networkd(Meddler):
    """networkd.conf(5), systemd.network(5)."""

    does = "removes routes that it did not make when it configures an uplink, and configures interfaces that it is not told of"
    answer = "leaves foreign routes and rules, and the fabric's interfaces, alone"
    paths = (
        "/etc/systemd/networkd.conf.d/50-nodenet-fabric.conf",
        "/etc/systemd/network/10-nodenet-fabric.network",
    )

    def found(self):
        return is_on("systemd-networkd.service")

    def files(self, ours):
        routes = f"{HEAD}[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n"
        if not ours.interfaces:
            return {self.paths[0]: routes}
        names = " ".join(ours.interfaces)
        return {self.paths[0]: routes, self.paths[1]: f"{HEAD}[Match]\nName={names}\n\n[Link]\nUnmanaged=yes\n"}

    def reload(self, paths):
        # of its own settings it takes notice when it starts alone
        restart = ["systemctl", "try-restart", "systemd-networkd.service"]
        return [restart if self.paths[0] in paths else ["networkctl", "reload"]]


class NetworkManager(Meddler):
    """NetworkManager.conf(5)."""

    does = "takes interfaces over that it finds"
    answer = "leaves the fabric's interfaces unmanaged"
    paths = ("/etc/NetworkManager/conf.d/50-nodenet-fabric.conf",)

    def found(self):
        return bool(_program("NetworkManager"))

    def files(self, ours):
        if not ours.interfaces:
            return {}
        names = ";".join(f"interface-name:{name}" for name in ours.interfaces)
        return {self.paths[0]: f"{HEAD}[keyfile]\nunmanaged-devices+={names}\n"}

    def reload(self, paths):
        return [["systemctl", "try-reload-or-restart", "NetworkManager.service"]]


class Firewalld(Meddler):
    """firewalld.zone(5), firewalld.policy(5)."""

    does = "rejects what is forwarded between zones, and encapsulated packets"
    answer = "forwards for the fabric's subnets (zone nodenet), and accepts what the peers encapsulate (policy nodenet-peers)"
    paths = ("/etc/firewalld/zones/nodenet.xml", "/etc/firewalld/policies/nodenet-peers.xml")

    def found(self):
        return bool(_program("firewall-cmd"))

    def files(self, ours):
        found = {}
        if ours.prefixes:
            sources = "".join(f"  <source address={_quoted(prefix)}/>\n" for prefix in ours.prefixes)
            found[self.paths[0]] = (
                f'{XML_HEAD}<zone target="ACCEPT">\n  <short>nodenet</short>\n'
                f"  <description>Subnets of the fabric: forwarded to and from</description>\n{sources}</zone>\n"
            )
        if ours.encapsulation and ours.remotes:
            rules = "".join(_accepted(remote, ours.encapsulation) for remote in ours.remotes)
            found[self.paths[1]] = (
                f'{XML_HEAD}<policy target="CONTINUE">\n  <short>nodenet-peers</short>\n'
                "  <description>Encapsulated packets of the fabric's nodes</description>\n"
                f'  <ingress-zone name="ANY"/>\n  <egress-zone name="HOST"/>\n{rules}</policy>\n'
            )
        return found

    def reload(self, paths):
        return [["firewall-cmd", "--quiet", "--reload"]] if is_active("firewalld.service") else []


class Docker(Meddler):
    """Docker's documentation, "Packet filtering and firewalls": DOCKER-USER is where others' rules belong."""

    does = "drops what is forwarded and is not its own (the policy of the chain FORWARD)"
    answer = f"has what comes from and goes to the fabric's subnets accepted in its chain DOCKER-USER ({DOCKER_UNIT})"
    paths = (f"/etc/systemd/system/{DOCKER_UNIT}",)

    def found(self):
        return bool(_program("dockerd"))

    def files(self, ours):
        if not ours.prefixes:
            return {}
        lines = [line for prefix in ours.prefixes for line in _docker_lines(prefix)]
        return {
            self.paths[0]: f"{HEAD}[Unit]\nDescription=Let Docker's firewall pass the fabric\n"
            "After=docker.service\nPartOf=docker.service\n\n"
            "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
            + "\n".join(lines)
            + "\n\n[Install]\nWantedBy=docker.service\n"
        }

    def before_removal(self, paths):
        return [["systemctl", "disable", "--quiet", "--now", DOCKER_UNIT]]

    def reload(self, paths):
        commands = [["systemctl", "daemon-reload"]]
        if os.path.exists(self.paths[0]):
            commands.append(["systemctl", "enable", "--quiet", DOCKER_UNIT])
            # it stands for rules in a chain of Docker's: where Docker does not run they come with it
            commands += [["systemctl", "restart", DOCKER_UNIT]] if is_active("docker.service") else []
        return commands


class ReversePath(Meddler):
    """rp_filter in ip-sysctl (the kernel's documentation): the larger of ``all`` and the interface's is what counts."""

    does = "drops what arrives by a tunnel and would be answered by another way (rp_filter is strict)"
    answer = "is loose on the fabric's tunnels"
    paths = ("/etc/sysctl.d/50-nodenet-fabric.conf",)

    def found(self):
        return "1" in (_sysctl("net/ipv4/conf/all/rp_filter"), _sysctl("net/ipv4/conf/default/rp_filter"))

    def files(self, ours):
        if not ours.tunnels:
            return {}
        # udev applies them to interfaces that come later (99-systemd.rules)
        lines = "".join(f"net/ipv4/conf/{name}/rp_filter = 2\n" for name in ours.tunnels)
        return {self.paths[0]: HEAD + lines}

    def reload(self, paths):
        if not os.path.exists(self.paths[0]):
            return []
        return [["/usr/lib/systemd/systemd-sysctl", self.paths[0]]]


MEDDLERS = {
    "udev": Udev(),
    "networkd": Networkd(),
    "networkmanager": NetworkManager(),
    "firewalld": Firewalld(),
    "docker": Docker(),
    "rp_filter": ReversePath(),
}
# Nothing is set against this one, it is only told: Docker's and Kubernetes' rules need it.
BRIDGED = "br_netfilter sends what passes a bridge through the node's firewall as if it were forwarded"


def wanted(names, ours):
    """Return (path -> text of what is to be there, name of each meddler that is found -> what is told of it)."""
    files, told = {}, {}
    for name in names if has_systemd() else ():  # all of their files are systemd's, or of units that it runs
        meddler = MEDDLERS[name]
        if meddler.found():
            set_against = meddler.files(ours)
            files.update(set_against)
            if set_against:
                told[name] = f"{name} {meddler.does}: now it {meddler.answer}"
    if _sysctl("net/bridge/bridge-nf-call-iptables") == "1":
        told["br_netfilter"] = BRIDGED
    return files, told


def differing(files):
    """Return path -> what is there, or None, of each of our files that is not as ``files`` says."""
    every = [path for meddler in MEDDLERS.values() for path in meddler.paths]
    there = {path: _read(path) for path in every}
    return {path: there[path] for path in every if there[path] != files.get(path)}


def apply(files, changed):
    """Write and remove what ``changed`` (from :func:`differing`) names, and have each meddler take notice.

    :raises FabricError: one of them did not; its files are as they were.
    """
    for meddler in MEDDLERS.values():
        before = {path: changed[path] for path in meddler.paths if path in changed}
        if not before:
            continue
        try:
            _set(meddler, {path: files.get(path) for path in before})
        except FabricError:
            with contextlib.suppress(FabricError):  # the first one is told
                _set(meddler, before)
            raise


def _set(meddler, texts):
    """Have ``texts`` (path -> text, or None for no file) in place, and ``meddler`` take notice."""
    removed = [path for path, text in texts.items() if text is None and os.path.exists(path)]
    for command in meddler.before_removal(removed) if removed else []:
        _run(command)
    for path, text in texts.items():
        if text is not None:
            write(path, text)
        elif path in removed:
            os.unlink(path)
    if meddler.found():
        for command in meddler.reload(list(texts)):
            _run(command)


def _accepted(remote, encapsulation):
    family = "ipv6" if ":" in remote else "ipv4"
    protocol, _colon, port = encapsulation.partition(":")
    what = f'<port port="{port}" protocol="{protocol}"/>' if port else f'<protocol value="{protocol}"/>'
    return (
        f'  <rule family="{family}">\n    <source address={_quoted(remote)}/>\n    {what}\n    <accept/>\n  </rule>\n'
    )


def _docker_lines(prefix):
    ipv6 = ipaddress.ip_network(prefix).version == 6
    name = "ip6tables" if ipv6 else "iptables"
    program = _program(name) or f"/usr/sbin/{name}"
    for way in ("-s", "-d"):
        rule = f"DOCKER-USER {way} {prefix} -m comment --comment {MARK} -j ACCEPT"
        # Docker has that chain for IPv6 too where it was told to filter it
        yield f"ExecStart={'-' if ipv6 else ''}{program} -w -I {rule}"
        yield f"ExecStop=-{program} -w -D {rule}"


def _program(name):
    return shutil.which(name, path=PATH)


def _quoted(text):
    """Return ``text`` as the value of an attribute; xml.sax.saxutils would load what speaks HTTP."""
    return f'"{html.escape(text)}"'


def _run(command):
    found = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, "PATH": PATH, "LC_ALL": "C"}
    )
    if found.returncode != 0:
        raise FabricError(f"{' '.join(command)}: {found.stderr.strip() or f'exit code {found.returncode}'}")


def _sysctl(path):
    return (_read(f"/proc/sys/{path}") or "").strip()


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read()
    except OSError:
        return None
